package graph

import (
	"cmp"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/graph/generated"
)

// each shows the elements of a list.
func each[A, B any](list []A, show func(A) B) []B {
	shown := make([]B, 0, len(list))
	for _, item := range list {
		shown = append(shown, show(item))
	}
	return shown
}

// ifAny shows what may be missing.
func ifAny[A, B any](item *A, show func(A) *B) *B {
	if item == nil {
		return nil
	}
	return show(*item)
}

func target(t fee.Target) *generated.FeeTarget {
	return &generated.FeeTarget{Role: t.Role, Purpose: optional(t.Purpose)}
}

// targetIfAny is nil without a target.
func targetIfAny(t *fee.Target) *generated.FeeTarget { return ifAny(t, target) }

func feeInput(a fee.Attribute) *generated.FeeInput {
	return &generated.FeeInput{Name: a.Name, Type: a.Type, OneOf: list(a.OneOf), Default: a.Default}
}

func feeParameter(p fee.Parameter) *generated.FeeParameter {
	return &generated.FeeParameter{Name: p.Name, Is: optional(p.Is), Amounts: moneyList(p.Amounts)}
}

func feeAccumulator(a fee.Accumulator) *generated.FeeAccumulator {
	return &generated.FeeAccumulator{
		Name: a.Name, Measure: a.Measure, Key: list(a.Key), Window: a.Window.String(), Starts: optional(a.Starts),
		Scope: cmp.Or(a.Scope, fee.ScopeContract), When: optional(a.When), PerCurrency: a.PerCurrency == nil || *a.PerCurrency,
	}
}

func feeValue(v fee.Named) *generated.FeeValue {
	return &generated.FeeValue{Name: v.Name, Is: v.Is}
}

func feeRule(r fee.Rule) *generated.FeeRule {
	shown := &generated.FeeRule{
		ID: r.ID, Priority: r.Priority, When: optional(r.When), Group: optional(r.Group), Of: cmp.Or(r.Of, "gross"),
		Percent: optional(r.Percent), Flat: moneyList(r.Flat), PerUnit: ifAny(r.PerUnit, feePerUnit), Tiers: ifAny(r.Tiers, feeTiers),
		Amount: optional(r.Amount), Split: ifAny(r.Split, feeSplit), Rest: r.Rest,
		Minimum: moneyList(r.Minimum), Maximum: moneyList(r.Maximum), AtLeast: optional(r.AtLeast), AtMost: optional(r.AtMost),
		Rounding: ifAny(r.Rounding, feeRounding), On: cmp.Or(r.On, fee.OnSale), Hold: ifAny(r.Hold, feeHold), Convert: ifAny(r.Convert, feeConversion),
	}
	if r.Split == nil {
		shown.To = target(r.To)
	}
	switch {
	case r.Refund == nil:
		shown.Refund = optional(fee.RefundProRata)
	case r.Refund.Keep != "":
		shown.RefundKeep = &r.Refund.Keep
	default:
		shown.Refund = &r.Refund.Policy
	}
	return shown
}

func feeRounding(r fee.Rounding) *generated.FeeRounding {
	return &generated.FeeRounding{Mode: r.Mode, Unit: moneyList(r.Unit)}
}

func feePerUnit(p fee.PerUnit) *generated.FeePerUnit {
	return &generated.FeePerUnit{Units: p.Units, Price: moneyList(p.Price), PriceIs: optional(p.PriceIs)}
}

func feeTiers(t fee.Tiers) *generated.FeeTiers {
	return &generated.FeeTiers{
		Mode: t.Mode, From: optional(t.From), By: optional(t.By), Edge: cmp.Or(t.Edge, fee.EdgeInclusive),
		Steps: each(t.Steps, func(s fee.Step) *generated.FeeStep {
			return &generated.FeeStep{UpTo: optional(s.UpTo), Percent: optional(s.Percent), Flat: moneyList(s.Flat)}
		}),
	}
}

func feeSplit(s fee.Split) *generated.FeeSplit {
	return &generated.FeeSplit{
		Of: s.Of, Remainder: cmp.Or(s.Remainder, fee.RemainderLargest),
		Parts: each(s.Parts, func(p fee.Part) *generated.FeePart {
			return &generated.FeePart{ID: p.ID, To: target(p.To), Weight: p.Weight}
		}),
	}
}

func feeHold(h fee.Hold) *generated.FeeHold {
	return &generated.FeeHold{Into: cmp.Or(h.Into, fee.PurposePayable), ValueDate: h.ValueDate}
}

func feeConversion(c fee.Convert) *generated.FeeConversion {
	return &generated.FeeConversion{
		To: c.To, Mid: c.Mid, Rate: optional(c.Rate), Via: target(c.Via), SpreadTo: targetIfAny(c.SpreadTo), Rounding: ifAny(c.Rounding, feeRounding),
	}
}

func feePeriod(p fee.Period) *generated.FeePeriod {
	return &generated.FeePeriod{
		ID: p.ID, Description: optional(p.Description), Of: p.Of, GraceDays: p.GraceDays, Values: each(p.Values, feeValue),
		Entries: each(p.Entries, func(e fee.PeriodEntry) *generated.FeePeriodEntry {
			return &generated.FeePeriodEntry{
				ID: e.ID, When: optional(e.When), From: target(e.From), To: target(e.To), Amount: e.Amount, Rounding: ifAny(e.Rounding, feeRounding),
			}
		}),
		Carry: each(p.Carry, func(c fee.Carry) *generated.FeeCarry {
			return &generated.FeeCarry{Accumulator: c.Accumulator, Is: c.Is}
		}),
	}
}

func feeRecourse(c fee.Recourse) *generated.FeeRecourse {
	return &generated.FeeRecourse{Role: c.Role, From: list(c.From), When: optional(c.When)}
}
