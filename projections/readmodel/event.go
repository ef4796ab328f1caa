package readmodel

import (
	"maps"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
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
	Event    domain.Event
	// Entry is set for the events that book an entry.
	Entry *Entry
	// Err says why the event could not be decoded; the fields above it but the
	// first four are then empty. A read model that it concerns stops there.
	Err error
}

// Decode decodes a record. It never fails: what cannot be decoded is in Err.
func Decode(r eventstore.Recorded) Event {
	e := Event{Position: r.Position, Stream: r.Stream, Revision: r.Revision, Type: r.Type}
	if e.Meta, e.Err = eventstore.DecodeMeta(r); e.Err != nil {
		return e
	}
	if e.Event, e.Err = eventstore.Decode(r); e.Err != nil {
		return e
	}
	e.Entry = entryOf(e)
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
	// Original is the transaction that this one refunds or reverses, or nil.
	Original *book.Original
	Link     string
}

func entryOf(e Event) *Entry {
	_, id := e.Stream.Split()
	switch event := e.Event.(type) {
	case book.TransactionSettled:
		entry := &Entry{
			Key: event.Key, Position: e.Position, Revision: e.Revision, Kind: Settlement, Book: id,
			Type: event.Type, Method: event.Method, Product: event.Product, Currency: event.Currency, Amount: event.Amount,
			OccurredAt: event.OccurredAt, EffectiveOn: event.EffectiveOn, RecordedAt: event.RecordedAt,
			Contract: event.Contract, Schedule: event.Schedule, Version: event.Version,
			Parties: parties(event.Parties, event.Postings), Postings: event.Postings,
		}
		if event.Original != nil {
			entry.Original, entry.Link = event.Original, LinkRefund
		}
		return entry
	case book.EntryReversed:
		return &Entry{
			Key: event.Key, Position: e.Position, Revision: e.Revision, Kind: Reversal, Book: id,
			Type: event.Type, Method: event.Method, Product: event.Product, Currency: event.Currency, Amount: event.Amount,
			OccurredAt: event.OccurredAt, EffectiveOn: event.EffectiveOn, RecordedAt: event.RecordedAt,
			Parties: parties(event.Parties, event.Postings), Postings: event.Postings,
			Original: &event.Reverses, Link: LinkReversal,
		}
	}
	return nil
}

func parties(named map[string]string, postings []ledger.Posting) []string {
	all := make([]string, 0, len(named)+len(postings))
	all = slices.AppendSeq(all, maps.Values(named))
	for _, p := range postings {
		owner, _, _ := p.Account.Split()
		all = append(all, owner)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
