package fee

import "github.com/jeongsan/jeongsan/domain/money"

// Period says what is posted when a window of an accumulator ends, once for each
// of its keys and currencies.
type Period struct {
	ID          string `json:"id" yaml:"id"`
	Description string `json:"description,omitempty" yaml:"description,omitempty"`
	// Of names the accumulator whose window ends.
	Of string `json:"of" yaml:"of"`
	// GraceDays is for how many days after its last the window stays open, for
	// transactions that come late.
	GraceDays int `json:"grace_days,omitempty" yaml:"grace_days,omitempty"`
	// When is a truth formula; where it is false there are no entries, and nothing is
	// carried.
	When    string        `json:"when,omitempty" yaml:"when,omitempty"`
	Values  []Named       `json:"values,omitempty" yaml:"values,omitempty"`
	Entries []PeriodEntry `json:"entries,omitempty" yaml:"entries,omitempty"`
	// Carry opens the next window of accumulators with the same key and window.
	Carry []Carry `json:"carry,omitempty" yaml:"carry,omitempty"`
}

// PeriodEntry moves an amount from one account to another. It is computed as that
// of a Rule, by Amount or by any of Percent, Flat, PerUnit and Tiers, from a base
// that Of gives: there is no transaction here, and so no gross. An amount below
// zero moves the other way.
type PeriodEntry struct {
	ID   string `json:"id" yaml:"id"`
	From Target `json:"from" yaml:"from"`
	To   Target `json:"to" yaml:"to"`
	// When is a truth formula; the entry is left out where it is false.
	When    string                          `json:"when,omitempty" yaml:"when,omitempty"`
	Of      string                          `json:"of,omitempty" yaml:"of,omitempty"` // number formula
	Percent string                          `json:"percent,omitempty" yaml:"percent,omitempty"`
	Flat    map[money.Currency]money.Amount `json:"flat,omitempty" yaml:"flat,omitempty"`
	PerUnit *PerUnit                        `json:"per_unit,omitempty" yaml:"per_unit,omitempty"`
	Tiers   *Tiers                          `json:"tiers,omitempty" yaml:"tiers,omitempty"`
	Amount  string                          `json:"amount,omitempty" yaml:"amount,omitempty"` // number formula
	Minimum map[money.Currency]money.Amount `json:"minimum,omitempty" yaml:"minimum,omitempty"`
	Maximum map[money.Currency]money.Amount `json:"maximum,omitempty" yaml:"maximum,omitempty"`
	AtLeast string                          `json:"at_least,omitempty" yaml:"at_least,omitempty"`
	AtMost  string                          `json:"at_most,omitempty" yaml:"at_most,omitempty"`
	// Rounding is half_up to the minor unit where not given.
	Rounding *Rounding `json:"rounding,omitempty" yaml:"rounding,omitempty"`
}

// Carry is the opening value of an accumulator's next window.
type Carry struct {
	Accumulator string `json:"accumulator" yaml:"accumulator"`
	Is          string `json:"is" yaml:"is"`
}

// Named is a formula by name: an exact intermediate result of any kind, never
// rounded unless by round.
type Named struct {
	Name string `json:"name" yaml:"name"`
	Is   string `json:"is" yaml:"is"`
}
