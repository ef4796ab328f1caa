package fee

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/money"
)

// CaseResult is what became of one case.
type CaseResult struct {
	Name string // of the case; its number, from 1, where it has none
	// Field is the path of the case within the document, as "cases[2]".
	Field string
	// Differences is empty where everything came out as expected.
	Differences []Difference
}

// Passed reports whether everything came out as expected.
func (r CaseResult) Passed() bool { return len(r.Differences) == 0 }

// Difference is one expectation of a case that did not come true, or what keeps
// the case from being run.
type Difference struct {
	// Field is the path within the document, as "cases[2].expect.lines.fee".
	Field    string
	Expected string
	Found    string // in words where it is no value, as "no line"
	// Fault is set instead of the two where the case itself is wrong or failed.
	Fault *domain.Error
}

// String says the difference in one line, without the path of the case.
func (d Difference) String() string {
	_, field, found := strings.Cut(d.Field, "].")
	if !found {
		field = d.Field
	}
	if d.Fault != nil {
		return field + ": " + d.Fault.Error()
	}
	return strings.TrimPrefix(field, "expect.") + ": expected " + d.Expected + ", found " + d.Found
}

// RunCases runs the worked cases of a document by the engine that rates for it:
// one result for each, in the order written. The error is the first fault of the
// document, which has no results then.
func RunCases(d Document) ([]CaseResult, error) {
	schedule, err := Compile(d)
	if err != nil {
		return nil, err
	}
	results := make([]CaseResult, 0, len(d.Cases))
	for i := range d.Cases {
		c := &d.Cases[i]
		run := caseRun{schedule: schedule, document: &d, Case: c, path: "cases[" + strconv.Itoa(i) + "]"}
		if run.checkNames(); len(run.differences) == 0 {
			run.run()
		}
		name := c.Name
		if name == "" {
			name = strconv.Itoa(i + 1)
		}
		results = append(results, CaseResult{Name: name, Field: run.path, Differences: run.differences})
	}
	return results, nil
}

// caseRun is one case while it runs.
type caseRun struct {
	*Case
	document    *Document
	schedule    *Schedule
	path        string
	differences []Difference
}

func (r *caseRun) run() {
	bound, err := r.schedule.With(r.Parameters)
	if err != nil {
		r.failed("parameters", err)
		return
	}
	r.schedule = bound
	if r.Period != nil {
		r.runPeriod()
		return
	}
	in := r.input(r.Transaction)
	if r.RefundOf != nil {
		if in.Original, err = r.sale(r.RefundOf); err != nil {
			r.fault("refund_of", err)
			return
		}
	}
	counted := counters{before: r.Before, ids: map[string]string{}}
	in.Before = counted.look
	explanation, err := r.schedule.Explain(in)
	if err != nil {
		r.failed("transaction", err)
		return
	}
	if r.Expect.Refused != "" {
		r.differ("refused", r.Expect.Refused, "a result")
		return
	}
	r.compare(in, explanation.Result, explanation.Values, &counted)
}

// counters gives accumulators by name and remembers under which ids.
type counters struct {
	before map[string]money.Amount
	ids    map[string]string // id → name
}

func (c *counters) look(counter Counter) (money.Amount, error) {
	c.ids[counter.ID()] = counter.Name
	return c.before[counter.Name], nil
}

const (
	typeSale     = "sale" // the type of a case's transaction that states none
	caseContract = "case" // the contract of all cases
)

// parties gives the parties of a case. A role that it does not name is a party of
// its own.
func parties(named map[string]string) func(role string) string {
	return func(role string) string {
		if party, found := named[role]; found {
			return party
		}
		return role
	}
}

func (r *caseRun) input(t *CaseTransaction) Input {
	in := Input{
		Amount: t.Amount, Currency: t.Currency, Type: t.Type, Method: t.Method, Product: t.Product, Source: t.Source, On: t.On,
		Contract: caseContract, Attributes: t.Attributes, Calendar: r.calendar,
	}
	if in.Type == "" {
		in.Type = typeSale
	}
	if in.On == "" {
		in.On = r.document.EffectiveFrom
	}
	in.Party = parties(t.Parties)
	return in
}

// sale rates what a refund gives back.
func (r *caseRun) sale(c *CaseSale) (*Sale, error) {
	in := r.input(&c.Transaction)
	if c.RefundOf != nil {
		var err error
		if in.Original, err = r.sale(c.RefundOf); err != nil {
			return nil, err
		}
	}
	counted := counters{before: c.Before, ids: map[string]string{}}
	in.Before = counted.look
	result, err := r.schedule.Apply(in)
	if err != nil {
		return nil, err
	}
	return &Sale{Amount: in.Amount, Refunded: c.Refunded, On: in.On, Lines: result.Lines, Refund: in.Original != nil, Attributes: in.Attributes}, nil
}

// calendar builds a calendar of Saturdays, Sundays and the dates that the case
// lists. It covers every year within reach of those dates.
func (r *caseRun) calendar(id string) (*calendar.Calendar, error) {
	holidays, given := r.Calendars[id]
	if !given {
		return nil, &domain.Error{
			Code: domain.CodeNotFound, Field: "calendars." + id, Message: "the case has no calendar of this id",
			Remedy: "list its holidays under calendars." + id + ", as [] where none is near",
		}
	}
	var dates []domain.Date
	if r.Transaction != nil {
		dates = append(dates, r.Transaction.On)
	}
	for sale := r.RefundOf; sale != nil; sale = sale.RefundOf {
		dates = append(dates, sale.Transaction.On)
	}
	first, last := 9999, 1
	for _, on := range dates {
		if on == "" {
			on = r.document.EffectiveFrom
		}
		if _, err := domain.ParseDate("on", string(on)); err != nil {
			return nil, err
		}
		year, err := strconv.Atoi(string(on[:4]))
		if err != nil {
			return nil, err
		}
		first, last = min(first, year), max(last, year)
	}
	const reach = calendar.MostDays/365 + 1
	d := calendar.Document{
		Calendar: id, Version: 1, FirstYear: max(1, first-1), LastYear: min(9999, last+reach),
		Weekend: []calendar.Weekday{"saturday", "sunday"}, Holidays: make([]calendar.Day, len(holidays)),
	}
	for i, date := range holidays {
		d.Holidays[i].On = date
	}
	return calendar.Compile(d)
}

// differ notes an expectation that did not come true.
func (r *caseRun) differ(field, expected, found string) {
	r.differences = append(r.differences, Difference{Field: r.path + ".expect." + field, Expected: expected, Found: found})
}

// fault notes what is wrong with the case itself.
func (r *caseRun) fault(field string, err error) {
	var fault *domain.Error
	if !errors.As(err, &fault) {
		fault = &domain.Error{Code: domain.CodeInternal, Message: err.Error(), Err: err}
	}
	r.differences = append(r.differences, Difference{Field: r.path + "." + field, Fault: fault})
}

// failed notes an error of the engine, or passes where the case expects it.
func (r *caseRun) failed(field string, err error) {
	var fault *domain.Error
	if r.Expect.Refused == "" || !errors.As(err, &fault) {
		r.fault(field, err)
		return
	}
	if fault.Field != r.Expect.Refused && !strings.HasSuffix(fault.Field, "."+r.Expect.Refused) {
		r.differ("refused", r.Expect.Refused, fault.Field+": "+fault.Error())
	}
}

// sortedNames lists the names of a map in a fixed order.
func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
