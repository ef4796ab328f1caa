package auditor

import (
	"fmt"
	"strings"
)

// Leg is a posting of an adjustment, in minor units.
type Leg struct {
	Account string
	Debit   bool
	Amount  int64
	Until   string // held, or taken of what is held, until; empty where neither
	Into    string
}

// adjust judges an adjustment.
func (a *Auditor) adjust(id string, e Event) ([]string, error) {
	b, event, in, err := a.open(id, e)
	if err != nil {
		return nil, err
	}
	if in.Legs == nil {
		return nil, fmt.Errorf("no adjustment was asked for")
	}
	s := &settled{
		input: in, tx: in.Tx, book: id, ref: Ref{e.Stream, e.Revision}, position: e.Position, recorded: event.RecordedAt,
		on: in.On, parties: map[string]string{},
	}
	s.tx.Type = ""
	if name, names := in.original(); names {
		if s.original = a.keys[name]; s.original == nil {
			return nil, fmt.Errorf("what it adjusts has not settled")
		}
	}
	if (event.Adjusts == nil) != (s.original == nil) || event.Adjusts != nil && !event.Adjusts.is(s.original) {
		return nil, fmt.Errorf("it points at %+v and must at %+v", event.Adjusts, s.original)
	}
	if why := a.strangers(in, e.Position); why != "" {
		return nil, fmt.Errorf("%s", why)
	}
	m := movement{book: b}
	for _, l := range in.Legs {
		m.adjust(l)
	}
	s.legs, s.holds = m.legs, m.holds
	if event.EffectiveOn != s.on || !event.OccurredAt.Equal(in.Tx.At) {
		return nil, fmt.Errorf("it is of %s, %v", s.on, in.Tx.At)
	}
	if err := posted(event.Postings, s.legs); err != nil {
		return nil, err
	}
	if err := sayHolds(event.Holds, s.holds); err != nil {
		return nil, err
	}
	s.tx.Type, s.tx.Amount, s.tx.Currency = "adjustment", 0, currencyOf(s.legs[0].account)
	for _, l := range s.legs {
		if l.debit {
			s.tx.Amount += l.amount
		}
	}
	for _, l := range s.legs {
		b.account(l.account).adjusted = true
	}
	return s.ids(), a.book(b, s)
}

// adjust posts a leg: what it cannot hold or take as it says goes to where held money
// moves into.
func (m *movement) adjust(l Leg) {
	h := slice{l.Account, l.Into, l.Until}
	switch {
	case l.Until == "" && l.Debit:
		m.post(l.Account, true, m.takeEarliest(l.Account, l.Amount))
	case l.Until == "":
		m.post(l.Account, false, l.Amount)
	case l.Debit:
		m.post(h.goesTo(), true, m.take(h, l.Amount))
	case l.Until > m.book.date:
		m.hold(h, l.Amount)
	default:
		m.post(h.goesTo(), false, l.Amount)
	}
}

// strangers says which owner of an account was not registered as of a position.
func (a *Auditor) strangers(in *Input, position uint64) string {
	for _, l := range in.Legs {
		owner, _, _ := strings.Cut(l.Account, "/")
		if p := a.registered[owner]; p == 0 || p > position {
			return "nobody has registered " + owner
		}
	}
	return ""
}
