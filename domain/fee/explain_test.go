package fee_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// said writes an explanation as people read it.
func said(e fee.Explanation) string {
	var b strings.Builder
	shown := func(kind string, list []fee.Shown) {
		for _, s := range list {
			fmt.Fprintf(&b, "%s %s: %s [%s]\n", kind, s.Name, s.Value, s.Formula)
		}
	}
	shown("input", e.Inputs)
	shown("parameter", e.Parameters)
	shown("value", e.Values)
	for _, r := range e.Rules {
		fmt.Fprintf(&b, "%s %t %s\n", r.Rule, r.Matched, r.Why)
		shown(" ", r.Steps)
		for _, l := range r.Lines {
			fmt.Fprintf(&b, "  = %s: %s of %s is %s, %s %s, %s\n", l.Rule, l.Rate, l.Base, l.Exact, l.Bound, l.Rounding, l.Amount)
		}
	}
	for _, c := range e.Accumulators {
		fmt.Fprintf(&b, "%s %s..%s %t %s[%s]\n", c.Counter, c.Before, c.After, c.Counts, c.Why, c.Formula)
	}
	return b.String()
}

func TestExplainTellsAllThatWasConsidered(t *testing.T) {
	s := compiled(t, `
inputs: [{name: vat_rate, type: number, default: "0"}]
parameters: [{name: rate, is: "3%"}, {name: cap, amounts: {KRW: 400}}]
accumulators:
  - {name: volume, measure: gross, key: [seller], window: calendar_month}
  - {name: cards, measure: "1", window: {rolling_days: 7}, when: 'method == "card"', per_currency: false, scope: schedule}
values: [{name: supply, is: "gross / (1 + vat_rate)"}, {name: unused, is: "1 / vat_rate"}]
rules:
  - {id: vat, to: {role: tax_office}, when: "vat_rate > 0", amount: "gross - supply"}
  - {id: ach, to: {role: acquirer}, group: method, when: 'method == "ach"', percent: "rate * 100", flat: {KRW: 100}, at_most: cap}
  - {id: other, to: {role: acquirer}, group: method, percent: "1"}
  - {id: fee, to: {role: store}, of: supply, tiers: {mode: marginal, from: volume, steps: [{up_to: "1000", percent: "15"}, {percent: "7.5"}]}}
  - {id: back, to: {role: store}, on: refund, amount: "5"}`)
	in := input(t, "11000 KRW method=ach")
	in.Before = func(fee.Counter) (money.Amount, error) { return money.New(500, 0), nil }
	e, err := s.Explain(in)
	require.NoError(t, err)
	require.Equal(t, strings.TrimLeft(`
input vat_rate: 0 []
parameter rate: 0.03 []
parameter cap: 400 []
value supply: 11000 [gross 11000 / (1 + vat_rate 0) = 11000 / 1 = 11000]
value unused:  [1 / vat_rate 0: division by zero at column 3]
vat false when vat_rate 0 > 0 is false
ach true when method "ach" == "ach" is true
  base: 11000 [gross]
  percent: 3 [rate 0.03 * 100 = 3]
  exact: 430 [3% + 100]
  at_most: 400 [cap 400]
  rounded: 400 [half_up 1]
  = ach: 3% + 100 of 11000 is 430, maximum 400 half_up 1, 400
other false an earlier rule of group method matched
fee true 
  base: 11000 [supply 11000]
  from: 500 [volume 500]
  up_to: 1000 [1000]
  percent: 15 [15]
  percent: 7.5 [7.5]
  exact: 862.5 [marginal 15% of 500, 7.5% of 10500]
  rounded: 863 [half_up 1]
  = fee: marginal 15% of 500, 7.5% of 10500 of 11000 is 862.5,  half_up 1, 863
back false it is a charge for refunds
net true 
  = net: rest of 11000 is 9737,  , 9737
contract:c-1/volume/2026-05/KRW/seller=seller-1 500..11500 true [gross 11000]
schedule:s/cards/2026-05-01// 500..500 false when method "ach" == "card" is false[]
`, "\n"), said(e))
	require.Equal(t, "s", e.Schedule)
	require.Equal(t, fee.Engine2, e.Engine)

	result, err := s.Apply(in)
	require.NoError(t, err)
	require.Equal(t, result.Lines, e.Result.Lines)
	require.Equal(t, result.Shares, e.Result.Shares)
	require.Len(t, result.Counts, 1, "what does not count, and no formula names, is not in the event")

	e, err = s.Explain(input(t, "0 KRW"))
	require.NoError(t, err)
	require.Equal(t, "there is nothing to share out", e.Rules[0].Why)
}

func TestExplainOfARefund(t *testing.T) {
	s := compiled(t, `
rules:
  - {id: fee, to: {role: store}, percent: "9", refund: {keep: "min(5, 20% * line)"}}
  - {id: never, to: {role: store}, when: "gross < 0", percent: "9"}
  - {id: kept, to: {role: store}, percent: "1", refund: kept}`)
	sale := input(t, "100.00 USD")
	sold, err := s.Apply(sale)
	require.NoError(t, err)
	in := input(t, "-30.00 USD")
	in.Original = &fee.Sale{Amount: sale.Amount, On: sale.On, Refunded: money.New(20, 0), Lines: sold.Lines}
	e, err := s.Explain(in)
	require.NoError(t, err)
	require.Equal(t, strings.TrimLeft(`
fee true 
  keep: 1.8 [min(5, 20% * line 9) = min(5, 1.8) = 1.8]
  = fee: pro_rata 50.00/100.00 - 1.44 of 7.20 is 2.16,  half_up 0.01, 2.16
never false it did not match the sale
kept true 
  = kept: kept of 1.00 is 0.00,  half_up 0.01, 0.00
net true 
  = net: rest of 30.00 is 27.84,  , 27.84
`, "\n"), said(e))
}

func TestExplainOfEngine1(t *testing.T) {
	s, err := fee.Compile(framed(t, `rules: [{id: fee, to: {role: store}, percent: "9"}]`))
	require.NoError(t, err)
	e, err := s.Explain(input(t, "100.00 USD"))
	require.NoError(t, err)
	require.Equal(t, fee.Engine1, e.Engine)
	require.Equal(t, "fee true \n  = fee: 9% of 100.00 is 9,  half_up 0.01, 9.00\nnet true \n  = net: rest of 100.00 is 91.00,  , 91.00\n", said(e))
}

func TestCountersHaveStableNames(t *testing.T) {
	for text, want := range map[string]string{
		`window: day`: "contract:c-1/a/2026-05-01/USD/",
		`window: calendar_month, scope: schedule`:                              "schedule:s/a/2026-05/USD/",
		`window: calendar_quarter, per_currency: false`:                        "contract:c-1/a/2026-Q2//",
		`window: calendar_year, key: [seller]`:                                 "contract:c-1/a/2026/USD/seller=seller-1",
		`window: calendar_year, key: [seller, region]`:                         "contract:c-1/a/2026/USD/seller=seller-1,region=eu%2Fwest%2C%3D%25",
		`window: lifetime`:                                                     "contract:c-1/a/lifetime/USD/",
		`window: lifetime, starts: 2026-05-01`:                                 "contract:c-1/a/lifetime/USD/",
		`window: lifetime, starts: 2026-05-02`:                                 "contract:c-1/a/before/USD/",
		`window: calendar_year, starts: 2026-04-01`:                            "contract:c-1/a/2026-04-01/USD/",
		`window: calendar_year, starts: 2020-05-02`:                            "contract:c-1/a/2025-05-02/USD/",
		`window: calendar_quarter, starts: 2031-04-15`:                         "contract:c-1/a/2026-04-15/USD/",
		`window: calendar_month, starts: 2026-01-31`:                           "contract:c-1/a/2026-04-30/USD/",
		`window: {rolling_days: 30}, key: [region]`:                            "contract:c-1/a/2026-05-01/USD/region=eu%2Fwest%2C%3D%25",
		`window: {rolling_days: 1}, when: 'gross > 0', measure: "lines.fee/3"`: "contract:c-1/a/2026-05-01/USD/",
	} {
		if !strings.Contains(text, "measure") {
			text += ", measure: gross"
		}
		s := compiled(t, "inputs: [{name: region, type: text}]\naccumulators: [{name: a, "+text+"}]\nrules: [{id: fee, to: {role: a}, percent: \"1\"}]")
		in := input(t, "10.00 USD region=eu/west,=%")
		var asked []string
		in.Before = func(c fee.Counter) (money.Amount, error) {
			require.Equal(t, want, c.ID())
			asked = slices.Collect(c.Buckets())
			return money.Zero, nil
		}
		result, err := s.Apply(in)
		require.NoError(t, err)
		require.Equal(t, want, result.Counts[0].Counter)
		if strings.Contains(text, "30") && strings.Contains(text, "rolling") {
			require.Len(t, asked, 30)
			require.Equal(t, strings.Replace(want, "2026-05-01", "2026-04-02", 1), asked[0])
		}
		require.Equal(t, want, asked[len(asked)-1])
	}
}

func TestSchedulesWithAccumulatorsNeedTheSums(t *testing.T) {
	s := compiled(t, `
accumulators: [{name: a, measure: gross, window: lifetime}]
rules: [{id: fee, to: {role: store}, percent: "1"}]`)
	in := input(t, "1 USD")
	in.Before = nil
	_, err := s.Apply(in)
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
	in.Before = func(fee.Counter) (money.Amount, error) { return money.Zero, domain.Unfilled("sum") }
	_, err = s.Apply(in)
	require.ErrorContains(t, err, "sum")
}
