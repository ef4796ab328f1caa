package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// measureDigits is how many decimals a sum keeps that is not per currency. One that
// is keeps money.ExtraDigits beyond the minor unit.
const measureDigits = 6

// count asks for the sums before this transaction, as far as formulas name them.
func (r *run) count() ([]Counter, error) {
	if len(r.program.accumulators) == 0 {
		return nil, nil
	}
	if r.in.Before == nil {
		return nil, domain.Unfilled("before")
	}
	if cap(r.room.counters) < len(r.program.accumulators) {
		r.room.counters = make([]Counter, len(r.program.accumulators))
	}
	counters := r.room.counters[:len(r.program.accumulators)]
	r.result.Counts = make([]Count, len(counters))
	for i := range counters {
		a := &r.program.accumulators[i]
		counters[i] = r.schedule.counter(r.room, a, r.in, r.vars)
		if a.named || r.trace != nil {
			if err := r.before(i, counters[i]); err != nil {
				return nil, err
			}
		}
	}
	return counters, nil
}

// before looks a sum up.
func (r *run) before(i int, counter Counter) error {
	before, err := r.in.Before(counter)
	if err != nil {
		return err
	}
	a := &r.program.accumulators[i]
	before = r.shown(a, before)
	r.result.Counts[i] = Count{Counter: counter.ID(), Days: counter.Days, Before: before, After: before}
	r.set(a.slot, formula.FromAmount(before))
	return nil
}

// shown is a sum with the decimals that events write.
func (r *run) shown(a *accumulator, sum money.Amount) money.Amount {
	if a.single {
		return sum.Shorten()
	}
	return r.digits(sum)
}

// counted adds what this transaction measures. Counts are left of the accumulators
// that it counts in, and of those that formulas name.
func (r *run) counted(counters []Counter) error {
	kept := r.result.Counts[:0]
	for i := range counters {
		a := &r.program.accumulators[i]
		counts := true
		if a.when != nil {
			var err error
			if counts, err = r.truth(a.when); err != nil {
				return err
			}
		}
		count := &r.result.Counts[i]
		if counts {
			if count.Counter == "" {
				if err := r.before(i, counters[i]); err != nil {
					return err
				}
			}
			delta, err := r.measure(a)
			if err != nil {
				return err
			}
			if count.After, err = count.Before.Add(delta); err != nil {
				return err
			}
			count.After = r.shown(a, count.After)
			if a.closed {
				count.Closes = a.closes(r.in.On)
			}
		}
		r.trace.count(r, a, *count, counts)
		if counts || a.named {
			kept = append(kept, *count)
		}
	}
	r.result.Counts = kept
	return nil
}

// closes is when the window of a date may be closed.
func (a *accumulator) closes(on domain.Date) domain.Date {
	_, next := a.window.span(on)
	if next == "" || a.grace == 0 {
		return next
	}
	return dateOf(next, a.grace)
}

// measure is what the transaction adds: what its negative would subtract.
func (r *run) measure(a *accumulator) (money.Amount, error) {
	exact, err := r.number(a.measure)
	if err != nil {
		return money.Zero, err
	}
	digits := uint8(measureDigits)
	if !a.single {
		digits = r.minor.Scale() + money.ExtraDigits
	}
	amount, finite := exact.Amount()
	if !finite || amount.Digits() > digits {
		if amount, err = exact.Round(money.HalfUp, money.New(1, digits)); err != nil {
			return money.Zero, err
		}
	}
	if r.in.Amount.Sign() < 0 {
		amount = amount.Neg()
	}
	return amount, nil
}

// counter names the sum of an accumulator that a transaction belongs to.
func (s *Schedule) counter(room *Room, a *accumulator, in *Input, vars []formula.Value) Counter {
	c := Counter{Name: a.Name, Scope: a.scope, Owner: in.Contract, Window: a.window.on(in.On), Days: a.window.days}
	if a.scope == ScopeSchedule {
		c.Owner = s.document.Schedule
	}
	if !a.single {
		c.Currency = in.Currency
	}
	var space [192]byte
	id := c.appendTo(space[:0], c.Window)
	key := len(id)
	for i := range a.key {
		value := ""
		if part := &a.key[i]; part.input > 0 {
			value = vars[part.input].Text()
		} else {
			value = in.party(part.name)
		}
		if i > 0 {
			id = append(id, ',')
		}
		id = appendPart(id, a.key[i].name, value)
	}
	if known, found := room.counter(id, c.Days); found {
		return known
	}
	c.id = string(id)
	c.Key = c.id[key:]
	room.keep(c)
	return c
}
