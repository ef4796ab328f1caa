package book

import (
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
)

// Decider is the book as one pure aggregate. Its state is changed in place.
var Decider = domain.Decider[*State, domain.Command]{Initial: newState, Decide: decide, Evolve: evolve}

// Lookup tells whether a command was carried out before: replay with the revision
// of the event that it led to. It is the first thing that Decide does and needs no
// Terms, so a caller may ask before it looks for them. Errors: CodeConflict where
// the key was used with other content; CodeInvalid where it is no key at all;
// CodeInternal where its record was not loaded.
func Lookup(s *State, command domain.Command) (revision uint64, replay bool, err error) {
	switch c := command.(type) {
	case SettleTransaction:
		return s.settledBefore(&c.Transaction)
	case *SettleTransaction:
		return s.settledBefore(&c.Transaction)
	case ReverseEntry:
		return s.replayed(c.Key, c.ContentHash, KindReversal, c.Target)
	case *ReverseEntry:
		return s.replayed(c.Key, c.ContentHash, KindReversal, c.Target)
	case PostAdjustment:
		return s.replayed(c.Key, c.ContentHash, KindAdjustment, Key{})
	case *PostAdjustment:
		return s.replayed(c.Key, c.ContentHash, KindAdjustment, Key{})
	case AdvanceBusinessDate:
		return s.reached(&c)
	case *AdvanceBusinessDate:
		return s.reached(c)
	}
	return 0, false, unknownCommand(command)
}

func (s *State) settledBefore(t *Transaction) (uint64, bool, error) {
	return s.replayed(t.Key, t.ContentHash, KindSettlement, t.original())
}

// replayed looks a key up. rests is the key that a refund or a reversal names: one
// that waits is carried out as soon as the book has that transaction.
func (s *State) replayed(key Key, hash string, kind Kind, rests Key) (uint64, bool, error) {
	if err := key.check(""); err != nil {
		return 0, false, err
	}
	if s.err != nil {
		return 0, false, s.err
	}
	record, found, err := s.lookup(key)
	if err != nil || !found || record.Kind == KindAwaited {
		return 0, false, err
	}
	if record.ContentHash == hash && record.waitsAs(kind) {
		original, _, err := s.lookup(rests)
		return record.Revision, original.Kind == KindAwaited, err
	}
	if record.ContentHash == hash && record.Kind == kind {
		return record.Revision, true, nil
	}
	fault := &domain.Error{
		Code: domain.CodeConflict, Field: "external_id", Value: key.ExternalID,
		Message: "the key came before with other content, as the " + record.Kind.String() + " at revision " + strconv.FormatUint(record.Revision, 10),
		Remedy:  "reverse that transaction and send the corrected one under its own id",
	}
	switch record.Kind {
	case KindAwaiting:
		fault.Message = "the key came before with other content, at revision " + strconv.FormatUint(record.Revision, 10) + ", and waits for its original"
		fault.Remedy = "send the original, then reverse what has waited and send the corrected one under its own id"
	case KindAdjustment:
		fault.Remedy = "post the opposite adjustment and the corrected one, each under its own id"
	}
	return 0, false, fault
}

// waitsAs reports whether the record is of a refund (KindSettlement) or a reversal
// that waits for its original. A refund has a currency, a reversal has none yet.
func (r KeyRecord) waitsAs(kind Kind) bool {
	return r.Kind == KindAwaiting && (kind == KindSettlement && r.Currency != "" || kind == KindReversal && r.Currency == "")
}

// decide gives one event, none for a replay, or an error that says why not; the
// state is not changed.
func decide(s *State, command domain.Command) ([]domain.Event, error) {
	_, replay, err := Lookup(s, command)
	if err != nil || replay {
		return nil, err
	}
	var event domain.Event
	switch c := command.(type) {
	case SettleTransaction:
		event, err = s.settle(&c)
	case *SettleTransaction:
		event, err = s.settle(c)
	case ReverseEntry:
		event, err = s.reverse(&c)
	case *ReverseEntry:
		event, err = s.reverse(c)
	case PostAdjustment:
		event, err = s.adjust(&c)
	case *PostAdjustment:
		event, err = s.adjust(c)
	case AdvanceBusinessDate:
		event, err = s.advance(&c)
	case *AdvanceBusinessDate:
		event, err = s.advance(c)
	default:
		err = unknownCommand(command)
	}
	if err != nil {
		return nil, err
	}
	return []domain.Event{event}, nil
}

// fits refuses an entry that is not one, or whose balances would not fit.
func (s *State) fits(postings []ledger.Posting) error {
	if err := ledger.Balanced(postings); err != nil {
		if domain.CodeOf(err) == domain.CodeOutOfRange {
			return err
		}
		return &domain.Error{Code: domain.CodeInternal, Field: "postings", Message: "a book decided an entry that is not one", Err: err}
	}
	if len(postings) > fewPostings {
		return s.manyFit(postings)
	}
	for i := range postings {
		p := &postings[i]
		if repeated(postings[:i], p.Account) {
			continue // its sum was tried with the first
		}
		balance := s.Balance(p.Account)
		for j := i; j < len(postings); j++ {
			q := &postings[j]
			if q.Account != p.Account {
				continue
			}
			var err error
			if balance, err = balance.Add(q.Side, q.Amount); err != nil {
				return unfitting(q, err)
			}
		}
	}
	return nil
}

// fewPostings is how many are looked through again and again rather than noted.
const fewPostings = 32

// manyFit tries the balances of a long entry.
func (s *State) manyFit(postings []ledger.Posting) error {
	after := make(map[ledger.AccountID]ledger.Balance, len(postings))
	for i := range postings {
		p := &postings[i]
		balance, seen := after[p.Account]
		if !seen {
			balance = s.Balance(p.Account)
		}
		balance, err := balance.Add(p.Side, p.Amount)
		if err != nil {
			return unfitting(p, err)
		}
		after[p.Account] = balance
	}
	return nil
}

func unfitting(p *ledger.Posting, err error) error {
	return &domain.Error{
		Code: domain.CodeOutOfRange, Field: "amount", Value: p.Amount.String(),
		Message: "the " + p.Side.String() + " total of account " + string(p.Account) + " would not fit in 64 bits",
		Remedy:  "continue with another account", Err: err,
	}
}

func repeated(postings []ledger.Posting, account ledger.AccountID) bool {
	for i := range postings {
		if postings[i].Account == account {
			return true
		}
	}
	return false
}

// stamp is the recorded time of the next event: never before the last one's.
func (s *State) stamp(now time.Time) time.Time {
	now = domain.Stamp(now)
	if now.Before(s.recorded) {
		return s.recorded
	}
	return now
}

func unknownCommand(command domain.Command) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: command.CommandType(), Message: "a book does not know this command"}
}
