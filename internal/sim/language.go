package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// drawSecond draws a version in the second language: conditions, groups, tiers that
// go on where earlier transactions ended, splits, caps over a window, parameters
// that contracts override, and what refunds return.
func (w *world) drawSecond(from string) auditor.Version {
	v := auditor.Version{
		From: from, Language: 2, Funds: auditor.Target{Role: "gateway", Purpose: "receivable"},
		Rate: w.millionths(), Limit: map[string]int64{"KRW": 2_000, "USD": 1_500, "KWD": 1_250},
	}
	to := func(role, purpose string) auditor.Target { return auditor.Target{Role: role, Purpose: purpose} }
	add := func(r auditor.Rule) string {
		r.ID = fmt.Sprintf("rule%d", len(v.Rules)+1)
		if !r.Rest {
			w.drawRefund(&r)
			if w.chance(50) {
				r.Mode = pick(w.random, modes...)
			}
			if r.Mode != "" && w.chance(40) {
				r.Unit = map[string]int64{"KRW": 10, "USD": 5}
			}
		}
		v.Rules = append(v.Rules, r)
		return r.ID
	}
	count := func(acc auditor.Accumulator) string {
		acc.Name = fmt.Sprintf("sum%d", len(v.Accumulators)+1)
		v.Accumulators = append(v.Accumulators, acc)
		return acc.Name
	}
	month := count(auditor.Accumulator{Measure: "gross", Key: pick(w.random, []string{"seller"}, []string{"seller", "grade"}, nil), Window: pick(w.random, "calendar_month", "lifetime", "day", "day"), Shared: w.chance(30)})
	w.drawPeriod(&v)
	recent := count(auditor.Accumulator{Measure: "one", Days: 2 + w.random.IntN(6), Shared: w.chance(50), All: true, When: pick(w.random, nil, &auditor.Condition{Type: "sale"})})
	if w.chance(70) {
		capped := fmt.Sprintf("sum%d", len(v.Accumulators)+1)
		id := add(auditor.Rule{To: to("gateway", "fee"), ByRate: true, Cap: &auditor.Cap{Parameter: "limit", Accumulator: capped}, Priority: 10})
		count(auditor.Accumulator{Measure: id, Key: []string{"affiliate"}, Window: "calendar_month"})
	}
	if w.chance(80) {
		add(auditor.Rule{To: to("platform", "payable"), Priority: pick(w.random, 5, 20), Tiers: &auditor.Tiers{From: month, Steps: []auditor.Step{{UpTo: 500, Millionths: w.millionths()}, {UpTo: 2_500, Millionths: w.millionths()}, {Millionths: w.millionths()}}}})
	}
	if w.chance(60) {
		group := pick(w.random, "", "promotion")
		add(auditor.Rule{To: to("affiliate", "payable"), Group: group, Millionths: w.millionths(), OfNet: w.chance(50), When: w.drawCondition(recent)})
		add(auditor.Rule{To: to("affiliate", "payable"), Group: group, Tiers: &auditor.Tiers{Slab: true, By: pick(w.random, recent, ""), Steps: []auditor.Step{{UpTo: 3, Millionths: w.millionths()}, {Millionths: w.millionths()}}}})
	}
	if w.chance(60) {
		add(auditor.Rule{Priority: 30, Split: &auditor.Split{Millionths: w.millionths() / 2, Remainder: pick(w.random, "largest", "first", "last"), Parts: []auditor.Part{
			{ID: "a", To: to("platform", "payable"), Weight: 1 + w.random.Int64N(3)}, {ID: "b", To: to("affiliate", "payable"), Weight: 1 + w.random.Int64N(3)}, {ID: "c", To: to("tax_office", "withholding"), Weight: 1},
		}}})
	}
	if w.chance(50) {
		add(auditor.Rule{To: to("gateway", "fee"), Flat: map[string]int64{"KRW": 30, "USD": 31, "KWD": 155}, OnRefund: w.chance(60), When: w.drawCondition(recent)})
	}
	if w.chance(40) {
		w.drawConversion(add)
	}
	rest := pick(w.random, "seller", "operator")
	if rest == "operator" {
		add(auditor.Rule{To: to("seller", "payable"), Millionths: w.millionths(), OfRemaining: true, Priority: 50})
	}
	w.drawHolds(&v, rest, add)
	return v
}

// drawPeriod draws what becomes of the windows of the first accumulator.
func (w *world) drawPeriod(v *auditor.Version) {
	acc := &v.Accumulators[0]
	if acc.Window == "lifetime" || w.chance(30) {
		return
	}
	p := auditor.Period{ID: "period", Of: acc.Name, Grace: pick(w.random, 0, 0, 1, 3), Losses: w.chance(50)}
	if w.chance(30) {
		p.Above = 1_000
	}
	from := auditor.Target{Role: "gateway", Purpose: "fee"}
	if slices.Contains(acc.Key, "seller") {
		from = auditor.Target{Role: "seller", Purpose: "payable"}
	}
	t := auditor.Transfer{ID: "share", From: from, To: auditor.Target{Role: "platform", Purpose: "fee"}, Millionths: 1 + w.millionths(), Signed: w.chance(80)}
	p.Entries = append(p.Entries, t)
	if w.chance(60) {
		p.Entries = append(p.Entries, auditor.Transfer{
			ID: "least", From: from, To: auditor.Target{Role: "operator", Purpose: "fee"}, Flat: map[string]int64{"KRW": 900, "USD": 250, "KWD": 7}, Below: pick(w.random, int64(0), 100, 3_000),
		})
	}
	v.Periods = append(v.Periods, p)
}

// periods writes the periods of a version.
func periods(v *auditor.Version) (list []fee.Period) {
	for _, p := range v.Periods {
		written := fee.Period{ID: p.ID, Of: p.Of, GraceDays: p.Grace}
		for _, t := range p.Entries {
			entry := fee.PeriodEntry{ID: t.ID, From: fee.Target(t.From), To: fee.Target(t.To), Flat: amounts(t.Flat)}
			switch {
			case t.Flat != nil:
			case t.Signed:
				entry.Amount = p.Of + " * " + ratio(t.Millionths)
			default:
				entry.Of, entry.Percent = "max(0, "+p.Of+")", percentage(t.Millionths)
			}
			if t.Below != 0 {
				entry.When = fmt.Sprintf("%s < %d", p.Of, t.Below)
			}
			written.Entries = append(written.Entries, entry)
		}
		switch {
		case p.Losses && p.Above > 0:
			written.Carry = []fee.Carry{{Accumulator: p.Of, Is: fmt.Sprintf("min(0, %s) + max(0, %s - %d)", p.Of, p.Of, p.Above)}}
		case p.Losses:
			written.Carry = []fee.Carry{{Accumulator: p.Of, Is: fmt.Sprintf("min(0, %s)", p.Of)}}
		case p.Above > 0:
			written.Carry = []fee.Carry{{Accumulator: p.Of, Is: fmt.Sprintf("max(0, %s - %d)", p.Of, p.Above)}}
		}
		list = append(list, written)
	}
	return list
}

// drawConversion draws a share that is paid in another currency, now or later.
func (w *world) drawConversion(add func(auditor.Rule) string) {
	mid := pick(w.random, int64(1_385_500_000), 2_000_000, 731_234, 999_999)
	r := auditor.Rule{To: auditor.Target{Role: "affiliate", Purpose: "payable"}, Millionths: w.millionths(), Priority: 25, Convert: &auditor.Convert{
		To: pick(w.random, "KRW", "USD", "KWD"), Mid: mid, Rate: mid - mid/pick(w.random, int64(100), 37, -50),
		Via: auditor.Target{Role: "platform", Purpose: "fx"}, SpreadTo: auditor.Target{Role: "platform", Purpose: "fx_income"},
	}}
	if w.chance(40) {
		r.To.Purpose, r.Hold = "reserve", w.drawHold()
	}
	add(r)
}

// drawHolds draws what is kept back of what is left, and which of that pays first.
func (w *world) drawHolds(v *auditor.Version, rest string, add func(auditor.Rule) string) {
	var from []string
	if w.chance(60) {
		from = append(from, "reserve")
		add(auditor.Rule{To: auditor.Target{Role: rest, Purpose: "reserve"}, Millionths: w.millionths(), OfRemaining: w.chance(70), Priority: 60, Hold: w.drawHold()})
	}
	last := auditor.Rule{To: auditor.Target{Role: rest, Purpose: "payable"}, Rest: true}
	if w.chance(50) {
		from = append(from, "pending")
		last.To.Purpose, last.Hold = "pending", w.drawHold()
	}
	add(last)
	if len(from) == 0 || w.chance(30) {
		return
	}
	if w.chance(70) {
		v.Recourse = append(v.Recourse, auditor.Recourse{Role: rest, From: from, When: &auditor.Condition{Type: "chargeback"}})
	}
	if w.chance(60) {
		v.Recourse = append(v.Recourse, auditor.Recourse{Role: rest, From: from[len(from)-1:]})
	}
}

func (w *world) drawHold() *auditor.Hold {
	return &auditor.Hold{Days: w.random.IntN(pick(w.random, 3, 8, 25)), Calendar: pick(w.random, "", "", calendarID), Into: "payable"}
}

func (w *world) millionths() int64 {
	return pick(w.random, int64(0), 25_000, 29_000, 33_333, 100_000, 7_777, int64(w.random.IntN(200_000)))
}

// drawCondition draws when a rule applies; nil is always.
func (w *world) drawCondition(recent string) *auditor.Condition {
	switch w.random.IntN(7) {
	case 0:
		return &auditor.Condition{Grade: "small"}
	case 1:
		return &auditor.Condition{Type: "sale", Above: 100}
	case 2: // a promotion
		return &auditor.Condition{From: "2026-11-10", Until: "2026-11-20"}
	case 3:
		return &auditor.Condition{Counter: recent, AtLeast: 2}
	}
	return nil
}

// drawRefund draws what a refund returns of a rule.
func (w *world) drawRefund(r *auditor.Rule) {
	switch policy := pick(w.random, auditor.ProRata, auditor.ProRata, auditor.ProRata, auditor.OnFull, auditor.Kept, auditor.ReRate, "keep"); {
	case r.OnRefund:
		r.Refund = pick(w.random, auditor.ProRata, auditor.Kept)
	case policy == "keep":
		r.Keep = 50_000 + w.random.Int64N(300_000)
	default:
		r.Refund = policy
	}
}

// whole writes minor units as the number that formulas see.
func whole(units int64, currency string) string { return auditor.Decimal(units, currency) }

func ratio(millionths int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%06d", millionths/1_000_000, millionths%1_000_000), "0"), ".")
}

func percentage(millionths int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%04d", millionths/10_000, millionths%10_000), "0"), ".")
}

// secondLanguage adds to a document what the first language has no words for.
func secondLanguage(d *fee.Document, v *auditor.Version) {
	standard := auditor.StandardGrade
	d.Inputs = []fee.Attribute{{Name: "grade", Type: "text", OneOf: []string{"small", "general"}, Default: &standard}}
	d.Parameters = []fee.Parameter{{Name: "rate", Is: ratio(v.Rate)}, {Name: "limit", Amounts: amounts(v.Limit)}}
	d.Values = []fee.Named{{Name: "net", Is: "gross / 1.1"}}
	for _, acc := range v.Accumulators {
		written := fee.Accumulator{Name: acc.Name, Measure: acc.Measure, Key: acc.Key, Window: fee.Window{Name: acc.Window, RollingDays: acc.Days}, When: formula(acc.When)}
		switch acc.Measure {
		case "gross":
		case "one":
			written.Measure = "1"
		default:
			written.Measure = "lines." + acc.Measure
		}
		if acc.Shared {
			written.Scope = fee.ScopeSchedule
		}
		if acc.All {
			written.PerCurrency = new(bool)
		}
		d.Accumulators = append(d.Accumulators, written)
	}
	d.Periods = periods(v)
	for _, r := range v.Recourse {
		d.Recourse = append(d.Recourse, fee.Recourse{Role: r.Role, From: r.From, When: formula(r.When)})
	}
	for i := range v.Rules {
		secondRule(&d.Rules[i], &v.Rules[i])
	}
}

func secondRule(rule *fee.Rule, r *auditor.Rule) {
	rule.When, rule.Group = formula(r.When), r.Group
	switch {
	case r.ByRate:
		rule.Percent = "rate * 100"
	case r.Tiers != nil:
		rule.Percent = ""
		rule.Tiers = &fee.Tiers{Mode: fee.TiersMarginal, From: r.Tiers.From, By: r.Tiers.By}
		if r.Tiers.Slab {
			rule.Tiers.Mode = fee.TiersSlab
		}
		for i, step := range r.Tiers.Steps {
			written := fee.Step{Percent: percentage(step.Millionths)}
			if i < len(r.Tiers.Steps)-1 {
				written.UpTo = strconv.FormatInt(step.UpTo, 10)
			}
			rule.Tiers.Steps = append(rule.Tiers.Steps, written)
		}
	case r.Split != nil:
		rule.Percent = ""
		rule.Split = &fee.Split{Of: "gross * " + ratio(r.Split.Millionths), Remainder: r.Split.Remainder}
		for _, part := range r.Split.Parts {
			rule.Split.Parts = append(rule.Split.Parts, fee.Part{ID: part.ID, To: fee.Target(part.To), Weight: strconv.FormatInt(part.Weight, 10)})
		}
	}
	if r.OfNet {
		rule.Of = "net"
	}
	if r.Cap != nil {
		rule.AtMost = "max(0, " + r.Cap.Parameter + " - " + r.Cap.Accumulator + ")"
	}
	if r.Hold != nil {
		rule.Hold = &fee.Hold{Into: r.Hold.Into}
		if rule.Hold.Calendar = r.Hold.Calendar; r.Hold.Calendar == "" {
			rule.Hold.Days = &r.Hold.Days
		} else {
			rule.Hold.BusinessDays = &r.Hold.Days
		}
	}
	if x := r.Convert; x != nil {
		spread := fee.Target(x.SpreadTo)
		rule.Convert = &fee.Convert{To: money.Currency(x.To), Mid: ratio(x.Mid), Rate: ratio(x.Rate), Via: fee.Target(x.Via), SpreadTo: &spread}
	}
	if r.OnRefund {
		rule.On = fee.OnRefund
	}
	if r.Keep > 0 {
		rule.Refund = &fee.Refund{Keep: "line * " + ratio(r.Keep)}
	} else if r.Refund != "" {
		rule.Refund = &fee.Refund{Policy: r.Refund}
	}
}

// formula writes a condition; nil is none.
func formula(c *auditor.Condition) string {
	if c == nil {
		return ""
	}
	var parts []string
	add := func(given bool, text string) {
		if given {
			parts = append(parts, text)
		}
	}
	add(c.Type != "", fmt.Sprintf("type == %q", c.Type))
	add(c.Grade != "", fmt.Sprintf("grade == %q", c.Grade))
	add(c.From != "", fmt.Sprintf("on >= date(%q)", c.From))
	add(c.Until != "", fmt.Sprintf("on < date(%q)", c.Until))
	add(c.Above != 0, fmt.Sprintf("gross > %d", c.Above))
	add(c.Counter != "", fmt.Sprintf("%s >= %d", c.Counter, c.AtLeast))
	return strings.Join(parts, " and ")
}

// overrides writes what a contract says instead of the schedule's parameters.
func overrides(c *auditor.Contract) map[string]string {
	if c.Rate == nil && c.Limit == nil {
		return nil
	}
	out := map[string]string{}
	if c.Rate != nil {
		out["rate"] = ratio(*c.Rate)
	}
	for _, currency := range slices.Sorted(maps.Keys(c.Limit)) {
		out["limit."+currency] = whole(c.Limit[currency], currency)
	}
	return out
}

// amounts writes minor units by currency.
func amounts(units map[string]int64) map[money.Currency]money.Amount {
	if units == nil {
		return nil
	}
	out := map[money.Currency]money.Amount{}
	for currency, n := range units {
		out[money.Currency(currency)] = money.New(n, uint8(auditor.Exponents[currency]))
	}
	return out
}

// document is a version as it is published.
func document(s *auditor.Schedule, number int) fee.Document {
	v := &s.Versions[number-1]
	d := fee.Document{Schedule: s.ID, Version: number, EffectiveFrom: domain.Date(v.From), Funds: fee.Target(v.Funds)}
	for _, r := range v.Rules {
		rule := fee.Rule{ID: r.ID, To: fee.Target(r.To), Priority: r.Priority, Rest: r.Rest, Flat: amounts(r.Flat), Minimum: amounts(r.Minimum), Maximum: amounts(r.Maximum)}
		if !r.Rest && r.Flat == nil {
			rule.Percent = percentage(r.Millionths)
			if r.OfRemaining {
				rule.Of = "remaining"
			}
		}
		if r.Mode != "" {
			rule.Rounding = &fee.Rounding{Mode: r.Mode, Unit: amounts(r.Unit)}
		}
		d.Rules = append(d.Rules, rule)
	}
	if v.Second() {
		secondLanguage(&d, v)
	}
	return d
}
