package fee_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// refund rates what gives back part of a sale that input text describes.
func refund(t require.TestingT, s *fee.Schedule, sale fee.Input, back string) (fee.Result, error) {
	sold, err := s.Apply(sale)
	require.NoError(t, err)
	in := input(t, back)
	in.Original = &fee.Sale{Amount: sale.Amount, On: sale.On, Lines: sold.Lines, Attributes: sale.Attributes}
	if refunded, given := in.Attributes["refunded"]; given {
		in.Original.Refunded, err = money.Parse(refunded)
		require.NoError(t, err)
		delete(in.Attributes, "refunded")
	}
	return s.Apply(in)
}

var returned = []struct{ name, schedule, sale, cases string }{
	{
		"every policy",
		`
inputs: [{name: grade, type: text, one_of: [small, general]}]
parameters: [{name: most, is: "5"}]
rules:
  - {id: a, to: {role: store}, percent: "3"}
  - {id: b, to: {role: store}, percent: "3", refund: kept}
  - {id: c, to: {role: store}, percent: "3", refund: on_full}
  - {id: d, to: {role: store}, percent: "47", refund: {keep: "min(most, 20% * line)"}}
  - {id: e, to: {role: store}, percent: "1", refund: re_rate, minimum: {USD: "0.20"}}
  - {id: admin, to: {role: store}, on: refund, flat: {USD: "0.25"}}`,
		"100.00 USD grade=small",
		`-100.00 USD                  a 3.00 | b 0.00 | c 3.00 | d 42.00 | e 1.00 | admin 0.25 owes | net 51.25
		 -40.00 USD                   a 1.20 | b 0.00 | c 0.00 | d 16.80 | e 0.40 | admin 0.25 owes | net 21.85
		 -60.00 USD refunded=40.00    a 1.80 | b 0.00 | c 3.00 | d 25.20 | e 0.60 | admin 0.25 owes | net 29.65
		 -0.004 USD                  a 0.00 | b 0.00 | c 0.00 | d 0.00 | net 0.00 | rounding_difference 0.004
		 -10.00 USD refunded=89.99    a 0.30 | b 0.00 | c 0.00 | d 4.20 | e 0.20 minimum | admin 0.25 owes | net 5.55
		 -60.01 USD refunded=40.00    error exceeds_original amount`,
	},
	{
		"of a group what was charged, and nothing that was not",
		`
inputs: [{name: a, type: truth, default: "false"}]
rules:
  - {id: first, to: {role: store}, group: g, when: a, percent: "5", refund: re_rate}
  - {id: second, to: {role: store}, group: g, percent: "3"}
  - {id: third, to: {role: store}, group: h, percent: "2"}
  - {id: fourth, to: {role: store}, group: h, percent: "1", refund: re_rate}`,
		"100.00 USD",
		`-100.00 USD                 second 3.00 | third 2.00 | net 95.00
		 -100.00 USD a=true          second 3.00 | third 2.00 | net 95.00`,
	},
	{
		"the tier of the sale, not of today",
		`
accumulators: [{name: ytd, measure: gross, window: calendar_year}]
rules:
  - {id: fee, to: {role: store}, tiers: {mode: marginal, from: "ytd + 999950", steps: [{up_to: "1000000", percent: "15"}, {percent: "30"}]}}`,
		"100.00 USD",
		`-100.00 USD                 fee 22.50 | net 77.50 | ytd 0.00..-100.00
		 -50.00 USD                  fee 11.25 | net 38.75 | ytd 0.00..-50.00`,
	},
	{
		"a sale of a negative amount, finer than the minor unit",
		`
rules:
  - {id: fee, to: {role: store}, percent: "10", refund: pro_rata}`,
		"-10.005 USD",
		`10.005 USD                  fee 1.00 | net 9.00 | rounding_difference 0.005
		 3.335 USD                   fee 0.33 | net 3.00 | rounding_difference 0.005
		 3.335 USD refunded=3.335    fee 0.34 | net 3.00 | rounding_difference 0.005 owes
		 3.335 USD refunded=6.67     fee 0.33 | net 3.00 | rounding_difference 0.005`,
	},
	{
		"keep sees the lines of the sale and nothing of the refund",
		`
values: [{name: half, is: "lines.s / 2"}]
rules:
  - id: s
    split: {of: "30", parts: [{id: a, to: {role: a}, weight: "1"}, {id: b, to: {role: b}, weight: "2"}]}
  - {id: fee, to: {role: store}, amount: "40", refund: {keep: "half + lines.s.a - lines.rate / 100"}}
  - {id: rate, to: {role: store}, amount: "-10", refund: {keep: "1"}}`,
		"100 KRW",
		`-100 KRW                    s.a 10 | s.b 20 | fee 15 | rate 9 owes | net 64
		 -50 KRW                     s.a 5 | s.b 10 | fee 8 | rate 5 owes | net 32`,
	},
	{
		"the parts of a split, and what the refund itself brings",
		`
inputs: [{name: reason, type: text, default: none}, {name: share, type: number}]
rules:
  - id: s
    split: {of: "gross * share", parts: [{id: a, to: {role: a}, weight: "1"}, {id: b, to: {role: b}, weight: "2"}]}
  - {id: total, to: {role: store}, on: refund, when: 'reason == "late"', amount: "lines.s * 10%"}`,
		"100 KRW share=0.5 reason=gift",
		`-50 KRW                     s.a 9 | s.b 17 | net 24
		 -50 KRW reason=late          s.a 9 | s.b 17 | total 3 owes | net 27
		 -50 KRW refunded=50          s.a 8 | s.b 16 | net 26`,
	},
}

func TestRefunds(t *testing.T) {
	for _, group := range returned {
		t.Run(group.name, func(t *testing.T) {
			schedule := compiled(t, group.schedule)
			for line := range strings.SplitSeq(group.cases, "\n") {
				in, want, _ := strings.Cut(strings.TrimSpace(line), "  ")
				require.Equal(t, strings.TrimSpace(want), told(refund(t, schedule, input(t, group.sale), in)), in)
			}
		})
	}
}

func TestRefundNamesItsSale(t *testing.T) {
	s := compiled(t, `rules: [{id: fee, to: {role: store}, amount: "1"}]`)
	in := input(t, "-1.00 USD")
	in.Original = &fee.Sale{Amount: money.New(100, 2), Lines: []fee.Line{{Rule: "other", Amount: money.New(1, 0), Exact: "1"}}}
	_, err := s.Apply(in)
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
	require.ErrorContains(t, err, "other")
}

// TestWhatWentBackOnFullIsChargedAgain: a chargeback of a whole sale is won in two
// parts, and what stands again is refunded. The fee never goes back twice.
func TestWhatWentBackOnFullIsChargedAgain(t *testing.T) {
	s := compiled(t, `
rules:
  - {id: fee, to: {role: store}, percent: "10", refund: on_full}`)
	sold, err := s.Apply(input(t, "100.00 USD"))
	require.NoError(t, err)
	give := func(text, of string, refunded int64, lines []fee.Line, refund bool) fee.Result {
		in := input(t, text)
		in.Original = &fee.Sale{Amount: input(t, of).Amount, On: "2026-05-01", Lines: lines, Refund: refund, Refunded: money.New(refunded, 0)}
		result, err := s.Apply(in)
		require.NoError(t, err)
		return result
	}
	charged := give("-100.00 USD", "100.00 USD", 0, sold.Lines, false)
	require.Equal(t, "fee 10.00 | net 90.00", told(charged, nil))
	require.Equal(t, "fee 10.00 | net 40.00", told(give("50.00 USD", "-100.00 USD", 0, charged.Lines, true), nil))
	require.Equal(t, "fee 0.00 | net 50.00", told(give("50.00 USD", "-100.00 USD", 50, charged.Lines, true), nil))
	require.Equal(t, "fee 10.00 | net 40.00", told(give("-50.00 USD", "100.00 USD", 50, sold.Lines, false), nil))
}
