package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Input is a transaction as rules see it. Engine 1 looks at Amount and Currency
// alone.
type Input struct {
	Amount   money.Amount // signed; a negative amount gives the mirror image
	Currency money.Currency
	Type     string
	Method   string
	Product  string
	Source   string
	On       domain.Date // in the contract's zone
	// Contract is the id that counters of ScopeContract belong to.
	Contract string
	// Party gives the party of a role, "" where there is none. Nil: nobody.
	Party func(role string) string
	// Attributes are the transaction's own; the schedule picks those it declares.
	Attributes map[string]string
	// Before gives the sum of a counter before this transaction: over all of
	// Counter.Buckets, nothing counted being zero. A schedule with accumulators
	// needs it. What it returns as an error fails the rating.
	Before func(Counter) (money.Amount, error)
	// Calendar finds a calendar of business days; a schedule that names one needs it.
	Calendar func(id string) (*calendar.Calendar, error)
	// Original is the sale that a refund names. The refund is rated by the schedule,
	// the parties and the contract of that sale.
	Original *Sale
}

// Sale is an earlier transaction, as its event tells, that this one gives back in
// whole or in part.
type Sale struct {
	Amount   money.Amount // exact, signed as it was settled
	Refunded money.Amount // what earlier refunds gave back in all, not negative
	On       domain.Date  // in the contract's zone
	Lines    []Line       // its explanation
	// Refund says that it gave something back itself. What gives it back is its mirror
	// image in proportion: policies and charges are about sales.
	Refund bool
	// Attributes stand where the refund itself brings none of a name.
	Attributes map[string]string
}
