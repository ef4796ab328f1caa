package book

import (
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// reverse decides a reversal whose key is new.
func (s *State) reverse(c *ReverseEntry) (domain.Event, error) {
	if err := domain.CheckID("book", c.Book); err != nil {
		return nil, err
	}
	if err := checkHash(c.ContentHash); err != nil {
		return nil, err
	}
	if err := c.Target.check("target."); err != nil {
		return nil, err
	}
	if c.Reason == "" {
		return nil, invalid("reason", "", "a reversal needs a reason", "say why, for those who read the history")
	}
	if err := domain.CheckText("reason", c.Reason, LongestReason); err != nil {
		return nil, err
	}
	if err := checkInstant("occurred_at", c.OccurredAt); err != nil {
		return nil, err
	}
	target, await, err := s.reversible(c)
	if err != nil {
		return nil, err
	}
	if await {
		waits := *c
		waits.Reversed, waits.EffectiveOn, waits.OccurredAt, waits.RecordedAt = nil, "", c.OccurredAt.UTC(), time.Time{}
		return s.await(c.Key, c.ContentHash, c.Target, c.RecordedAt, nil, &waits)
	}
	settled := c.Reversed
	switch {
	case settled == nil:
		return nil, domain.Unfilled("reversed")
	case c.EffectiveOn == "":
		return nil, domain.Unfilled("effective_on")
	case c.RecordedAt.IsZero():
		return nil, domain.Unfilled("recorded_at")
	case settled.Key != c.Target || settled.Currency != target.Currency || settled.Amount.Cmp(target.Amount) != 0:
		return nil, &domain.Error{Code: domain.CodeInternal, Field: "reversed", Value: settled.ExternalID, Message: "the command door read another transaction than the target"}
	}
	if settled.Original != nil {
		// What was refunded goes back to the original, so its record must be there.
		original, found, err := s.lookup(settled.Original.Key)
		if err == nil && !found {
			err = &domain.Error{Code: domain.CodeInternal, Field: "original", Value: settled.Original.ExternalID, Message: "the original of the target is not in the book"}
		}
		if err == nil {
			err = newest(settled, &original)
		}
		if err != nil {
			return nil, err
		}
	}
	if settled.Restores != nil {
		if err := s.refundable(settled); err != nil {
			return nil, err
		}
	}
	e, err := s.opposite(settled)
	if err != nil {
		return nil, err
	}
	if err := s.fits(e.postings); err != nil {
		return nil, err
	}
	counts, err := s.takeBack(settled.Counts)
	if err != nil {
		return nil, err
	}
	return EntryReversed{
		Key: c.Key, ContentHash: c.ContentHash,
		Reverses: Original{Key: c.Target, Ref: domain.Ref{Stream: domain.Stream(Category, c.Book), Revision: target.Revision}},
		Original: settled.Original, Restores: settled.Restores,
		Reason: c.Reason, OccurredAt: c.OccurredAt.UTC(), EffectiveOn: c.EffectiveOn, RecordedAt: s.stamp(c.RecordedAt),
		Currency: settled.Currency, Amount: settled.Amount.Neg(),
		Type: settled.Type, Method: settled.Method, Product: settled.Product, Parties: settled.Parties,
		Postings: e.postings, Holds: e.holds, Counts: counts,
	}, nil
}

// newest refuses to take back a refund on which a later one rests: that one returned
// what its sale still owed after this one, and nobody could return the gap exactly.
// Refunds that the first engine rated stand for themselves.
func newest(refund *TransactionSettled, original *KeyRecord) error {
	if original.Engine == 0 || refund.Amount.IsZero() {
		return nil
	}
	after, err := refund.Refunded.Add(refund.Amount.Abs())
	if err != nil || after.Cmp(original.Refunded) == 0 {
		return err
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: "target", Value: refund.ExternalID,
		Message: "later transactions that name " + refund.Original.ExternalID + " rest on the target: " + original.Refunded.String() + " is given back, " + after.String() + " was after it",
		Remedy:  "reverse those first, the newest before the others",
	}
}

// reversible returns the record of a transaction that may be reversed; await says
// that the reversal may wait for it.
func (s *State) reversible(c *ReverseEntry) (record KeyRecord, await bool, err error) {
	key := c.Target
	record, found, err := s.lookup(key)
	if err != nil {
		return record, false, err
	}
	conflict := func(message, remedy string) error {
		return &domain.Error{Code: domain.CodeConflict, Field: "target", Value: key.ExternalID, Message: message, Remedy: remedy}
	}
	switch {
	case !found && c.Policy.Await && s.mayAwait(c.Key, key):
		return record, true, nil
	case !found || record.Kind == KindAwaited || record.Kind == KindAwaiting:
		return record, false, s.missing("target", key, record)
	case record.Kind == KindAdjustment:
		return record, false, conflict("the target is an adjustment", "post the opposite adjustment")
	case record.Kind != KindSettlement:
		return record, false, conflict("the target is a reversal, and reversals are final", "send the transaction again under its own id")
	case record.Reversed():
		return record, false, conflict("the target was reversed before, at revision "+strconv.FormatUint(record.ReversedBy, 10), "nothing is left to reverse")
	case !record.Refunded.IsZero():
		return record, false, conflict("the target has refunds of "+record.Refunded.String(), "reverse its refunds first")
	}
	return record, false, nil
}

// refundable makes sure that the refund which a transaction gave back can stand
// again: its sale must still have that much to give.
func (s *State) refundable(settled *TransactionSettled) error {
	sale, err := s.existing(settled.Restores.Key)
	if err != nil {
		return err
	}
	if sale.Reversed() {
		return &domain.Error{
			Code: domain.CodeConflict, Field: "target", Value: settled.ExternalID,
			Message: "sale " + settled.Restores.ExternalID + " was reversed at revision " + strconv.FormatUint(sale.ReversedBy, 10) + ", after the target", Remedy: "nothing is left to take back",
		}
	}
	after, err := sale.Refunded.Add(settled.Amount.Abs())
	if err != nil || after.Cmp(sale.Amount.Abs()) > 0 {
		return &domain.Error{
			Code: domain.CodeExceedsOriginal, Field: "target", Value: settled.ExternalID,
			Message: "refunds would exceed sale " + settled.Restores.ExternalID + ": " + sale.Amount.Abs().String() + ", of which " + sale.Refunded.String() + " is given back again",
			Remedy:  "reverse the later refunds of the sale first", Err: err,
		}
	}
	return nil
}
