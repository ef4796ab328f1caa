package readmodel

import (
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Event is an event of the log, decoded once for all read models. They share it
// and may not change it.
type Event struct {
	Position eventstore.Position
	Stream   domain.StreamID
	Revision uint64
	Type     string
	Meta     eventstore.Meta
	// Entry is set for the events that book an entry, Event for all others.
	Entry *Entry
	Event domain.Event
	// Err says why the event could not be decoded; the fields above it but the
	// first four are then empty. A read model that it concerns stops there.
	Err error
}

// Decoder decodes the events of one subscription or read. It shares the strings
// that come again between them. It belongs to one goroutine.
type Decoder struct{ summaries eventstore.Summaries }

// Decode decodes a record. It never fails: what cannot be decoded is in Err.
func (d *Decoder) Decode(r eventstore.Recorded) Event {
	e := Event{Position: r.Position, Stream: r.Stream, Revision: r.Revision, Type: r.Type}
	if e.Meta, e.Err = d.summaries.Meta(r); e.Err != nil {
		return e
	}
	if summary, ok := d.summaries.Read(r); ok {
		e.Entry = settlement(&e, &summary.TransactionSettled, summary.Named)
		return e
	}
	event, err := eventstore.Decode(r)
	if err != nil {
		e.Err = err
		return e
	}
	switch event := event.(type) {
	case book.TransactionSettled:
		e.Entry = settlement(&e, &event, holders(event.Parties))
	case book.EntryReversed:
		e.Entry = reversal(&e, &event)
	default:
		e.Event = event
	}
	return e
}

// Category is the category of the event's stream.
func (e Event) Category() string {
	category, _ := e.Stream.Split()
	return category
}

// The kinds of entry.
const (
	Settlement = "settlement"
	Reversal   = "reversal"
)

// The kinds of link from a later transaction to an earlier one.
const (
	LinkRefund   = "refund"
	LinkReversal = "reversal"
)

// Entry is what a settlement and a reversal have in common: a transaction's
// header and its postings. What a kind does not have is empty.
type Entry struct {
	book.Key
	Position    eventstore.Position
	Revision    uint64
	Kind        string
	Book        string
	Type        string
	Method      string
	Product     string
	Currency    money.Currency
	Amount      money.Amount
	OccurredAt  time.Time
	EffectiveOn domain.Date
	RecordedAt  time.Time
	Contract    string
	Schedule    string
	Version     int
	// Parties are those that the transaction names and the owners of the accounts
	// posted to, sorted, each once.
	Parties  []string
	Postings []ledger.Posting
	// Counts is what the entry made of accumulators.
	Counts []fee.Count
	// Original is the transaction that this one refunds or reverses, or nil.
	Original *book.Original
	Link     string
}

func settlement(e *Event, s *book.TransactionSettled, named []string) *Entry {
	_, id := e.Stream.Split()
	entry := &Entry{
		Key: s.Key, Position: e.Position, Revision: e.Revision, Kind: Settlement, Book: id,
		Type: s.Type, Method: s.Method, Product: s.Product, Currency: s.Currency, Amount: s.Amount,
		OccurredAt: s.OccurredAt, EffectiveOn: s.EffectiveOn, RecordedAt: s.RecordedAt,
		Contract: s.Contract, Schedule: s.Schedule, Version: s.Version,
		Parties: parties(named, s.Postings), Postings: s.Postings, Counts: s.Counts,
	}
	if s.Original != nil {
		entry.Original, entry.Link = s.Original, LinkRefund
	}
	return entry
}

func reversal(e *Event, r *book.EntryReversed) *Entry {
	_, id := e.Stream.Split()
	return &Entry{
		Key: r.Key, Position: e.Position, Revision: e.Revision, Kind: Reversal, Book: id,
		Type: r.Type, Method: r.Method, Product: r.Product, Currency: r.Currency, Amount: r.Amount,
		OccurredAt: r.OccurredAt, EffectiveOn: r.EffectiveOn, RecordedAt: r.RecordedAt,
		Parties: parties(holders(r.Parties), r.Postings), Postings: r.Postings, Counts: r.Counts,
		Original: &r.Reverses, Link: LinkReversal,
	}
}

// holders lists who stood in a role.
func holders(parties book.Parties) []string {
	ids := make([]string, 0, len(parties))
	for _, id := range parties.All() {
		ids = append(ids, id)
	}
	return ids
}

// parties joins those named with the owners of accounts.
func parties(named []string, postings []ledger.Posting) []string {
	all := slices.Grow(named, len(postings))
	for _, p := range postings {
		owner, _, _ := p.Account.Split()
		all = append(all, owner)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
