package graph

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/scalar"
	"github.com/jeongsan/jeongsan/projections/directory"
)

// simulate tries a schedule on a transaction. What is wrong with either is told in
// the answer; that a part of the server does not answer is an error.
func (r *Resolver) simulate(ctx context.Context, in generated.SimulateScheduleInput) (*generated.Simulation, error) {
	d, err := r.simulated(ctx, in)
	if err != nil {
		return unsimulated(err)
	}
	if faults := fee.Check(d); len(faults) > 0 {
		return &generated.Simulation{UserErrors: each(faults, userError)}, nil
	}
	compiled, err := fee.Compile(d)
	if err != nil {
		return unsimulated(err)
	}
	c, err := simulatedCase(in)
	if err != nil {
		return unsimulated(err)
	}
	explained, err := compiled.TryCase(c)
	if err != nil {
		return unsimulated(err)
	}
	return &generated.Simulation{Rating: rating(explained, in.Currency, c.Transaction.Amount), UserErrors: []*generated.UserError{}}, nil
}

// unsimulated tells what is wrong with the input, and passes on every other error.
func unsimulated(err error) (*generated.Simulation, error) {
	a, err := refused(err)
	if err != nil {
		return nil, err
	}
	return &generated.Simulation{UserErrors: a.userErrors}, nil
}

// simulated is the schedule that an input means.
func (r *Resolver) simulated(ctx context.Context, in generated.SimulateScheduleInput) (fee.Document, error) {
	switch {
	case (in.Document == nil) == (in.Schedule == nil), in.Document != nil && in.Version != nil:
		return fee.Document{}, &domain.Error{Code: domain.CodeInvalid, Field: "document", Message: "the schedule is not given in one of the two ways", Remedy: "give a document, or the id of a schedule and perhaps a version"}
	case in.Document != nil:
		return documentOf(in.Document)
	case in.Version == nil:
		latest, found, err := directory.LatestSchedule(ctx, r.pool, *in.Schedule)
		if err != nil || found {
			return latest.Document, err
		}
	default:
		key := directory.Version{Schedule: *in.Schedule, Version: *in.Version}
		rows, err := directory.SchedulesByVersion(ctx, r.pool, []directory.Version{key})
		if err != nil {
			return fee.Document{}, err
		}
		if row, found := rows[key]; found {
			return row.Document, nil
		}
		return fee.Document{}, &domain.Error{Code: domain.CodeNotFound, Field: "version", Value: strconv.Itoa(*in.Version), Message: "the schedule has no such version", Remedy: "leave the version out for the newest"}
	}
	return fee.Document{}, &domain.Error{Code: domain.CodeNotFound, Field: "schedule", Value: *in.Schedule, Message: "no such schedule", Remedy: "publish it, or give a document"}
}

// simulatedCase is the transaction that an input says.
func simulatedCase(in generated.SimulateScheduleInput) (c fee.Case, err error) {
	t := &fee.CaseTransaction{
		Currency: in.Currency, Type: given(in.Type), Method: given(in.Method), Product: given(in.Product), Source: given(in.Source), On: in.On,
	}
	c.Transaction = t
	if t.Amount, err = in.Amount.Amount(); err != nil {
		return c, err
	}
	if t.Parties, err = roleMap("parties", in.Parties); err != nil {
		return c, err
	}
	if t.Attributes, err = textMap("attributes", in.Attributes); err != nil {
		return c, err
	}
	if c.Parameters, err = textMap("parameters", in.Parameters); err != nil {
		return c, err
	}
	if c.Before, err = sumMap("before", in.Before); err != nil || in.RefundOf == nil {
		return c, err
	}
	c.RefundOf = &fee.CaseSale{Transaction: *t}
	sale := &c.RefundOf.Transaction
	sale.Type = given(in.RefundOf.Type)
	if in.Type == nil {
		t.Type = "refund"
	}
	if in.RefundOf.On != nil {
		sale.On = *in.RefundOf.On
	}
	if in.RefundOf.Refunded != nil {
		if c.RefundOf.Refunded, err = in.RefundOf.Refunded.Amount(); err != nil {
			return c, err
		}
	}
	sale.Amount, err = in.RefundOf.Amount.Amount()
	return c, err
}

// textMap gives texts by name; each name may be there once.
func textMap(field string, list []*generated.NamedTextInput) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	texts := make(map[string]string, len(list))
	for _, item := range list {
		if _, twice := texts[item.Name]; twice {
			return nil, repeated(field, item.Name, "name")
		}
		texts[item.Name] = item.Value
	}
	return texts, nil
}

// namedTexts is the opposite of textMap, in the order of names.
func namedTexts(texts map[string]string) []*generated.NamedText {
	list := make([]*generated.NamedText, 0, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		list = append(list, &generated.NamedText{Name: name, Value: texts[name]})
	}
	return list
}

// sumMap gives amounts by name; each name may be there once.
func sumMap(field string, list []*generated.NamedSumInput) (map[string]money.Amount, error) {
	sums := make(map[string]money.Amount, len(list))
	for _, item := range list {
		if _, twice := sums[item.Name]; twice {
			return nil, repeated(field, item.Name, "name")
		}
		amount, err := item.Value.Amount()
		if err != nil {
			return nil, err
		}
		sums[item.Name] = amount
	}
	return sums, nil
}

// rating shows an explanation of a transaction of an amount.
func rating(e fee.Explanation, currency money.Currency, amount money.Amount) *generated.Rating {
	line := func(l fee.Line) *generated.ExplanationLine { return explanationLine(l, currency) }
	shown := &generated.Rating{
		ScheduleID: e.Schedule, Version: e.Version, Engine: e.Engine, Currency: currency,
		Gross: writtenAmount(e.Result.Gross, currency), Rated: writtenAmount(e.Result.Rated, currency), Lines: each(e.Result.Lines, line),
		Shares: []*generated.RatedShare{},
		Inputs: each(e.Inputs, namedValue), Parameters: each(e.Parameters, namedValue), Values: each(e.Values, namedValue),
		Rules: each(e.Rules, func(c fee.Considered) *generated.ConsideredRule {
			return &generated.ConsideredRule{Rule: c.Rule, Matched: c.Matched, Why: optional(c.Why), Steps: each(c.Steps, namedValue), Lines: each(c.Lines, line)}
		}),
		Accumulators: each(e.Accumulators, func(c fee.Counted) *generated.CountedAccumulator {
			return &generated.CountedAccumulator{
				Name: c.Name, Counter: c.Counter, Before: scalar.Decimal(c.Before.String()), After: scalar.Decimal(c.After.String()),
				Counts: c.Counts, Why: optional(c.Why), Formula: optional(c.Formula),
			}
		}),
		Releases: each(e.Result.Releases, func(h fee.Release) *generated.RatedRelease {
			return &generated.RatedRelease{
				Rule: h.Rule, Role: h.From.Role, From: h.From.Purpose, Into: h.Into.Purpose, Currency: h.Currency, Amount: writtenAmount(h.Amount, h.Currency), On: h.On,
			}
		}),
	}
	negative := amount.Sign() < 0
	shown.Shares = ratedShares(e.Result.Shares, currency, negative)
	shown.Conversions = conversions(e.Result.Conversions, negative)
	shown.Recourse = each(e.Recourse, func(c fee.Reached) *generated.RatedRecourse {
		return &generated.RatedRecourse{Role: c.Role, From: list(c.From), Holds: c.Holds, Why: optional(c.Why)}
	})
	return shown
}

// ratedShares says where amounts go; what is nothing is left out. Shares of a sale
// are credited, those that stand opposite debited, all swapped for a negative amount.
func ratedShares(shares []fee.Share, currency money.Currency, negative bool) []*generated.RatedShare {
	shown := []*generated.RatedShare{}
	for _, s := range shares {
		if s.Amount.IsZero() {
			continue
		}
		stands := ledger.Credit
		if s.Opposite != negative {
			stands = ledger.Debit
		}
		share := &generated.RatedShare{
			Role: s.To.Role, Purpose: s.To.Purpose, Currency: currency, Side: side(stands), Amount: writtenAmount(s.Amount, currency), First: list(s.From),
		}
		if s.Hold != nil {
			share.HeldUntil, share.Into = optional(s.Hold.On), &s.Hold.Into.Purpose
		}
		shown = append(shown, share)
	}
	return shown
}

func namedValue(s fee.Shown) *generated.NamedValue {
	return &generated.NamedValue{Name: s.Name, Value: s.Value, Formula: optional(s.Formula)}
}
