package book

import (
	"cmp"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// input is a transaction as its schedule sees it.
func (s *State) input(c *SettleTransaction, refunded money.Amount) (fee.Input, error) {
	t := &c.Transaction
	in := fee.Input{Amount: t.Amount, Currency: t.Currency}
	if c.Terms.Schedule.Engine() == fee.Engine1 {
		return in, nil // which looks at nothing else
	}
	in.Type, in.Method, in.Product, in.Source = t.Type, t.Method, t.Product, t.Source
	in.On, in.Contract, in.Party = c.Terms.EffectiveOn, c.Terms.Contract, c.Terms.Parties.Party
	in.Attributes = t.Attributes
	recorded := s.stamp(c.RecordedAt)
	in.Before = func(counter fee.Counter) (money.Amount, error) { return s.before(counter, recorded) }
	asOriginal := s.AsOriginal(t)
	switch o := c.Original; {
	case !asOriginal:
	case o == nil:
		return in, domain.Unfilled("original")
	case o.Key != t.original():
		return in, &domain.Error{Code: domain.CodeInternal, Field: "original", Value: o.ExternalID, Message: "the command door read another transaction than the original"}
	default:
		returns(&in, o, refunded)
	}
	return in, nil
}

// AsOriginal reports whether a transaction is rated by the contract, the version of
// the schedule and the parties of the original that it names, as the second engine
// does. The records of Keys must be held.
func (s *State) AsOriginal(t *Transaction) bool {
	if t.OriginalID == "" {
		return false
	}
	record, found, _ := s.Record(t.original())
	return found && record.Engine != 0
}

// returns tells the schedule what a transaction gives back of. What it does not say
// itself is as the original said.
func returns(in *fee.Input, o *TransactionSettled, refunded money.Amount) {
	in.Original = &fee.Sale{Amount: o.Amount, Refunded: refunded, Lines: o.Explanation, Refund: o.Original != nil, Attributes: o.Attributes}
	in.Method, in.Product = cmp.Or(in.Method, o.Method), cmp.Or(in.Product, o.Product)
}

// Input is what the schedule saw of a settlement, so that it can be rated again and
// explained. original is the event of the transaction that it names, nil where it
// names none. Before knows the accumulators that were read or moved; it answers
// CodeNotFound for any other.
func (e *TransactionSettled) Input(original *TransactionSettled) fee.Input {
	in := fee.Input{
		Amount: e.Amount, Currency: e.Currency, Type: e.Type, Method: e.Method, Product: e.Product, Source: e.Source,
		On: e.EffectiveOn, Contract: e.Contract, Party: e.Parties.Party, Attributes: e.Attributes,
		Before: func(c fee.Counter) (money.Amount, error) {
			id := c.ID()
			for i := range e.Counts {
				if e.Counts[i].Counter == id {
					return e.Counts[i].Before, nil
				}
			}
			return money.Zero, &domain.Error{Code: domain.CodeNotFound, Field: "counts", Value: id, Message: "the event does not say what the accumulator was"}
		},
	}
	if original != nil && recordedEngine(original.Engine) != 0 {
		returns(&in, original, e.Refunded)
	}
	return in
}
