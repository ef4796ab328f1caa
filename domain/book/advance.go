package book

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// AdvanceBusinessDate asks a book to come to a business date: the one after its
// last, or any where it has none yet. It is carried out in steps of bounded size, one
// event each; who sends it repeats it until the answer is a replay, which says that
// the book has come to that date. Nothing else moves time in a book.
type AdvanceBusinessDate struct {
	Book string      `json:"book"`
	Date domain.Date `json:"date"`

	// Filled by the command door. Close computes the end of a counter's window; its
	// errors are passed on, and the book stays on its date.
	Close      func(s *State, counter string) (*Closing, error) `json:"-"`
	RecordedAt time.Time                                        `json:"-"`
}

// CommandType implements domain.Command.
func (AdvanceBusinessDate) CommandType() string { return "AdvanceBusinessDate" }

// Closing is what the periods of a schedule make of the end of a window.
type Closing struct {
	Contract         string // empty for an accumulator that all contracts of a schedule share
	ContractRevision Revision
	Schedule         *fee.Schedule
	ScheduleRevision Revision
	Parties          Parties
	Currency         money.Currency
	// Read is what the accumulators that formulas named stood at, each once.
	Read    []fee.Count
	Results []ClosedPeriod // in the order of the document
}

// ClosedPeriod is one period of a closing.
type ClosedPeriod struct {
	Period string
	fee.PeriodResult
}

// HoldsReleased records that held money fell due and moved, account by account.
type HoldsReleased struct {
	BusinessDate domain.Date      `json:"business_date"`
	RecordedAt   time.Time        `json:"recorded_at"`
	Postings     []ledger.Posting `json:"postings"`
	Holds        []Hold           `json:"holds"`
}

// EventType implements domain.Event.
func (HoldsReleased) EventType() string { return "HoldsReleased.v1" }

// WindowClosed records the end of one window of an accumulator, for one key and
// currency: what its periods posted, and what they carry into the next window.
type WindowClosed struct {
	BusinessDate     domain.Date    `json:"business_date"`
	RecordedAt       time.Time      `json:"recorded_at"`
	Counter          string         `json:"counter"` // fee.Counter's ID
	First            domain.Date    `json:"first"`   // of the window
	Last             domain.Date    `json:"last"`
	Currency         money.Currency `json:"currency"`
	Contract         string         `json:"contract,omitempty"`
	ContractRevision Revision       `json:"contract_revision"`
	Schedule         string         `json:"schedule"`
	ScheduleRevision Revision       `json:"schedule_revision"`
	Version          int            `json:"version"`
	Engine           int            `json:"engine"`
	Parties          Parties        `json:"parties,omitempty"`
	// Read is what the accumulators that formulas named stood at.
	Read     []fee.Count      `json:"read,omitempty"`
	Periods  []PeriodLines    `json:"periods"`
	Postings []ledger.Posting `json:"postings"`
	// Counts is what is carried: the counters of the next window, before and after.
	Counts []fee.Count `json:"counts,omitempty"`
}

// PeriodLines explains the entries of one period.
type PeriodLines struct {
	Period string       `json:"period"`
	Lines  []PeriodLine `json:"lines,omitempty"`
}

// PeriodLine is an explained amount that moved From an account To another, or the
// other way where it is Opposite.
type PeriodLine struct {
	Line     fee.Line         `json:"line"`
	From     ledger.AccountID `json:"from"`
	To       ledger.AccountID `json:"to"`
	Opposite bool             `json:"opposite,omitempty"`
}

// EventType implements domain.Event.
func (WindowClosed) EventType() string { return "WindowClosed.v1" }

// BusinessDateAdvanced records that everything which fell due up to a date is done.
type BusinessDateAdvanced struct {
	From       domain.Date `json:"from,omitempty"` // the date before; empty for the first
	To         domain.Date `json:"to"`
	RecordedAt time.Time   `json:"recorded_at"`
}

// EventType implements domain.Event.
func (BusinessDateAdvanced) EventType() string { return "BusinessDateAdvanced.v1" }
