package fee

import (
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

const (
	mostNames        = 64 // inputs, parameters, values
	mostAccumulators = 16
	mostKeys         = 8
	mostRollingDays  = 400
)

// Engine is the engine that rates by the document: Engine1 where it says nothing
// that this engine did not know.
func (d Document) Engine() int {
	if len(d.Inputs) > 0 || len(d.Parameters) > 0 || len(d.Accumulators) > 0 || len(d.Values) > 0 || len(d.Periods) > 0 || len(d.Recourse) > 0 ||
		slices.ContainsFunc(d.Rules, func(r Rule) bool { return (&r).newer() }) {
		return Engine2
	}
	return Engine1
}

// newer reports whether a rule uses what engine 1 did not know.
func (r *Rule) newer() bool {
	_, number := money.ParseText(r.Percent)
	return r.When != "" || r.Group != "" || r.PerUnit != nil || r.Tiers != nil || r.Amount != "" || r.Split != nil ||
		r.AtLeast != "" || r.AtMost != "" || r.Refund != nil || r.On != "" || r.Hold != nil || r.Convert != nil ||
		r.Percent != "" && (len(r.Flat) > 0 || !number) || r.Of != "" && r.Of != ofGross && r.Of != ofRemaining
}

// Published is the document without what is not part of it once it is published:
// its worked cases.
func (d Document) Published() Document {
	d.Cases = nil
	return d
}

// language checks what gives formulas their names.
func (c *checker) language(d *Document) {
	c.most("inputs", len(d.Inputs), mostNames)
	c.most("parameters", len(d.Parameters), mostNames)
	c.most("values", len(d.Values), mostNames)
	c.most("accumulators", len(d.Accumulators), mostAccumulators)
	lines := 0
	for _, r := range d.Rules {
		lines++
		if r.Split != nil {
			lines += len(r.Split.Parts) - 1
		}
	}
	c.most("rules", lines, MaxLines)
	for i := range d.Inputs {
		for j, text := range d.Inputs[i].OneOf {
			path := at("inputs", i) + at(".one_of", j)
			c.err(path, domain.CheckText("one_of", text, longestAttribute))
			if slices.Contains(d.Inputs[i].OneOf[:j], text) {
				c.invalid(path, text, "the value is listed twice", "leave out one")
			}
		}
	}
	for i := range d.Accumulators {
		c.accumulator(at("accumulators", i), &d.Accumulators[i])
	}
}

func (c *checker) most(path string, count, most int) {
	if count > most {
		c.invalid(path, strconv.Itoa(count), "too many", "write at most "+strconv.Itoa(most))
	}
}

func (c *checker) accumulator(path string, a *Accumulator) {
	c.most(path+".key", len(a.Key), mostKeys)
	for i, name := range a.Key {
		path := path + at(".key", i)
		c.err(path, domain.CheckName("key", name))
		if slices.Contains(a.Key[:i], name) {
			c.invalid(path, name, "the key is listed twice", "leave out one")
		}
	}
	if a.Scope != "" {
		c.oneOf(path+".scope", a.Scope, ScopeContract, ScopeSchedule)
	}
	switch {
	case a.Window.Name != "" && a.Window.RollingDays != 0:
		c.invalid(path+".window", a.Window.Name, "a window is a name or {rolling_days: …}", "write one of both")
	case a.Window.Name != "":
		c.oneOf(path+".window", a.Window.Name, WindowDay, WindowMonth, WindowQuarter, WindowYear, WindowLifetime)
	case a.Window.RollingDays == 0:
		c.invalid(path+".window", "", "an accumulator has no window", "write calendar_month, or lifetime where it never begins anew")
	case a.Window.RollingDays < 1 || a.Window.RollingDays > mostRollingDays:
		c.invalid(path+".window.rolling_days", strconv.Itoa(a.Window.RollingDays), "a rolling window has 1 to "+strconv.Itoa(mostRollingDays)+" days", "correct it")
	}
	if a.Starts != "" {
		_, err := domain.ParseDate("starts", string(a.Starts))
		c.err(path+".starts", err)
		if a.Window.Name == WindowDay || a.Window.RollingDays != 0 {
			c.invalid(path+".starts", string(a.Starts), "days begin with the day", "leave it out")
		}
	}
}
