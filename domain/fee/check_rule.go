package fee

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// MaxLines bounds the lines of one transaction: rules, and the parts of splits.
const MaxLines = 128

const (
	mostSteps = 50
	mostParts = 32
)

// rule checks the fields of one rule. Formulas are checked by the builder.
func (c *checker) rule(path string, r *Rule) {
	c.err(path+".id", domain.CheckID("id", r.ID))
	if r.ID == RuleRoundingDifference {
		c.invalid(path+".id", r.ID, "this id is reserved", "give the rule another id")
	}
	if r.Split == nil {
		c.target(path+".to", r.To)
	} else if r.To != (Target{}) {
		c.invalid(path+".to", r.To.Role, "the parts of a split have targets of their own", "leave it out")
	}
	c.kind(path, r)
	c.base(path, r)
	c.bounds(path, r)
	c.rounding(path+".rounding", r.Rounding, r.Rest)
	c.tiers(path+".tiers", r.Tiers)
	c.split(path+".split", r)
	c.conditions(path, r)
	if r.PerUnit != nil {
		c.perUnit(path+".per_unit", r.PerUnit)
	}
	c.hold(path+".hold", r.Hold, r.targets()...)
	c.convert(path+".convert", r.Convert)
}

// targets lists where the shares of a rule go.
func (r *Rule) targets() []Target {
	if r.Split == nil {
		return []Target{r.To}
	}
	targets := make([]Target, 0, len(r.Split.Parts))
	for _, part := range r.Split.Parts {
		targets = append(targets, part.To)
	}
	return targets
}

// kind makes sure that a rule says in one way what it takes.
func (c *checker) kind(path string, r *Rule) {
	kinds := 0
	for _, set := range []bool{r.adds(), r.Amount != "", r.Split != nil, r.Rest} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		c.invalid(path, r.ID, "the rule does not say what it takes", "add percent, flat, per_unit or tiers, or amount, or split, or rest: true")
	case kinds > 1:
		c.invalid(path, r.ID, "a rule takes the rest, or an amount, or a split, or the sum of percent, flat, per_unit and tiers", "split it into several rules")
	}
	c.amounts(path+".flat", r.Flat, false)
}

// adds reports whether a rule adds up percentage, flat amount, price and tiers.
func (r *Rule) adds() bool {
	return r.Percent != "" || len(r.Flat) > 0 || r.PerUnit != nil || r.Tiers != nil
}

// base checks percentage and base.
func (c *checker) base(path string, r *Rule) {
	if r.Percent == "" && r.Tiers == nil {
		c.only("percent or tiers", path+".of", r.Of != "", r.Of)
	}
	c.percent(path+".percent", r.Percent)
}

// bounds checks what limits a result.
func (c *checker) bounds(path string, r *Rule) {
	flat := r.Percent == "" && r.PerUnit == nil && r.Tiers == nil && r.Amount == "" && r.Split == nil
	if flat || r.Rest {
		c.only("percent, per_unit, tiers, amount or split", path+".minimum", len(r.Minimum) > 0, "")
		c.only("percent, per_unit, tiers, amount or split", path+".maximum", len(r.Maximum) > 0, "")
	}
	if r.Rest {
		c.only("an amount of its own", path+".at_least", r.AtLeast != "", r.AtLeast)
		c.only("an amount of its own", path+".at_most", r.AtMost != "", r.AtMost)
	}
	c.amounts(path+".minimum", r.Minimum, false)
	c.amounts(path+".maximum", r.Maximum, false)
	for _, currency := range sorted(r.Minimum) {
		if most, bounded := r.Maximum[currency]; bounded && most.Cmp(r.Minimum[currency]) < 0 {
			c.invalid(path+".maximum."+string(currency), most.String(), "the maximum is below the minimum "+r.Minimum[currency].String(), "raise it")
		}
	}
}

func (c *checker) rounding(path string, r *Rounding, rest bool) {
	if r == nil {
		return
	}
	if rest {
		c.invalid(path, r.Mode, "the rest is never rounded", "leave rounding out")
	}
	_, err := money.ParseMode(r.Mode)
	c.err(path+".mode", err)
	c.amounts(path+".unit", r.Unit, true)
}

func (c *checker) tiers(path string, t *Tiers) {
	if t == nil {
		return
	}
	c.oneOf(path+".mode", t.Mode, TiersMarginal, TiersSlab)
	if t.Edge != "" {
		c.oneOf(path+".edge", t.Edge, EdgeInclusive, EdgeExclusive)
	}
	if t.Mode == TiersSlab {
		c.only("marginal tiers", path+".from", t.From != "", t.From)
	}
	if len(t.Steps) == 0 || len(t.Steps) > mostSteps {
		c.invalid(path+".steps", strconv.Itoa(len(t.Steps)), "a table has 1 to "+strconv.Itoa(mostSteps)+" steps", "write one for each range")
	}
	for i := range t.Steps {
		s, path := &t.Steps[i], path+at(".steps", i)
		last := i == len(t.Steps)-1
		if last && s.UpTo != "" {
			c.invalid(path+".up_to", s.UpTo, "what lies above the last step has no rate", "leave up_to out of the last step")
		} else if !last && s.UpTo == "" {
			c.invalid(path+".up_to", "", "only the last step has no upper edge", "say how far the step reaches")
		}
		if s.Percent == "" && len(s.Flat) == 0 {
			c.invalid(path, "", "a step has percent, flat or both", "write percent: \"0\" where it costs nothing")
		}
		c.percent(path+".percent", s.Percent)
		c.amounts(path+".flat", s.Flat, false)
	}
}

func (c *checker) split(path string, r *Rule) {
	s := r.Split
	if s == nil {
		return
	}
	if s.Of == "" {
		c.invalid(path+".of", "", "a split has nothing to divide", "say what, as gross - taken")
	}
	if s.Remainder != "" {
		c.oneOf(path+".remainder", s.Remainder, RemainderLargest, RemainderFirst, RemainderLast)
	}
	if len(s.Parts) == 0 || len(s.Parts) > mostParts {
		c.invalid(path+".parts", strconv.Itoa(len(s.Parts)), "a split has 1 to "+strconv.Itoa(mostParts)+" parts", "write one for each party")
	}
	for i, p := range s.Parts {
		at := path + at(".parts", i)
		c.err(at+".id", domain.CheckName("id", p.ID))
		if slices.ContainsFunc(s.Parts[:i], func(o Part) bool { return o.ID == p.ID }) {
			c.invalid(at+".id", p.ID, "another part has this id", "give every part its own id")
		}
		c.target(at+".to", p.To)
		if p.Weight == "" {
			c.invalid(at+".weight", "", "the part has no weight", "write \"1\" on every part to divide evenly")
		}
	}
}

func (c *checker) perUnit(path string, u *PerUnit) {
	if u.Units == "" {
		c.invalid(path+".units", "", "it is not said what is counted", "name a number, as an input quantity")
	}
	if (len(u.Price) == 0) == (u.PriceIs == "") {
		c.invalid(path, "", "a price is written per currency or as a formula", "write one of price and price_is")
	}
	c.amounts(path+".price", u.Price, false)
}

// conditions checks when a rule applies and what a refund does with it.
func (c *checker) conditions(path string, r *Rule) {
	if r.Group != "" {
		c.err(path+".group", domain.CheckName("group", r.Group))
	}
	if r.Rest {
		c.only("an amount of its own", path+".when", r.When != "", r.When)
		c.only("an amount of its own", path+".group", r.Group != "", r.Group)
		c.only("an amount of its own", path+".refund", r.Refund != nil, "")
		c.only("an amount of its own", path+".on", r.On != "", r.On)
		return
	}
	if r.On != "" {
		c.oneOf(path+".on", r.On, OnSale, OnRefund)
	}
	if r.Refund == nil {
		return
	}
	switch {
	case r.On == OnRefund:
		if r.Refund.Policy != RefundKept && r.Refund.Policy != RefundProRata {
			c.invalid(path+".refund", r.Refund.Policy, "a charge for refunding is returned with the refund that is taken back, or kept", "write kept, or leave it out")
		}
	case r.Refund.Keep == "":
		c.oneOf(path+".refund", r.Refund.Policy, RefundProRata, RefundOnFull, RefundKept, RefundReRate)
	case r.Refund.Policy != "":
		c.invalid(path+".refund", r.Refund.Policy, "a refund policy is a name or {keep: …}", "write one of both")
	}
}

// oneOf refuses a word that is none of those known.
func (c *checker) oneOf(path, word string, known ...string) {
	if !slices.Contains(known, word) {
		c.invalid(path, word, "not a word that is known here", "use "+list(known))
	}
}

// list joins words as people do: "a, b or c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
