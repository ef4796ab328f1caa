package fee

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// split is a compiled Split.
type split struct {
	of        *expr
	parts     []part
	remainder string
}

type part struct {
	id     string // "<rule>.<part>"
	to     Target
	weight *expr
	slot   int
}

// distribute gives a rounded amount to the parts of a split. The parts of a
// negative amount are those of its absolute value with the sign changed.
func (r *run) distribute(c *clause, total, unit money.Amount) error {
	s := c.split
	weights, whole, err := r.weights(c)
	if err != nil {
		return err
	}
	exact := make([]formula.Number, len(weights))
	for i, weight := range weights {
		share, err := weight.Quo(whole)
		if err != nil {
			return err
		}
		exact[i] = formula.FromAmount(total.Abs()).Mul(share)
	}
	amounts, err := allocate(total.Abs(), unit, exact, weights, s.remainder)
	if err != nil {
		return err
	}
	for i := range s.parts {
		p := &s.parts[i]
		amount, shown := amounts[i].In(r.currency), exact[i]
		if total.Sign() < 0 {
			amount, shown = amount.Neg(), shown.Neg()
		}
		line := Line{
			Rule: p.id, To: p.to.Role, Base: total.Abs(), Rate: weights[i].String() + " of " + whole.String(), Exact: shown.String(),
			Rounding: s.remainder + " " + unit.Format(r.currency), Amount: amount.Abs(),
		}
		if err := r.add(c, &line, posted{to: p.to, signed: amount, slot: p.slot}); err != nil {
			return err
		}
	}
	if c.slot > 0 {
		r.set(c.slot, formula.FromAmount(total))
	}
	return nil
}

// weights computes the weight of every part, and of all together.
func (r *run) weights(c *clause) (weights []formula.Number, whole formula.Number, err error) {
	weights = make([]formula.Number, len(c.split.parts))
	for i := range weights {
		if weights[i], err = r.step(c, c.split.parts[i].id, c.split.parts[i].weight); err != nil {
			return nil, whole, err
		}
		if weights[i].Sign() < 0 {
			return nil, whole, &domain.Error{
				Code: domain.CodeInvalid, Field: c.split.parts[i].weight.path, Value: weights[i].String(), Message: "the weight is negative",
				Remedy: "use max(0, …) in the schedule's formula",
			}
		}
		whole = whole.Add(weights[i])
	}
	if whole.IsZero() {
		return nil, whole, &domain.Error{
			Code: domain.CodeInvalid, Field: c.split.parts[0].weight.path, Value: "0", Message: "no part of rule " + c.ID + " has a weight above zero",
			Remedy: "give one a weight, or let the rule match only where there is one",
		}
	}
	return weights, whole, nil
}

// allocate rounds exact parts of a total that is not negative toward zero, to
// multiples of unit, and gives the units that are left as remainder says. A part
// without weight gets none of them.
func allocate(total, unit money.Amount, exact, weights []formula.Number, remainder string) ([]money.Amount, error) {
	amounts := make([]money.Amount, len(exact))
	left := total
	for i := range exact {
		var err error
		if amounts[i], err = exact[i].Round(money.Down, unit); err != nil {
			return nil, err
		}
		if left, err = left.Sub(amounts[i]); err != nil {
			return nil, err
		}
	}
	order := make([]int, 0, len(exact))
	for i := range exact {
		if weights[i].Sign() > 0 {
			order = append(order, i)
		}
	}
	switch remainder {
	case RemainderFirst:
		order = order[:1]
	case RemainderLast:
		order = order[len(order)-1:]
	default:
		slices.SortStableFunc(order, func(a, b int) int {
			return exact[b].Sub(formula.FromAmount(amounts[b])).Cmp(exact[a].Sub(formula.FromAmount(amounts[a])))
		})
	}
	for i := 0; left.Sign() > 0; i++ {
		to := order[i%len(order)]
		var err error
		if amounts[to], err = amounts[to].Add(unit); err != nil {
			return nil, err
		}
		if left, err = left.Sub(unit); err != nil {
			return nil, err
		}
	}
	return amounts, nil
}
