package fee_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// periodic reads a schedule of which only what periods see is written.
func periodic(t require.TestingT, text string) fee.Document {
	var d fee.Document
	doc := yamldoc.Decode("schedule.yaml", []byte("schedule: s\nversion: 1\neffective_from: 2026-01-01\nfunds: {role: bank}\nrules: [{id: net, to: {role: seller}, rest: true}]\n"+text), &d)
	require.NoError(t, doc.Err())
	return d
}

// monthEnd closes a month for one party, with the sums of accumulators written as
// "ggr=100 carried=-5".
func monthEnd(t require.TestingT, s *fee.Schedule, sums string, currency money.Currency) (fee.PeriodResult, error) {
	values := map[string]money.Amount{}
	for sum := range strings.FieldsSeq(sums) {
		name, amount, _ := strings.Cut(sum, "=")
		values[name] = amountOf(t, amount)
	}
	return s.ClosePeriod(fee.PeriodEnd{
		Period: "month_end", On: "2026-02-11", Currency: currency, Contract: "c1",
		Party: func(role string) string { return role + "-1" },
		Before: func(c fee.Counter) (money.Amount, error) {
			require.Equal(t, "2026-02", c.Window)
			return values[c.Name], nil
		},
	})
}

// closed writes a result as the tables do.
func closed(result fee.PeriodResult, err error) string {
	if err != nil {
		return describe(fee.Result{}, err)
	}
	var parts []string
	for _, entry := range result.Entries {
		amount := entry.Line.Amount
		if entry.Opposite {
			amount = amount.Neg()
		}
		parts = append(parts, entry.Line.Rule+" "+amount.String())
	}
	for _, carried := range result.Carried {
		part := carried.Accumulator + " = " + carried.Amount.String()
		if carried.Closes != "" {
			part += " opens"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " | ")
}

const ggr = `
parameters:
  - {name: minimum_guarantee, is: "3000"}
  - {name: carry_over, is: "true"}
accumulators:
  - {name: ggr, measure: gross, key: [provider], window: calendar_month}
  - {name: carried, measure: "0", key: [provider], window: calendar_month}
periods:
  - id: month_end
    of: ggr
    values: [{name: base, is: ggr + carried}]
    entries:
      - id: share
        from: {role: operator}
        to: {role: provider}
        of: max(0, base)
        tiers: {mode: marginal, steps: [{up_to: "100000", percent: 15}, {up_to: "500000", percent: 12}, {percent: 10}]}
      - {id: guarantee, from: {role: operator}, to: {role: provider}, amount: "max(0, minimum_guarantee - lines.share)"}
    carry: [{accumulator: carried, is: "if(carry_over, min(0, base), 0)"}]
`

const minimum = `
parameters: [{name: minimum, amounts: {KRW: 300000, EUR: "250.00"}}]
accumulators: [{name: fees, measure: lines.net, key: [seller], window: calendar_month}]
periods:
  - {id: month_end, of: fees, entries: [{id: true_up, from: {role: seller}, to: {role: platform}, amount: "max(0, minimum - fees)"}]}
`

var closings = []struct {
	name, schedule string
	overrides      map[string]string
	cases          string
}{
	{"progressive share, guarantee, losses carried over", ggr, nil, `
		ggr=40000              share 6000.00 | guarantee 0.00 | carried = 0.00
		ggr=150000             share 21000.00 | guarantee 0.00 | carried = 0.00
		ggr=600000             share 73000.00 | guarantee 0.00 | carried = 0.00
		ggr=-12000             share 0.00 | guarantee 3000.00 | carried = -12000.00 | ggr = 0.00 opens
		ggr=20000 carried=-12000  share 1200.00 | guarantee 1800.00 | carried = 0.00
		ggr=100000.01          share 15000.00 | guarantee 0.00 | carried = 0.00
		ggr=10000.01           share 1500.00 | guarantee 1500.00 | carried = 0.00`},
	{"without a guarantee", ggr, map[string]string{"minimum_guarantee": "0"}, `
		ggr=-30000 carried=-5000  share 0.00 | guarantee 0.00 | carried = -35000.00 | ggr = 0.00 opens`},
	{"a lower guarantee", ggr, map[string]string{"minimum_guarantee": "500"}, `
		ggr=10000.01           share 1500.00 | guarantee 0.00 | carried = 0.00`},
	{"losses are not carried over", ggr, map[string]string{"carry_over": "false"}, `
		ggr=-12000             share 0.00 | guarantee 3000.00 | carried = 0.00
		ggr=20000              share 3000.00 | guarantee 0.00 | carried = 0.00`},
	{"a monthly minimum of fees", minimum, nil, `
		fees=0        true_up 250.00
		fees=249.99   true_up 0.01
		fees=250      true_up 0.00
		fees=250.01   true_up 0.00`},
	{"a contract has another minimum", minimum, map[string]string{"minimum.EUR": "100"}, `
		fees=0        true_up 100.00
		fees=249.99   true_up 0.00`},
	{"a subscription above a threshold", `
accumulators:
  - {name: volume, measure: gross, key: [seller], window: calendar_month}
  - {name: sales, measure: "1", key: [seller], window: calendar_month, per_currency: false}
periods:
  - id: month_end
    of: volume
    entries:
      - {id: subscription, when: "volume > 10000 or sales >= 100", from: {role: seller}, to: {role: platform}, flat: {EUR: "39.00"}}
      - {id: per_sale, from: {role: seller}, to: {role: platform}, per_unit: {units: "max(0, sales - 100)", price: {EUR: "0.05"}}}`, nil, `
		volume=10000 sales=99        per_sale 0.00
		volume=10000.01 sales=99     subscription 39.00 | per_sale 0.00
		volume=1 sales=103           subscription 39.00 | per_sale 0.15`},
	{"an advance is recouped", `
accumulators:
  - {name: earned, measure: gross, key: [studio], window: calendar_month}
  - {name: advance, measure: "0", key: [studio], window: calendar_month}
periods:
  - id: month_end
    of: earned
    values: [{name: recouped, is: "max(0, min(advance, earned))"}]
    entries: [{id: recoup, from: {role: studio}, to: {role: platform, purpose: advance}, amount: recouped}]
    carry: [{accumulator: advance, is: advance - recouped}]`, nil, `
		earned=400 advance=1000    recoup 400.00 | advance = 600.00 | earned = 0.00 opens
		earned=900 advance=600     recoup 600.00 | advance = 0.00
		earned=900 advance=0       recoup 0.00 | advance = 0.00
		earned=-50 advance=600     recoup 0.00 | advance = 600.00 | earned = 0.00 opens`},
	{"what carries nothing into its own next window opens it for what it carries into another", `
accumulators:
  - {name: net, measure: gross, window: calendar_month}
  - {name: loss, measure: "0", window: calendar_month}
periods:
  - id: month_end
    of: net
    carry: [{accumulator: net, is: "max(0, net) / 2"}, {accumulator: loss, is: "min(0, net)"}]`, nil, `
		net=0      net = 0.00 | loss = 0.00
		net=8      net = 4.00 opens | loss = 0.00
		net=-8     net = 0.00 | loss = -8.00 | net = 0.00 opens`},
	{"a negative amount moves the other way, rounded as its mirror image", `
accumulators: [{name: net, measure: gross, window: calendar_month}]
periods:
  - id: month_end
    of: net
    entries: [{id: fee, from: {role: a}, to: {role: b}, of: net, percent: "2.5", at_most: "10", rounding: {mode: half_up}}]`, nil, `
		net=1.00     fee 0.03
		net=-1.00    fee -0.03
		net=4000     fee 10.00
		net=-4000    fee -100.00`},
	{"nothing happens where the period does not apply", `
parameters: [{name: mode, is: '"slab"'}]
accumulators: [{name: volume, measure: gross, window: calendar_month}]
periods:
  - id: month_end
    of: volume
    when: mode == "slab" and currency == "EUR" and on == date("2026-02-28")
    entries:
      - {id: fee, from: {role: a}, to: {role: b}, of: volume, tiers: {mode: slab, steps: [{up_to: "1000000", percent: 10}, {percent: 8}]}}
    carry: [{accumulator: volume, is: "volume / 3"}]`, nil, `
		volume=1000000     fee 100000.00 | volume = 333333.333333 opens
		volume=1000001     fee 80000.08 | volume = 333333.666667 opens`},
}

func TestClosePeriod(t *testing.T) {
	for _, c := range closings {
		t.Run(c.name, func(t *testing.T) {
			s, err := fee.Compile(periodic(t, c.schedule))
			require.NoError(t, err)
			s, err = s.With(c.overrides)
			require.NoError(t, err)
			for line := range strings.SplitSeq(strings.TrimSpace(c.cases), "\n") {
				sums, want, _ := strings.Cut(strings.TrimSpace(line), "  ")
				require.Equal(t, strings.TrimSpace(want), closed(monthEnd(t, s, sums, "EUR")), sums)
			}
		})
	}
	s, err := fee.Compile(periodic(t, closings[len(closings)-1].schedule))
	require.NoError(t, err)
	require.Empty(t, closed(monthEnd(t, s, "volume=5", "USD")))
	bound, err := s.With(map[string]string{"mode": `"marginal"`})
	require.NoError(t, err)
	require.Empty(t, closed(monthEnd(t, bound, "volume=5", "EUR")))
}

func TestClosePeriodExplains(t *testing.T) {
	s, err := fee.Compile(periodic(t, ggr))
	require.NoError(t, err)
	require.Equal(t, []string{"bank", "operator", "provider", "seller"}, s.Roles())
	result, err := monthEnd(t, s, "ggr=150000 carried=-1", "EUR")
	require.NoError(t, err)
	require.Equal(t, domain.Date("2026-02-01"), result.First)
	require.Equal(t, domain.Date("2026-02-28"), result.Last)
	require.Equal(t, "contract:c1/ggr/2026-02/EUR/provider=provider-1", result.Closed)
	require.Equal(t, "contract:c1/carried/2026-03/EUR/provider=provider-1", result.Carried[0].Counter)
	require.Equal(t, []string{"month_end"}, s.PeriodsOf("ggr"))
	require.Empty(t, s.PeriodsOf("carried"))
	require.Equal(t, "149999", result.Values[0].Number().String())
	eur := func(n int64) money.Amount { return money.New(n, 2) }
	require.Equal(t, fee.Transfer{
		Line: fee.Line{Rule: "share", To: "provider", Base: eur(14999900), Rate: "marginal 15% of 100000, 12% of 49999", Exact: "20999.88", Rounding: "half_up 0.01", Amount: eur(2099988)},
		From: fee.Target{Role: "operator", Purpose: "payable"}, To: fee.Target{Role: "provider", Purpose: "payable"},
	}, result.Entries[0])
}

func TestClosePeriodRefuses(t *testing.T) {
	s, err := fee.Compile(periodic(t, `
parameters: [{name: minimum, amounts: {KRW: 1}}]
accumulators: [{name: a, measure: gross, window: calendar_month}]
periods:
  - {id: month_end, of: a, values: [{name: v, is: "1 / a"}], entries: [{id: e, from: {role: a}, to: {role: b}, amount: v}, {id: f, when: a > 1, from: {role: a}, to: {role: b}, amount: minimum}]}`))
	require.NoError(t, err)
	for sums, want := range map[string]string{"a=0": "error invalid periods[0].values[0].is", "a=1": "e 1.00", "a=2": "error invalid periods[0].entries[1].amount"} {
		require.Equal(t, want, closed(monthEnd(t, s, sums, "EUR")), sums)
	}
	for name, end := range map[string]fee.PeriodEnd{
		"not_found period": {Period: "year_end", On: "2026-01-01", Currency: "EUR"},
		"invalid on":       {Period: "month_end", On: "2026-02-30", Currency: "EUR"},
	} {
		require.Equal(t, "error "+name, closed(s.ClosePeriod(end)))
	}
	plain, err := fee.Compile(periodic(t, ""))
	require.NoError(t, err)
	require.Equal(t, "error not_found period", closed(plain.ClosePeriod(fee.PeriodEnd{Period: "month_end", On: "2026-01-01"})))
	_, err = s.ClosePeriod(fee.PeriodEnd{Period: "month_end", On: "2026-01-01", Currency: "EUR"})
	require.Error(t, err)
}

func TestCheckOfPeriods(t *testing.T) {
	const frame = `
inputs: [{name: grade, type: text, default: a}, {name: other, type: text, default: a}]
accumulators:
  - {name: sum, measure: gross, key: [seller, grade], window: calendar_month}
  - {name: opening, measure: "0", key: [seller, grade], window: calendar_month}
  - {name: daily, measure: gross, key: [seller], window: day}
  - {name: finer, measure: gross, key: [seller, other], window: calendar_month}
  - {name: rolling, measure: gross, window: {rolling_days: 7}}
  - {name: ever, measure: gross, window: lifetime}
  - {name: count, measure: "1", window: calendar_month, per_currency: false}
  - {name: own, measure: gross, window: calendar_month}
  - {name: shared, measure: gross, window: calendar_month, scope: schedule}
periods:
`
	const accounts = `from: {role: a}, to: {role: b}`
	for name, c := range map[string]struct{ period, paths string }{
		"nothing wrong":           {`{id: p, of: sum, values: [{name: v, is: 'if(party.seller == "x" and grade == "a", sum, opening)'}], entries: [{id: e, ` + accounts + `, amount: v}], carry: [{accumulator: opening, is: v}]}`, ""},
		"a grace":                 {`{id: p, of: sum, grace_days: 366, carry: [{accumulator: opening, is: "0"}]}`, ""},
		"too long a grace":        {`{id: p, of: sum, grace_days: 367, carry: [{accumulator: opening, is: "0"}]}`, "periods[0].grace_days"},
		"closed before its end":   {`{id: p, of: sum, grace_days: -1, carry: [{accumulator: opening, is: "0"}]}`, "periods[0].grace_days"},
		"nothing done":            {`{id: p, of: sum}`, "periods[0]"},
		"unknown accumulator":     {`{id: p, of: some, entries: [{id: e, ` + accounts + `, amount: "1"}]}`, "periods[0].of"},
		"rolling window":          {`{id: p, of: rolling, entries: [{id: e, ` + accounts + `, amount: "1"}]}`, "periods[0].of"},
		"no end":                  {`{id: p, of: ever, entries: [{id: e, ` + accounts + `, amount: "1"}]}`, "periods[0].of"},
		"no currency":             {`{id: p, of: count, entries: [{id: e, ` + accounts + `, amount: "1"}]}`, "periods[0].of"},
		"same account":            {`{id: p, of: sum, entries: [{id: e, from: {role: a}, to: {role: a, purpose: payable}, amount: "1"}]}`, "periods[0].entries[0].to"},
		"no base":                 {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, percent: 5}]}`, "periods[0].entries[0].of"},
		"gross as base":           {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, of: gross, percent: 5}]}`, "periods[0].entries[0].of periods[0].entries[0].of"},
		"two kinds":               {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, flat: {EUR: 1}, amount: "1"}]}`, "periods[0].entries[0]"},
		"id twice":                {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, amount: "1"}, {id: e, ` + accounts + `, amount: "1"}]}`, "periods[0].entries[1].id"},
		"a transaction's name":    {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, amount: exact_gross}]}`, "periods[0].entries[0].amount"},
		"a rule's line":           {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, amount: lines.net}]}`, "periods[0].entries[0].amount"},
		"a later entry":           {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, amount: lines.f}, {id: f, ` + accounts + `, amount: "1"}]}`, "periods[0].entries[0].amount"},
		"a party of no key":       {`{id: p, of: sum, entries: [{id: e, when: 'party.bank == "x"', ` + accounts + `, amount: "1"}]}`, "periods[0].entries[0].when"},
		"an input of no key":      {`{id: p, of: sum, entries: [{id: e, when: 'other == "x"', ` + accounts + `, amount: "1"}]}`, "periods[0].entries[0].when"},
		"another window":          {`{id: p, of: sum, entries: [{id: e, ` + accounts + `, amount: daily}]}`, "periods[0].entries[0].amount"},
		"another key":             {`{id: p, of: sum, values: [{name: v, is: finer}], entries: [{id: e, ` + accounts + `, amount: v}]}`, "periods[0].values[0].is"},
		"another scope":           {`{id: p, of: shared, entries: [{id: e, ` + accounts + `, amount: own}]}`, "periods[0].entries[0].amount"},
		"the schedule's sum":      {`{id: p, of: own, entries: [{id: e, ` + accounts + `, amount: shared}]}`, ""},
		"condition of another":    {`{id: p, of: sum, when: "sum", entries: [{id: e, ` + accounts + `, amount: "1"}]}`, "periods[0].when"},
		"carried where":           {`{id: p, of: sum, carry: [{accumulator: some, is: "0"}]}`, "periods[0].carry[0].accumulator"},
		"carried to another key":  {`{id: p, of: sum, carry: [{accumulator: own, is: "0"}]}`, "periods[0].carry[0].accumulator"},
		"carried twice":           {`{id: p, of: sum, carry: [{accumulator: opening, is: "0"}, {accumulator: opening, is: "0"}]}`, "periods[0].carry[1].accumulator"},
		"carried nothing":         {`{id: p, of: sum, carry: [{accumulator: opening, is: ""}]}`, "periods[0].carry[0].is"},
		"carried no number":       {`{id: p, of: sum, carry: [{accumulator: opening, is: "true"}]}`, "periods[0].carry[0].is"},
		"a value without formula": {`{id: p, of: sum, values: [{name: v, is: "1 +"}], entries: [{id: e, ` + accounts + `, amount: v}]}`, "periods[0].values[0].is"},
	} {
		t.Run(name, func(t *testing.T) {
			var paths []string
			for _, fault := range fee.Check(periodic(t, frame+"  - "+c.period)) {
				require.NotEmpty(t, fault.Message)
				require.NotEmpty(t, fault.Remedy, "%v", fault)
				require.Equal(t, name == "an input of no key", strings.HasPrefix(fault.Message, "this input may differ"))
				paths = append(paths, fault.Field)
			}
			require.Equal(t, c.paths, strings.Join(paths, " "))
		})
	}
}

// What is carried is never lost: over any months, with losses carried over, the
// provider's share is that of the positive part of a running base, and the sum of
// all bases that were paid for and of what is carried is the sum of all months.
func TestLossesAreCarriedWhole(t *testing.T) {
	s, err := fee.Compile(periodic(t, ggr))
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		carried, sum, used := money.Zero, money.Zero, money.Zero
		for _, cents := range rapid.SliceOfN(rapid.Int64Range(-50_000_000, 80_000_000), 1, 12).Draw(t, "months") {
			month := money.New(cents, 2)
			result, err := monthEnd(t, s, "ggr="+month.String()+" carried="+carried.String(), "EUR")
			require.NoError(t, err)
			again, err := monthEnd(t, s, "ggr="+month.String()+" carried="+carried.String(), "EUR")
			require.NoError(t, err)
			require.Equal(t, result.Entries, again.Entries)
			base, err := month.Add(carried)
			require.NoError(t, err)
			if base.Sign() > 0 {
				used, err = used.Add(base)
				require.NoError(t, err)
			}
			sum, err = sum.Add(month)
			require.NoError(t, err)
			carried = result.Carried[0].Amount
			require.LessOrEqual(t, carried.Sign(), 0)
			total, err := used.Add(carried)
			require.NoError(t, err)
			require.Zero(t, total.Cmp(sum))
			paid, err := result.Entries[0].Line.Amount.Add(result.Entries[1].Line.Amount)
			require.NoError(t, err)
			require.GreaterOrEqual(t, paid.Cmp(money.New(3000, 0)), 0, "the guarantee")
			require.Zero(t, result.Entries[0].Line.Base.Cmp(maximum(base)))
		}
	})
}

func maximum(a money.Amount) money.Amount {
	if a.Sign() < 0 {
		return money.Zero
	}
	return a
}
