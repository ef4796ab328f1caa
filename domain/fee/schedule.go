package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// EngineVersion is the version of the rating engine. Every settlement records
// it; an engine that posted real money stays callable.
const EngineVersion = 1

// Document is one version of a schedule as people write it (YAML or JSON). It is
// immutable once published; a correction is a new version.
type Document struct {
	Schedule      string      `json:"schedule" yaml:"schedule"`
	Version       int         `json:"version" yaml:"version"`
	EffectiveFrom domain.Date `json:"effective_from" yaml:"effective_from"` // in the contract's zone, inclusive
	Description   string      `json:"description,omitempty" yaml:"description,omitempty"`
	// Funds is debited with the gross amount of a sale: who holds the money.
	Funds Target `json:"funds" yaml:"funds"`
	// RoundingDifference takes what is finer than the currency's minor unit.
	RoundingDifference *Target `json:"rounding_difference,omitempty" yaml:"rounding_difference,omitempty"`
	Rules              []Rule  `json:"rules" yaml:"rules"`
}

// Target names an account by the role of its owner and its purpose.
type Target struct {
	Role string `json:"role" yaml:"role"`
	// Purpose is "payable" where empty; "receivable" for funds, "rounding" for the
	// rounding difference.
	Purpose string `json:"purpose,omitempty" yaml:"purpose,omitempty"`
}

// Rule gives one party its part. Exactly one of Percent, Flat and Rest is set.
// Rules are applied by ascending Priority, then in the order written; the one
// rule with Rest comes last and takes what is left.
type Rule struct {
	ID       string `json:"id" yaml:"id"`
	To       Target `json:"to" yaml:"to"`
	Priority int    `json:"priority,omitempty" yaml:"priority,omitempty"`
	// Of selects the base of Percent: "gross" (default) or "remaining".
	Of      string                          `json:"of,omitempty" yaml:"of,omitempty"`
	Percent string                          `json:"percent,omitempty" yaml:"percent,omitempty"` // "15", "2.75"
	Flat    map[money.Currency]money.Amount `json:"flat,omitempty" yaml:"flat,omitempty"`
	Rest    bool                            `json:"rest,omitempty" yaml:"rest,omitempty"`
	// Minimum and Maximum bound the result of Percent before it is rounded. A
	// currency that is not named has no bound.
	Minimum map[money.Currency]money.Amount `json:"minimum,omitempty" yaml:"minimum,omitempty"`
	Maximum map[money.Currency]money.Amount `json:"maximum,omitempty" yaml:"maximum,omitempty"`
	// Rounding is half_up to the currency's minor unit where not given.
	Rounding *Rounding `json:"rounding,omitempty" yaml:"rounding,omitempty"`
}

// Rounding is a mode and, where it is not the minor unit, a unit per currency: a
// multiple of the minor unit, as 10 KRW or 0.05 CHF. Rules see absolute amounts, so
// ceiling and floor round away from and toward zero.
type Rounding struct {
	Mode string                          `json:"mode" yaml:"mode"` // half_up, half_even, half_down, up, down, ceiling, floor
	Unit map[money.Currency]money.Amount `json:"unit,omitempty" yaml:"unit,omitempty"`
}
