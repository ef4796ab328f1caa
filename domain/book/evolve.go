package book

import (
	"math"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
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
	case AdjustmentPosted:
		err = s.adjusted(&e)
	case OriginalAwaited:
		err = s.awaits(&e)
	case HoldsReleased:
		err = s.released(&e)
	case WindowClosed:
		err = s.closed(&e)
	case BusinessDateAdvanced:
		err = s.advanced(&e)
	default:
		err = &domain.Error{Code: domain.CodeInternal, Field: "event", Value: event.EventType(), Message: "a book does not know this event"}
	}
	if err != nil {
		s.err = &domain.Error{Code: domain.CodeInternal, Field: "revision", Value: strconv.FormatUint(s.count, 10), Message: "an event of the book does not fit those before it", Err: err}
	}
	return s
}

func (s *State) settled(e *TransactionSettled) error {
	fresh, err := s.unused(e.Key, true)
	if err != nil {
		return err
	}
	var original, sale KeyRecord
	if e.Original != nil {
		if original, err = s.existing(e.Original.Key); err != nil {
			return err
		}
		if original.Refunded, err = original.Refunded.Add(e.Amount.Abs()); err != nil {
			return err
		}
	}
	if e.Restores != nil {
		if sale, err = s.lowered(e.Restores.Key, e.Amount); err != nil {
			return err
		}
	}
	if err := s.tally(e.Counts); err != nil {
		return err
	}
	if err := s.apply(e.Postings, e.RecordedAt); err != nil {
		return err
	}
	if err := s.applyHolds(e.Holds); err != nil {
		return err
	}
	s.setKey(e.Key, KeyRecord{
		Revision: s.count, ContentHash: e.ContentHash, Kind: KindSettlement, Returns: e.Original != nil, Engine: recordedEngine(e.Engine),
		Currency: e.Currency, Amount: e.Amount,
	}, fresh)
	if e.Original != nil {
		s.setKey(e.Original.Key, original, false)
	}
	if e.Restores != nil {
		s.setKey(e.Restores.Key, sale, false)
	}
	s.count++
	return nil
}

func (s *State) reversed(e *EntryReversed) error {
	fresh, err := s.unused(e.Key, true)
	if err != nil {
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
	var original, sale KeyRecord
	if e.Original != nil {
		if original, err = s.lowered(e.Original.Key, e.Amount); err != nil {
			return err
		}
	}
	if e.Restores != nil {
		if sale, err = s.existing(e.Restores.Key); err != nil {
			return err
		}
		if sale.Refunded, err = sale.Refunded.Add(e.Amount.Abs()); err != nil {
			return err
		}
	}
	if err := s.tally(e.Counts); err != nil {
		return err
	}
	if err := s.apply(e.Postings, e.RecordedAt); err != nil {
		return err
	}
	if err := s.applyHolds(e.Holds); err != nil {
		return err
	}
	s.setKey(e.Key, KeyRecord{
		Revision: s.count, ContentHash: e.ContentHash, Kind: KindReversal, Currency: e.Currency, Amount: e.Amount,
	}, fresh)
	s.setKey(e.Reverses.Key, target, false)
	if e.Original != nil {
		s.setKey(e.Original.Key, original, false)
	}
	if e.Restores != nil {
		s.setKey(e.Restores.Key, sale, false)
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

// lowered is the record of a transaction of which less is given back.
func (s *State) lowered(key Key, by money.Amount) (KeyRecord, error) {
	record, err := s.existing(key)
	if err != nil {
		return record, err
	}
	if record.Refunded, err = record.Refunded.Sub(by.Abs()); err != nil {
		return record, err
	}
	if record.Refunded.Sign() < 0 {
		return record, &domain.Error{Code: domain.CodeConflict, Field: "original", Value: key.ExternalID, Message: "more refunds reversed than made"}
	}
	return record, nil
}

// unused refuses a key that is known to exist, but for one that is awaited or, where
// carriedOut, waits itself. fresh says that it has no record yet.
func (s *State) unused(key Key, carriedOut bool) (fresh bool, err error) {
	record, found, _ := s.Record(key)
	if !found || carriedOut && (record.Kind == KindAwaited || record.Kind == KindAwaiting) {
		return !found, nil
	}
	return false, &domain.Error{Code: domain.CodeConflict, Field: "external_id", Value: key.ExternalID, Message: "used before, by the " + record.Kind.String() + " at revision " + strconv.FormatUint(record.Revision, 10)}
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
	s.moved(recorded)
	return nil
}

// moved moves the recorded time.
func (s *State) moved(recorded time.Time) {
	if recorded.After(s.recorded) {
		s.recorded = recorded
	}
}
