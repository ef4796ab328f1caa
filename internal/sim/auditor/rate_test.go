package auditor

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestShare is worked out by hand: 10,000 won, 2.5 % to the gateway, 10 % tax, 70 %
// of what remains to the seller, the rest to the operator.
func TestShare(t *testing.T) {
	v := Version{Funds: Target{"gateway", "receivable"}, Rules: []Rule{
		{ID: "rest", To: Target{"operator", "payable"}, Rest: true},
		{ID: "seller", To: Target{"seller", "payable"}, Priority: 3, Millionths: 700_000, OfRemaining: true},
		{ID: "gateway", To: Target{"gateway", "fee"}, Priority: 1, Millionths: 25_000},
		{ID: "tax", To: Target{"tax", "payable"}, Priority: 2, Millionths: 100_000, Mode: "floor", Unit: map[string]int64{"KRW": 300}},
	}}
	parties := map[string]string{"gateway": "pg", "operator": "op", "seller": "s", "tax": "nts"}
	legs, lines := v.share(10_000, "KRW", parties)
	require.Equal(t, []leg{
		{"pg/receivable/KRW", true, 10_000}, {"pg/fee/KRW", false, 250}, {"nts/payable/KRW", false, 900}, {"s/payable/KRW", false, 6_195}, {"op/payable/KRW", false, 2_655},
	}, legs)
	require.Equal(t, []line{{"gateway", 250, false}, {"tax", 900, false}, {"seller", 6_195, false}, {"rest", 2_655, false}}, lines)

	legs, _ = v.share(-10, "KRW", parties)
	require.Equal(t, []leg{{"pg/receivable/KRW", false, 10}, {"s/payable/KRW", true, 7}, {"op/payable/KRW", true, 3}}, legs)
	legs, lines = v.share(0, "KRW", parties)
	require.Empty(t, legs)
	require.Empty(t, lines)
}

// TestShareAboveTheAmount: fees that exceed a sale are owed by who takes the rest.
func TestShareAboveTheAmount(t *testing.T) {
	v := Version{Funds: Target{"gateway", "receivable"}, Rules: []Rule{
		{ID: "fixed", To: Target{"gateway", "fee"}, Flat: map[string]int64{"USD": 30}},
		{ID: "rest", To: Target{"seller", "payable"}, Rest: true},
	}}
	legs, _ := v.share(20, "USD", map[string]string{"gateway": "pg", "seller": "s"})
	require.Equal(t, []leg{{"pg/receivable/USD", true, 20}, {"pg/fee/USD", false, 30}, {"s/payable/USD", true, 10}}, legs)
}

func TestRound(t *testing.T) {
	for _, row := range []struct {
		mode                string
		low, half, odd, big int64 // of 2.4, 2.5, 3.5 and 2.6
	}{
		{"", 2, 3, 4, 3}, {"half_up", 2, 3, 4, 3}, {"half_down", 2, 2, 3, 3}, {"half_even", 2, 2, 4, 3},
		{"up", 3, 3, 4, 3}, {"ceiling", 3, 3, 4, 3}, {"down", 2, 2, 3, 2}, {"floor", 2, 2, 3, 2},
	} {
		r := Rule{Mode: row.mode}
		for tenths, must := range map[int64]int64{24: row.low, 25: row.half, 35: row.odd, 26: row.big} {
			require.Equal(t, must, r.round(big.NewRat(tenths, 10), "KRW"), "%s of %d tenths", row.mode, tenths)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, row := range []struct {
		units                    int64
		currency, fixed, trimmed string
	}{
		{0, "USD", "0.00", "0"}, {5, "USD", "0.05", "0.05"}, {-150, "USD", "-1.50", "-1.5"}, {1_000, "KRW", "1000", "1000"}, {20_000, "KWD", "20.000", "20"},
	} {
		require.Equal(t, row.fixed, Decimal(row.units, row.currency))
		require.Equal(t, row.trimmed, short(row.units, row.currency))
	}
}
