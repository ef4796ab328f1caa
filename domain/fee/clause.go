package fee

import (
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// perUnit is a compiled PerUnit.
type perUnit struct {
	units   *expr
	price   perCurrency
	priceIs *expr
}

// result is what a rule comes to before it is rounded.
type result struct {
	base  money.Amount // as a line shows it
	exact formula.Number
	text  string // of exact, as a line shows it
	rate  string
	bound string
}

// apply adds the line of a rule that matches, or the lines of a split.
func (r *run) apply(c *clause) error {
	made, err := r.compute(c)
	if err != nil {
		return err
	}
	exact := made.exact
	if exact, made.bound, err = r.bounded(c, exact); err != nil {
		return err
	}
	unit, label := r.unit(&c.rounding)
	signed, err := exact.Round(c.rounding.mode, unit)
	if err != nil {
		return err
	}
	signed = r.digits(signed)
	r.trace.amount(c, "rounded", signed, label)
	if c.onRefund { // it is earned where all else is given back
		signed, made.exact, made.text = signed.Neg(), made.exact.Neg(), ""
	}
	if c.split != nil {
		if err := r.distribute(c, signed, unit); err != nil {
			return err
		}
	} else {
		if made.text == "" {
			made.text = r.texts.exact(made.exact)
		}
		line := Line{
			Rule: c.ID, To: c.to.Role, Base: made.base, Rate: made.rate, Exact: made.text,
			Bound: made.bound, Rounding: label, Amount: signed.Abs(),
		}
		if err := r.add(c, &line, posted{to: c.to, signed: signed, slot: c.slot}); err != nil {
			return err
		}
	}
	return r.take(signed)
}

// take takes an amount off what remains.
func (r *run) take(signed money.Amount) error {
	remaining, err := r.remaining.Sub(signed)
	if err == nil {
		r.left(remaining)
	}
	return err
}

// compute finds the exact result of a rule.
func (r *run) compute(c *clause) (result, error) {
	made := result{base: r.result.Rated, rate: c.rate}
	var err error
	switch {
	case c.amount != nil:
		made.exact, err = r.step(c, "amount", c.amount)
	case c.split != nil:
		made.exact, err = r.step(c, "of", c.split.of)
	default:
		if err = r.sum(c, &made); err == nil {
			r.trace.number(c, "exact", made.exact, made.rate)
		}
	}
	return made, err
}

// step computes a formula of a rule, and notes it.
func (r *run) step(c *clause, name string, e *expr) (formula.Number, error) {
	n, err := r.number(e)
	if err == nil {
		r.trace.formula(&r.frame, c, name, e, n)
	}
	return n, err
}

// sum adds up percentage, flat amount, price per unit and tiers.
func (r *run) sum(c *clause, made *result) error {
	text := r.room.scratch[:0]
	base := formula.FromAmount(made.base)
	if c.percent != nil || c.tiers != nil {
		var err error
		if base, made.base, err = r.base(c); err != nil {
			return err
		}
	}
	if c.percent != nil {
		percent, err := r.step(c, "percent", c.percent)
		if err != nil {
			return err
		}
		made.exact = hundredths(base, percent)
		if c.rate == "" {
			text.part()
			text.percent(c.percentText, percent)
		}
	}
	if len(c.flat) > 0 {
		flat := c.flat.find(r.currency)
		if flat == nil {
			return missing(c.ID, "flat", r.currency)
		}
		if c.percent == nil && c.perUnit == nil && c.tiers == nil {
			made.rate, made.text, made.exact = flat.text, flat.text, formula.FromAmount(flat.amount)
			return nil
		}
		made.exact = made.exact.Add(formula.FromAmount(flat.amount))
		text.part()
		text.word(flat.text)
	}
	if c.perUnit != nil {
		units, price, err := r.perUnit(c)
		if err != nil {
			return err
		}
		made.exact = made.exact.Add(units.Mul(price))
		text.part()
		text.number(price)
		text.word(" x ")
		text.number(units)
	}
	if c.tiers != nil {
		tiered, err := r.tiered(c, base, &text)
		if err != nil {
			return err
		}
		made.exact = made.exact.Add(tiered)
	}
	switch {
	case c.rate != "":
	case c.tiers == nil && c.perUnit == nil: // there are few of them
		made.rate = r.room.rate(text)
	default:
		made.rate = r.texts.text(text)
	}
	r.room.scratch = text
	return nil
}

// hundredths is a percentage of a base.
func hundredths(base, percent formula.Number) formula.Number {
	return base.Mul(percent).Mul(onePercent)
}

var onePercent = formula.FromAmount(money.New(1, 2))

// base is what a percentage is taken of: exactly, and as a line shows it.
func (r *run) base(c *clause) (formula.Number, money.Amount, error) {
	switch {
	case c.remaining:
		shown := money.Zero
		if r.remaining.Sign() > 0 {
			shown = r.remaining
		}
		r.trace.amount(c, "base", shown, ofRemaining)
		return formula.FromAmount(shown), r.digits(shown), nil
	case c.base == nil:
		r.trace.amount(c, "base", r.result.Rated, ofGross)
		return formula.FromAmount(r.result.Rated), r.result.Rated, nil
	}
	exact, err := r.step(c, "base", c.base)
	if err != nil {
		return exact, money.Zero, err
	}
	shown, err := shorten(exact, r.currency)
	return exact, shown, err
}

// shorten is a number as an amount: exactly where it has no more than
// money.ExtraDigits beyond the minor unit, otherwise rounded to them.
func shorten(n formula.Number, currency money.Currency) (money.Amount, error) {
	digits := currency.Exponent() + money.ExtraDigits
	if a, ok := n.Amount(); ok && a.Digits() <= digits {
		return a.In(currency), nil
	}
	a, err := n.Round(money.HalfUp, money.New(1, digits))
	return a.In(currency), err
}

func (r *run) perUnit(c *clause) (units, price formula.Number, err error) {
	if units, err = r.step(c, "units", c.perUnit.units); err != nil {
		return units, price, err
	}
	if c.perUnit.priceIs != nil {
		price, err = r.step(c, "price", c.perUnit.priceIs)
		return units, price, err
	}
	amount, found := c.perUnit.price.in(r.currency)
	if !found {
		return units, price, missing(c.ID, "per_unit.price", r.currency)
	}
	return units, formula.FromAmount(amount), nil
}

// bounded raises a result to the lower bounds of a rule, then lowers it to the
// upper ones.
func (r *run) bounded(c *clause, exact formula.Number) (bounded formula.Number, bound string, err error) {
	if least, given := c.least.in(r.currency); given {
		if floor := formula.FromAmount(least); exact.Cmp(floor) < 0 {
			exact, bound = floor, BoundMinimum
			r.trace.amount(c, "minimum", least, "")
		}
	}
	if c.atLeast != nil {
		floor, err := r.step(c, "at_least", c.atLeast)
		if err != nil {
			return exact, "", err
		}
		if exact.Cmp(floor) < 0 {
			exact, bound = floor, BoundMinimum+" "+floor.String()
		}
	}
	if most, given := c.most.in(r.currency); given {
		if ceiling := formula.FromAmount(most); exact.Cmp(ceiling) > 0 {
			exact, bound = ceiling, BoundMaximum
			r.trace.amount(c, "maximum", most, "")
		}
	}
	if c.atMost != nil {
		ceiling, err := r.step(c, "at_most", c.atMost)
		if err != nil {
			return exact, "", err
		}
		if exact.Cmp(ceiling) > 0 {
			exact, bound = ceiling, BoundMaximum+" "+ceiling.String()
		}
	}
	return exact, bound, nil
}

// rateText is the text of a Line.Rate, put together from what was added up.
type rateText []byte

// part begins the next summand.
func (t *rateText) part() {
	switch {
	case *t == nil:
		*t = make(rateText, 0, 128)
	case len(*t) > 0:
		t.word(" + ")
	}
}

func (t *rateText) word(s string) { *t = append(*t, s...) }

func (t *rateText) amount(a money.Amount) { *t = a.Append(*t) }

func (t *rateText) number(n formula.Number) {
	if a, ok := n.Amount(); ok {
		t.amount(a.Shorten())
	} else {
		t.word(n.String())
	}
}

// percent writes a percentage, by its text where it never changes.
func (t *rateText) percent(fixed string, n formula.Number) {
	if fixed != "" {
		t.word(fixed)
		return
	}
	t.number(n)
	t.word("%")
}
