package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// run is one rating by engine 2.
type run struct {
	frame
	schedule  *Schedule
	in        *Input
	currency  money.Currency
	minor     money.Amount // unit of the currency
	remaining money.Amount // of what the rules share out
	room      *Room
	texts     texts
	groups    uint64 // those of which a rule has matched
	result    Result
	trace     *trace // nil unless all is to be explained
}

// rate2 rates as engine version 2 does.
func (s *Schedule) rate2(room *Room, trace *trace) (Result, error) {
	in := &room.in
	room.held, room.releases = room.held[:0], room.releases[:0]
	r := run{frame: frame{program: s.program}, schedule: s, in: in, currency: in.Currency, minor: in.Currency.MinorUnit(), room: room, trace: trace}
	r.texts.b.Grow(max(leastTexts, room.texts))
	err := r.rate()
	room.texts = r.texts.b.Len()
	return r.result, err
}

func (r *run) rate() error {
	gross := r.digits(r.in.Amount.Abs())
	r.result = Result{Gross: gross, Rated: gross, Engine: Engine2}
	whole, err := r.divide(gross)
	if err != nil {
		return err
	}
	r.result.Rated = whole
	r.vars = r.room.values(r.schedule)
	if err = r.schedule.variables(r.vars, r.in, r.minor, gross, whole); err != nil {
		return err
	}
	counters, err := r.count()
	if err != nil {
		return err
	}
	if r.in.Original != nil {
		err = r.giveBack(gross)
	} else if !gross.IsZero() {
		err = r.share(gross)
	}
	if err != nil {
		return err
	}
	if len(r.program.recourses) > 0 {
		if err = r.recourse(); err != nil {
			return err
		}
	}
	if err = r.counted(counters); err != nil {
		return err
	}
	r.trace.finish(r)
	r.result.Values = r.vars[r.program.firstValue : r.program.firstValue+len(r.program.values)]
	return nil
}

// digits gives an amount the minor digits of the currency, as money.Amount.In does.
func (r *run) digits(a money.Amount) money.Amount {
	if a.Scale() == r.minor.Scale() {
		return a
	}
	return a.In(r.currency)
}

// unit is what a rule rounds to, with the text of Line.Rounding.
func (r *run) unit(by *rounding) (unit money.Amount, label string) {
	return by.in(r.currency, r.minor)
}

// divide cuts what is finer than the minor unit off the amount. Of a refund it is
// what makes all refunds of a sale, taken together, what one would be.
func (r *run) divide(gross money.Amount) (whole money.Amount, err error) {
	if r.in.Original == nil {
		if gross.Scale() <= r.minor.Scale() {
			return gross, nil
		}
		whole, _, err = r.schedule.divide(gross, r.currency)
		return whole, err
	}
	before, after, err := r.in.Original.span(gross)
	if err != nil {
		return whole, err
	}
	if _, _, err = r.schedule.divide(gross, r.currency); err != nil {
		return whole, err
	}
	if before, err = before.Round(money.Down, r.minor); err != nil {
		return whole, err
	}
	if after, err = after.Round(money.Down, r.minor); err != nil {
		return whole, err
	}
	whole, err = after.Sub(before)
	return whole.In(r.currency), err
}

// share applies the rules to a sale.
func (r *run) share(gross money.Amount) error {
	r.lines()
	if !r.result.Rated.IsZero() {
		r.left(r.result.Rated)
		for i := range r.program.clauses {
			c := &r.program.clauses[i]
			if c.onRefund {
				r.trace.skip(c, "it is a charge for refunds")
				continue
			}
			if err := r.consider(c); err != nil {
				return err
			}
		}
	}
	return r.difference(gross)
}

// lines makes room for all lines there can be.
func (r *run) lines() {
	r.result.Lines = make([]Line, 0, r.program.lines+1)
	if cap(r.room.shares) < r.program.lines+1 {
		r.room.shares = make([]Share, 0, r.program.lines+1)
	}
	r.result.Shares = r.room.shares[:0]
}

// left notes what the rules have not taken.
func (r *run) left(remaining money.Amount) {
	r.remaining = remaining
	if !r.program.watched {
		return
	}
	number := formula.FromAmount(remaining)
	r.set(slotTaken, formula.FromAmount(r.result.Rated).Sub(number))
	if remaining.Sign() < 0 {
		number = formula.Number{}
	}
	r.set(slotRemaining, number)
}

// consider applies one rule where it matches.
func (r *run) consider(c *clause) error {
	if c.Rest {
		return r.takeRest(c)
	}
	matches, err := r.matches(c)
	if err != nil || !matches {
		return err
	}
	return r.apply(c)
}

// matches reports whether a rule applies, and closes its group behind it.
func (r *run) matches(c *clause) (bool, error) {
	if c.group >= 0 && r.groups&(1<<c.group) != 0 {
		r.trace.group(c)
		return false, nil
	}
	if c.when != nil {
		matches, err := r.truth(c.when)
		if err == nil {
			r.trace.condition(r, c)
		}
		if err != nil || !matches {
			return false, err
		}
	}
	if c.group >= 0 {
		r.groups |= 1 << c.group
	}
	return true, nil
}

// takeRest gives what the other rules left, as engine 1 does.
func (r *run) takeRest(c *clause) error {
	remaining := r.digits(r.remaining)
	line := Line{Rule: c.ID, To: c.to.Role, Base: r.result.Rated, Rate: c.rate, Exact: r.texts.amount(remaining), Amount: remaining.Abs()}
	return r.add(c, &line, posted{to: c.to, signed: remaining, slot: c.slot})
}

// posted says where a line's amount goes.
type posted struct {
	to      Target
	signed  money.Amount // the amount with its sign
	earlier money.Amount // what earlier refunds returned of the line
	slot    int          // of the line, 0 where no formula can name it
}

// add notes a line, where its amount goes, and what later rules see of it.
func (r *run) add(c *clause, line *Line, to posted) error {
	r.result.Lines = append(r.result.Lines, *line)
	share := Share{To: to.to, Amount: line.Amount, Opposite: to.signed.Sign() < 0}
	if to.slot > 0 {
		r.set(to.slot, formula.FromAmount(to.signed))
	}
	r.trace.line(c, line)
	if c.hold != nil || c.exchange != nil {
		if err := r.route(c, &share, line.Rule, to); err != nil {
			return err
		}
	}
	r.result.Shares = append(r.result.Shares, share)
	return nil
}

// difference gives what is finer than the minor unit to its account. In a refund it
// may be less than nothing.
func (r *run) difference(gross money.Amount) error {
	difference, err := gross.Sub(r.result.Rated)
	if err != nil || difference.IsZero() {
		return err
	}
	difference = difference.In(r.currency)
	to := r.schedule.rounding
	if to.Role == "" {
		return &domain.Error{
			Code: domain.CodeTooPrecise, Field: "amount", Value: gross.String(),
			Message: "refunds finer than the minor unit of " + string(r.currency) + " were settled before and schedule " + r.schedule.document.Schedule + " names no account for the difference",
			Remedy:  "publish a version of the schedule with rounding_difference",
		}
	}
	r.result.Lines = append(r.result.Lines, Line{
		Rule: RuleRoundingDifference, To: to.Role, Base: gross, Rate: rateSubMinor, Exact: difference.String(), Amount: difference.Abs(),
	})
	r.result.Shares = append(r.result.Shares, Share{To: to, Amount: difference.Abs(), Opposite: difference.Sign() < 0})
	return nil
}
