package readmodel

import (
	"maps"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
)

// The kinds of entry. The first three are transactions, which somebody sent under a
// key; the others a book posts by itself as it comes to a business date.
const (
	Settlement = "settlement"
	Reversal   = "reversal"
	Adjustment = "adjustment"
	Release    = "release" // of what was held until that date
	Closing    = "closing" // of a window of an accumulator
)

// The kinds of link from a later transaction to an earlier one.
const (
	LinkRefund      = "refund" // gives back something of it, of a chargeback too
	LinkReversal    = "reversal"
	LinkAdjustment  = "adjustment"
	LinkRestatement = "restatement" // an adjustment by a re-rating, which stands for it from then on
	LinkRestoration = "restoration" // gives back to a sale what a chargeback took of it
)

// Entry is what all events that book an entry have in common: a header and its
// postings. What a kind does not have is empty.
type Entry struct {
	book.Key    // empty where it is no transaction
	Position    eventstore.Position
	Revision    uint64
	Kind        string
	Book        string
	Type        string // the kind, where nobody named a type
	Method      string
	Product     string
	Currency    money.Currency
	Amount      money.Amount
	OccurredAt  time.Time
	EffectiveOn domain.Date // the business date, where it is no transaction
	RecordedAt  time.Time
	Contract    string
	Schedule    string
	Version     int
	Reason      string // of a reversal or an adjustment
	// Calendars are the ids of those that were looked at, sorted.
	Calendars []string
	// Parties are those that the transaction names and the owners of the accounts
	// posted to, sorted, each once.
	Parties  []string
	Postings []ledger.Posting
	// Holds is what the entry changes of what is held until dates.
	Holds []book.Hold
	// Counts is what the entry made of accumulators.
	Counts []fee.Count
	// Original is the transaction that this one refunds, reverses or adjusts, or nil.
	Original *book.Original
	Link     string
	// Restores is the sale to which this one gives back, or nil.
	Restores *book.Original
}

// Transaction reports whether the entry is one: whether it has a key.
func (e *Entry) Transaction() bool { return e.Kind != Release && e.Kind != Closing }

func settlement(e *Event, s *book.TransactionSettled, named []string) *Entry {
	_, id := e.Stream.Split()
	entry := &Entry{
		Key: s.Key, Position: e.Position, Revision: e.Revision, Kind: Settlement, Book: id,
		Type: s.Type, Method: s.Method, Product: s.Product, Currency: s.Currency, Amount: s.Amount,
		OccurredAt: s.OccurredAt, EffectiveOn: s.EffectiveOn, RecordedAt: s.RecordedAt,
		Contract: s.Contract, Schedule: s.Schedule, Version: s.Version,
		Parties: parties(named, s.Postings), Postings: s.Postings, Holds: s.Holds, Counts: s.Counts, Restores: s.Restores,
	}
	if len(s.Calendars) > 0 {
		entry.Calendars = slices.Sorted(maps.Keys(s.Calendars))
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
		OccurredAt: r.OccurredAt, EffectiveOn: r.EffectiveOn, RecordedAt: r.RecordedAt, Reason: r.Reason,
		Parties: parties(holders(r.Parties), r.Postings), Postings: r.Postings, Holds: r.Holds, Counts: r.Counts,
		Original: &r.Reverses, Link: LinkReversal,
	}
}

// adjustment makes the header that an adjustment does not bring. The counts of a
// re-rating are no part of it: it says where accumulators would have stood, and
// counts in none.
func adjustment(e *Event, a *book.AdjustmentPosted) (*Entry, error) {
	_, id := e.Stream.Split()
	entry := &Entry{
		Key: a.Key, Position: e.Position, Revision: e.Revision, Kind: Adjustment, Book: id, Type: Adjustment,
		OccurredAt: a.OccurredAt, EffectiveOn: a.EffectiveOn, RecordedAt: a.RecordedAt, Reason: a.Reason,
		Postings: a.Postings, Holds: a.Holds,
	}
	if a.Adjusts != nil {
		entry.Original, entry.Link = a.Adjusts, LinkAdjustment
	}
	var named []string
	first := a.Postings
	if r := a.Restates; r != nil {
		entry.Link = LinkRestatement
		entry.Contract, entry.Schedule, entry.Version = r.Contract, r.Schedule, r.Version
		named = holders(r.Parties)
		if len(first) == 0 {
			first = r.Postings
		}
	}
	entry.Parties = parties(named, a.Postings)
	if len(first) == 0 {
		return entry, nil
	}
	_, _, entry.Currency = first[0].Account.Split()
	var err error
	if entry.Amount, err = debited(a.Postings, entry.Currency); err != nil {
		return nil, err
	}
	return entry, nil
}

// debited sums the debits in a currency. Postings that a book has taken can be
// summed.
func debited(postings []ledger.Posting, in money.Currency) (sum money.Amount, err error) {
	for _, p := range postings {
		if _, _, currency := p.Account.Split(); currency != in || p.Side != ledger.Debit {
			continue
		}
		if sum, err = sum.Add(p.Amount); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func release(e *Event, r *book.HoldsReleased) *Entry {
	_, id := e.Stream.Split()
	return &Entry{
		Position: e.Position, Revision: e.Revision, Kind: Release, Book: id, Type: Release,
		EffectiveOn: r.BusinessDate, RecordedAt: r.RecordedAt,
		Parties: parties(nil, r.Postings), Postings: r.Postings, Holds: r.Holds,
	}
}

func closing(e *Event, c *book.WindowClosed) *Entry {
	_, id := e.Stream.Split()
	return &Entry{
		Position: e.Position, Revision: e.Revision, Kind: Closing, Book: id, Type: Closing, Currency: c.Currency,
		EffectiveOn: c.BusinessDate, RecordedAt: c.RecordedAt, Contract: c.Contract, Schedule: c.Schedule, Version: c.Version,
		Parties: parties(holders(c.Parties), c.Postings), Postings: c.Postings, Counts: c.Counts,
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
