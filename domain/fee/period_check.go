package fee

import (
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

const (
	mostPeriods = 16
	mostEntries = 32
	mostGrace   = 366 // days
)

// periods checks the fields of all periods. Their formulas are checked by
// buildPeriods.
func (c *checker) periods(d *Document) {
	c.most("periods", len(d.Periods), mostPeriods)
	var carried []string
	for i := range d.Periods {
		p, path := &d.Periods[i], at("periods", i)
		c.err(path+".id", domain.CheckID("id", p.ID))
		if slices.ContainsFunc(d.Periods[:i], func(o Period) bool { return o.ID == p.ID }) {
			c.invalid(path+".id", p.ID, "another period has this id", "give every period its own id")
		}
		c.err(path+".description", domain.CheckText("description", p.Description, longestDescription))
		c.most(path+".values", len(p.Values), mostNames)
		c.most(path+".entries", len(p.Entries), mostEntries)
		if len(p.Entries)+len(p.Carry) == 0 {
			c.invalid(path, p.ID, "the period neither posts nor carries anything", "add entries or carry, or leave it out")
		}
		if p.GraceDays < 0 || p.GraceDays > mostGrace {
			c.invalid(path+".grace_days", strconv.Itoa(p.GraceDays), "too many or too few", "write 0 to "+strconv.Itoa(mostGrace))
		}
		of := d.accumulator(p.Of)
		if of == nil {
			c.invalid(path+".of", p.Of, "the schedule has no accumulator of this name", d.accumulatorNames())
		} else {
			c.closable(path+".of", of)
		}
		for j := range p.Entries {
			c.entry(path+at(".entries", j), p, j)
		}
		for j, carry := range p.Carry {
			path := path + at(".carry", j)
			switch a := d.accumulator(carry.Accumulator); {
			case a == nil:
				c.invalid(path+".accumulator", carry.Accumulator, "the schedule has no accumulator of this name", d.accumulatorNames())
			case slices.Contains(carried, carry.Accumulator):
				c.invalid(path+".accumulator", carry.Accumulator, "its next window is opened already", "carry it once")
			case of != nil && !a.sameKey(of):
				c.invalid(path+".accumulator", carry.Accumulator, "it has other keys, another scope or another window than "+of.Name, "carry into an accumulator that differs in name and measure only")
			}
			carried = append(carried, carry.Accumulator)
			if carry.Is == "" {
				c.invalid(path+".is", "", "it is not said what is carried", "write a formula, or 0")
			}
		}
	}
}

// closable makes sure that the windows of an accumulator end, in one currency.
func (c *checker) closable(path string, a *Accumulator) {
	if first, _ := a.windows().span("2026-01-01"); first == "" {
		c.invalid(path, a.Name, "the window of this accumulator never ends", "use one of days, months, quarters or years")
	}
	if a.single() {
		c.invalid(path, a.Name, "the sum of this accumulator has no currency that an entry could be in", "leave out per_currency, or name an accumulator per currency")
	}
}

// entry checks an entry as the rule that computes it.
func (c *checker) entry(path string, p *Period, i int) {
	e := &p.Entries[i]
	r := e.rule()
	c.rule(path, &r)
	c.target(path+".from", e.From)
	if e.From.or(PurposePayable) == e.To.or(PurposePayable) {
		c.invalid(path+".to", e.To.Role, "the amount would stay where it is", "name another role or purpose")
	}
	if slices.ContainsFunc(p.Entries[:i], func(o PeriodEntry) bool { return o.ID == e.ID }) {
		c.invalid(path+".id", e.ID, "another entry has this id", "give every entry its own id")
	}
	switch base := e.Percent != "" || e.Tiers != nil; {
	case base && e.Of == "":
		c.invalid(path+".of", "", "a period has no transaction to take a base from", "say what the percentage is of, as the accumulator")
	case base && (e.Of == ofGross || e.Of == ofRemaining):
		c.invalid(path+".of", e.Of, "a period has no transaction to take a base from", "name an accumulator or a value")
	}
}

// rule is the entry as the rule that computes its amount.
func (e *PeriodEntry) rule() Rule {
	return Rule{
		ID: e.ID, To: e.To, When: e.When, Of: e.Of, Percent: e.Percent, Flat: e.Flat, PerUnit: e.PerUnit, Tiers: e.Tiers, Amount: e.Amount,
		Minimum: e.Minimum, Maximum: e.Maximum, AtLeast: e.AtLeast, AtMost: e.AtMost, Rounding: e.Rounding,
	}
}

func (d *Document) accumulator(name string) *Accumulator {
	for i := range d.Accumulators {
		if d.Accumulators[i].Name == name {
			return &d.Accumulators[i]
		}
	}
	return nil
}

func (d *Document) accumulatorNames() string {
	names := make([]string, len(d.Accumulators))
	for i, a := range d.Accumulators {
		names[i] = a.Name
	}
	if len(names) == 0 {
		return "declare it under accumulators"
	}
	return "use " + list(names)
}

func (a *Accumulator) windows() *windows {
	w := windowsOf(a.Window, a.Starts)
	return &w
}

func (a *Accumulator) single() bool { return a.PerCurrency != nil && !*a.PerCurrency }

func (a *Accumulator) perSchedule() bool { return a.Scope == ScopeSchedule }

// sameKey reports whether two accumulators have a sum for the same keys, scopes,
// currencies and windows.
func (a *Accumulator) sameKey(o *Accumulator) bool {
	return slices.Equal(a.Key, o.Key) && a.sameWindow(o) && a.perSchedule() == o.perSchedule() && a.single() == o.single()
}

func (a *Accumulator) sameWindow(o *Accumulator) bool {
	return a.Window == o.Window && a.Starts == o.Starts
}

// formulas gives every formula of a period to visit, with its path.
func (p *Period) formulas(path string, visit func(path, source string)) {
	visit(path+".when", p.When)
	for i, v := range p.Values {
		visit(path+at(".values", i)+".is", v.Is)
	}
	for i := range p.Entries {
		e, path := &p.Entries[i], path+at(".entries", i)
		visit(path+".when", e.When)
		visit(path+".of", e.Of)
		visit(path+".percent", e.Percent)
		if e.PerUnit != nil {
			visit(path+".per_unit.units", e.PerUnit.Units)
			visit(path+".per_unit.price_is", e.PerUnit.PriceIs)
		}
		if e.Tiers != nil {
			visit(path+".tiers.from", e.Tiers.From)
			visit(path+".tiers.by", e.Tiers.By)
			for j, step := range e.Tiers.Steps {
				visit(path+at(".tiers.steps", j)+".up_to", step.UpTo)
				visit(path+at(".tiers.steps", j)+".percent", step.Percent)
			}
		}
		visit(path+".amount", e.Amount)
		visit(path+".at_least", e.AtLeast)
		visit(path+".at_most", e.AtMost)
	}
	for i, carry := range p.Carry {
		visit(path+at(".carry", i)+".is", carry.Is)
	}
}

// visible refuses the names that mean nothing when a window ends: those of a
// transaction, of parties and inputs that are not in the accumulator's key, and of
// accumulators that have another value for this key, or change after this window.
func (c *checker) visible(path, source string, d *Document, of *Accumulator, scope *formula.Scope) {
	if source == "" {
		return
	}
	compiled, err := formula.Compile(source, scope, formula.KindAny)
	if err != nil {
		return // found where it was compiled
	}
	for _, name := range compiled.Names() {
		if slot, _, _ := scope.Lookup(name); slot > formula.SlotMinorUnit && slot < fixedSlots && slot != slotCurrency && slot != slotOn {
			c.invalid(path, name, name+" belongs to a transaction, and a window has many", "name an accumulator that sums it")
		}
		if role, party := cutParty(name); party && !slices.Contains(of.Key, role) {
			c.invalid(path, name, strconv.Quote(role)+" is not in the key of accumulator "+of.Name, "add it to the key, or leave it out")
		}
		a := d.accumulator(name)
		if a == nil {
			continue
		}
		for _, key := range a.Key {
			if !slices.Contains(of.Key, key) {
				c.invalid(path, name, "accumulator "+name+" has many sums for one key of "+of.Name, "leave "+key+" out of its key, or add it to that of "+of.Name)
			}
		}
		if !a.perSchedule() && of.perSchedule() {
			c.invalid(path, name, "accumulator "+name+" has a sum for every contract", "give both the same scope")
		}
		if !a.sameWindow(of) {
			c.invalid(path, name, "accumulator "+name+" does not end with the window of "+of.Name, "give both the same window")
		}
	}
}
