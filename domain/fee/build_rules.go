package fee

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// clauses compiles the rules in the order applied. Each sees the lines of those
// before it.
func (b *builder) clauses() {
	for place, i := range applied(b.document.Rules) {
		r := &b.document.Rules[i]
		c := b.clause(place, i, r)
		b.program.clauses = append(b.program.clauses, c)
	}
	b.program.lines = mostLines(b.program.clauses)
}

// mostLines is how many lines one sale can have: of a group, those of its largest
// rule.
func mostLines(clauses []clause) int {
	most := 0
	grouped := map[int]int{}
	for i := range clauses {
		c, lines := &clauses[i], 1
		if c.split != nil {
			lines = len(c.split.parts)
		}
		if c.group < 0 {
			most += lines
		} else if more := lines - grouped[c.group]; more > 0 {
			most += more
			grouped[c.group] = lines
		}
	}
	return most
}

func (b *builder) clause(place, index int, r *Rule) clause {
	path := at("rules", index)
	number := func(field, source string) *expr {
		return b.seen(b.expr(path+"."+field, source, formula.KindNumber), place)
	}
	c := clause{
		Rule: r, index: index, to: r.To.or(PurposePayable), group: b.group(r.Group), onRefund: r.On == OnRefund, slot: b.slotOf(r.ID),
		when: b.seen(b.expr(path+".when", r.When, formula.KindTruth), place),
		flat: perCurrencyOf(r.Flat), least: perCurrencyOf(r.Minimum), most: perCurrencyOf(r.Maximum),
		percent: number("percent", r.Percent), amount: number("amount", r.Amount),
		atLeast: number("at_least", r.AtLeast), atMost: number("at_most", r.AtMost),
		refund: RefundProRata, hold: r.Hold,
	}
	switch r.Of {
	case "", ofGross:
	case ofRemaining:
		c.remaining = true
	default:
		c.base = number("of", r.Of)
	}
	if rounding, err := roundingOf(r.Rounding); err == nil { // checked before
		c.rounding = rounding
	}
	if u := r.PerUnit; u != nil {
		c.perUnit = &perUnit{units: number("per_unit.units", u.Units), price: perCurrencyOf(u.Price), priceIs: number("per_unit.price_is", u.PriceIs)}
	}
	if t := r.Tiers; t != nil {
		c.tiers = b.tiers(path+".tiers", t, number)
	}
	if s := r.Split; s != nil {
		c.split = b.split(path+".split", r, number)
	}
	if v := r.Convert; v != nil {
		c.exchange = &exchange{Convert: v, mid: number("convert.mid", v.Mid), rate: number("convert.rate", v.Rate), via: v.Via.or(PurposeFX)}
		if rounding, err := roundingOf(v.Rounding); err == nil {
			c.exchange.rounding = rounding
		}
	}
	if r.Refund != nil {
		c.refund = r.Refund.Policy
		if r.Refund.Keep != "" {
			c.refund, c.keep = "", b.keep(path+".refund.keep", r.Refund.Keep)
		}
	}
	c.percentText = fixedPercent(r.Percent, c.percent)
	c.rate = c.fixedRate()
	return c
}

// group numbers the groups by their first rule.
func (b *builder) group(name string) int {
	if name == "" {
		return -1
	}
	i := slices.Index(b.groups, name)
	if i < 0 {
		i = len(b.groups)
		b.groups = append(b.groups, name)
	}
	return i
}

// keep compiles what is kept of a full return. It must come out the same for every
// refund of one sale, so it sees what the sale was and nothing of the refund.
func (b *builder) keep(path, source string) *expr {
	e := b.expr(path, source, formula.KindNumber)
	b.without(e, "may differ from refund to refund of one sale", slotRemaining, slotTaken, slotType, slotMethod, slotProduct, slotSource, slotOn, slotRefund)
	for i := range b.program.accumulators {
		b.without(e, "may differ from refund to refund of one sale", b.program.accumulators[i].slot)
	}
	return e
}

func (b *builder) tiers(path string, t *Tiers, number func(field, source string) *expr) *tiers {
	made := &tiers{marginal: t.Mode == TiersMarginal, exclusive: t.Edge == EdgeExclusive, from: number("tiers.from", t.From), by: number("tiers.by", t.By)}
	for i := range t.Steps {
		s := &t.Steps[i]
		field := at("tiers.steps", i)
		percent := number(field+".percent", s.Percent)
		made.steps = append(made.steps, step{
			Step: s, upTo: number(field+".up_to", s.UpTo), percent: percent, flat: perCurrencyOf(s.Flat), percentText: fixedPercent(s.Percent, percent),
		})
		if i == 0 {
			continue
		}
		if low, high := made.steps[i-1].upTo, made.steps[i].upTo; low != nil && high != nil && low.constant && high.constant && low.number.Cmp(high.number) >= 0 {
			b.invalid(path+at(".steps", i)+".up_to", s.UpTo, "the steps do not ascend", "write an edge above "+low.Source())
		}
	}
	return made
}

func (b *builder) split(path string, r *Rule, number func(field, source string) *expr) *split {
	made := &split{of: number("split.of", r.Split.Of), remainder: r.Split.Remainder}
	if made.remainder == "" {
		made.remainder = RemainderLargest
	}
	for i := range r.Split.Parts {
		p := &r.Split.Parts[i]
		weight := number(at("split.parts", i)+".weight", p.Weight)
		if weight != nil && weight.constant && weight.number.Sign() < 0 {
			b.invalid(path+at(".parts", i)+".weight", p.Weight, "the weight is negative", "write it without a sign")
		}
		id := r.ID + "." + p.ID
		made.parts = append(made.parts, part{id: id, to: p.To.or(PurposePayable), weight: weight, slot: b.slotOf(id)})
	}
	return made
}

// fixedRate is the text of Line.Rate where no transaction changes it: "15%" and the
// formula of an amount. A flat amount is written per currency.
func (c *clause) fixedRate() string {
	switch {
	case c.Rest:
		return "rest"
	case c.amount != nil:
		return c.amount.Source()
	case len(c.flat) == 0 && c.perUnit == nil && c.tiers == nil:
		return c.percentText
	}
	return ""
}

// fixedPercent writes a percentage that never changes, as the schedule does where it
// is a number there.
func fixedPercent(source string, e *expr) string {
	if e == nil || !e.constant {
		return ""
	}
	if _, ok := money.ParseText(source); ok {
		return source + "%"
	}
	return e.number.String() + "%"
}
