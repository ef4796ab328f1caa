package fee_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Each schedule is followed by amounts and what its rules make of them, in the
// order applied. A share marked "owes" stands on the side of the funds.
var rated = []struct {
	name  string
	rules string
	cases string
}{
	{
		"percent plus flat, the rest to the seller",
		`[{"id":"percent","to":{"role":"acquirer"},"percent":"2.9"},
		  {"id":"fixed","to":{"role":"acquirer"},"flat":{"USD":"0.30","KRW":"100"}},
		  {"id":"net","to":{"role":"seller"},"rest":true}]`,
		`100.00 USD   percent 2.90 | fixed 0.30 | net 96.80
		 -100.00 USD  percent 2.90 | fixed 0.30 | net 96.80
		 0.10 USD     percent 0.00 | fixed 0.30 | net 0.20 owes
		 0.30 USD     percent 0.01 | fixed 0.30 | net 0.01 owes
		 0.31 USD     percent 0.01 | fixed 0.30 | net 0.00
		 49900 KRW    percent 1447 | fixed 100 | net 48353
		 0.00 USD     nothing
		 0 KRW        nothing
		 10.00 EUR    error invalid currency`,
	},
	{
		"minimum and maximum bound the line before it is rounded",
		`[{"id":"ach","to":{"role":"bank"},"percent":"0.8","minimum":{"USD":"0.25"},"maximum":{"USD":"5.00"}},
		  {"id":"net","to":{"role":"seller"},"rest":true}]`,
		`200.00 USD   ach 1.60 | net 198.40
		 624.99 USD   ach 5.00 | net 619.99
		 625.00 USD   ach 5.00 | net 620.00
		 9000.00 USD  ach 5.00 maximum | net 8995.00
		 31.25 USD    ach 0.25 | net 31.00
		 31.00 USD    ach 0.25 minimum | net 30.75
		 0.01 USD     ach 0.25 minimum | net 0.24 owes
		 9000 KRW     ach 72 | net 8928`,
	},
	{
		"floor to one won, and to ten won",
		`[{"id":"card","to":{"role":"card"},"percent":"0.75","rounding":{"mode":"floor"}},
		  {"id":"pg","to":{"role":"pg"},"percent":"3.3","rounding":{"mode":"down","unit":{"KRW":"10"}}},
		  {"id":"net","to":{"role":"seller"},"rest":true}]`,
		`33333 KRW    card 249 | pg 1090 | net 31994
		 -33333 KRW   card 249 | pg 1090 | net 31994
		 100 KRW      card 0 | pg 0 | net 100
		 99.99 USD    card 0.74 | pg 3.29 | net 95.96`,
	},
	{
		"a waterfall by priority, percentages of what remains",
		`[{"id":"partner","to":{"role":"partner"},"rest":true},
		  {"id":"affiliate","to":{"role":"affiliate"},"priority":30,"of":"remaining","percent":"5"},
		  {"id":"vat","to":{"role":"tax"},"priority":10,"percent":"10"},
		  {"id":"studio","to":{"role":"studio","purpose":"royalty"},"priority":20,"of":"remaining","percent":"70"},
		  {"id":"pg","to":{"role":"pg"},"priority":10,"percent":"2.5"}]`,
		`10000 KRW    vat 1000 | pg 250 | studio 6125 | affiliate 131 | partner 2494
		 11 KRW       vat 1 | pg 0 | studio 7 | affiliate 0 | partner 3`,
	},
	{
		"percentages of less than nothing are nothing",
		`[{"id":"fixed","to":{"role":"pg"},"flat":{"KRW":"500"}},
		  {"id":"share","to":{"role":"studio"},"of":"remaining","percent":"50","minimum":{"KRW":"10"}},
		  {"id":"net","to":{"role":"seller"},"rest":true}]`,
		`600 KRW      fixed 500 | share 50 | net 50
		 500 KRW      fixed 500 | share 10 minimum | net 10 owes
		 100 KRW      fixed 500 | share 10 minimum | net 410 owes`,
	},
	{
		"ties by mode",
		`[{"id":"up","to":{"role":"a"},"percent":"0.5","rounding":{"mode":"half_up"}},
		  {"id":"even","to":{"role":"a"},"percent":"0.5","rounding":{"mode":"half_even"}},
		  {"id":"down","to":{"role":"a"},"percent":"0.5","rounding":{"mode":"half_down"}},
		  {"id":"all","to":{"role":"a"},"percent":"0.5","rounding":{"mode":"up"}},
		  {"id":"net","to":{"role":"b"},"rest":true}]`,
		`1.00 USD     up 0.01 | even 0.00 | down 0.00 | all 0.01 | net 0.98
		 3.00 USD     up 0.02 | even 0.02 | down 0.01 | all 0.02 | net 2.93`,
	},
	{
		"what is finer than the minor unit goes to the rounding account",
		`[{"id":"fixed","to":{"role":"pg"},"flat":{"GBP":"0.02","KWD":"0.010"}},
		  {"id":"net","to":{"role":"seller"},"rest":true}]`,
		`1.231 GBP    fixed 0.02 | net 1.21 | rounding_difference 0.001
		 -1.2399 GBP  fixed 0.02 | net 1.21 | rounding_difference 0.0099
		 0.001 GBP    rounding_difference 0.001
		 1.230 GBP    fixed 0.02 | net 1.21
		 0.123456 GBP fixed 0.02 | net 0.10 | rounding_difference 0.003456
		 0.1234567 GBP  error too_precise amount
		 1.2345678 KWD  fixed 0.010 | net 1.224 | rounding_difference 0.0005678`,
	},
	{
		"amounts that only big decimals can rate",
		`[{"id":"share","to":{"role":"a"},"percent":"33.33333333"},
		  {"id":"net","to":{"role":"b"},"rest":true}]`,
		`92233720368547758.07 USD   share 30744573453108128.68 | net 61489146915439629.39
		 9223372036854775807 KRW    share 3074457345310812868 | net 6148914691543962939`,
	},
}

func TestRate(t *testing.T) {
	for _, schedule := range rated {
		t.Run(schedule.name, func(t *testing.T) {
			compiled := compile(t, schedule.rules)
			for line := range strings.SplitSeq(schedule.cases, "\n") {
				fields := strings.Fields(line)
				amount, err := money.Parse(fields[0])
				require.NoError(t, err)
				currency := money.Currency(fields[1])
				want := strings.Join(fields[2:], " ")
				result, err := compiled.Rate(amount, currency)
				require.Equal(t, want, describe(result, err), "%s %s", amount, currency)
				if err == nil {
					requireWhole(t, result, amount, currency)
				}
			}
		})
	}
}

func TestRateExplainsEveryLine(t *testing.T) {
	compiled := compile(t, `[
		{"id":"vat","to":{"role":"tax"},"percent":"10.0","rounding":{"mode":"floor","unit":{"KRW":"10"}}},
		{"id":"pg","to":{"role":"pg"},"percent":"2.75","of":"remaining","maximum":{"KRW":"20"}},
		{"id":"fixed","to":{"role":"pg"},"flat":{"KRW":"55","USD":"0.5"}},
		{"id":"net","to":{"role":"seller"},"rest":true}]`)
	result, err := compiled.Rate(money.New(-1055, 0), "KRW")
	require.NoError(t, err)
	won := func(n int64) money.Amount { return money.New(n, 0) }
	require.Equal(t, []fee.Line{
		{Rule: "vat", To: "tax", Base: won(1055), Rate: "10.0%", Exact: "105.5", Rounding: "floor 10", Amount: won(100)},
		{Rule: "pg", To: "pg", Base: won(955), Rate: "2.75%", Exact: "26.2625", Bound: fee.BoundMaximum, Rounding: "half_up 1", Amount: won(20)},
		{Rule: "fixed", To: "pg", Base: won(1055), Rate: "55", Exact: "55", Rounding: "half_up 1", Amount: won(55)},
		{Rule: "net", To: "seller", Base: won(1055), Rate: "rest", Exact: "880", Amount: won(880)},
	}, result.Lines)

	result, err = compiled.Rate(money.New(4, 1), "USD")
	require.NoError(t, err)
	require.Equal(t, fee.Line{Rule: "net", To: "seller", Base: money.New(40, 2), Rate: "rest", Exact: "-0.15", Amount: money.New(15, 2)}, result.Lines[3])
	require.True(t, result.Shares[3].Opposite)
	require.Equal(t, fee.Line{Rule: "fixed", To: "pg", Base: money.New(40, 2), Rate: "0.50", Exact: "0.50", Rounding: "half_up 0.01", Amount: money.New(50, 2)}, result.Lines[2])
}

func TestRateNeedsAnAccountForFineAmounts(t *testing.T) {
	document := document(t, `[{"id":"net","to":{"role":"seller"},"rest":true}]`)
	document.RoundingDifference = nil
	compiled, err := fee.Compile(document)
	require.NoError(t, err)
	_, err = compiled.Rate(money.New(1001, 3), "GBP")
	require.Equal(t, domain.CodeTooPrecise, domain.CodeOf(err))
	require.ErrorContains(t, err, "rounding_difference")
	result, err := compiled.Rate(money.New(1010, 3), "GBP")
	require.NoError(t, err)
	require.Equal(t, "net 1.01", describe(result, nil))
}

// describe writes a result as the tables do.
func describe(result fee.Result, err error) string {
	if err != nil {
		var fault *domain.Error
		if !asError(err, &fault) {
			return err.Error()
		}
		return fmt.Sprintf("error %s %s", fault.Code, fault.Field)
	}
	var parts []string
	for i, line := range result.Lines {
		part := line.Rule + " " + line.Amount.String()
		if line.Bound != "" {
			part += " " + line.Bound
		}
		if result.Shares[i].Opposite {
			part += " owes"
		}
		parts = append(parts, part)
	}
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, " | ")
}

// requireWhole checks what holds for every result.
func requireWhole(t require.TestingT, result fee.Result, amount money.Amount, currency money.Currency) {
	require.Zero(t, result.Gross.Cmp(amount.Abs()))
	require.Len(t, result.Shares, len(result.Lines))
	sum := money.Zero
	for i, share := range result.Shares {
		line := result.Lines[i]
		require.Equal(t, line.To, share.To.Role)
		require.Equal(t, line.Amount, share.Amount)
		require.GreaterOrEqual(t, share.Amount.Sign(), 0)
		require.Equal(t, line.Amount.In(currency), line.Amount, "canonical digits")
		if line.Rule != fee.RuleRoundingDifference {
			require.LessOrEqual(t, line.Amount.Digits(), currency.Exponent())
		}
		part := share.Amount
		if share.Opposite {
			part = part.Neg()
		}
		var err error
		sum, err = sum.Add(part)
		require.NoError(t, err)
	}
	require.Zero(t, sum.Cmp(result.Gross), "the parts are %s of %s", sum, result.Gross)
}

const header = `{"schedule":"standard","version":1,"effective_from":"2026-01-01","funds":{"role":"acquirer"},"rounding_difference":{"role":"house"},"rules":%s}`

func document(t testing.TB, rules string) fee.Document {
	t.Helper()
	var d fee.Document
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, header, rules), &d))
	return d
}

func compile(t testing.TB, rules string) *fee.Schedule {
	t.Helper()
	compiled, err := fee.Compile(document(t, rules))
	require.NoError(t, err)
	return compiled
}

func BenchmarkRate(b *testing.B) {
	compiled := compile(b, `[
		{"id":"vat","to":{"role":"tax"},"percent":"10"},
		{"id":"pg","to":{"role":"pg"},"percent":"2.75","minimum":{"USD":"0.05"},"maximum":{"USD":"30"}},
		{"id":"studio","to":{"role":"studio"},"of":"remaining","percent":"70","rounding":{"mode":"half_even"}},
		{"id":"net","to":{"role":"seller"},"rest":true}]`)
	amount := money.New(12345, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compiled.Rate(amount, "USD"); err != nil {
			b.Fatal(err)
		}
	}
}
