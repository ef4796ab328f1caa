package book

import (
	"cmp"
	"maps"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
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

// lookedUp notes the calendars that a rating looks at.
type lookedUp struct {
	find func(id string) (*calendar.Calendar, Revision, error)
	ids  map[string]Revision
}

// calendar is fee.Input.Calendar.
func (l *lookedUp) calendar(id string) (*calendar.Calendar, error) {
	found, revision, err := l.find(id)
	if err != nil {
		return nil, err
	}
	if l.ids == nil {
		l.ids = make(map[string]Revision, 1)
	}
	l.ids[id] = revision
	return found, nil
}

// revisions is TransactionSettled.Calendars; nil for none.
func (l *lookedUp) revisions() map[string]Revision {
	if l == nil {
		return nil
	}
	return l.ids
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
	in.Original = &fee.Sale{Amount: o.Amount, Refunded: refunded, On: o.EffectiveOn, Lines: o.Explanation, Refund: o.Original != nil, Attributes: o.Attributes}
	in.Method, in.Product = cmp.Or(in.Method, o.Method), cmp.Or(in.Product, o.Product)
	in.Attributes = inherited(in.Attributes, o.Attributes)
}

// inherited adds what an original says to what a transaction says itself. An empty
// text says nothing.
func inherited(own, original map[string]string) map[string]string {
	if len(own) == 0 {
		return original
	}
	var all map[string]string
	for name, value := range original {
		if own[name] != "" {
			continue
		}
		if all == nil {
			all = maps.Clone(own)
		}
		all[name] = value
	}
	if all == nil {
		return own
	}
	return all
}

// Input is what the schedule saw of a settlement, so that it can be rated again and
// explained. original is the event of the transaction that it names, nil where it
// names none. Before knows the accumulators that were read or moved; it answers
// CodeNotFound for any other. Calendar is for the caller to fill, from Calendars.
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
