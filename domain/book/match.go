package book

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// matched is what a transaction gives back of.
type matched struct {
	original *Original    // nil where it names none
	refunded money.Amount // by earlier transactions
	restores *Original
	await    bool // the original is not there yet, and the transaction may wait for it
}

// match finds the transaction that a refund names and makes sure that the two,
// with all earlier refunds, go together.
func (s *State) match(c *SettleTransaction) (matched, error) {
	t := &c.Transaction
	var m matched
	if t.OriginalID == "" {
		if t.Amount.Sign() < 0 && !c.Policy.SettleUnmatched {
			return m, &domain.Error{
				Code: domain.CodeMissingOriginal, Field: "original_id", Message: "a negative amount names no original",
				Remedy: "map the id of the original, or let the source's policy settle refunds without one",
			}
		}
		return m, nil
	}
	key := t.original()
	record, found, err := s.lookup(key)
	if err != nil {
		return m, err
	}
	if !found || key == t.Key || record.Kind == KindAwaited || record.Kind == KindAwaiting {
		m.await = c.Policy.Await && s.mayAwait(t.Key, key)
		if !m.await {
			return m, s.missing("original_id", key, record)
		}
		return m, nil
	}
	switch {
	case record.Kind != KindSettlement:
		return m, invalid("original_id", t.OriginalID, "the key of the original is that of the "+record.Kind.String()+" at revision "+strconv.FormatUint(record.Revision, 10)+", not of a transaction", "name the transaction itself")
	case record.Reversed():
		return m, &domain.Error{
			Code: domain.CodeConflict, Field: "original_id", Value: t.OriginalID,
			Message: "the original was reversed at revision " + strconv.FormatUint(record.ReversedBy, 10), Remedy: "nothing is left of it to give back",
		}
	case record.Currency != t.Currency:
		return m, invalid("currency", string(t.Currency), "the original is in "+string(record.Currency), "refund in the currency of the original")
	case t.Amount.Sign() != 0 && t.Amount.Sign() == record.Amount.Sign():
		return m, invalid("amount", t.Amount.String(), "the amount has the same sign as its original "+record.Amount.String(), "give back with the other sign, or leave the original out")
	}
	after, err := record.Refunded.Add(t.Amount.Abs())
	if err != nil || after.Cmp(record.Amount.Abs()) > 0 {
		return m, &domain.Error{
			Code: domain.CodeExceedsOriginal, Field: "amount", Value: t.Amount.String(),
			Message: "refunds would exceed the original: " + record.Amount.Abs().String() + ", of which " + record.Refunded.String() + " is given back",
			Remedy:  "refund what is left at most", Err: err,
		}
	}
	if record.Returns {
		if m.restores, err = s.restored(c, &record); err != nil {
			return m, err
		}
	}
	m.original = &Original{Key: key, Ref: domain.Ref{Stream: domain.Stream(Category, t.Book), Revision: record.Revision}}
	m.refunded = record.Refunded
	return m, nil
}

// restored is the sale behind the refund or chargeback that a transaction gives back;
// record is that of the refund. Under the second engine only the newest refund of a
// sale is given back: later ones returned what the sale still owed after it, and
// nobody could take the gap again exactly.
func (s *State) restored(c *SettleTransaction, record *KeyRecord) (*Original, error) {
	t, o := &c.Transaction, c.Original
	switch {
	case o == nil:
		return nil, domain.Unfilled("original")
	case o.Key != t.original():
		return nil, &domain.Error{Code: domain.CodeInternal, Field: "original", Value: o.ExternalID, Message: "the command door read another transaction than the original"}
	case o.Original == nil:
		return nil, &domain.Error{Code: domain.CodeInternal, Field: "original", Value: o.ExternalID, Message: "the record of the original says that it gives back of another transaction, its event does not"}
	case o.Restores != nil:
		return nil, invalid("original_id", t.OriginalID, "the original is itself the reversal of a refund or a chargeback", "name the sale "+o.Restores.ExternalID+", which can be refunded again")
	}
	sale, err := s.existing(o.Original.Key)
	if err != nil {
		return nil, err
	}
	if sale.Refunded.Cmp(t.Amount.Abs()) < 0 {
		return nil, &domain.Error{
			Code: domain.CodeExceedsOriginal, Field: "amount", Value: t.Amount.String(),
			Message: "of sale " + o.Original.ExternalID + " only " + sale.Refunded.String() + " is given back", Remedy: "give that back at most",
		}
	}
	if record.Engine != 0 && !t.Amount.IsZero() {
		after, err := o.Refunded.Add(o.Amount.Abs())
		if err == nil {
			after, err = after.Sub(record.Refunded)
		}
		if err != nil {
			return nil, err
		}
		if after.Cmp(sale.Refunded) != 0 {
			return nil, &domain.Error{
				Code: domain.CodeConflict, Field: "original_id", Value: t.OriginalID,
				Message: "later refunds of " + o.Original.ExternalID + " rest on the original: " + sale.Refunded.String() + " is given back, " + after.String() + " was after it",
				Remedy:  "reverse the later refunds first, the newest before the others; then send this again, and them under new ids",
			}
		}
	}
	return o.Original, nil
}

// NeedsOriginal reports whether SettleTransaction.Original must be filled in: the
// transaction is rated as the original that it names, or this one itself gives back
// of another. The records of Keys must be held.
func (s *State) NeedsOriginal(t *Transaction) bool {
	if t.OriginalID == "" {
		return false
	}
	record, found, _ := s.Record(t.original())
	return found && record.Kind == KindSettlement && (record.Engine != 0 || record.Returns)
}

// missing says why a transaction that another one names cannot be found.
func (s *State) missing(field string, key Key, record KeyRecord) error {
	fault := &domain.Error{
		Code: domain.CodeMissingOriginal, Field: field, Value: key.ExternalID, Message: "the book has no such transaction of source " + key.Source,
		Remedy: "send the original first, then this one again",
	}
	switch record.Kind {
	case KindAwaited:
		fault.Message += ", and another one waits for it since revision " + strconv.FormatUint(record.Revision, 10)
	case KindAwaiting:
		fault.Message = "the transaction itself waits for its original since revision " + strconv.FormatUint(record.Revision, 10)
	}
	return fault
}
