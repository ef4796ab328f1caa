package auditor

import (
	"math/big"
	"slices"
	"strings"
)

// rating is one settlement by the second engine, in the auditor's own arithmetic:
// fractions of minor units.
type rating struct {
	a         *Auditor
	s         *settled
	version   *Version
	rate      int64
	limit     map[string]int64
	gross     int64
	remaining int64
	groups    map[string]bool
	made      map[string]int64 // by rule, with its sign
	shares    []share
	abroad    []share // in other currencies; posted last
	converted []converted
	looked    map[string]bool // calendars
	lines     []line
	movement
}

func rat(n int64) *big.Rat { return big.NewRat(n, 1) }

// second rates a settlement.
func (a *Auditor) second(s *settled) *rating {
	r := &rating{a: a, s: s, looked: map[string]bool{}, movement: movement{book: a.books[s.book]}, version: &a.schedules[s.contract.Schedule].Versions[s.version-1], groups: map[string]bool{}, made: map[string]int64{}}
	r.rate, r.limit = s.contract.parameters(r.version)
	r.gross = max(s.tx.Amount, -s.tx.Amount)
	r.remaining = r.gross
	if r.gross == 0 {
		return r
	}
	for _, rule := range r.version.ordered() {
		switch {
		case rule.Rest:
			r.line(&rule, rule.ID, rule.To, r.remaining, 0)
		case s.as:
			r.back(&rule)
		case !rule.OnRefund:
			r.consider(&rule)
		}
	}
	r.pay()
	return r
}

// line notes a line and its share; earlier is what other refunds had of the same.
func (r *rating) line(rule *Rule, id string, to Target, units, earlier int64) {
	r.lines = append(r.lines, line{id, max(units, -units), units < 0})
	r.made[id] += units
	if rule.Convert != nil && rule.Convert.To != r.s.tx.Currency {
		r.convert(rule, id, to, units, earlier)
		return
	}
	r.shares = append(r.shares, r.kept(rule, share{to: to, currency: r.s.tx.Currency, units: units}))
}

// consider applies a rule where it matches.
func (r *rating) consider(rule *Rule) {
	if r.groups[rule.Group] || rule.When != nil && !r.matches(rule.When) {
		return
	}
	if rule.Group != "" {
		r.groups[rule.Group] = true
	}
	currency := r.s.tx.Currency
	if rule.Split != nil {
		r.divide(rule)
		return
	}
	base := rat(r.gross)
	switch {
	case rule.OfRemaining:
		base = rat(max(r.remaining, 0))
	case rule.OfNet:
		base.Mul(base, big.NewRat(10, 11))
	}
	exact := new(big.Rat)
	switch {
	case rule.Tiers != nil:
		exact = r.tiered(rule.Tiers, base)
	case rule.Flat != nil:
		exact = rat(rule.Flat[currency])
	case rule.ByRate:
		exact.Mul(base, big.NewRat(r.rate, 1_000_000))
	default:
		exact.Mul(base, big.NewRat(rule.Millionths, 1_000_000))
	}
	if least, bounded := rule.Minimum[currency]; bounded && exact.Cmp(rat(least)) < 0 {
		exact = rat(least)
	}
	if most, bounded := rule.Maximum[currency]; bounded && exact.Cmp(rat(most)) > 0 {
		exact = rat(most)
	}
	if rule.Cap != nil {
		left := new(big.Rat).Sub(rat(r.limit[currency]), r.minor(r.before(rule.Cap.Accumulator)))
		if left.Sign() < 0 {
			left = new(big.Rat)
		}
		if exact.Cmp(left) > 0 {
			exact = left
		}
	}
	units := rule.round(exact, currency)
	if rule.OnRefund {
		units = -units
	}
	r.line(rule, rule.ID, rule.To, units, 0)
	r.remaining -= units
}

// scale is how many minor units make a whole one.
func (r *rating) scale() *big.Rat {
	n := int64(1)
	for range Exponents[r.s.tx.Currency] {
		n *= 10
	}
	return rat(n)
}

func (r *rating) minor(whole *big.Rat) *big.Rat { return new(big.Rat).Mul(whole, r.scale()) }

// before is where an accumulator stands before the settlement, in whole units.
func (r *rating) before(name string) *big.Rat {
	i := slices.IndexFunc(r.version.Accumulators, func(acc Accumulator) bool { return acc.Name == name })
	return r.a.books[r.s.book].before(r.s.counter(&r.version.Accumulators[i]))
}

func (r *rating) matches(c *Condition) bool {
	above := r.minor(rat(c.Above))
	return (c.Type == "" || c.Type == r.s.tx.Type) && (c.Grade == "" || c.Grade == r.s.grade()) &&
		(c.From == "" || c.From <= r.s.on) && (c.Until == "" || r.s.on < c.Until) &&
		(c.Above == 0 || rat(r.gross).Cmp(above) > 0) &&
		(c.Counter == "" || r.before(c.Counter).Cmp(rat(c.AtLeast)) >= 0)
}

// tiered rates a base by a table.
func (r *rating) tiered(t *Tiers, base *big.Rat) *big.Rat {
	sum := new(big.Rat)
	low, high := new(big.Rat), base
	if t.From != "" {
		low = r.minor(r.before(t.From))
		high = new(big.Rat).Add(low, base)
	}
	by := base
	if t.By != "" {
		by = r.minor(r.before(t.By))
	}
	for i, step := range t.Steps {
		last, edge := i == len(t.Steps)-1, r.minor(rat(step.UpTo))
		part := base
		if t.Slab {
			if !last && by.Cmp(edge) > 0 {
				continue
			}
		} else {
			end := high
			if !last && edge.Cmp(end) < 0 {
				end = edge
			}
			part = new(big.Rat).Sub(end, low)
			if part.Sign() <= 0 {
				continue
			}
			low = end
		}
		sum.Add(sum, new(big.Rat).Mul(part, big.NewRat(step.Millionths, 1_000_000)))
		if t.Slab {
			break
		}
	}
	return sum
}

// divide gives the parts of a split their share of the rounded whole.
func (r *rating) divide(rule *Rule) {
	split, currency := rule.Split, r.s.tx.Currency
	whole := rule.round(new(big.Rat).Mul(rat(r.gross), big.NewRat(split.Millionths, 1_000_000)), currency)
	unit := rule.unit(currency)
	var weights int64
	for _, part := range split.Parts {
		weights += part.Weight
	}
	left := whole
	shares, over := make([]int64, len(split.Parts)), make([]*big.Rat, len(split.Parts))
	for i, part := range split.Parts {
		exact := big.NewRat(whole*part.Weight, weights)
		shares[i] = new(big.Int).Quo(exact.Num(), new(big.Int).Mul(exact.Denom(), big.NewInt(unit))).Int64() * unit
		over[i] = exact.Sub(exact, rat(shares[i]))
		left -= shares[i]
	}
	for ; left > 0; left -= unit {
		to := 0
		switch split.Remainder {
		case "last":
			to = len(shares) - 1
		case "largest":
			for i := range over {
				if over[i].Cmp(over[to]) > 0 {
					to = i
				}
			}
			over[to].Sub(over[to], rat(unit))
		}
		shares[to] += unit
	}
	for i, part := range split.Parts {
		r.line(rule, rule.ID+"."+part.ID, part.To, shares[i], 0)
	}
	r.remaining -= whole
}

// back returns what a rule returns of the sale.
func (r *rating) back(rule *Rule) {
	refund := r.s.original.original != nil // and not a sale is given back
	switch {
	case !refund && rule.Refund == ReRate && r.instead(rule):
	case !refund && (rule.OnRefund || rule.Refund == ReRate):
		r.consider(rule)
	case rule.Split != nil:
		for _, part := range rule.Split.Parts {
			r.returned(rule, rule.ID+"."+part.ID, part.To)
		}
	default:
		r.returned(rule, rule.ID, rule.To)
	}
}

// instead reports whether the sale was charged by a rule of the same group that goes
// back as it was: then no other one of the group is worked out anew.
func (r *rating) instead(rule *Rule) bool {
	return rule.Group != "" && slices.ContainsFunc(r.version.Rules, func(o Rule) bool {
		return o.Group == rule.Group && o.Refund != ReRate &&
			slices.ContainsFunc(r.s.original.lines, func(l line) bool { return l.rule == o.ID || strings.HasPrefix(l.rule, o.ID+".") })
	})
}

// returned is a line of the sale's that goes back.
func (r *rating) returned(rule *Rule, id string, to Target) {
	sale := r.s.original
	i := slices.IndexFunc(sale.lines, func(l line) bool { return l.rule == id })
	if i < 0 {
		return
	}
	took, currency := sale.lines[i].amount, r.s.tx.Currency
	whole := max(sale.tx.Amount, -sale.tx.Amount)
	after := sale.refunded + r.gross
	var units, earlier int64
	policy, keep := rule.Refund, rule.Keep
	again := sale.original != nil && policy == OnFull
	if sale.original != nil && !again && (!rule.OnRefund || policy != Kept) {
		policy, keep = ProRata, 0 // of a refund everything goes back in proportion
	}
	if sale.lines[i].owed {
		took = -took
	}
	switch policy {
	case Kept:
	case OnFull:
		if !again && after == whole || again && sale.refunded == 0 {
			units = took
		}
	default:
		if keep > 0 {
			took -= rule.round(new(big.Rat).Mul(rat(took), big.NewRat(keep, 1_000_000)), currency)
		}
		part := func(given int64) int64 {
			return rule.round(new(big.Rat).Mul(rat(took), big.NewRat(given, whole)), currency)
		}
		earlier = part(sale.refunded)
		units = part(after) - earlier
	}
	r.line(rule, id, to, units, earlier)
	r.remaining -= units
}

// sum is what a rule came to, with all parts of a split.
func (r *rating) sum(rule string) (units int64) {
	for id, n := range r.made {
		if id == rule || strings.HasPrefix(id, rule+".") {
			units += n
		}
	}
	return units
}
