package book

import (
	"math"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
)

// evolve folds the event at revision s.Count() into the state. Events are trusted
// to be of the book's own stream and in order; one that does not fit those before
// it sets Err.
func evolve(s *State, event domain.Event) *State {
	if s.err != nil {
		return s
	}
	var err error
	switch e := event.(type) {
	case TransactionSettled:
		err = s.settled(&e)
	case EntryReversed:
		err = s.reversed(&e)
	default:
		err = &domain.Error{Code: domain.CodeInternal, Field: "event", Value: event.EventType(), Message: "a book does not know this event"}
	}
	if err != nil {
		s.err = &domain.Error{Code: domain.CodeInternal, Field: "revision", Value: strconv.FormatUint(s.count, 10), Message: "an event of the book does not fit those before it", Err: err}
	}
	return s
}

func (s *State) settled(e *TransactionSettled) error {
	if err := s.unused(e.Key); err != nil {
		return err
	}
	var original KeyRecord
	if e.Original != nil {
		var err error
		if original, err = s.existing(e.Original.Key); err != nil {
			return err
		}
		if original.Refunded, err = original.Refunded.Add(e.Amount.Abs()); err != nil {
			return err
		}
	}
	if err := s.tally(e.Counts); err != nil {
		return err
	}
	if err := s.apply(e.Postings, e.RecordedAt); err != nil {
		return err
	}
	s.setKey(e.Key, KeyRecord{
		Revision: s.count, ContentHash: e.ContentHash, Kind: KindSettlement, Engine: recordedEngine(e.Engine), Currency: e.Currency, Amount: e.Amount,
	}, true)
	if e.Original != nil {
		s.setKey(e.Original.Key, original, false)
	}
	s.count++
	return nil
}

func (s *State) reversed(e *EntryReversed) error {
	if err := s.unused(e.Key); err != nil {
		return err
	}
	target, err := s.existing(e.Reverses.Key)
	if err != nil {
		return err
	}
	if target.Reversed() || s.count == 0 {
		return &domain.Error{Code: domain.CodeConflict, Field: "reverses", Value: e.Reverses.ExternalID, Message: "reversed twice"}
	}
	target.ReversedBy = s.count
	var original KeyRecord
	if e.Original != nil {
		if original, err = s.existing(e.Original.Key); err != nil {
			return err
		}
		if original.Refunded, err = original.Refunded.Sub(e.Amount.Abs()); err != nil {
			return err
		}
		if original.Refunded.Sign() < 0 {
			return &domain.Error{Code: domain.CodeConflict, Field: "original", Value: e.Original.ExternalID, Message: "more refunds reversed than made"}
		}
	}
	if err := s.tally(e.Counts); err != nil {
		return err
	}
	if err := s.apply(e.Postings, e.RecordedAt); err != nil {
		return err
	}
	s.setKey(e.Key, KeyRecord{
		Revision: s.count, ContentHash: e.ContentHash, Kind: KindReversal, Currency: e.Currency, Amount: e.Amount,
	}, true)
	s.setKey(e.Reverses.Key, target, false)
	if e.Original != nil {
		s.setKey(e.Original.Key, original, false)
	}
	s.count++
	return nil
}

// recordedEngine is KeyRecord.Engine.
func recordedEngine(engine int) uint8 {
	if engine <= fee.Engine1 {
		return 0
	}
	return uint8(min(engine, math.MaxUint8))
}

// unused refuses a key that is known to exist.
func (s *State) unused(key Key) error {
	if record, found, _ := s.Record(key); found {
		return &domain.Error{Code: domain.CodeConflict, Field: "external_id", Value: key.ExternalID, Message: "settled before at revision " + strconv.FormatUint(record.Revision, 10)}
	}
	return nil
}

// existing returns the record of a key that an event refers to.
func (s *State) existing(key Key) (KeyRecord, error) {
	record, found, err := s.lookup(key)
	if err == nil && !found {
		err = &domain.Error{Code: domain.CodeMissingOriginal, Field: "external_id", Value: key.ExternalID, Message: "the book has no such transaction"}
	}
	return record, err
}

// apply adds postings to their balances and moves the recorded time.
func (s *State) apply(postings []ledger.Posting, recorded time.Time) error {
	for i := range postings {
		p := &postings[i]
		balance, err := s.Balance(p.Account).Add(p.Side, p.Amount)
		if err != nil {
			return err
		}
		s.setBalance(p.Account, balance)
	}
	if recorded.After(s.recorded) {
		s.recorded = recorded
	}
	return nil
}
