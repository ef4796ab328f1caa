package fee

import (
	"errors"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// PeriodEnd is the end of one window of an accumulator, for one key and currency.
type PeriodEnd struct {
	Period   string      // its id in the schedule
	On       domain.Date // any date of the window
	Currency money.Currency
	Contract string // the id that counters of ScopeContract belong to
	// Party and Attributes give the roles and text inputs of the accumulator's key.
	Party      func(role string) string
	Attributes map[string]string
	// Before gives the sum of a counter when the window has ended. It is asked for
	// all accumulators that formulas name.
	Before func(Counter) (money.Amount, error)
}

// PeriodResult is what a period posts and carries.
type PeriodResult struct {
	First, Last domain.Date // of the window
	// Closed is the Counter.ID of the accumulator whose window ended.
	Closed string
	// Entries are in the order written, those of nothing included; those left out by
	// their condition are not.
	Entries []Transfer
	// Values are the exact intermediate results, in the order of Period.Values;
	// absent where nothing needed them.
	Values []formula.Value
	// Carried is in the order written. Where anything but zero is, the next window of
	// the accumulator that was closed comes last, so that what is carried is looked at
	// when that one ends, whether or not a transaction has come in between.
	Carried []Carried
}

// Transfer is an amount that moves between two accounts.
type Transfer struct {
	// Line explains the amount. Its Rule is the id of the entry.
	Line     Line
	From, To Target // purposes filled in
	// Opposite says that the amount is negative, and moves from To to From.
	Opposite bool
}

// Carried is what a counter of the next window opens with, in addition to what is
// counted in that window already.
type Carried struct {
	Accumulator string
	Counter     string // its Counter.ID
	Amount      money.Amount
	// Closes is when the next window may be closed in its turn; empty where no period
	// closes it, and where nothing is carried: that alone does not open a window.
	Closes domain.Date
}

// ClosePeriod computes the end of a window. It posts nothing, and gives the same
// result whenever it is asked: a book carries it out once.
//
// Errors: CodeNotFound where the schedule has no such period; CodeInvalid where On
// is no date, an attribute is missing, or a formula cannot be computed;
// CodeOutOfRange where a result does not fit; CodeInternal where Before is needed
// and missing; whatever Before returns.
func (s *Schedule) ClosePeriod(end PeriodEnd) (PeriodResult, error) {
	c := s.closing(end.Period)
	if c == nil {
		return PeriodResult{}, &domain.Error{
			Code: domain.CodeNotFound, Field: "period", Value: end.Period, Message: "schedule " + s.document.Schedule + " has no such period", Remedy: "name one of its periods",
		}
	}
	on, err := domain.ParseDate("on", string(end.On))
	if err != nil {
		return PeriodResult{}, err
	}
	first, next := c.of.windows().span(on)
	last := dateOf(next, -1)
	in := Input{
		Currency: end.Currency, On: last, Contract: end.Contract, Party: end.Party, Attributes: end.Attributes, Before: end.Before,
	}
	bound := s.inPeriod(c)
	r := run{frame: frame{program: c.program}, schedule: bound, in: &in, currency: end.Currency, minor: end.Currency.MinorUnit(), room: &Room{once: true}}
	result := PeriodResult{First: first, Last: last}
	if err := r.close(c, &result, next); err != nil {
		return PeriodResult{}, c.locate(err)
	}
	return result, nil
}

// PeriodsOf lists the ids of the periods that close an accumulator, in the order in
// which they are carried out: that of the document.
func (s *Schedule) PeriodsOf(accumulator string) (ids []string) {
	for i := range s.document.Periods {
		if p := &s.document.Periods[i]; p.Of == accumulator {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func (s *Schedule) closing(id string) *closing {
	if s.program == nil {
		return nil
	}
	i := slices.IndexFunc(s.program.closings, func(c closing) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &s.program.closings[i]
}

// inPeriod binds the schedule's parameters, as a contract may have overridden them,
// to the program of a period.
func (s *Schedule) inPeriod(c *closing) *Schedule {
	bound := &Schedule{document: s.document, program: c.program}
	parameters := slices.Clone(c.program.parameters)
	for i := range parameters {
		p := &parameters[i]
		slot, _, _ := s.program.scope.Lookup(p.Name)
		p.value = s.template[slot]
		if of := slices.IndexFunc(s.amounts, func(o parameter) bool { return o.Name == p.Name }); of >= 0 {
			p.amounts = s.amounts[of].amounts
		}
	}
	bound.bind(parameters)
	return bound
}

// close computes entries, then what is carried.
func (r *run) close(c *closing, result *PeriodResult, next domain.Date) error {
	r.vars = r.room.values(r.schedule)
	if err := r.schedule.variables(r.vars, r.in, r.minor, money.Zero, money.Zero); err != nil {
		return err
	}
	counters, err := r.count()
	if err != nil {
		return err
	}
	result.Closed = counters[c.program.counted(c.Of)].ID()
	matches := true
	if c.when != nil {
		if matches, err = r.truth(c.when); err != nil {
			return err
		}
	}
	if matches {
		if err := r.entries(c, result); err != nil {
			return err
		}
		if err := r.carry(c, result, next); err != nil {
			return err
		}
	}
	result.Values = r.vars[c.program.firstValue : c.program.firstValue+len(c.program.values)]
	return nil
}

func (r *run) entries(c *closing, result *PeriodResult) error {
	r.lines()
	for i := range c.program.clauses {
		if err := r.consider(&c.program.clauses[i]); err != nil {
			return err
		}
	}
	for i, line := range r.result.Lines {
		at := slices.IndexFunc(c.Entries, func(e PeriodEntry) bool { return e.ID == line.Rule })
		result.Entries = append(result.Entries, Transfer{
			Line: line, From: c.Entries[at].From.or(PurposePayable), To: r.result.Shares[i].To, Opposite: r.result.Shares[i].Opposite,
		})
	}
	return nil
}

func (r *run) carry(c *closing, result *PeriodResult, next domain.Date) error {
	in := *r.in
	in.On = next
	add := func(accumulator string, amount money.Amount, opens bool) {
		a := &c.program.accumulators[c.program.counted(accumulator)]
		carried := Carried{Accumulator: accumulator, Counter: r.schedule.counter(r.room, a, &in, r.vars).ID(), Amount: amount}
		if a.closed && opens {
			carried.Closes = a.closes(next)
		}
		result.Carried = append(result.Carried, carried)
	}
	opens, itself := false, false // whether the next window of c.Of is open already
	for i, carry := range c.Carry {
		exact, err := r.number(c.carry[i])
		if err != nil {
			return err
		}
		amount, err := shorten(exact, r.currency)
		if err != nil {
			return err
		}
		add(carry.Accumulator, amount, !amount.IsZero())
		opens = opens || !amount.IsZero()
		itself = itself || carry.Accumulator == c.Of && !amount.IsZero()
	}
	if opens && !itself {
		add(c.Of, money.Zero.In(r.currency), true)
	}
	return nil
}

// counted is the index of an accumulator by its name.
func (p *program) counted(name string) int {
	return slices.IndexFunc(p.accumulators, func(a accumulator) bool { return a.Name == name })
}

// locate names the place in the schedule of a formula that stands in a period.
func (c *closing) locate(err error) error {
	var fault *domain.Error
	if !errors.As(err, &fault) || !strings.HasPrefix(fault.Field, "rules[") && !strings.HasPrefix(fault.Field, "values[") {
		return err
	}
	located := *fault
	located.Field = at("periods", c.index) + "." + inPeriod(fault.Field)
	return &located
}
