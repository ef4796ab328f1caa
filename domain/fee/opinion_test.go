package fee_test

import (
	"fmt"
	"math/big"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// expect is the second opinion: the whole language in rational numbers.
func (c *contractDrawn) expect(f facts) (lines []string, failed bool) {
	lines = []string{}
	minor := rational(f.currency.MinorUnit())
	gross := new(big.Rat).Abs(rational(f.amount))
	whole := round(gross, "down", minor)
	w := &world{facts: f, gross: whole, left: new(big.Rat).Set(whole), lines: map[string]*big.Rat{}, rate: c.rate, value: &c.value}
	matched := map[string]bool{}
	for i := range c.rules {
		w.lines[c.rules[i].ID] = new(big.Rat)
	}
	for i := 0; i < len(c.rules) && whole.Sign() > 0; i++ {
		r := &c.rules[i]
		if r.Group != "" && matched[r.Group] {
			continue
		}
		if r.low != nil {
			low, okLow := r.low.is(w)
			high, okHigh := r.high.is(w)
			if !okLow || !okHigh {
				return nil, true
			}
			if low.Cmp(high) > 0 {
				continue
			}
		}
		matched[r.Group] = true
		written, ok := r.expect(w, minor)
		if !ok {
			return nil, true
		}
		lines = append(lines, written...)
	}
	if whole.Sign() > 0 {
		lines = append(lines, fmt.Sprint("rest", "", new(big.Rat).Abs(w.left).RatString(), w.left.Sign() < 0))
	}
	if fine := new(big.Rat).Sub(gross, whole); fine.Sign() > 0 {
		lines = append(lines, fmt.Sprint(fee.RuleRoundingDifference, "", fine.RatString(), false))
	}
	return lines, false
}

// expect applies one rule that matches.
func (r *clauseDrawn) expect(w *world, minor *big.Rat) (lines []string, ok bool) {
	x, ok := r.result(w)
	if !ok {
		return nil, false
	}
	bound := ""
	limit := func(word string, by *big.Rat) {
		if by != nil && (x.Cmp(by) < 0) == (word == "minimum") && x.Cmp(by) != 0 {
			x, bound = by, word
		}
	}
	for _, side := range []struct {
		word    string
		amounts map[money.Currency]money.Amount
		formula *term
	}{{"minimum", r.Minimum, r.least}, {"maximum", r.Maximum, r.most}} {
		if a, given := side.amounts[w.currency]; given {
			limit(side.word, rational(a))
		}
		if side.formula != nil {
			by, ok := side.formula.is(w)
			if !ok {
				return nil, false
			}
			limit(side.word, by)
		}
	}
	mode, unit := "half_up", minor
	if r.Rounding != nil {
		mode = r.Rounding.Mode
		if u, given := r.Rounding.Unit[w.currency]; given {
			unit = rational(u)
		}
	}
	x = roundSigned(x, mode, unit)
	tell := func(id, bound string, x *big.Rat) {
		lines = append(lines, fmt.Sprint(id, bound, new(big.Rat).Abs(x).RatString(), x.Sign() < 0))
	}
	if r.Split == nil {
		tell(r.ID, bound, x)
	} else {
		parts, ok := r.divide(w, x, unit)
		if !ok {
			return nil, false
		}
		for i, part := range parts {
			tell(fmt.Sprintf("%s.p%d", r.ID, i), "", part)
		}
	}
	w.left = new(big.Rat).Sub(w.left, x)
	w.lines[r.ID] = x
	return lines, true
}

// roundSigned rounds with a sign: ceiling and floor go up and down.
func roundSigned(x *big.Rat, mode string, unit *big.Rat) *big.Rat {
	if x.Sign() >= 0 {
		return round(x, mode, unit)
	}
	if other, swapped := map[string]string{"ceiling": "floor", "floor": "ceiling"}[mode]; swapped {
		mode = other
	}
	return new(big.Rat).Neg(round(new(big.Rat).Neg(x), mode, unit))
}

// result is what the rule comes to exactly.
func (r *clauseDrawn) result(w *world) (*big.Rat, bool) {
	if r.amount != nil {
		return r.amount.is(w)
	}
	sum, base := new(big.Rat), w.gross
	ok := true
	get := func(from *term) *big.Rat {
		x, computed := from.is(w)
		if !computed {
			ok = false
			return new(big.Rat)
		}
		return x
	}
	if r.of != nil {
		base = get(r.of)
	}
	if r.percent != nil {
		part := new(big.Rat).Mul(base, get(r.percent))
		sum.Add(sum, part.Quo(part, big.NewRat(100, 1)))
	}
	if r.Flat != nil {
		sum.Add(sum, rational(r.Flat[w.currency]))
	}
	if r.units != nil {
		sum.Add(sum, new(big.Rat).Mul(get(r.units), get(r.price)))
	}
	if r.Tiers != nil {
		by, from := base, new(big.Rat)
		if r.by != nil {
			by = get(r.by)
		}
		if r.from != nil {
			from = get(r.from)
		}
		if ok {
			sum.Add(sum, r.tiered(w, base, by, from))
		}
	}
	return sum, ok
}

// tiered walks over all steps and asks of each what of the stretch lies in it.
func (r *clauseDrawn) tiered(w *world, base, by, from *big.Rat) *big.Rat {
	sum := new(big.Rat)
	beyond := func(x *big.Rat, step int) bool { // whether x lies above the edge of a step
		if step == len(r.stepUpTo) {
			return false
		}
		c := x.Cmp(r.stepUpTo[step])
		return c > 0 || c == 0 && r.Tiers.Edge == "exclusive"
	}
	end := new(big.Rat).Add(from, by)
	for i, percent := range r.stepPercent {
		flat := rational(r.Tiers.Steps[i].Flat[w.currency])
		portion := new(big.Rat)
		switch {
		case r.Tiers.Mode == "slab" || by.Sign() == 0:
			at := by
			if r.Tiers.Mode == "marginal" {
				at, flat = from, new(big.Rat)
			}
			if beyond(at, i) || i > 0 && !beyond(at, i-1) {
				continue
			}
			portion.Set(base)
		default:
			low, high := from, end
			if by.Sign() < 0 {
				low, high = end, from
			}
			if i > 0 && low.Cmp(r.stepUpTo[i-1]) < 0 {
				low = r.stepUpTo[i-1]
			}
			if i < len(r.stepUpTo) && high.Cmp(r.stepUpTo[i]) > 0 {
				high = r.stepUpTo[i]
			}
			if low.Cmp(high) >= 0 {
				continue
			}
			width := new(big.Rat).Sub(high, low)
			portion.Mul(base, width.Quo(width, new(big.Rat).Abs(by)))
			if by.Sign() < 0 {
				flat = new(big.Rat).Neg(flat)
			}
		}
		part := new(big.Rat).Mul(portion, percent)
		sum.Add(sum, part.Quo(part, big.NewRat(100, 1)))
		sum.Add(sum, flat)
	}
	return sum
}

// divide gives each part its share by largest remainder, or the units left over to
// the first or the last part that has a weight.
func (r *clauseDrawn) divide(w *world, total, unit *big.Rat) ([]*big.Rat, bool) {
	whole := new(big.Rat)
	weights := make([]*big.Rat, len(r.weights))
	for i := range r.weights {
		weight, ok := r.weights[i].is(w)
		if !ok || weight.Sign() < 0 {
			return nil, false
		}
		weights[i] = weight
		whole.Add(whole, weight)
	}
	if whole.Sign() == 0 {
		return nil, false
	}
	size := new(big.Rat).Abs(total)
	left := new(big.Rat).Set(size)
	parts, lost := make([]*big.Rat, len(weights)), make([]*big.Rat, len(weights))
	for i, weight := range weights {
		exact := new(big.Rat).Mul(size, weight)
		exact.Quo(exact, whole)
		parts[i] = round(exact, "down", unit)
		lost[i] = exact.Sub(exact, parts[i])
		left.Sub(left, parts[i])
	}
	for left.Sign() > 0 {
		to := -1
		for i, weight := range weights {
			switch {
			case weight.Sign() == 0:
			case to < 0, r.Split.Remainder == "last",
				r.Split.Remainder != "first" && lost[i].Cmp(lost[to]) > 0:
				to = i
			}
		}
		parts[to].Add(parts[to], unit)
		lost[to] = big.NewRat(-1, 1)
		left.Sub(left, unit)
	}
	if total.Sign() < 0 {
		for _, part := range parts {
			part.Neg(part)
		}
	}
	return parts, true
}
