package auditor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// book is one operator's ledger as it must be.
type book struct {
	id       string
	recorded time.Time // of the last event
	accounts map[string]*account
	entries  []*settled
	counters map[string]*standing
	held     map[slice]stock
	date     string // business date; empty where there is none yet
	days     []day
	steps    []*step
	stepped  map[uint64]dayStep // by revision
	next     *Input             // what has waited for the last event and must follow it
	newest   map[string]string  // of a rolling window: the last day that has counted
}

// account is what an account has taken, in minor units, and each item of it.
type account struct {
	currency        string
	debits, credits int64
	items           []itemised
	adjusted        bool // by hand, so that it may hold less than it has
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
	holders  map[string]string // parties as the event writes them, with revisions
	legs     []leg
	lines    []line
	counts   []counted
	holds    []holding
	abroad   []converted
	looked   map[string]bool // calendars
	original *settled        // that a refund names, or a reversal takes back
	restores *settled        // the sale to which a later transaction gives back
	second   bool            // by the second engine
	as       bool            // it is rated as its original was

	refunded   int64 // in minor units, without what was reversed
	after      int64 // of a refund: what was given back of its original once it was
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
	Refunded    string
	Reverses    *original
	Adjusts     *original
	Restores    *original
	Awaited     *Ref
	Contract    string
	Schedule    string
	Version     int
	Engine      int
	Attributes  map[string]string
	Postings    []posting
	Holds       []struct{ Account, Into, On, Change string }
	Calendars   map[string]uint64
	Conversions []convertedSaid
	Counts      []countSaid
	Explanation []explained
	// The revisions that were looked at; those of parties follow their ids.
	ContractRevision *uint64 `json:"contract_revision"`
	ScheduleRevision *uint64 `json:"schedule_revision"`
}

// countSaid is what an event says of a counter.
type countSaid struct {
	Counter       string
	Days          int
	Before, After string
	Closes        string
}

func (n *countSaid) is(c counter, before, after *big.Rat, closes string) bool {
	return n.Counter == c.String() && n.Days == c.days && same(n.Before, before) && same(n.After, after) && n.Closes == closes
}

type posting struct{ Account, Debit, Credit string }

// explained is a line; without an amount that is what the exact result says.
type explained struct{ Rule, Exact, Amount string }

func (l *explained) amount() string { return cmp.Or(l.Amount, l.Exact) }

// held reads who stood in a role: "<id>@<revision>".
func held(holder string) (id string, revision uint64, ok bool) {
	at := strings.LastIndexByte(holder, '@')
	if at < 0 {
		return "", 0, false
	}
	revision, err := strconv.ParseUint(holder[at+1:], 10, 64)
	return holder[:at], revision, err == nil
}

// ids are the parties of an event without their revisions.
func (e *entry) ids() map[string]string {
	ids := map[string]string{}
	for role, holder := range e.Parties {
		ids[role], _, _ = held(holder)
	}
	return ids
}

type original struct {
	Source     string `json:"source"`
	ExternalID string `json:"external_id"`
	Stream     string
	Revision   uint64
}

// ledger is the book of an id.
func (a *Auditor) ledger(id string) *book {
	b := a.books[id]
	if b == nil {
		b = &book{
			id: id, accounts: map[string]*account{}, counters: map[string]*standing{}, newest: map[string]string{},
			held: map[slice]stock{}, stepped: map[uint64]dayStep{},
		}
		a.books[id] = b
	}
	return b
}

// open reads an event of a book and finds what was sent under its key.
func (a *Auditor) open(id string, e Event) (*book, *entry, *Input, error) {
	var event entry
	if err := json.Unmarshal(e.Data, &event); err != nil {
		return nil, nil, nil, err
	}
	b, in, err := a.opened(id, &event)
	return b, &event, in, err
}

// opened finds the book of an event and what was sent under its key.
func (a *Auditor) opened(id string, event *entry) (*book, *Input, error) {
	b := a.ledger(id)
	if event.RecordedAt.Before(b.recorded) {
		return nil, nil, fmt.Errorf("it was recorded at %v, before the event that precedes it at %v", event.RecordedAt, b.recorded)
	}
	in := a.inputs[input{event.Source, event.ExternalID, event.ContentHash}]
	switch {
	case in == nil:
		return nil, nil, fmt.Errorf("nobody sent this")
	case in.Ignored != "" || in.Faulty:
		return nil, nil, fmt.Errorf("this must not settle: ignored by %q, faulty %t", in.Ignored, in.Faulty)
	}
	if before := a.keys[record{event.Source, event.ExternalID}]; before != nil {
		return nil, nil, fmt.Errorf("the key was settled before, at revision %d", before.ref.Revision)
	}
	if w := a.waiting[in.name()]; w != nil && w.input != in {
		return nil, nil, fmt.Errorf("another content waits under the key, at revision %d", w.ref.Revision)
	}
	if b.next != nil && b.next != in {
		return nil, nil, fmt.Errorf("%s/%s has waited for the event before it and must follow", b.next.Source, b.next.Record)
	}
	return b, in, nil
}

// settle judges a settlement.
func (a *Auditor) settle(id string, e Event) ([]string, error) {
	b, event, in, err := a.open(id, e)
	if err != nil {
		return nil, err
	}
	if in.Reverses != nil || in.Legs != nil {
		return nil, fmt.Errorf("something else was asked for")
	}
	tx := in.Tx
	s := &settled{input: in, tx: tx, book: id, ref: Ref{e.Stream, e.Revision}, position: e.Position, recorded: event.RecordedAt}
	if err := a.refunds(s, event.Refunded); err != nil {
		return nil, err
	}
	if err := a.bind(s); err != nil {
		return nil, err
	}
	version := &a.schedules[s.contract.Schedule].Versions[s.version-1]
	if s.second = version.Second(); s.second {
		if name := a.late(s); name != "" {
			return nil, fmt.Errorf("it is too late for the accumulator %s", name)
		}
		r := a.second(s)
		s.legs, s.lines, s.counts, s.holds, s.looked, s.abroad = r.legs, r.lines, r.count(), r.holds, r.looked, r.converted
	} else {
		s.legs, s.lines = version.share(tx.Amount, tx.Currency, s.parties)
	}
	s.holders = event.Parties
	if err := s.same(event); err != nil {
		return nil, err
	}
	if err := s.explained(event, version); err != nil {
		return nil, err
	}
	if err := b.saysCounts(s, event); err != nil {
		return nil, err
	}
	if err := a.uses(s, event); err != nil {
		return nil, err
	}
	if s.original != nil {
		s.original.refunded += max(tx.Amount, -tx.Amount)
		s.after = s.original.refunded
		if s.restores = s.original.sale(); s.restores != nil {
			s.restores.refunded -= max(tx.Amount, -tx.Amount)
		}
	}
	if (event.Restores == nil) != (s.restores == nil) || event.Restores != nil && !event.Restores.is(s.restores) {
		return nil, fmt.Errorf("it restores %+v and must %+v", event.Restores, s.restores)
	}
	if err := a.book(b, s); err != nil {
		return nil, err
	}
	return s.ids(), a.comes(b, s, event)
}

// sale is what a refund gave back of; nil for anything else.
func (s *settled) sale() *settled {
	if s.input.Reverses != nil || s.input.Legs != nil {
		return nil
	}
	return s.original
}

// refuses says why a refund does not fit an entry; empty where it does.
func (s *settled) refuses(refund *Transaction) string {
	whole, part := max(s.tx.Amount, -s.tx.Amount), max(refund.Amount, -refund.Amount)
	switch {
	case s.input.Reverses != nil || s.input.Legs != nil:
		return "is a reversal or an adjustment"
	case s.reversedBy != nil:
		return "was reversed"
	case s.tx.Currency != refund.Currency:
		return "has another currency"
	case refund.Amount != 0 && (refund.Amount > 0) == (s.tx.Amount > 0) && s.tx.Amount != 0:
		return "has the same sign"
	case s.refunded+part > whole:
		return fmt.Sprintf("is %d, of which %d is given back", whole, s.refunded)
	case s.restores != nil:
		return "gives back itself what was given back"
	case s.original != nil && s.original.refunded < part:
		return fmt.Sprintf("gives back of a sale of which only %d is given back", s.original.refunded)
	case s.original != nil && s.second && part != 0 && s.after-s.refunded != s.original.refunded:
		return "has later refunds of its sale that rest on it"
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
	if !maps.Equal(event.ids(), s.parties) {
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
	if err := posted(event.Postings, s.legs); err != nil {
		return err
	}
	if err := sayConverted(event.Conversions, s.abroad); err != nil {
		return err
	}
	return sayHolds(event.Holds, s.holds)
}

func (o *original) is(s *settled) bool {
	return o.Source == s.input.Source && o.ExternalID == s.input.Record && o.Stream == s.ref.Stream && o.Revision == s.ref.Revision
}

// posted compares postings, and makes sure that they balance.
func posted(is []posting, legs []leg) error {
	sums := map[string]int64{}
	for i, p := range is {
		if i >= len(legs) {
			return fmt.Errorf("there are %d postings and must be %d", len(is), len(legs))
		}
		must := legs[i]
		currency := currencyOf(must.account)
		debit, credit := "", Decimal(must.amount, currency)
		sums[currency] -= must.amount
		if must.debit {
			debit, credit = credit, debit
			sums[currency] += 2 * must.amount
		}
		if p.Account != must.account || p.Debit != debit || p.Credit != credit {
			return fmt.Errorf("posting %d is %+v and must be %v", i, p, must)
		}
	}
	if len(is) != len(legs) {
		return fmt.Errorf("there are %d postings and must be %d", len(is), len(legs))
	}
	for currency, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("the entry does not balance: %d in %s", sum, currency)
		}
	}
	return nil
}

func (s *settled) explained(event *entry, version *Version) error {
	lines, engine, attributes := s.lines, 1, map[string]string(nil)
	if version.Second() {
		engine = 2
		if s.tx.Grade != "" {
			attributes = map[string]string{"grade": s.tx.Grade}
		}
	}
	if event.Engine != engine || !maps.Equal(event.Attributes, attributes) {
		return fmt.Errorf("engine %d rates it with attributes %v", engine, attributes)
	}
	if event.Contract != s.contract.ID || event.Schedule != s.contract.Schedule || event.Version != s.version {
		return fmt.Errorf("contract %s, schedule %s, version %d apply", s.contract.ID, s.contract.Schedule, s.version)
	}
	is := event.Explanation
	for i, l := range lines {
		if i >= len(is) || is[i].Rule != l.rule || is[i].amount() != Decimal(l.amount, s.tx.Currency) || l.amount != 0 && strings.HasPrefix(is[i].Exact, "-") != l.owed {
			return fmt.Errorf("line %d of the explanation must be %s of %s", i, l.rule, Decimal(l.amount, s.tx.Currency))
		}
	}
	if len(is) != len(lines) {
		return fmt.Errorf("the explanation has %d lines and must have %d", len(is), len(lines))
	}
	return nil
}

// reversible reports whether an entry can be taken back: it was not yet, is no
// reversal itself, and no refund rests on it, neither one of it nor a later one of
// the same original.
func (s *settled) reversible() bool {
	if sale := s.restores; sale != nil && (sale.reversedBy != nil || sale.refunded+max(s.tx.Amount, -s.tx.Amount) > max(sale.tx.Amount, -sale.tx.Amount)) {
		return false // the refund that it gave back would stand again
	}
	return s.input.Reverses == nil && s.input.Legs == nil && s.reversedBy == nil && s.refunded == 0 &&
		(!s.as || s.tx.Amount == 0 || s.after == s.original.refunded)
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
	if target == nil || target.book != id || !target.reversible() {
		return nil, fmt.Errorf("its target cannot be reversed: %+v", target)
	}
	tx := target.tx
	tx.Amount = -tx.Amount
	s := &settled{
		input: in, tx: tx, book: id, ref: Ref{e.Stream, e.Revision}, position: e.Position, recorded: event.RecordedAt,
		on: on(in.Tx.At, target.contract.Zone), parties: target.parties, original: target,
	}
	s.tx.At = in.Tx.At
	m := movement{book: b}
	m.opposite(target)
	s.legs, s.holds = m.legs, m.holds
	if err := s.same(event); err != nil {
		return nil, err
	}
	if !maps.Equal(event.Parties, target.holders) {
		return nil, fmt.Errorf("parties are %v and must be %v", event.Parties, target.holders)
	}
	s.counts = b.uncounted(target)
	if err := b.saysCounts(s, event); err != nil {
		return nil, err
	}
	target.reversedBy = s
	if target.original != nil {
		target.original.refunded -= max(tx.Amount, -tx.Amount)
	}
	if target.restores != nil {
		target.restores.refunded += max(tx.Amount, -tx.Amount)
	}
	if (event.Restores == nil) != (target.restores == nil) || event.Restores != nil && !event.Restores.is(target.restores) {
		return nil, fmt.Errorf("it names as restored %+v and must %+v", event.Restores, target.restores)
	}
	return s.ids(), a.book(b, s)
}

// book takes an entry into the balances.
func (a *Auditor) book(b *book, s *settled) error {
	a.keys[record{s.input.Source, s.input.Record}] = s
	b.recorded, b.next = s.recorded, nil
	b.entries = append(b.entries, s)
	b.post(s.legs, s.position)
	return b.keep(s.holds, s.position)
}

// account is one of the book's.
func (b *book) account(id string) *account {
	if b.accounts[id] == nil {
		b.accounts[id] = &account{currency: currencyOf(id)}
	}
	return b.accounts[id]
}

// post takes postings into the balances.
func (b *book) post(legs []leg, position uint64) {
	for _, l := range legs {
		acc := b.account(l.account)
		if l.debit {
			acc.debits += l.amount
		} else {
			acc.credits += l.amount
		}
		acc.items = append(acc.items, itemised{position, l, acc.debits, acc.credits})
	}
}
