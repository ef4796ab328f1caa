package fee

import (
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// inputs compiles the attributes.
func (b *builder) inputs() {
	for i := range b.document.Inputs {
		a := &b.document.Inputs[i]
		path := at("inputs", i)
		kind, err := formula.ParseKind(a.Type)
		if err == nil && kind == formula.KindList {
			b.invalid(path+".type", a.Type, "a transaction brings no lists", "use number, text, truth or date")
			continue
		}
		b.err(path+".type", err)
		if err != nil {
			continue
		}
		in := input{Attribute: a, kind: kind, slot: b.declare(path+".name", a.Name, kind)}
		if len(a.OneOf) > 0 && kind != formula.KindText {
			b.invalid(path+".one_of", a.Type, "only a text can be one of a list", "leave it out, or make the type text")
			continue
		}
		if a.Default != nil {
			in.standard, err = in.parse(*a.Default)
			b.err(path+".default", err)
		}
		b.program.inputs = append(b.program.inputs, in)
	}
}

// longestAttribute bounds a text that a transaction brings, in bytes: it may become
// part of a counter's id.
const longestAttribute = 200

// parse reads what a transaction brings.
func (in *input) parse(text string) (formula.Value, error) {
	switch in.kind {
	case formula.KindNumber:
		if n, err := formula.ParseNumber(text); err == nil {
			return formula.NumberOf(n), nil
		}
		return in.refuse(text, "not a number", "write digits with an optional leading minus and one decimal point, as -1234.50")
	case formula.KindTruth:
		if text == "true" || text == "false" {
			return formula.TruthOf(text == "true"), nil
		}
		return in.refuse(text, "neither true nor false", "write one of both")
	case formula.KindDate:
		if v := formula.DateOf(domain.Date(text)); !v.IsAbsent() {
			return v, nil
		}
		return in.refuse(text, "not a date", "write it as 2026-11-22")
	}
	if len(in.OneOf) > 0 {
		if slices.Contains(in.OneOf, text) {
			return formula.TextOf(text), nil
		}
		return in.refuse(text, "not one of the values that the schedule knows", "use "+list(in.OneOf))
	}
	if err := domain.CheckText("attributes", text, longestAttribute); err != nil {
		return in.refuse(text, "not plain text of at most "+strconv.Itoa(longestAttribute)+" bytes", "correct it in the source")
	}
	return formula.TextOf(text), nil
}

func (in *input) refuse(text, message, remedy string) (formula.Value, error) {
	return formula.Value{}, &domain.Error{Code: domain.CodeInvalid, Field: "attributes." + in.Name, Value: text, Message: message, Remedy: remedy}
}

// parameters compiles the constants that a contract may override.
func (b *builder) parameters() {
	for i := range b.document.Parameters {
		p := &b.document.Parameters[i]
		path := at("parameters", i)
		made := parameter{Parameter: p, kind: formula.KindNumber, amounts: perCurrencyOf(p.Amounts)}
		if (p.Is == "") == (len(p.Amounts) == 0) {
			b.invalid(path, p.Name, "a parameter has exactly one of is and amounts", "write the one that says its value")
			continue
		}
		b.amounts(path+".amounts", p.Amounts, false)
		if p.Is != "" {
			value, err := constant(p.Is)
			if err != nil {
				b.err(path+".is", err)
				continue
			}
			made.value, made.kind = value, value.Kind()
		}
		made.slot = b.declare(path+".name", p.Name, made.kind)
		b.program.parameters = append(b.program.parameters, made)
	}
}

// constant computes a formula without variables.
func constant(source string) (formula.Value, error) {
	compiled, err := formula.Compile(source, formula.NewScope(), formula.KindAny)
	if err != nil {
		return formula.Value{}, err
	}
	if !compiled.Constant() {
		return formula.Value{}, &domain.Error{
			Code: domain.CodeInvalid, Field: "formula", Value: source, Message: "a constant depends on nothing",
			Remedy: "name the unit of round, as round(x, half_up, 1)",
		}
	}
	return compiled.Eval(nil)
}

// values compiles the intermediate results. Each sees those before it.
func (b *builder) values() {
	b.program.firstValue = b.program.scope.Len()
	for i := range b.document.Values {
		v := &b.document.Values[i]
		path := at("values", i)
		e := b.expr(path+".is", v.Is, formula.KindAny)
		if e == nil {
			if v.Is == "" {
				b.invalid(path+".is", "", "a value has no formula", "say what it is, as gross / 1.1")
			}
			// Formulas that name it are not at fault for it.
			e = &expr{Formula: nothing, path: path + ".is"}
		} else {
			b.without(e, "changes from rule to rule, a value does not", slotRemaining, slotTaken)
			b.without(e, "is known to `keep` under `refund` only", slotLine)
		}
		if b.declare(path+".name", v.Name, e.Kind()) > 0 {
			b.program.values = append(b.program.values, *e)
		}
	}
}

// nothing stands for a formula that does not compile.
var nothing = func() *formula.Formula {
	f, err := formula.Compile("0", formula.NewScope(), formula.KindNumber)
	if err != nil {
		panic(err)
	}
	return f
}()

// closedBy notes that periods close the accumulator, the last of them when all are due.
func (a *accumulator) closedBy(periods []Period) {
	for i := range periods {
		if p := &periods[i]; p.Of == a.Name {
			a.closed, a.grace = true, max(a.grace, p.GraceDays)
		}
	}
}

// accumulators compiles what is counted. Measures see all lines.
func (b *builder) accumulators() {
	for i := range b.program.accumulators {
		a := &b.program.accumulators[i]
		path := at("accumulators", i)
		a.scope = a.Scope
		if a.scope == "" {
			a.scope = ScopeContract
		}
		a.single = a.PerCurrency != nil && !*a.PerCurrency
		a.window = windowsOf(a.Window, a.Starts)
		a.closedBy(b.document.Periods)
		if a.Measure == "" {
			b.invalid(path+".measure", "", "an accumulator has no measure", "say what a transaction adds, as gross")
		}
		a.measure = b.without(b.expr(path+".measure", a.Measure, formula.KindNumber), "is known to `keep` under `refund` only", slotLine)
		a.when = b.without(b.expr(path+".when", a.When, formula.KindTruth), "is known to `keep` under `refund` only", slotLine)
		for j, name := range a.Key {
			part := keyPart{name: name}
			if known := slices.IndexFunc(b.program.inputs, func(in input) bool { return in.Name == name }); known >= 0 {
				part.input = b.program.inputs[known].slot
				if b.program.inputs[known].kind != formula.KindText {
					b.invalid(at(path+".key", j), name, "only roles and text inputs can be keys", "count by a text")
				}
			}
			a.key = append(a.key, part)
		}
	}
}
