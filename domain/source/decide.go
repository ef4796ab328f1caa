package source

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/jeongsan/jeongsan/domain"
)

// Decider is the source as one pure aggregate. Its state is changed in place.
var Decider = domain.Decider[*State, domain.Command]{Initial: newState, Decide: decide, Evolve: evolve}

const (
	longestRecord     = 512
	longestText       = 500
	longestDefinition = 256 << 10
	longestRaw        = 512 << 10 // sealed bytes of one record; an append holds at most 1 MiB, base64 included
)

// Lookup tells whether a command changes nothing: replay with the revision of the
// event that it led to the first time. An input is the same where record and
// content hash are; why it was quarantined does not count, nor whether it has been
// settled since. The error is the one that Decide gives.
func Lookup(s *State, command domain.Command) (revision uint64, replay bool, err error) {
	switch c := command.(type) {
	case DefineSource:
		return s.lookupDefine(&c)
	case *DefineSource:
		return s.lookupDefine(c)
	case QuarantineRecord:
		return s.lookupQuarantine(&c)
	case *QuarantineRecord:
		return s.lookupQuarantine(c)
	case ReleaseQuarantine:
		return s.lookupRelease(&c)
	case *ReleaseQuarantine:
		return s.lookupRelease(c)
	case CloseDelivery:
		return s.lookupClose(&c)
	case *CloseDelivery:
		return s.lookupClose(c)
	}
	return 0, false, &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: command.CommandType(), Message: "a source does not know this command"}
}

func (s *State) lookupDefine(c *DefineSource) (uint64, bool, error) {
	if err := domain.CheckID("source", c.Source); err != nil {
		return 0, false, err
	}
	if c.Definition == "" || len(c.Definition) > longestDefinition {
		return 0, false, invalid("definition", "", "the definition is empty or longer than 256 KiB", "send the text of the definition file")
	}
	return s.definedAt, s.version > 0 && hashOf(c.Definition) == s.hash, nil
}

func (s *State) lookupQuarantine(c *QuarantineRecord) (uint64, bool, error) {
	if err := c.check(); err != nil {
		return 0, false, err
	}
	revision, replay := s.seen[fingerprintOf(c.Record, c.ContentHash)]
	return revision, replay, nil
}

func (s *State) lookupRelease(c *ReleaseQuarantine) (uint64, bool, error) {
	if err := domain.CheckID("source", c.Source); err != nil {
		return 0, false, err
	}
	if err := checkRecord(c.Record); err != nil {
		return 0, false, err
	}
	if err := c.check(s.version); err != nil {
		return 0, false, err
	}
	for _, entry := range s.open[c.Record] {
		if c.ContentHash == "" || entry.ContentHash == c.ContentHash {
			return 0, false, nil
		}
	}
	if revision, released := s.released[fingerprintOf(c.Record, c.ContentHash)]; released {
		return revision, true, nil
	}
	return 0, false, &domain.Error{Code: domain.CodeNotFound, Field: "record", Value: c.Record, Message: "no such input is in quarantine", Remedy: "list the quarantine of the source"}
}

func (s *State) lookupClose(c *CloseDelivery) (uint64, bool, error) {
	if err := c.check(); err != nil {
		return 0, false, err
	}
	if c.Version > s.version {
		return 0, false, invalid("version", "", "the source has no such version of its definition", "define the source first")
	}
	last, closed := s.deliveries[c.Delivery]
	return last.revision, closed && last.account == accountOf(c.Version, &c.Counts, c.Totals), nil
}

// decide gives one event, none for a replay, or an error that says why not.
func decide(s *State, command domain.Command) ([]domain.Event, error) {
	_, replay, err := Lookup(s, command)
	if err != nil || replay {
		return nil, err
	}
	switch c := command.(type) {
	case *DefineSource:
		return decide(s, *c)
	case *QuarantineRecord:
		return decide(s, *c)
	case *ReleaseQuarantine:
		return decide(s, *c)
	case *CloseDelivery:
		return decide(s, *c)
	case DefineSource:
		if c.RecordedAt.IsZero() {
			return nil, domain.Unfilled("recorded_at")
		}
		return []domain.Event{SourceDefined{
			Source: c.Source, Version: s.version + 1, Hash: hashOf(c.Definition), Definition: c.Definition, RecordedAt: domain.Stamp(c.RecordedAt),
		}}, nil
	case QuarantineRecord:
		switch {
		case c.RecordedAt.IsZero():
			return nil, domain.Unfilled("recorded_at")
		case c.Sealed.Subject == "":
			return nil, domain.Unfilled("sealed")
		}
		return []domain.Event{RecordQuarantined{
			Source: c.Source, Record: c.Record, ContentHash: c.ContentHash, Delivery: c.Delivery, Offset: c.Offset,
			Code: c.Code, Field: c.Field, Reason: c.Reason, Raw: c.Sealed, Currency: c.Currency, Amount: c.Amount, RecordedAt: domain.Stamp(c.RecordedAt),
		}}, nil
	case ReleaseQuarantine:
		if c.RecordedAt.IsZero() {
			return nil, domain.Unfilled("recorded_at")
		}
		return []domain.Event{QuarantineReleased{Source: c.Source, Record: c.Record, ContentHash: c.ContentHash, Settled: c.Settled, Ignored: c.Ignored, Version: c.Version, RecordedAt: domain.Stamp(c.RecordedAt)}}, nil
	case CloseDelivery:
		if c.RecordedAt.IsZero() {
			return nil, domain.Unfilled("recorded_at")
		}
		return []domain.Event{DeliveryIngested{
			Source: c.Source, Delivery: c.Delivery, Name: c.Name, Bytes: c.Bytes, Version: c.Version, Counts: c.Counts, Totals: c.Totals, RecordedAt: domain.Stamp(c.RecordedAt),
		}}, nil
	}
	return nil, nil
}

func hashOf(definition string) string {
	digest := sha256.Sum256([]byte(definition))
	return hex.EncodeToString(digest[:])
}
