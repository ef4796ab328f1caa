package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// The rating engines. Every settlement records the one that rated it; an engine
// that posted real money stays callable. Engine 1 rates documents of the fields
// that it knew, engine 2 all that say more: see Document.Engine.
const (
	Engine1 = 1
	Engine2 = 2
	// EngineVersion is the newest engine.
	EngineVersion = Engine2
)

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
	// Inputs, Parameters, Accumulators and Values give formulas their names, beside
	// those that every transaction has.
	Inputs       []Attribute   `json:"inputs,omitempty" yaml:"inputs,omitempty"`
	Parameters   []Parameter   `json:"parameters,omitempty" yaml:"parameters,omitempty"`
	Accumulators []Accumulator `json:"accumulators,omitempty" yaml:"accumulators,omitempty"`
	Values       []Named       `json:"values,omitempty" yaml:"values,omitempty"`
	Rules        []Rule        `json:"rules" yaml:"rules"`
	Periods      []Period      `json:"periods,omitempty" yaml:"periods,omitempty"`
	// Recourse says what pays first where a transaction takes money from a party.
	Recourse []Recourse `json:"recourse,omitempty" yaml:"recourse,omitempty"`
	// Cases are worked examples that are kept beside the rules. They are tested,
	// never published.
	Cases []Case `json:"cases,omitempty" yaml:"cases,omitempty"`
}

// Target names an account by the role of its owner and its purpose.
type Target struct {
	Role string `json:"role" yaml:"role"`
	// Purpose is "payable" where empty; "receivable" for funds, "rounding" for the
	// rounding difference.
	Purpose string `json:"purpose,omitempty" yaml:"purpose,omitempty"`
}

// Rule gives one party its part. It has Rest, or Amount, or Split, or any of
// Percent, Flat, PerUnit and Tiers, which are added up. Rules are applied by
// ascending Priority, then in the order written; the one rule with Rest comes last
// and takes what is left.
type Rule struct {
	ID       string `json:"id" yaml:"id"`
	To       Target `json:"to,omitzero" yaml:"to,omitempty"` // none for a Split
	Priority int    `json:"priority,omitempty" yaml:"priority,omitempty"`
	// When is a truth formula; the rule is left out where it is false. Of the rules
	// of one Group only the first that matches applies.
	When  string `json:"when,omitempty" yaml:"when,omitempty"`
	Group string `json:"group,omitempty" yaml:"group,omitempty"`
	// Of selects the base of Percent and Tiers: "gross" (default), "remaining", or a
	// number formula.
	Of      string                          `json:"of,omitempty" yaml:"of,omitempty"`
	Percent string                          `json:"percent,omitempty" yaml:"percent,omitempty"` // in per cent: "15", "2.75", or a formula, "rate * 100"
	Flat    map[money.Currency]money.Amount `json:"flat,omitempty" yaml:"flat,omitempty"`
	PerUnit *PerUnit                        `json:"per_unit,omitempty" yaml:"per_unit,omitempty"`
	Tiers   *Tiers                          `json:"tiers,omitempty" yaml:"tiers,omitempty"`
	Amount  string                          `json:"amount,omitempty" yaml:"amount,omitempty"` // number formula
	Split   *Split                          `json:"split,omitempty" yaml:"split,omitempty"`
	Rest    bool                            `json:"rest,omitempty" yaml:"rest,omitempty"`
	// Minimum and Maximum bound the result before it is rounded. A currency that is
	// not named has no bound. AtLeast and AtMost are number formulas to the same end;
	// of all bounds above AtMost and Maximum win.
	Minimum map[money.Currency]money.Amount `json:"minimum,omitempty" yaml:"minimum,omitempty"`
	Maximum map[money.Currency]money.Amount `json:"maximum,omitempty" yaml:"maximum,omitempty"`
	AtLeast string                          `json:"at_least,omitempty" yaml:"at_least,omitempty"`
	AtMost  string                          `json:"at_most,omitempty" yaml:"at_most,omitempty"`
	// Rounding is half_up to the currency's minor unit where not given.
	Rounding *Rounding `json:"rounding,omitempty" yaml:"rounding,omitempty"`
	// Refund is pro_rata where not given. A charge for refunding is returned where its
	// refund is taken back; it can be kept instead.
	Refund *Refund `json:"refund,omitempty" yaml:"refund,omitempty"`
	// On is OnSale where empty. OnRefund makes the rule a charge for refunding.
	On      string   `json:"on,omitempty" yaml:"on,omitempty"`
	Hold    *Hold    `json:"hold,omitempty" yaml:"hold,omitempty"`
	Convert *Convert `json:"convert,omitempty" yaml:"convert,omitempty"`
}

// Rounding is a mode and, where it is not the minor unit, a unit per currency: a
// multiple of the minor unit, as 10 KRW or 0.05 CHF. Rules see absolute amounts, so
// ceiling and floor round away from and toward zero.
type Rounding struct {
	Mode string                          `json:"mode" yaml:"mode"` // half_up, half_even, half_down, up, down, ceiling, floor
	Unit map[money.Currency]money.Amount `json:"unit,omitempty" yaml:"unit,omitempty"`
}
