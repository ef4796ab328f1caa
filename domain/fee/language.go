package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Attribute is a typed fact that a transaction brings beside its fixed ones.
type Attribute struct {
	Name string `json:"name" yaml:"name"`
	Type string `json:"type" yaml:"type"` // number, text, truth, date
	// OneOf lists all values that a text may have; any where empty.
	OneOf []string `json:"one_of,omitempty" yaml:"one_of,omitempty"`
	// Default stands where a transaction brings none. Without it such a transaction
	// is refused.
	Default *string `json:"default,omitempty" yaml:"default,omitempty"`
}

// Parameter is a named constant that a contract may override: a formula without
// variables, or amounts per currency.
type Parameter struct {
	Name    string                          `json:"name" yaml:"name"`
	Is      string                          `json:"is,omitempty" yaml:"is,omitempty"`
	Amounts map[money.Currency]money.Amount `json:"amounts,omitempty" yaml:"amounts,omitempty"`
}

// Scopes of an accumulator: whose transactions are counted together.
const (
	ScopeContract = "contract"
	ScopeSchedule = "schedule"
)

// Accumulator sums a measure over the transactions of a book, in book order.
type Accumulator struct {
	Name string `json:"name" yaml:"name"`
	// Measure is a number formula: what a transaction adds. A negative transaction
	// subtracts it.
	Measure string `json:"measure" yaml:"measure"`
	// Key lists the roles and text inputs that each have a sum of their own.
	Key    []string `json:"key,omitempty" yaml:"key,omitempty"`
	Window Window   `json:"window" yaml:"window"`
	// Starts moves the beginning of windows to the anniversaries of a date; a
	// lifetime begins there.
	Starts domain.Date `json:"starts,omitempty" yaml:"starts,omitempty"`
	Scope  string      `json:"scope,omitempty" yaml:"scope,omitempty"` // ScopeContract where empty
	// When is a truth formula: which transactions count; all where empty.
	When string `json:"when,omitempty" yaml:"when,omitempty"`
	// PerCurrency is true where not given: each currency has a sum of its own.
	PerCurrency *bool `json:"per_currency,omitempty" yaml:"per_currency,omitempty"`
}

// PerUnit is a price for each of a number of units.
type PerUnit struct {
	Units string `json:"units" yaml:"units"` // number formula
	// Price is per currency; PriceIs gives it as a number formula instead.
	Price   map[money.Currency]money.Amount `json:"price,omitempty" yaml:"price,omitempty"`
	PriceIs string                          `json:"price_is,omitempty" yaml:"price_is,omitempty"`
}

// Modes of Tiers, and values of Tiers.Edge.
const (
	TiersMarginal = "marginal"
	TiersSlab     = "slab"
	EdgeInclusive = "inclusive"
	EdgeExclusive = "exclusive"
)

// Tiers rate by a table. Marginal: the stretch from From (default 0) to From + By
// is cut at the edges, and each part of the base has its own percentage. Slab: the
// whole base is rated by the one step that By lies in. By is the base where empty.
type Tiers struct {
	Mode string `json:"mode" yaml:"mode"`
	From string `json:"from,omitempty" yaml:"from,omitempty"` // number formula; marginal alone
	By   string `json:"by,omitempty" yaml:"by,omitempty"`     // number formula
	// Edge says where UpTo itself belongs: inclusive (default), to the step that
	// names it; exclusive, to the next.
	Edge  string `json:"edge,omitempty" yaml:"edge,omitempty"`
	Steps []Step `json:"steps" yaml:"steps"`
}

// Step is one row of a table. The last has no UpTo.
type Step struct {
	UpTo    string `json:"up_to,omitempty" yaml:"up_to,omitempty"`     // number formula
	Percent string `json:"percent,omitempty" yaml:"percent,omitempty"` // as Rule.Percent
	// Flat is added once where the stretch touches the step, or the slab is it.
	Flat map[money.Currency]money.Amount `json:"flat,omitempty" yaml:"flat,omitempty"`
}

// Values of Split.Remainder.
const (
	RemainderLargest = "largest"
	RemainderFirst   = "first"
	RemainderLast    = "last"
)

// Split divides an amount between several parties by weight. Its lines have the
// ids "<rule>.<part>" and sum to the rounded amount exactly.
type Split struct {
	Of    string `json:"of" yaml:"of"` // number formula
	Parts []Part `json:"parts" yaml:"parts"`
	// Remainder says who gets the units that are left when all parts are rounded
	// toward zero: those that lost most (largest, the default), the first or the last.
	Remainder string `json:"remainder,omitempty" yaml:"remainder,omitempty"`
}

// Part is one share of a Split.
type Part struct {
	ID     string `json:"id" yaml:"id"`
	To     Target `json:"to" yaml:"to"`
	Weight string `json:"weight" yaml:"weight"` // number formula, not negative
}

// Values of Rule.On.
const (
	OnSale   = "sale"
	OnRefund = "refund"
)
