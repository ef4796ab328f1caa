package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// template holds what is the same for every transaction: the parameters bound to
// the schedule, and no line applied yet.
func (p *program) template() []formula.Value {
	vars := make([]formula.Value, p.scope.Len())
	for i := range p.parameters {
		vars[p.parameters[i].slot] = p.parameters[i].value
	}
	for i := range p.clauses {
		for _, slot := range p.clauses[i].slots() {
			vars[slot] = formula.NumberOf(formula.Number{})
		}
	}
	return vars
}

// changing lists the slots that a transaction may fill and the next one may not.
func (p *program) changing() []int {
	slots := []int{slotRemaining, slotTaken}
	for i := range p.parameters {
		slots = append(slots, p.parameters[i].slot)
	}
	for i := range p.accumulators {
		slots = append(slots, p.accumulators[i].slot)
	}
	for i := range p.values {
		slots = append(slots, p.firstValue+i)
	}
	for i := range p.clauses {
		slots = append(slots, p.clauses[i].slots()...)
	}
	return slots
}

// slots are those of a rule's lines.
func (c *clause) slots() (slots []int) {
	if c.slot > 0 {
		slots = append(slots, c.slot)
	}
	if c.split != nil {
		for i := range c.split.parts {
			if slot := c.split.parts[i].slot; slot > 0 {
				slots = append(slots, slot)
			}
		}
	}
	return slots
}

// variables gives every name its value for one transaction, but for accumulators
// and what the rules make.
func (s *Schedule) variables(vars []formula.Value, in *Input, minor, gross, whole money.Amount) error {
	p := s.program
	vars[formula.SlotMinorUnit] = formula.NumberOf(formula.FromAmount(minor))
	vars[slotGross] = formula.NumberOf(formula.FromAmount(whole))
	vars[slotExactGross] = formula.NumberOf(formula.FromAmount(gross))
	vars[slotCurrency] = formula.TextOf(string(in.Currency))
	vars[slotType] = formula.TextOf(in.Type)
	vars[slotMethod] = formula.TextOf(in.Method)
	vars[slotProduct] = formula.TextOf(in.Product)
	vars[slotSource] = formula.TextOf(in.Source)
	vars[slotRefund] = formula.TruthOf(in.Original != nil)
	if p.dated {
		vars[slotOn] = formula.DateOf(in.On)
		if vars[slotOn].IsAbsent() {
			return domain.Unfilled("on")
		}
	}
	for i := range s.amounts {
		if amount, named := s.amounts[i].amounts.in(in.Currency); named {
			vars[s.amounts[i].slot] = formula.NumberOf(formula.FromAmount(amount))
		}
	}
	for _, role := range p.roles {
		vars[role.slot] = formula.TextOf(in.party(role.role))
	}
	for i := range p.inputs {
		value, err := p.inputs[i].of(in)
		if err != nil {
			return err
		}
		vars[p.inputs[i].slot] = value
	}
	return nil
}

func (in *Input) party(role string) string {
	if in.Party == nil {
		return ""
	}
	return in.Party(role)
}

// of takes the attribute from the transaction, from the sale that it gives back, or
// from the schedule. An empty text is none.
func (in *input) of(t *Input) (formula.Value, error) {
	text := t.Attributes[in.Name]
	if text == "" && t.Original != nil {
		text = t.Original.Attributes[in.Name]
	}
	if text != "" {
		return in.parse(text)
	}
	if !in.standard.IsAbsent() {
		return in.standard, nil
	}
	return formula.Value{}, &domain.Error{
		Code: domain.CodeInvalid, Field: "attributes." + in.Name, Message: "the schedule needs this attribute of every transaction",
		Remedy: "map it in the source, or publish a version of the schedule with a default for it",
	}
}
