package party

import (
	"bytes"

	"github.com/jeongsan/jeongsan/domain"
)

// Decider is the party as one pure aggregate. Its state is changed in place.
var Decider = domain.Decider[*State, domain.Command]{
	Initial: func() *State { return new(State) },
	Decide:  decide,
	Evolve:  evolve,
}

var kinds = []Kind{Operator, Provider, Supplier, Affiliate, Seller, TaxOffice, Platform}

// ParseKind reads a kind of party; the error is CodeInvalid.
func ParseKind(s string) (Kind, error) {
	for _, kind := range kinds {
		if string(kind) == s {
			return kind, nil
		}
	}
	return "", &domain.Error{Code: domain.CodeInvalid, Field: "kind", Value: s, Message: "unknown kind of party", Remedy: "use one of operator, provider, supplier, affiliate, seller, tax_office, platform"}
}

// Lookup tells whether a command changes nothing: replay with the revision of the
// event that it led to the first time. The error is the one that Decide gives.
func Lookup(s *State, command domain.Command) (revision uint64, replay bool, err error) {
	switch c := command.(type) {
	case RegisterParty:
		return s.lookupRegister(&c)
	case *RegisterParty:
		return s.lookupRegister(c)
	case ChangePartyDetails:
		return s.lookupChange(&c)
	case *ChangePartyDetails:
		return s.lookupChange(c)
	}
	return 0, false, &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: command.CommandType(), Message: "a party does not know this command"}
}

func (s *State) lookupRegister(c *RegisterParty) (uint64, bool, error) {
	if err := c.check(); err != nil || !s.Exists {
		return 0, false, err
	}
	digest := digestOf(c.Personal)
	same := bytes.Equal(digest, s.registered) || bytes.Equal(digest, s.current)
	if c.Kind == s.Kind && c.Country == s.Country && same {
		return 0, true, nil
	}
	return 0, false, &domain.Error{
		Code: domain.CodeConflict, Field: "party", Value: c.Party, Message: "the party is registered with other content",
		Remedy: "change its details with ChangePartyDetails, or register another id",
	}
}

func (s *State) lookupChange(c *ChangePartyDetails) (uint64, bool, error) {
	if err := domain.CheckID("party", c.Party); err != nil {
		return 0, false, err
	}
	if !s.Exists {
		return 0, false, &domain.Error{Code: domain.CodeNotFound, Field: "party", Value: c.Party, Message: "no such party", Remedy: "register it first"}
	}
	return s.changed, bytes.Equal(digestOf(c.Personal), s.current), nil
}

// decide gives one event, none for a replay, or an error that says why not.
func decide(s *State, command domain.Command) ([]domain.Event, error) {
	_, replay, err := Lookup(s, command)
	if err != nil || replay {
		return nil, err
	}
	switch c := command.(type) {
	case *RegisterParty:
		return decide(s, *c)
	case *ChangePartyDetails:
		return decide(s, *c)
	case RegisterParty:
		if c.RecordedAt.IsZero() {
			return nil, domain.Unfilled("recorded_at")
		}
		return []domain.Event{PartyRegistered{Party: c.Party, Kind: c.Kind, Country: c.Country, Personal: c.Personal, RecordedAt: domain.Stamp(c.RecordedAt)}}, nil
	case ChangePartyDetails:
		if c.RecordedAt.IsZero() {
			return nil, domain.Unfilled("recorded_at")
		}
		return []domain.Event{PartyDetailsChanged{Party: c.Party, Personal: c.Personal, RecordedAt: domain.Stamp(c.RecordedAt)}}, nil
	}
	return nil, nil
}

func (c *RegisterParty) check() error {
	if err := domain.CheckID("party", c.Party); err != nil {
		return err
	}
	if _, err := ParseKind(string(c.Kind)); err != nil {
		return err
	}
	if c.Country == "" {
		return nil
	}
	if len(c.Country) != 2 || !capital(c.Country[0]) || !capital(c.Country[1]) {
		return &domain.Error{Code: domain.CodeInvalid, Field: "country", Value: c.Country, Message: "not a country code", Remedy: "use two capitals of ISO 3166-1, as KR"}
	}
	return nil
}

func capital(c byte) bool { return c >= 'A' && c <= 'Z' }

// digestOf recognises equal personal data without reading it.
func digestOf(sealed *domain.Sealed) []byte {
	if sealed == nil {
		return nil
	}
	return sealed.Digest
}
