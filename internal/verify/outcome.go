package verify

import (
	"cmp"
	"fmt"
	"slices"
)

// Outcome is what one kind of input came to: how many there are of it, and the
// exact sum of their amounts. Settlements of zero value stand apart.
type Outcome struct {
	Outcome  string `json:"outcome"`  // settled, zero_value, reversed, awaiting or quarantined
	Book     string `json:"book"`     // "" for quarantined: no book took it
	Source   string `json:"source"`   //
	Type     string `json:"type"`     // of the transaction; "" for quarantined
	Code     string `json:"code"`     // why it is in quarantine, else ""
	Currency string `json:"currency"` // "" for a quarantined record that tells no amount
	Count    uint64 `json:"count"`
	Amount   string `json:"amount"` // the sum, signed as the source signs it
}

// outcomeKey is what tells outcomes apart.
type outcomeKey struct{ outcome, book, source, typ, code, currency string }

type outcomeSum struct {
	count  uint64
	amount figure
}

// outcomes adds up, from the events alone, what came of every input.
type outcomes struct {
	sums    map[outcomeKey]*outcomeSum
	last    outcomeKey // of the call before, as neighbours are often alike
	lastSum *outcomeSum
}

func (o *outcomes) of(key outcomeKey) *outcomeSum {
	if o.lastSum != nil && o.last == key {
		return o.lastSum
	}
	s, ok := o.sums[key]
	if !ok {
		if o.sums == nil {
			o.sums = map[outcomeKey]*outcomeSum{}
		}
		s = &outcomeSum{}
		o.sums[key] = s
	}
	o.last, o.lastSum = key, s
	return s
}

func (o *outcomes) add(e *event, key outcomeKey, amount figure) error {
	s := o.of(key)
	sum, ok := s.amount.plus(amount)
	if !ok {
		return e.differs(checkBalance, "a sum of amounts within 128 bits", "more in "+key.currency)
	}
	s.amount = sum
	s.count++
	return nil
}

// entry adds an event of a book.
func (o *outcomes) entry(e *event) error {
	n := &e.entry
	key := outcomeKey{outcome: "settled", book: e.stream.id, source: n.source, typ: n.typ, currency: n.currency}
	switch {
	case !n.kind.keyed() || n.kind == kindAdjustment:
		return nil // no input brought it
	case n.kind == kindReversal:
		key.outcome = "reversed"
	case n.kind == kindAwaiting:
		key.outcome = "awaiting"
	case n.amount.sign() == 0:
		key.outcome = "zero_value"
	}
	return o.add(e, key, n.amount)
}

// carriedOut takes out what no longer waits for its original.
func (o *outcomes) carriedOut(e *event, w *waiting) error {
	s := o.of(outcomeKey{outcome: "awaiting", book: e.stream.id, source: w.source, typ: w.typ, currency: w.currency})
	if s.count > 0 { // outcomes may not have been asked for
		s.amount, _ = s.amount.plus(w.amount.negated()) // it was added, so it fits
		s.count--
	}
	return nil
}

// quarantine adds a record that is still held.
func (o *outcomes) quarantine(e *event, source string, h *held) error {
	return o.add(e, h.outcome(source), h.amount)
}

// release takes a record out again.
func (o *outcomes) release(source string, h *held) {
	s := o.of(h.outcome(source))
	s.amount, _ = s.amount.plus(h.amount.negated()) // it was added, so it fits
	s.count--
}

func (h *held) outcome(source string) outcomeKey {
	return outcomeKey{outcome: "quarantined", source: source, code: h.code, currency: h.currency}
}

// list returns all that happened at least once, sorted by every field in order.
func (o *outcomes) list() []Outcome {
	list := make([]Outcome, 0, len(o.sums))
	for k, s := range o.sums {
		if s.count > 0 {
			list = append(list, Outcome{k.outcome, k.book, k.source, k.typ, k.code, k.currency, s.count, s.amount.String()})
		}
	}
	slices.SortFunc(list, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Book, b.Book), cmp.Compare(a.Source, b.Source),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}

// String is one line for people.
func (o Outcome) String() string {
	of := o.Type
	if o.Book != "" {
		of += " in book " + o.Book
	}
	if o.Code != "" {
		of = "as " + o.Code
	}
	return fmt.Sprintf("%s: %12d of source %s, %s: %s %s", o.Outcome, o.Count, o.Source, of, o.Amount, o.Currency)
}
