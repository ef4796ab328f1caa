package rerating

import (
	"iter"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Scope says which settlements of a book are rated again: those whose effective
// date lies From to To, both included, of one contract, or of all where it is empty.
type Scope struct {
	Book     string      `json:"book"`
	From     domain.Date `json:"from"`
	To       domain.Date `json:"to"`
	Contract string      `json:"contract,omitempty"`
}

// Check refuses a scope that is none: CodeInvalid.
func (s *Scope) Check() error {
	if err := domain.CheckID("book", s.Book); err != nil {
		return err
	}
	if _, err := domain.ParseDate("from", string(s.From)); err != nil {
		return err
	}
	if _, err := domain.ParseDate("to", string(s.To)); err != nil {
		return err
	}
	if s.To < s.From {
		return &domain.Error{Code: domain.CodeInvalid, Field: "to", Value: string(s.To), Message: "the period ends before it begins, on " + string(s.From), Remedy: "give the last date of the period, that one included"}
	}
	if s.Contract == "" {
		return nil
	}
	return domain.CheckID("contract", s.Contract)
}

func (s *Scope) contains(on domain.Date) bool { return on >= s.From && on <= s.To }

// Log gives the events of one book up to an end that does not move while it is used.
type Log interface {
	// All yields the events from revision 0 on. An error is the last thing yielded.
	All() iter.Seq2[domain.Event, error]
	// At reads one event, by revision. Neighbours are asked for one after the other.
	At(revision uint64) (domain.Event, error)
}

// Terms are contracts, schedules and calendars as they are now.
type Terms interface {
	// Present gives the version that a contract has for a date.
	Present(contract string, on domain.Date) (Version, error)
	// Published gives a version of a schedule, with the parameters of a contract.
	Published(contract, schedule string, version int) (Version, error)
	// Until is the first date on which a contract no longer holds; empty where it has
	// no end.
	Until(contract string) domain.Date
	Calendar(id string) (*calendar.Calendar, error)
}

// Version is a version of a schedule with a contract's parameters, and the revisions
// that were looked at.
type Version struct {
	*fee.Schedule
	ContractRevision book.Revision
	ScheduleRevision book.Revision
}

// Change is a settlement that would stand otherwise today, or the end of a window.
type Change struct {
	Transaction book.TransactionSettled // as it was settled
	// Closing is the end of a window instead, which Corrections adjustments have
	// corrected before. It has no restatement: its corrections add up.
	Closing     *book.WindowClosed
	Corrections int
	Revision    uint64 // of the settlement or the closing
	Legs        []book.AdjustmentPosting
	// Restates has all but the id of the operation.
	Restates book.Restatement
	// ByHand says that an adjustment without a restatement names the transaction.
	ByHand bool
}

// Fault is a settlement that cannot be rated again.
type Fault struct {
	Key      book.Key `json:"key"`
	Revision uint64   `json:"revision"`
	Err      error    `json:"error"`
}

// Summary is what a re-rating comes to.
type Summary struct {
	Rated    uint64  `json:"rated"`    // settlements rated again
	Closings uint64  `json:"closings"` // ends of windows computed again
	Changed  uint64  `json:"changed"`  // of both, which would stand otherwise
	ByHand   uint64  `json:"by_hand"`  // of which an adjustment names that people posted
	Failed   uint64  `json:"failed"`   // that could not be rated
	Faults   []Fault `json:"faults,omitempty"`
	// Parties are sorted by party and currency; a party without a difference is there too.
	Parties []Total `json:"parties"`
}

// Total is what all settlements that were rated gave a party in a currency: credits
// less debits of all its accounts, as it stands and as it would.
type Total struct {
	Party      string         `json:"party"`
	Currency   money.Currency `json:"currency"`
	Stands     money.Amount   `json:"stands"`
	Rated      money.Amount   `json:"rated"`
	Difference money.Amount   `json:"difference"`
}

// MostFaults is how many faults a Summary lists.
const MostFaults = 100
