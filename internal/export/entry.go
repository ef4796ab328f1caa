package export

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
)

// The kinds of entry.
const (
	KindSettlement = "settlement"
	KindReversal   = "reversal"
	KindAdjustment = "adjustment"
	KindRelease    = "release"
	KindClosing    = "closing"
)

// Entry is one event that moved money, or could have: a transaction of nothing
// has no postings.
type Entry struct {
	domain.Ref
	EventID uuid.UUID
	Book    string
	Kind    string
	// Transaction is, of what settled no transaction, the part that is alike: a release
	// and a closing have no key, and are effective on their business date.
	Transaction book.TransactionSettled
	Reverses    *book.Original // what a reversal takes back
	Adjusts     *book.Original // what an adjustment corrects, where it names it
	Rerating    string         // id of the re-rating that an adjustment is of
	Reason      string         // of a reversal or an adjustment
	Closes      *Window        // of a closing
	Postings    []Posting
}

// Window is what a closing ended.
type Window struct {
	Counter     string
	First, Last domain.Date
}

// Posting is one leg of an entry.
type Posting struct {
	ledger.Posting
	Owner, Purpose string
	Currency       money.Currency
	// Rule is the rule that gave the amount, of a closing "<period>.<entry>"; "" for the
	// funds, and in what no rule gave.
	Rule string
}

// read turns an event of a book into an entry. entry is false for what is none: a
// business date that is reached, a refund that waits for its original. An event
// that it does not know is refused with CodeInvalid: leaving it out could leave
// money out.
func (e *Entry) read(r eventstore.Recorded) (entry bool, err error) {
	event, err := eventstore.Decode(r)
	if err != nil {
		return false, err
	}
	_, id := r.Stream.Split()
	*e = Entry{Ref: domain.Ref{Stream: r.Stream, Revision: r.Revision}, EventID: r.ID, Book: id, Postings: e.Postings[:0]}
	switch event := event.(type) {
	case book.BusinessDateAdvanced, book.OriginalAwaited:
		return false, nil
	case book.TransactionSettled:
		e.Kind, e.Transaction = KindSettlement, event
		if err := e.legs(r, event.Postings); err != nil {
			return false, err
		}
		e.assignRules(event.Explanation, event.Conversions)
		return true, nil
	case book.EntryReversed:
		e.reversal(&event)
		return true, e.legs(r, event.Postings)
	case book.AdjustmentPosted:
		e.adjustment(&event)
		return true, e.legs(r, event.Postings)
	case book.HoldsReleased:
		e.Kind = KindRelease
		e.Transaction = unrated(event.BusinessDate, event.RecordedAt)
		return true, e.legs(r, event.Postings)
	case book.WindowClosed:
		e.closing(&event)
		if err := e.legs(r, event.Postings); err != nil {
			return false, err
		}
		e.assignPeriods(event.Periods)
		return true, nil
	}
	return false, &domain.Error{
		Code: domain.CodeInvalid, Field: "type", Value: r.Type,
		Message: fmt.Sprintf("%s@%d is of a type that cannot be exported", r.Stream, r.Revision), Remedy: "run the version of Jeongsan that wrote it, or a later one",
	}
}

// unrated is the part that an entry without a contract shares with transactions.
func unrated(on domain.Date, recorded time.Time) book.TransactionSettled {
	return book.TransactionSettled{EffectiveOn: on, RecordedAt: recorded, ContractRevision: book.NotRecorded, ScheduleRevision: book.NotRecorded}
}

func (e *Entry) reversal(event *book.EntryReversed) {
	e.Kind, e.Reason, e.Reverses = KindReversal, event.Reason, &event.Reverses
	e.Transaction = unrated(event.EffectiveOn, event.RecordedAt)
	t := &e.Transaction
	t.Key, t.Type, t.Method, t.Product, t.Parties = event.Key, event.Type, event.Method, event.Product, event.Parties
	t.OccurredAt, t.Currency, t.Amount = event.OccurredAt, event.Currency, event.Amount
	t.Original, t.Restores = event.Original, event.Restores
}

func (e *Entry) adjustment(event *book.AdjustmentPosted) {
	e.Kind, e.Reason, e.Adjusts = KindAdjustment, event.Reason, event.Adjusts
	e.Transaction = unrated(event.EffectiveOn, event.RecordedAt)
	t := &e.Transaction
	t.Key, t.OccurredAt = event.Key, event.OccurredAt
	if r := event.Restates; r != nil {
		e.Rerating = r.Rerating
		t.Parties, t.Contract, t.ContractRevision = r.Parties, r.Contract, r.ContractRevision
		t.Schedule, t.ScheduleRevision, t.Version, t.Engine = r.Schedule, r.ScheduleRevision, r.Version, r.Engine
	}
}

func (e *Entry) closing(event *book.WindowClosed) {
	e.Kind, e.Closes = KindClosing, &Window{Counter: event.Counter, First: event.First, Last: event.Last}
	e.Transaction = book.TransactionSettled{
		EffectiveOn: event.BusinessDate, RecordedAt: event.RecordedAt, Currency: event.Currency, Parties: event.Parties,
		Contract: event.Contract, ContractRevision: event.ContractRevision,
		Schedule: event.Schedule, ScheduleRevision: event.ScheduleRevision, Version: event.Version, Engine: event.Engine,
	}
}

// legs takes the postings of an event.
func (e *Entry) legs(r eventstore.Recorded, postings []ledger.Posting) error {
	for i, p := range postings {
		owner, purpose, currency, ok := p.Account.Parts()
		if !ok || !currency.Known() {
			return &domain.Error{
				Code: domain.CodeInvalid, Field: fmt.Sprintf("postings[%d].account", i), Value: string(p.Account),
				Message: fmt.Sprintf("%s@%d has a posting that is on no account", r.Stream, r.Revision), Remedy: "run jeongsan verify --log",
			}
		}
		e.Postings = append(e.Postings, Posting{Posting: p, Owner: owner, Purpose: purpose, Currency: currency})
	}
	return nil
}

// currencies lists the currencies of the postings in order of appearance.
func (e *Entry) currencies(into []money.Currency) []money.Currency {
next:
	for i := range e.Postings {
		for _, known := range into {
			if known == e.Postings[i].Currency {
				continue next
			}
		}
		into = append(into, e.Postings[i].Currency)
	}
	return into
}
