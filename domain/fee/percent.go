package fee

import (
	"github.com/jeongsan/jeongsan/domain/money"
)

// percentage fills in the exact result, the bound and the rounded amount of a
// percentage of the line's base. Machine words are tried first; a product that
// does not fit goes through big decimals to the same result.
func (r *rule) percentage(line *Line, unit money.Amount, currency money.Currency) error {
	exact, ok := line.Base.Mul(r.percent)
	if ok {
		exact, ok = exact.Shift(2)
	}
	if !ok {
		return r.percentageBig(line, unit, currency)
	}
	line.Exact = exact.Shorten().String()
	if least, bounded := r.Minimum[currency]; bounded && exact.Cmp(least) < 0 {
		exact, line.Bound = least, BoundMinimum
	} else if most, bounded := r.Maximum[currency]; bounded && exact.Cmp(most) > 0 {
		exact, line.Bound = most, BoundMaximum
	}
	var err error
	line.Amount, err = exact.Round(r.mode, unit)
	return err
}

func (r *rule) percentageBig(line *Line, unit money.Amount, currency money.Currency) error {
	exact := line.Base.Decimal().Mul(r.percent.Decimal()).Shift(-2)
	line.Exact = exact.String()
	if least, bounded := r.Minimum[currency]; bounded && exact.Cmp(least.Decimal()) < 0 {
		exact, line.Bound = least.Decimal(), BoundMinimum
	} else if most, bounded := r.Maximum[currency]; bounded && exact.Cmp(most.Decimal()) > 0 {
		exact, line.Bound = most.Decimal(), BoundMaximum
	}
	var err error
	line.Amount, err = money.Round(exact, r.mode, unit)
	return err
}
