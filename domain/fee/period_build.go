package fee

import (
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// closing is a compiled Period. Its entries are computed as the rules of a
// document of their own, which knows the document's parameters and accumulators
// and the inputs of the key, and no transaction.
type closing struct {
	*Period
	index   int // in the document
	of      *Accumulator
	program *program
	when    *expr
	carry   []*expr
}

// closings compiles the periods of a document.
func (c *checker) closings(d *Document) (closings []closing) {
	for i := range d.Periods {
		if of := d.accumulator(d.Periods[i].Of); of != nil { // none was found by the check
			made, faults := buildPeriod(d, i, of)
			closings = append(closings, made)
			c.faults = append(c.faults, faults...)
		}
	}
	return closings
}

func buildPeriod(d *Document, index int, of *Accumulator) (closing, []*domain.Error) {
	p, path := &d.Periods[index], at("periods", index)
	own := Document{Schedule: d.Schedule, Parameters: d.Parameters, Accumulators: slices.Clone(d.Accumulators), Values: p.Values}
	for i := range own.Accumulators { // what they sum is no matter of the period
		own.Accumulators[i].Measure, own.Accumulators[i].When = "0", ""
	}
	for _, in := range d.Inputs {
		if slices.Contains(of.Key, in.Name) {
			own.Inputs = append(own.Inputs, in)
		}
	}
	for i := range p.Entries {
		own.Rules = append(own.Rules, p.Entries[i].rule())
	}
	b := newBuilder(&own)
	made := closing{Period: p, index: index, of: of, program: b.program}
	b.parts()
	b.faults = slices.DeleteFunc(b.faults, func(f *domain.Error) bool { // of the rest the document's own are told
		return !strings.HasPrefix(f.Field, "rules[") && !strings.HasPrefix(f.Field, "values[")
	})
	for _, fault := range b.faults {
		fault.Field = path + "." + inPeriod(fault.Field)
	}
	for i := range b.program.accumulators {
		b.program.accumulators[i].closedBy(d.Periods)
	}
	b.keyRoles(of)
	made.when = b.expr(path+".when", p.When, formula.KindTruth)
	for i, carry := range p.Carry {
		made.carry = append(made.carry, b.expr(path+at(".carry", i)+".is", carry.Is, formula.KindNumber))
	}
	b.finish()
	p.formulas(path, func(path, source string) { b.visible(path, source, d, of, b.program.scope) })
	for _, fault := range b.faults {
		if strings.HasPrefix(fault.Message, "unknown name") && slices.ContainsFunc(d.Inputs, func(in Attribute) bool { return in.Name == fault.Value }) {
			fault.Message, fault.Remedy = "this input may differ from transaction to transaction", "add it to the key of accumulator "+of.Name+", or name an accumulator that sums it"
		}
	}
	return made, b.faults
}

// keyRoles declares the parties of a key that no rule names.
func (b *builder) keyRoles(of *Accumulator) {
	for _, name := range of.Key {
		if slices.ContainsFunc(b.document.Inputs, func(in Attribute) bool { return in.Name == name }) {
			continue
		}
		if _, _, known := b.program.scope.Lookup(partyOf + name); known || domain.CheckName("role", name) != nil {
			continue
		}
		b.program.roles = append(b.program.roles, roleSlot{name, b.declare("", partyOf+name, formula.KindText)})
	}
}

// inPeriod turns a path within the document that computes a period into one
// within the period.
func inPeriod(path string) string {
	if rest, found := strings.CutPrefix(path, "rules["); found {
		return "entries[" + rest
	}
	return path
}

// cutParty returns the role of a name party.<role>.
func cutParty(name string) (role string, found bool) { return strings.CutPrefix(name, partyOf) }
