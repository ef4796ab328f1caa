package fee_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

const disputed = `
inputs: [{name: mid, type: number, default: "1400"}]
rules:
  - {id: reserve, to: {role: seller, purpose: reserve}, percent: "10", hold: {days: 180}}
  - {id: later, to: {role: studio, purpose: pending}, percent: "20", hold: {days: 7}, convert: {to: KRW, mid: mid, via: {role: house}}}
  - {id: fee, to: {role: house, purpose: fee}, percent: "5", refund: kept}
  - {id: dispute, to: {role: house, purpose: fee}, on: refund, when: 'type == "chargeback"', flat: {USD: "15.00"}, hold: {days: 30, into: income}}
recourse:
  - {role: seller, from: [reserve, pending], when: 'type == "chargeback"'}
  - {role: seller, from: [pending], when: refund}
  - {role: studio, from: [reserve]}`

// shares writes where everything goes: "seller/reserve +10.00 until 2026-10-28 into
// payable", a "-" for what is taken, "first …" for what pays first.
func shares(result fee.Result, amount money.Amount) string {
	var b strings.Builder
	list := func(shares []fee.Share) {
		for _, s := range shares {
			sign := "+"
			if s.Opposite != (amount.Sign() < 0) {
				sign = "-"
			}
			fmt.Fprintf(&b, "%s/%s %s%s", s.To.Role, s.To.Purpose, sign, s.Amount)
			if s.Hold != nil {
				fmt.Fprintf(&b, " until %s into %s/%s", s.Hold.On, s.Hold.Into.Role, s.Hold.Into.Purpose)
			}
			if len(s.From) > 0 {
				fmt.Fprintf(&b, " first %s", strings.Join(s.From, " "))
			}
			b.WriteByte('\n')
		}
	}
	list(result.Shares)
	for _, c := range result.Conversions {
		fmt.Fprintf(&b, "in %s\n", c.To)
		list(c.Shares)
	}
	return b.String()
}

// TestWhereMoneyIsHeldAndWhatPaysFirst follows a sale through a refund, a
// chargeback and its reversal.
func TestWhereMoneyIsHeldAndWhatPaysFirst(t *testing.T) {
	s := compiled(t, disputed)
	sale := input(t, "100.00 USD")
	sold, err := s.Apply(sale)
	require.NoError(t, err)
	require.Equal(t, `seller/reserve +10.00 until 2026-10-28 into seller/payable
house/fx +20.00
house/fee +5.00
seller/payable +65.00
in KRW
studio/pending +28000 until 2026-05-08 into studio/payable
house/fx -28000
`, shares(sold, sale.Amount))
	require.Len(t, sold.Releases, 2)

	back := func(text string, of fee.Input, result fee.Result, refunded int64) (fee.Input, fee.Result) {
		in := input(t, text)
		in.Original = &fee.Sale{
			Amount: of.Amount, Refunded: money.New(refunded, 2), On: of.On, Lines: result.Lines, Refund: of.Original != nil, Attributes: of.Attributes,
		}
		given, err := s.Apply(in)
		require.NoError(t, err)
		require.Empty(t, given.Releases)
		return in, given
	}
	refund, given := back("-10.00 USD type=refund on=2026-05-03", sale, sold, 0)
	require.Equal(t, `seller/reserve -1.00 until 2026-10-28 into seller/payable first pending
house/fx -2.00
house/fee -0.00
seller/payable -7.00 first pending
in KRW
studio/pending -2800 until 2026-05-08 into studio/payable first reserve
house/fx +2800
`, shares(given, refund.Amount), "from where the sale's money is held, until then")

	chargeback, charged := back("-90.00 USD type=chargeback on=2026-06-01", sale, sold, 1000)
	require.Equal(t, `seller/reserve -9.00 until 2026-10-28 into seller/payable first reserve pending
house/fx -18.00
house/fee -0.00
house/fee +15.00 until 2026-07-01 into house/income
seller/payable -78.00 first reserve pending
in KRW
studio/pending -25200 until 2026-05-08 into studio/payable first reserve
house/fx +25200
`, shares(charged, chargeback.Amount), "the charge is held from the day on which it was earned")

	won, reversed := back("90.00 USD type=won on=2026-07-01", chargeback, charged, 0)
	require.Equal(t, `seller/reserve +9.00 until 2026-11-28 into seller/payable
house/fx +18.00
house/fee +0.00
house/fee -15.00 until 2026-07-01 into house/income
seller/payable +78.00
in KRW
studio/pending +25200 until 2026-06-08 into studio/payable
house/fx -25200
`, shares(reversed, won.Amount))

	// A mirror image of a sale of today takes what is held until the same date.
	image := input(t, "-100.00 USD")
	mirrored, err := s.Apply(image)
	require.NoError(t, err)
	require.Contains(t, shares(mirrored, image.Amount), "seller/reserve -10.00 until 2026-10-28 into seller/payable\n", "`refund` is false where no sale is named")
	require.Empty(t, mirrored.Releases)

	in := input(t, "-10.00 USD")
	in.Original = &fee.Sale{Amount: sale.Amount, Lines: sold.Lines}
	_, err = s.Apply(in)
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err), "nobody says when the sale was")
}

// TestDebtsOfSales: a sale of which the rules take more than there is takes the rest
// from its party, and what that party has held pays first.
func TestDebtsOfSales(t *testing.T) {
	s := compiled(t, `
rules: [{id: fee, to: {role: house}, flat: {KRW: 500}}]
recourse: [{role: seller, from: [reserve], when: "lines.net < 0"}]`)
	for sale, want := range map[string]string{
		"100 KRW": "house/payable +500\nseller/payable -400 first reserve\n",
		"600 KRW": "house/payable +500\nseller/payable +100\n",
	} {
		in := input(t, sale)
		e, err := s.Explain(in)
		require.NoError(t, err)
		require.Equal(t, want, shares(e.Result, in.Amount))
		if sale == "100 KRW" {
			require.Equal(t, []fee.Reached{{Role: "seller", From: []string{"reserve"}, Holds: true, Why: "when lines.net (-400) < 0 is true"}}, e.Recourse)
		} else {
			require.Empty(t, e.Recourse, "nothing is taken")
		}
	}
}

func TestCheckOfRecourse(t *testing.T) {
	for name, c := range map[string]struct{ recourse, paths string }{
		"always":                 {`{role: seller, from: [reserve, pending]}`, ""},
		"one behind a condition": {`{role: seller, from: [reserve], when: refund}, {role: seller, from: [pending]}`, ""},
		"by a party":             {`{role: seller, from: [reserve], when: 'party.store == "x" and sum > 1'}`, ""},
		"of what is released":    {`{role: store, from: [reserve]}`, ""},
		"nobody's":               {`{role: tax_office, from: [reserve]}`, "recourse[0].role"},
		"not a role":             {`{role: "Seller", from: [reserve]}`, "recourse[0].role recourse[0].role"},
		"out of nothing":         {`{role: seller, from: []}`, "recourse[0].from"},
		"twice":                  {`{role: seller, from: [reserve, reserve]}`, "recourse[0].from[1]"},
		"payable":                {`{role: seller, from: [payable]}`, "recourse[0].from[0]"},
		"not a purpose":          {`{role: seller, from: ["2"]}`, "recourse[0].from[0]"},
		"never":                  {`{role: seller, from: [reserve]}, {role: seller, from: [pending], when: refund}`, "recourse[1]"},
		"no condition":           {`{role: seller, from: [reserve], when: gross}`, "recourse[0].when"},
		"of what is left":        {`{role: seller, from: [reserve], when: remaining > 0}`, "recourse[0].when"},
		"of the line":            {`{role: seller, from: [reserve], when: line > 0}`, "recourse[0].when"},
	} {
		t.Run(name, func(t *testing.T) {
			d := framed(t, `
accumulators: [{name: sum, measure: gross, window: day}]
rules: [{id: fee, to: {role: store, purpose: pending}, percent: "1", hold: {days: 1}}]
recourse: [`+c.recourse+`]`)
			require.Equal(t, fee.Engine2, d.Engine())
			var paths []string
			for _, fault := range fee.Check(d) {
				require.NotEmpty(t, fault.Remedy)
				paths = append(paths, fault.Field)
			}
			require.Equal(t, c.paths, strings.Join(paths, " "))
		})
	}
	plain := framed(t, `recourse: [{role: seller, from: [reserve]}]`)
	require.Equal(t, fee.Engine2, plain.Engine())
	other := framed(t, `recourse: [{role: seller, from: [pending]}]`)
	require.False(t, plain.Equal(other))
}
