package auditor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// book is one operator's ledger as it must be.
type book struct {
	id       string
	recorded time.Time // of the last event
	accounts map[string]*account
	entries  []*settled
}

// account is what an account has taken, in minor units, and each item of it.
type account struct {
	currency        string
	debits, credits int64
	items           []itemised
}

// itemised is a posting with the totals after it.
type itemised struct {
	position        uint64
	leg             leg
	debits, credits int64
}

// settled is one entry of a book: a settlement or a reversal.
type settled struct {
	input    *Input
	tx       Transaction // of a reversal: the target's, with the amount turned round
	book     string
	ref      Ref
	position uint64
	recorded time.Time
	on       string
	contract *Contract
	version  int
	parties  map[string]string
	legs     []leg
	original *settled // that a refund names, or a reversal takes back

	refunded   int64 // in minor units, without what was reversed
	reversedBy *settled
}

// entry is what both events of a book have in common.
type entry struct {
	Source      string `json:"source"`
	ExternalID  string `json:"external_id"`
	ContentHash string `json:"content_hash"`
	Type        string
	Method      string
	Product     string
	Parties     map[string]string
	OccurredAt  time.Time `json:"occurred_at"`
	EffectiveOn string    `json:"effective_on"`
	RecordedAt  time.Time `json:"recorded_at"`
	Currency    string
	Amount      string
	Original    *original
	Reverses    *original
	Contract    string
	Schedule    string
	Version     int
	Uses        map[string]uint64
	Postings    []struct{ Account, Debit, Credit string }
	Explanation []struct{ Rule, Amount string }
}

type original struct {
	Source     string `json:"source"`
	ExternalID string `json:"external_id"`
	Stream     string
	Revision   uint64
}

// open reads an event of a book and finds what was sent under its key.
func (a *Auditor) open(id string, e Event) (*book, *entry, *Input, error) {
	var event entry
	if err := json.Unmarshal(e.Data, &event); err != nil {
		return nil, nil, nil, err
	}
	b := a.books[id]
	if b == nil {
		b = &book{id: id, accounts: map[string]*account{}}
		a.books[id] = b
	}
	if event.RecordedAt.Before(b.recorded) {
		return nil, nil, nil, fmt.Errorf("it was recorded at %v, before the event that precedes it at %v", event.RecordedAt, b.recorded)
	}
	in := a.inputs[input{event.Source, event.ExternalID, event.ContentHash}]
	switch {
	case in == nil:
		return nil, nil, nil, fmt.Errorf("nobody sent this")
	case in.Ignored != "" || in.Faulty:
		return nil, nil, nil, fmt.Errorf("this must not settle: ignored by %q, faulty %t", in.Ignored, in.Faulty)
	}
	if before := a.keys[record{event.Source, event.ExternalID}]; before != nil {
		return nil, nil, nil, fmt.Errorf("the key was settled before, at revision %d", before.ref.Revision)
	}
	return b, &event, in, nil
}

// settle judges a settlement.
func (a *Auditor) settle(id string, e Event) ([]string, error) {
	b, event, in, err := a.open(id, e)
	if err != nil {
		return nil, err
	}
	if in.Reverses != nil {
		return nil, fmt.Errorf("a reversal was asked for")
	}
	tx := in.Tx
	c := a.contractFor(&tx)
	if c == nil || a.signed[c.ID] == 0 {
		return nil, fmt.Errorf("no contract covers it")
	}
	s := &settled{
		input: in, tx: tx, book: id, ref: Ref{e.Stream, e.Revision}, position: e.Position, recorded: event.RecordedAt,
		on: on(tx.At, c.Zone), contract: c, parties: c.parties(&tx),
	}
	s.version = a.schedules[c.Schedule].versionFor(s.on)
	if s.version == 0 {
		return nil, fmt.Errorf("the schedule %s has no version on %s", c.Schedule, s.on)
	}
	if err := a.refunds(s); err != nil {
		return nil, err
	}
	var lines []line
	s.legs, lines = a.schedules[c.Schedule].Versions[s.version-1].share(tx.Amount, tx.Currency, s.parties)
	if err := s.same(event); err != nil {
		return nil, err
	}
	if err := s.explained(event, lines); err != nil {
		return nil, err
	}
	if err := a.uses(s, event.Uses); err != nil {
		return nil, err
	}
	if s.original != nil {
		s.original.refunded += max(tx.Amount, -tx.Amount)
	}
	a.book(b, s)
	return s.ids(), nil
}

// refunds finds the original of a refund and makes sure that there is enough left.
func (a *Auditor) refunds(s *settled) error {
	if s.tx.Original == "" {
		return nil
	}
	o := a.keys[record{s.input.Source, s.tx.Original}]
	if o == nil || o.book != s.book {
		return fmt.Errorf("the original %q has not settled", s.tx.Original)
	}
	if reason := o.refuses(&s.tx); reason != "" {
		return fmt.Errorf("the original %q %s", s.tx.Original, reason)
	}
	s.original = o
	return nil
}

// refuses says why a refund does not fit an entry; empty where it does.
func (s *settled) refuses(refund *Transaction) string {
	whole, part := max(s.tx.Amount, -s.tx.Amount), max(refund.Amount, -refund.Amount)
	switch {
	case s.input.Reverses != nil:
		return "is a reversal"
	case s.reversedBy != nil:
		return "was reversed"
	case s.tx.Currency != refund.Currency:
		return "has another currency"
	case refund.Amount != 0 && (refund.Amount > 0) == (s.tx.Amount > 0) && s.tx.Amount != 0:
		return "has the same sign"
	case s.refunded+part > whole:
		return fmt.Sprintf("is %d, of which %d is given back", whole, s.refunded)
	}
	return ""
}

// same compares an event with what it must say.
func (s *settled) same(event *entry) error {
	for _, f := range []struct{ name, is, must string }{
		{"type", event.Type, s.tx.Type}, {"method", event.Method, s.tx.Method}, {"product", event.Product, s.tx.Product},
		{"currency", event.Currency, s.tx.Currency}, {"amount", event.Amount, Decimal(s.tx.Amount, s.tx.Currency)},
		{"effective_on", event.EffectiveOn, s.on},
	} {
		if f.is != f.must {
			return fmt.Errorf("%s is %q and must be %q", f.name, f.is, f.must)
		}
	}
	if !maps.Equal(event.Parties, s.parties) {
		return fmt.Errorf("parties are %v and must be %v", event.Parties, s.parties)
	}
	if s.input.Reverses == nil && !event.OccurredAt.Equal(s.tx.At) {
		return fmt.Errorf("occurred_at is %v and must be %v", event.OccurredAt, s.tx.At)
	}
	names, must := event.Original, s.original
	if s.input.Reverses != nil {
		names = event.Reverses
		if taken := must.original; (taken == nil) != (event.Original == nil) || taken != nil && !event.Original.is(taken) {
			return fmt.Errorf("original is %+v and must be %+v", event.Original, taken)
		}
	}
	if (names == nil) != (must == nil) || names != nil && !names.is(must) {
		return fmt.Errorf("it points at %+v and must at %+v", names, must)
	}
	return s.posted(event)
}

func (o *original) is(s *settled) bool {
	return o.Source == s.input.Source && o.ExternalID == s.input.Record && o.Stream == s.ref.Stream && o.Revision == s.ref.Revision
}

// posted compares postings, and makes sure that they balance.
func (s *settled) posted(event *entry) error {
	var sum int64
	for i, p := range event.Postings {
		if i >= len(s.legs) {
			return fmt.Errorf("there are %d postings and must be %d", len(event.Postings), len(s.legs))
		}
		must := s.legs[i]
		debit, credit := "", Decimal(must.amount, s.tx.Currency)
		if must.debit {
			debit, credit = credit, debit
		}
		if p.Account != must.account || p.Debit != debit || p.Credit != credit {
			return fmt.Errorf("posting %d is %+v and must be %v", i, p, must)
		}
		if must.debit {
			sum += must.amount
		} else {
			sum -= must.amount
		}
	}
	if len(event.Postings) != len(s.legs) {
		return fmt.Errorf("there are %d postings and must be %d", len(event.Postings), len(s.legs))
	}
	if sum != 0 {
		return fmt.Errorf("the entry does not balance: %d", sum)
	}
	return nil
}

func (s *settled) explained(event *entry, lines []line) error {
	if event.Contract != s.contract.ID || event.Schedule != s.contract.Schedule || event.Version != s.version {
		return fmt.Errorf("contract %s, schedule %s, version %d apply", s.contract.ID, s.contract.Schedule, s.version)
	}
	is := event.Explanation
	for i, l := range lines {
		if i >= len(is) || is[i].Rule != l.rule || is[i].Amount != Decimal(l.amount, s.tx.Currency) {
			return fmt.Errorf("line %d of the explanation must be %s of %s", i, l.rule, Decimal(l.amount, s.tx.Currency))
		}
	}
	if len(is) != len(lines) {
		return fmt.Errorf("the explanation has %d lines and must have %d", len(is), len(lines))
	}
	return nil
}

// uses makes sure that a settlement rests on what was in the log before it.
func (a *Auditor) uses(s *settled, uses map[string]uint64) error {
	must := map[string]bool{"contract-" + s.contract.ID: true, "schedule-" + s.contract.Schedule: true}
	for role, party := range s.parties {
		if a.registered[party] == 0 {
			return fmt.Errorf("the %s %q is not registered", role, party)
		}
		must["party-"+party] = true
	}
	for stream := range must {
		revision, named := uses[stream]
		if !named || revision >= a.counts[stream] {
			return fmt.Errorf("it must name what it used of %s, which has %d events", stream, a.counts[stream])
		}
	}
	if len(uses) != len(must) {
		return fmt.Errorf("it names %v as used", slices.Sorted(maps.Keys(uses)))
	}
	return nil
}

// reverse judges a reversal.
func (a *Auditor) reverse(id string, e Event) ([]string, error) {
	b, event, in, err := a.open(id, e)
	if err != nil {
		return nil, err
	}
	if in.Reverses == nil {
		return nil, fmt.Errorf("a settlement was asked for")
	}
	target := a.keys[record{in.Reverses[0], in.Reverses[1]}]
	if target == nil || target.book != id || target.input.Reverses != nil || target.reversedBy != nil || target.refunded != 0 {
		return nil, fmt.Errorf("its target cannot be reversed: %+v", target)
	}
	tx := target.tx
	tx.Amount = -tx.Amount
	s := &settled{
		input: in, tx: tx, book: id, ref: Ref{e.Stream, e.Revision}, position: e.Position, recorded: event.RecordedAt,
		on: on(in.Tx.At, target.contract.Zone), parties: target.parties, original: target,
	}
	s.tx.At = in.Tx.At
	for _, l := range target.legs {
		s.legs = append(s.legs, leg{l.account, !l.debit, l.amount})
	}
	if err := s.same(event); err != nil {
		return nil, err
	}
	target.reversedBy = s
	if target.original != nil {
		target.original.refunded -= max(tx.Amount, -tx.Amount)
	}
	a.book(b, s)
	return s.ids(), nil
}

// book takes an entry into the balances.
func (a *Auditor) book(b *book, s *settled) {
	a.keys[record{s.input.Source, s.input.Record}] = s
	b.recorded = s.recorded
	b.entries = append(b.entries, s)
	for _, l := range s.legs {
		acc := b.accounts[l.account]
		if acc == nil {
			acc = &account{currency: s.tx.Currency}
			b.accounts[l.account] = acc
		}
		if l.debit {
			acc.debits += l.amount
		} else {
			acc.credits += l.amount
		}
		acc.items = append(acc.items, itemised{s.position, l, acc.debits, acc.credits})
	}
}
