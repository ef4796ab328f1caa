package fee

import (
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// trace collects an explanation. All methods of a nil trace do nothing: rating
// without explanation pays a comparison.
type trace struct{ explanation *Explanation }

// rule is the place of a rule in the explanation.
func (t *trace) rule(c *clause) *Considered {
	rules := t.explanation.Rules
	if n := len(rules); n == 0 || rules[n-1].Rule != c.ID {
		t.explanation.Rules = append(rules, Considered{Rule: c.ID})
	}
	return &t.explanation.Rules[len(t.explanation.Rules)-1]
}

// skip notes a rule that does not apply.
func (t *trace) skip(c *clause, why string) {
	if t != nil {
		t.rule(c).Why = why
	}
}

// group notes a rule whose group is closed.
func (t *trace) group(c *clause) {
	if t != nil {
		t.skip(c, "an earlier rule of group "+c.Group+" matched")
	}
}

// condition notes what a rule's condition came to.
func (t *trace) condition(r *run, c *clause) {
	if t != nil && c.when != nil {
		t.rule(c).Why = "when " + c.when.Explain(r.vars)
	}
}

// line notes a line that a rule led to.
func (t *trace) line(c *clause, line *Line) {
	if t != nil {
		considered := t.rule(c)
		considered.Matched = true
		considered.Lines = append(considered.Lines, *line)
	}
}

// formula notes a result of a formula of a rule.
func (t *trace) formula(f *frame, c *clause, name string, e *expr, n formula.Number) {
	if t != nil {
		t.step(c, name, n, e.Explain(f.vars))
	}
}

// number notes a result that no formula gave.
func (t *trace) number(c *clause, name string, n formula.Number, from string) {
	if t != nil {
		t.step(c, name, n, from)
	}
}

// amount is number for an amount.
func (t *trace) amount(c *clause, name string, a money.Amount, from string) {
	if t != nil {
		considered := t.rule(c)
		considered.Steps = append(considered.Steps, Shown{Name: name, Value: a.String(), Formula: from})
	}
}

func (t *trace) step(c *clause, name string, n formula.Number, from string) {
	considered := t.rule(c)
	considered.Steps = append(considered.Steps, Shown{Name: name, Value: n.String(), Formula: from})
}

// count notes what became of an accumulator.
func (t *trace) count(r *run, a *accumulator, n Count, counts bool) {
	if t == nil {
		return
	}
	counted := Counted{Name: a.Name, Counter: n.Counter, Before: n.Before, After: n.After, Counts: counts}
	if a.when != nil {
		counted.Why = "when " + a.when.Explain(r.vars)
	}
	if counts {
		counted.Formula = a.measure.Explain(r.vars)
	}
	t.explanation.Accumulators = append(t.explanation.Accumulators, counted)
}

// recourse notes whether held money pays first what is taken from a party.
func (t *trace) recourse(r *run, c *recourse, holds bool) {
	if t == nil {
		return
	}
	reached := Reached{Role: c.Role, From: c.From, Holds: holds}
	if c.when != nil {
		reached.Why = "when " + c.when.Explain(r.vars)
	}
	t.explanation.Recourse = append(t.explanation.Recourse, reached)
}

// finish computes the values that no rule needed, and shows all names that a
// document declares.
func (t *trace) finish(r *run) {
	if t == nil {
		return
	}
	p := r.program
	for i := range p.inputs {
		t.explanation.Inputs = append(t.explanation.Inputs, Shown{Name: p.inputs[i].Name, Value: r.vars[p.inputs[i].slot].String()})
	}
	for i := range p.parameters {
		t.explanation.Parameters = append(t.explanation.Parameters, Shown{Name: p.parameters[i].Name, Value: r.vars[p.parameters[i].slot].String()})
	}
	for i := range p.values {
		v, slot := &p.values[i], p.firstValue+i
		if r.vars[slot].IsAbsent() && r.need(v) == nil {
			if value, err := v.Eval(r.vars); err == nil { // one that fails is shown with its reason
				r.vars[slot] = value
			}
		}
		t.explanation.Values = append(t.explanation.Values, Shown{Name: r.schedule.document.Values[i].Name, Value: r.vars[slot].String(), Formula: v.Explain(r.vars)})
	}
	if len(t.explanation.Rules) == 0 {
		for i := range p.clauses {
			t.skip(&p.clauses[i], "there is nothing to share out")
		}
	}
}
