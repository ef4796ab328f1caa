package export

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
)

// The kinds of entry.
const (
	KindSettlement = "settlement"
	KindReversal   = "reversal"
)

// Entry is one event that moved money, or could have: a transaction of nothing
// has no postings.
type Entry struct {
	domain.Ref
	EventID     uuid.UUID
	Book        string
	Kind        string
	Transaction book.TransactionSettled // of a reversal, what both kinds have
	Reverses    *book.Original          // what a reversal takes back
	Reason      string                  // of a reversal
	Postings    []Posting
}

// Posting is one leg of an entry.
type Posting struct {
	ledger.Posting
	Owner, Purpose string
	Currency       money.Currency
	// Rule is the rule that gave the amount, "" for the funds and in a reversal.
	Rule string
}

// read turns an event of a book into an entry. An event that it does not know is
// refused with CodeInvalid: leaving it out could leave money out.
func (e *Entry) read(r eventstore.Recorded) error {
	event, err := eventstore.Decode(r)
	if err != nil {
		return err
	}
	_, id := r.Stream.Split()
	*e = Entry{Ref: domain.Ref{Stream: r.Stream, Revision: r.Revision}, EventID: r.ID, Book: id, Postings: e.Postings[:0]}
	switch event := event.(type) {
	case book.TransactionSettled:
		e.Kind, e.Transaction = KindSettlement, event
	case book.EntryReversed:
		e.Kind, e.Reason, e.Reverses = KindReversal, event.Reason, &event.Reverses
		e.Transaction = book.TransactionSettled{
			Key: event.Key, Type: event.Type, Method: event.Method, Product: event.Product, Parties: event.Parties,
			OccurredAt: event.OccurredAt, EffectiveOn: event.EffectiveOn, RecordedAt: event.RecordedAt,
			Currency: event.Currency, Amount: event.Amount, Original: event.Original, Postings: event.Postings,
			ContractRevision: book.NotRecorded, ScheduleRevision: book.NotRecorded,
		}
	default:
		return &domain.Error{
			Code: domain.CodeInvalid, Field: "type", Value: r.Type,
			Message: fmt.Sprintf("%s@%d is of a type that cannot be exported", r.Stream, r.Revision), Remedy: "run the version of Jeongsan that wrote it, or a later one",
		}
	}
	for i, p := range e.Transaction.Postings {
		owner, purpose, currency, ok := p.Account.Parts()
		if !ok || !currency.Known() {
			return &domain.Error{
				Code: domain.CodeInvalid, Field: fmt.Sprintf("postings[%d].account", i), Value: string(p.Account),
				Message: fmt.Sprintf("%s@%d has a posting that is on no account", r.Stream, r.Revision), Remedy: "run jeongsan verify --log",
			}
		}
		e.Postings = append(e.Postings, Posting{Posting: p, Owner: owner, Purpose: purpose, Currency: currency})
	}
	e.assignRules(e.Transaction.Explanation)
	return nil
}

// assignRules tells each posting which rule gave it. Lines and their postings
// stand in the same order; a line of nothing has none.
func (e *Entry) assignRules(lines []fee.Line) {
	at := 0
	for i := range lines {
		line := &lines[i]
		if line.Amount.IsZero() {
			continue
		}
		to := e.Transaction.Parties.Party(line.To)
		for j := at; j < len(e.Postings); j++ {
			p := &e.Postings[j]
			// The first posting is the funds', whatever its owner and amount.
			if j > 0 && p.Owner == to && p.Amount.Cmp(line.Amount.Abs()) == 0 {
				p.Rule, at = line.Rule, j+1
				break
			}
		}
	}
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
