package fee

import (
	"errors"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// frame is what formulas see: a value for every slot. Values that a document names
// are computed where they are first needed.
type frame struct {
	program *program
	vars    []formula.Value
}

func (f *frame) set(slot int, n formula.Number) { f.vars[slot] = formula.NumberOf(n) }

// need computes the values that a formula reads and that are not there yet.
func (f *frame) need(e *expr) error {
	for _, i := range e.values {
		slot := f.program.firstValue + i
		if !f.vars[slot].IsAbsent() {
			continue
		}
		v := &f.program.values[i]
		value, err := v.Eval(f.vars)
		if err != nil {
			return f.failed(v, err)
		}
		f.vars[slot] = value
	}
	return nil
}

// number computes a formula of numbers.
func (f *frame) number(e *expr) (formula.Number, error) {
	if e.constant {
		return e.number, nil
	}
	if len(e.values) > 0 {
		if err := f.need(e); err != nil {
			return formula.Number{}, err
		}
	}
	n, err := e.EvalNumber(f.vars)
	if err != nil {
		return formula.Number{}, f.failed(e, err)
	}
	return n, nil
}

// truth computes a condition.
func (f *frame) truth(e *expr) (bool, error) {
	if len(e.values) > 0 {
		if err := f.need(e); err != nil {
			return false, err
		}
	}
	b, err := e.EvalTruth(f.vars)
	if err != nil {
		return false, f.failed(e, err)
	}
	return b, nil
}

// failed names the place in the schedule of what went wrong with a formula.
func (f *frame) failed(e *expr, err error) error {
	var fault *domain.Error
	if !errors.As(err, &fault) {
		return err
	}
	located := *fault
	located.Field = e.path
	located.Message = "the schedule's formula " + e.Source() + " cannot be computed: " + fault.Message
	for i := range f.program.parameters {
		p := &f.program.parameters[i]
		if p.Name == fault.Value && f.vars[p.slot].IsAbsent() {
			currency := f.vars[slotCurrency].Text()
			located.Message = "parameter " + p.Name + " has no amount in " + currency
			located.Remedy = "name " + currency + " under the parameter, or in the contract as " + p.Name + "." + currency
		}
	}
	return &located
}
