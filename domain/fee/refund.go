package fee

import (
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// span is how much was given back before a refund, and how much is after it.
func (s *Sale) span(refund money.Amount) (before, after money.Amount, err error) {
	before = s.Refunded
	if after, err = before.Add(refund); err != nil {
		return before, after, err
	}
	if after.Cmp(s.Amount.Abs()) > 0 {
		err = &domain.Error{
			Code: domain.CodeExceedsOriginal, Field: "amount", Value: refund.String(),
			Message: "refunds would exceed the original: " + s.Amount.Abs().String() + ", of which " + before.String() + " is given back",
			Remedy:  "refund what is left at most",
		}
	}
	return before, after, err
}

// giving is one refund of a sale.
type giving struct {
	before, after, whole formula.Number // given back before and after it, of the sale's amount
	ratio                string         // "70.00/100.00"
	full                 bool           // nothing is left
	sale                 frame          // what formulas saw of the sale, for keep
}

// giveBack returns to each party its part of a sale. All refunds of a sale
// together return exactly what one of the whole amount would: a line returns its
// rounded part of all that is given back so far, less what it returned before.
func (r *run) giveBack(gross money.Amount) error {
	r.lines()
	r.left(r.result.Rated)
	if gross.IsZero() {
		return nil
	}
	g, err := r.giving(gross)
	if err != nil {
		return err
	}
	for i := range r.program.clauses {
		c := &r.program.clauses[i]
		switch {
		case c.Rest:
			err = r.takeRest(c)
		case !r.in.Original.Refund && c.refund == RefundReRate && r.otherwise(c):
			r.trace.group(c)
		case !r.in.Original.Refund && (c.onRefund || c.refund == RefundReRate):
			if r.result.Rated.IsZero() { // nor would a sale of so little be rated
				r.trace.skip(c, "the amount has no whole minor unit")
			} else {
				err = r.consider(c)
			}
		case c.split != nil:
			err = r.returnSplit(g, c)
		default:
			_, err = r.returnLine(g, c, c.ID, c.to, c.slot)
		}
		if err != nil {
			return err
		}
	}
	return r.difference(gross)
}

// otherwise reports whether another rule of the group was charged with the sale,
// which is what the refund returns then.
func (r *run) otherwise(c *clause) bool {
	if c.group < 0 {
		return false
	}
	for i := range r.in.Original.Lines {
		charged := r.program.rule(r.in.Original.Lines[i].Rule)
		if charged != nil && charged.group == c.group && charged.refund != RefundReRate {
			return true
		}
	}
	return false
}

func (r *run) giving(gross money.Amount) (*giving, error) {
	sale := r.in.Original
	before, after, err := sale.span(gross)
	if err != nil {
		return nil, err
	}
	whole := sale.Amount.Abs()
	g := &giving{
		before: formula.FromAmount(before), after: formula.FromAmount(after), whole: formula.FromAmount(whole),
		ratio: after.Format(r.currency) + "/" + whole.Format(r.currency), full: after.Cmp(whole) == 0,
	}
	return g, r.known(sale)
}

// known makes sure that the lines of the sale come from this schedule: none is
// forgotten.
func (r *run) known(sale *Sale) error {
	for i := range sale.Lines {
		id := sale.Lines[i].Rule
		if id == RuleRoundingDifference || r.program.rule(id) != nil {
			continue
		}
		return &domain.Error{
			Code: domain.CodeInternal, Field: "original", Value: id, Message: "the original has a line that schedule " + r.schedule.document.Schedule + " does not know",
			Remedy: "rate a refund by the version of the schedule that rated its original",
		}
	}
	return nil
}

// rule finds the rule of a line.
func (p *program) rule(line string) *clause {
	for i := range p.clauses {
		c := &p.clauses[i]
		if c.split == nil && c.ID == line {
			return c
		}
		if c.split != nil && strings.HasPrefix(line, c.ID) {
			for j := range c.split.parts {
				if c.split.parts[j].id == line {
					return c
				}
			}
		}
	}
	return nil
}

// line finds a line of the sale; nil where its rule did not match.
func (s *Sale) line(id string) *Line {
	for i := range s.Lines {
		if s.Lines[i].Rule == id {
			return &s.Lines[i]
		}
	}
	return nil
}

// signed is the amount of a line with its sign: that of the exact result, or of the
// bound that replaced it. A bound without a number is an amount per currency, which
// is never negative.
func (l *Line) signed() money.Amount {
	exact := l.Exact
	if l.Bound != "" {
		_, exact, _ = strings.Cut(l.Bound, " ")
	}
	if strings.HasPrefix(exact, "-") {
		return l.Amount.Neg()
	}
	return l.Amount
}

// returnSplit returns every part of a split for itself.
func (r *run) returnSplit(g *giving, c *clause) error {
	var total money.Amount
	for i := range c.split.parts {
		p := &c.split.parts[i]
		returned, err := r.returnLine(g, c, p.id, p.to, p.slot)
		if err != nil {
			return err
		}
		if total, err = total.Add(returned); err != nil {
			return err
		}
	}
	if c.slot > 0 {
		r.set(c.slot, formula.FromAmount(total))
	}
	return nil
}

// returnLine returns one line of the sale by its rule's policy. Of a refund that is
// given back itself every line goes back in proportion, its charges too but where
// they are kept; a line that went back on full is charged again with the first part.
func (r *run) returnLine(g *giving, c *clause, id string, to Target, slot int) (money.Amount, error) {
	charged := r.in.Original.line(id)
	if charged == nil {
		r.trace.skip(c, "it did not match the sale")
		return money.Zero, nil
	}
	whole, policy := charged.signed(), c.refund
	if c.onRefund && charged.Bound != "" {
		whole = whole.Neg() // bounds tell what was charged, Exact tells which way
	}
	again := r.in.Original.Refund && policy == RefundOnFull
	if r.in.Original.Refund && !again && (!c.onRefund || policy != RefundKept) {
		policy = RefundProRata
	}
	unit, label := r.unit(&c.rounding)
	line := Line{Rule: id, To: to.Role, Base: whole.Abs(), Rate: RefundKept, Rounding: label}
	var returned, earlier money.Amount
	var err error
	switch {
	case policy == RefundKept:
	case policy == RefundOnFull:
		line.Rate = RefundOnFull
		if !again && g.full || again && g.before.IsZero() { // nor is the sale given back in full once a part stands again
			returned = whole
		}
	default:
		if c.keep != nil && policy == "" {
			kept, err := r.kept(g, c, whole, unit)
			if err != nil {
				return money.Zero, err
			}
			if whole, err = whole.Sub(kept); err != nil {
				return money.Zero, err
			}
			line.Base = whole.Abs()
		}
		if earlier, err = g.part(g.before, whole, c.rounding.mode, unit); err != nil {
			return money.Zero, err
		}
		if returned, err = g.part(g.after, whole, c.rounding.mode, unit); err != nil {
			return money.Zero, err
		}
		if returned, err = returned.Sub(earlier); err != nil {
			return money.Zero, err
		}
		line.Rate = RefundProRata + " " + g.ratio
		if !earlier.IsZero() {
			line.Rate += " - " + earlier.Abs().Format(r.currency)
		}
	}
	returned = returned.In(r.currency)
	line.Base, line.Amount, line.Exact = line.Base.In(r.currency), returned.Abs(), r.texts.amount(returned)
	if err := r.add(c, &line, posted{to: to, signed: returned, earlier: earlier, slot: slot}); err != nil {
		return money.Zero, err
	}
	return returned, r.take(returned)
}

// part is what a line returns of all that is given back so far.
func (g *giving) part(given formula.Number, whole money.Amount, mode money.Mode, unit money.Amount) (money.Amount, error) {
	if given.IsZero() {
		return money.Zero, nil
	}
	ratio, err := given.Quo(g.whole)
	if err != nil {
		return money.Zero, err
	}
	return formula.FromAmount(whole).Mul(ratio).Round(mode, unit)
}

// kept is what a line keeps of a full return: never more than was charged, never
// less than nothing.
func (r *run) kept(g *giving, c *clause, charged, unit money.Amount) (money.Amount, error) {
	if g.sale.vars == nil {
		if err := r.recall(g); err != nil {
			return money.Zero, err
		}
	}
	g.sale.set(slotLine, formula.FromAmount(charged.Abs()))
	for i := range r.program.values { // that they see of this line, if they do
		g.sale.vars[r.program.firstValue+i] = formula.Value{}
	}
	exact, err := g.sale.number(c.keep)
	if err != nil {
		return money.Zero, err
	}
	r.trace.formula(&g.sale, c, "keep", c.keep, exact)
	exact = formula.Max(formula.Number{}, formula.Min(exact, formula.FromAmount(charged.Abs())))
	kept, err := exact.Round(c.rounding.mode, unit)
	if charged.Sign() < 0 {
		kept = kept.Neg()
	}
	return kept, err
}

// recall gives formulas the sale to look at.
func (r *run) recall(g *giving) error {
	sale := r.in.Original
	gross := sale.Amount.Abs().In(r.currency)
	whole, err := gross.Round(money.Down, r.currency.MinorUnit())
	if err != nil {
		return err
	}
	in := *r.in
	in.Original, in.Attributes = nil, sale.Attributes
	vars := slices.Clone(r.schedule.template)
	if err = r.schedule.variables(vars, &in, r.minor, gross, whole.In(r.currency)); err != nil {
		return err
	}
	g.sale.vars = vars
	g.sale.program = r.program
	for i := range sale.Lines {
		line := &sale.Lines[i]
		signed := formula.FromAmount(line.signed())
		if slot, _, named := r.program.scope.Lookup(linesOf + line.Rule); named {
			g.sale.set(slot, signed)
		}
		if c := r.program.rule(line.Rule); c != nil && c.split != nil && c.slot > 0 {
			g.sale.set(c.slot, g.sale.vars[c.slot].Number().Add(signed))
		}
	}
	return nil
}
