package fee_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

const routed = `
inputs: [{name: mid, type: number}]
rules:
  - {id: reserve, to: {role: seller, purpose: reserve}, percent: "10", hold: {days: 180}}
  - {id: share, to: {role: studio}, percent: "50", convert: {to: KRW, mid: mid, rate: "mid * 0.99", via: {role: house}, spread_to: {role: house}}}`

func TestSharesAreHeldAndConverted(t *testing.T) {
	s := compiled(t, routed)
	sale := input(t, "100.00 USD mid=1385.50")
	sold, err := s.Apply(sale)
	require.NoError(t, err)
	require.Equal(t, "reserve 10.00 | share 50.00 | net 40.00", told(sold, nil))
	require.Equal(t, []fee.Release{{
		Rule: "reserve", From: fee.Target{Role: "seller", Purpose: "reserve"}, Into: fee.Target{Role: "seller", Purpose: "payable"},
		Currency: "USD", Amount: money.New(1000, 2), On: "2026-10-28",
	}}, sold.Releases)
	require.Equal(t, fee.Target{Role: "house", Purpose: "fx"}, sold.Shares[1].To, "the share itself goes to the position")
	require.Len(t, sold.Conversions, 1)
	require.Equal(t, "share 68582 693", fmt.Sprint(sold.Conversions[0].Rule, " ", sold.Conversions[0].Result, " ", sold.Conversions[0].Spread))
	require.Len(t, sold.Conversions[0].Shares, 3)
	require.ElementsMatch(t, []string{"bank", "house", "seller", "studio"}, s.Roles())

	// A refund that brings no rate is converted at that of its sale; its parts sum to
	// the whole, and it has no release of its own.
	paid := money.Zero
	for _, part := range []struct{ back, refunded string }{{"-33.33 USD", "0"}, {"-33.33 USD", "33.33"}, {"-33.34 USD", "66.66"}} {
		in := input(t, part.back)
		in.Original = &fee.Sale{Amount: sale.Amount, On: sale.On, Lines: sold.Lines, Attributes: sale.Attributes}
		in.Original.Refunded, err = money.Parse(part.refunded)
		require.NoError(t, err)
		back, err := s.Apply(in)
		require.NoError(t, err)
		require.Empty(t, back.Releases)
		paid, err = paid.Add(back.Conversions[0].Result)
		require.NoError(t, err)
	}
	require.Equal(t, "68582", paid.String())

	_, err = s.Apply(input(t, "100.00 USD mid=0"))
	require.ErrorContains(t, err, "greater than zero")
	same, err := s.Apply(input(t, "100 KRW mid=1"))
	require.NoError(t, err)
	require.Empty(t, same.Conversions, "what is in the currency already is not converted")
	require.Equal(t, "studio", same.Shares[1].To.Role)
}
