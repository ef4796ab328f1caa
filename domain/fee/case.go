package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Case is a worked example that is kept beside a schedule: what comes in, and what
// must come out. It rates Transaction, or carries out Period. RunCases runs it.
//
// A transaction of a negative amount expects negative amounts: the lines and
// postings of its mirror image.
type Case struct {
	Name        string           `json:"name" yaml:"name"`
	Transaction *CaseTransaction `json:"transaction,omitempty" yaml:"transaction,omitempty"`
	// Parameters are what a contract overrides, by name.
	Parameters map[string]string `json:"parameters,omitempty" yaml:"parameters,omitempty"`
	// Before gives accumulators by name, in the window and of the key that the
	// transaction belongs to; those left out are zero. Of a period they are the sums
	// at its end.
	Before map[string]money.Amount `json:"before,omitempty" yaml:"before,omitempty"`
	// Calendars lists, by the id of a calendar, the dates without business other
	// than Saturdays and Sundays.
	Calendars map[string][]domain.Date `json:"calendars,omitempty" yaml:"calendars,omitempty"`
	// RefundOf is the sale, or the refund, that Transaction gives back in whole or in
	// part.
	RefundOf *CaseSale   `json:"refund_of,omitempty" yaml:"refund_of,omitempty"`
	Period   *CasePeriod `json:"period,omitempty" yaml:"period,omitempty"`
	Expect   Expectation `json:"expect" yaml:"expect"`
}

// CaseTransaction is the transaction of a case.
type CaseTransaction struct {
	Amount   money.Amount   `json:"amount" yaml:"amount"`
	Currency money.Currency `json:"currency" yaml:"currency"`
	Type     string         `json:"type,omitempty" yaml:"type,omitempty"` // "sale" where empty
	Method   string         `json:"method,omitempty" yaml:"method,omitempty"`
	Product  string         `json:"product,omitempty" yaml:"product,omitempty"`
	Source   string         `json:"source,omitempty" yaml:"source,omitempty"`
	// On is the date in the contract's zone; the schedule's first where empty.
	On         domain.Date       `json:"on,omitempty" yaml:"on,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty" yaml:"attributes,omitempty"`
	Parties    map[string]string `json:"parties,omitempty" yaml:"parties,omitempty"` // role → party id
}

// CaseSale is the sale that a refund gives back. It is rated first, as settled
// under the same parameters.
type CaseSale struct {
	Transaction CaseTransaction         `json:"transaction" yaml:"transaction"`
	Before      map[string]money.Amount `json:"before,omitempty" yaml:"before,omitempty"` // accumulators, before the sale
	// Refunded is what earlier refunds gave back in all, not negative.
	Refunded money.Amount `json:"refunded,omitzero" yaml:"refunded,omitempty"`
	// RefundOf is what this gives back in its turn, as a chargeback that was won does.
	RefundOf *CaseSale `json:"refund_of,omitempty" yaml:"refund_of,omitempty"`
}

// CasePeriod is the end of a window of an accumulator, for one key.
type CasePeriod struct {
	ID       string         `json:"id" yaml:"id"` // of the schedule's period
	Currency money.Currency `json:"currency" yaml:"currency"`
	// On is any date of the window; the schedule's first where empty.
	On domain.Date `json:"on,omitempty" yaml:"on,omitempty"`
	// Attributes and Parties are those of the accumulator's key.
	Attributes map[string]string `json:"attributes,omitempty" yaml:"attributes,omitempty"`
	Parties    map[string]string `json:"parties,omitempty" yaml:"parties,omitempty"`
}

// Expectation is what must come out of a case. Whatever it does not name may be
// anything; a name that the schedule does not have is an error.
type Expectation struct {
	// Lines gives the rounded amount of a rule, of a part of a split
	// ("<rule>.<part>"), or of an entry of a period.
	Lines map[string]money.Amount `json:"lines,omitempty" yaml:"lines,omitempty"`
	// Exact gives the result of a rule before bounds and rounding, as the explanation
	// has it (never mirrored): a decimal, or a
	// fraction as 100000/11.
	Exact map[string]string `json:"exact,omitempty" yaml:"exact,omitempty"`
	// Absent lists rules that must not apply.
	Absent []string `json:"absent,omitempty" yaml:"absent,omitempty"`
	// Values gives the named values of the schedule or of the period.
	Values map[string]string `json:"values,omitempty" yaml:"values,omitempty"`
	// After gives accumulators afterwards: of a transaction in its window, of a
	// period those that it carries over, as the next window opens with them.
	After map[string]money.Amount `json:"after,omitempty" yaml:"after,omitempty"`
	// Postings gives what an account gets in all, negative where it pays:
	// "<role>/<purpose>", or "<role>/<purpose>/<currency>" for another currency.
	Postings map[string]money.Amount `json:"postings,omitempty" yaml:"postings,omitempty"`
	// Releases gives the date on which what a rule holds back falls due; in a refund
	// that of the held money which it takes first.
	Releases map[string]domain.Date `json:"releases,omitempty" yaml:"releases,omitempty"`
	// Recourse gives the purposes of held money that pay first what a line takes from a
	// party, in their order; none where the list is empty.
	Recourse map[string][]string `json:"recourse,omitempty" yaml:"recourse,omitempty"`
	// Refused says that the case must fail, and at which field.
	Refused string `json:"refused,omitempty" yaml:"refused,omitempty"`
}
