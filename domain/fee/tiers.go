package fee

import (
	"github.com/jeongsan/jeongsan/domain/formula"
)

// tiers is a compiled Tiers.
type tiers struct {
	marginal  bool
	exclusive bool
	from      *expr // nil: 0
	by        *expr // nil: the base
	steps     []step
}

type step struct {
	*Step
	upTo    *expr // nil: everything above
	percent *expr
	flat    perCurrency

	percentText string // of Line.Rate where it never changes
}

// tiered rates a base by the table of a rule.
func (r *run) tiered(c *clause, base formula.Number, text *rateText) (formula.Number, error) {
	by := base
	if c.tiers.by != nil {
		var err error
		if by, err = r.step(c, "by", c.tiers.by); err != nil {
			return by, err
		}
	}
	if c.tiers.marginal {
		return r.marginal(c, base, by, text)
	}
	return r.slab(c, base, by, text)
}

// slab rates the whole base by the step that by lies in.
func (r *run) slab(c *clause, base, by formula.Number, text *rateText) (formula.Number, error) {
	for i := range c.tiers.steps {
		s := &c.tiers.steps[i]
		if s.upTo != nil {
			edge, err := r.step(c, "up_to", s.upTo)
			if err != nil {
				return edge, err
			}
			if beyond := by.Cmp(edge); beyond > 0 || beyond == 0 && c.tiers.exclusive {
				continue
			}
		}
		var made formula.Number
		return made, r.part(c, s, base, 1, &made, text, "slab ")
	}
	return formula.Number{}, nil
}

// marginal cuts the stretch from where earlier transactions ended to by further,
// and rates each part of the base by its own step. Where by is negative the stretch
// runs backward, and gives back what it would have taken.
func (r *run) marginal(c *clause, base, by formula.Number, text *rateText) (formula.Number, error) {
	var low, made formula.Number
	if c.tiers.from != nil {
		var err error
		if low, err = r.step(c, "from", c.tiers.from); err != nil {
			return low, err
		}
	}
	high := low.Add(by)
	backward := by.Sign() < 0
	if backward {
		low, high = high, low
	}
	at, lead := low, "marginal "
	for i := range c.tiers.steps {
		s := &c.tiers.steps[i]
		edge, last := high, s.upTo == nil
		if !last {
			limit, err := r.step(c, "up_to", s.upTo)
			if err != nil {
				return made, err
			}
			// What ends on an edge has not left the step, whoever the edge belongs to: a
			// stretch has no part in a step of which it has no more than the edge.
			if limit.Cmp(at) <= 0 && !(by.IsZero() && r.inside(c, low, limit)) {
				continue
			}
			if last = high.Cmp(limit) <= 0; !last {
				edge = limit
			}
		}
		portion, err := proportion(base, by, edge.Sub(at), backward)
		if err != nil {
			return made, err
		}
		if err := r.part(c, s, portion, by.Sign(), &made, text, lead); err != nil {
			return made, err
		}
		if at, lead = edge, ", "; last {
			break
		}
	}
	return made, nil
}

// inside reports whether a stretch of nothing lies in a step with this edge.
func (r *run) inside(c *clause, low, edge formula.Number) bool {
	beyond := low.Cmp(edge)
	return beyond < 0 || beyond == 0 && !c.tiers.exclusive
}

// proportion is the part of the base that belongs to a part of the stretch.
func proportion(base, by, width formula.Number, backward bool) (formula.Number, error) {
	if backward {
		width = width.Neg()
	}
	switch {
	case by.IsZero():
		return base, nil
	case by.Cmp(base) == 0:
		return width, nil
	}
	share, err := width.Quo(by)
	return base.Mul(share), err
}

// part adds what one step makes of its part of the base. direction is that of the
// stretch, 0 where it has no width.
func (r *run) part(c *clause, s *step, base formula.Number, direction int, made *formula.Number, text *rateText, lead string) error {
	if lead == ", " {
		text.word(lead)
	} else {
		text.part()
		text.word(lead)
	}
	if s.percent != nil {
		percent, err := r.step(c, "percent", s.percent)
		if err != nil {
			return err
		}
		*made = made.Add(hundredths(base, percent))
		text.percent(s.percentText, percent)
		if c.tiers.marginal {
			text.word(" of ")
			text.number(base)
		}
	}
	if len(s.flat) > 0 && direction != 0 {
		flat, found := s.flat.in(r.currency)
		if !found {
			return missing(c.ID, "tiers", r.currency)
		}
		if direction < 0 {
			flat = flat.Neg()
		}
		*made = made.Add(formula.FromAmount(flat))
		if s.percent != nil {
			text.word(" + ")
		}
		text.amount(r.digits(flat))
	}
	return nil
}
