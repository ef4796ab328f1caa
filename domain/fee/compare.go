package fee

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain/money"
)

// Equal reports whether two documents say the same: amounts per currency compare by
// value, and what is empty is left out.
func (d Document) Equal(o Document) bool {
	a, errA := d.tree()
	b, errB := o.tree()
	return errA == nil && errB == nil && same("", a, b)
}

// tree is the document as JSON knows it, so that no field can be forgotten.
func (d Document) tree() (tree any, err error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&tree)
	return tree, err
}

// same compares what stands under a key.
func same(key string, a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, alike := b.(map[string]any)
		if !alike || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			if other, found := b[key]; !found || !same(key, value, other) {
				return false
			}
		}
		return true
	case []any:
		b, _ := b.([]any)
		return slices.EqualFunc(a, b, func(x, y any) bool { return same("", x, y) })
	case nil:
		list, isList := b.([]any)
		return b == nil || isList && len(list) == 0
	case string:
		b, alike := b.(string)
		return alike && (a == b || money.Currency(key).Known() && sameAmount(a, b))
	default:
		return a == b
	}
}

func sameAmount(a, b string) bool {
	x, okX := money.ParseText(a)
	y, okY := money.ParseText(b)
	return okX && okY && x.Cmp(y) == 0
}

// clone copies what a caller could still change and a compiled schedule looks at.
func (d Document) clone() Document {
	d.RoundingDifference = clonePointer(d.RoundingDifference)
	d.Inputs = slices.Clone(d.Inputs)
	for i := range d.Inputs {
		a := &d.Inputs[i]
		a.OneOf, a.Default = slices.Clone(a.OneOf), clonePointer(a.Default)
	}
	d.Parameters = slices.Clone(d.Parameters)
	for i := range d.Parameters {
		d.Parameters[i].Amounts = maps.Clone(d.Parameters[i].Amounts)
	}
	d.Accumulators = slices.Clone(d.Accumulators)
	for i := range d.Accumulators {
		a := &d.Accumulators[i]
		a.Key, a.PerCurrency = slices.Clone(a.Key), clonePointer(a.PerCurrency)
	}
	d.Values = slices.Clone(d.Values)
	d.Rules = slices.Clone(d.Rules)
	for i := range d.Rules {
		d.Rules[i] = d.Rules[i].clone()
	}
	d.Periods = slices.Clone(d.Periods)
	for i := range d.Periods {
		d.Periods[i] = d.Periods[i].clone()
	}
	d.Recourse = slices.Clone(d.Recourse)
	for i := range d.Recourse {
		d.Recourse[i].From = slices.Clone(d.Recourse[i].From)
	}
	d.Cases = slices.Clone(d.Cases)
	return d
}

func (r Rule) clone() Rule {
	r.Flat, r.Minimum, r.Maximum = maps.Clone(r.Flat), maps.Clone(r.Minimum), maps.Clone(r.Maximum)
	r.PerUnit, r.Tiers, r.Rounding = r.PerUnit.clone(), r.Tiers.clone(), r.Rounding.clone()
	r.Split, r.Refund = clonePointer(r.Split), clonePointer(r.Refund)
	if r.Split != nil {
		r.Split.Parts = slices.Clone(r.Split.Parts)
	}
	r.Hold = r.Hold.clone()
	if r.Convert = clonePointer(r.Convert); r.Convert != nil {
		r.Convert.SpreadTo, r.Convert.Rounding = clonePointer(r.Convert.SpreadTo), r.Convert.Rounding.clone()
	}
	return r
}

func (p Period) clone() Period {
	p.Values, p.Entries, p.Carry = slices.Clone(p.Values), slices.Clone(p.Entries), slices.Clone(p.Carry)
	for i := range p.Entries {
		e := &p.Entries[i]
		e.Flat, e.Minimum, e.Maximum = maps.Clone(e.Flat), maps.Clone(e.Minimum), maps.Clone(e.Maximum)
		e.PerUnit, e.Tiers, e.Rounding = e.PerUnit.clone(), e.Tiers.clone(), e.Rounding.clone()
	}
	return p
}

func (u *PerUnit) clone() *PerUnit {
	if u = clonePointer(u); u != nil {
		u.Price = maps.Clone(u.Price)
	}
	return u
}

func (t *Tiers) clone() *Tiers {
	if t = clonePointer(t); t != nil {
		t.Steps = slices.Clone(t.Steps)
		for i := range t.Steps {
			t.Steps[i].Flat = maps.Clone(t.Steps[i].Flat)
		}
	}
	return t
}

func (h *Hold) clone() *Hold {
	if h = clonePointer(h); h != nil {
		h.Days, h.BusinessDays, h.Weekly, h.Monthly = clonePointer(h.Days), clonePointer(h.BusinessDays), clonePointer(h.Weekly), clonePointer(h.Monthly)
		if h.Monthly != nil {
			h.Monthly.Months = clonePointer(h.Monthly.Months)
		}
	}
	return h
}

func (r *Rounding) clone() *Rounding {
	if r = clonePointer(r); r != nil {
		r.Unit = maps.Clone(r.Unit)
	}
	return r
}

// clonePointer copies what a pointer points at.
func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	copied := *p
	return &copied
}
