package readmodel_test

import (
	"math"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestTotalIsExactBeyondAMachineWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := decimal.NewFromInt(rapid.Int64().Draw(t, "start")).Shift(rapid.Int32Range(-20, 4).Draw(t, "shift"))
		total, want := readmodel.TotalOf(start), start
		require.True(t, want.Equal(total.Decimal()))
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			units := rapid.OneOf(rapid.Int64Range(-1000, 1000), rapid.Int64Range(math.MinInt64+1, math.MaxInt64)).Draw(t, "units")
			amount := money.New(units, rapid.Uint8Range(0, money.MaxScale).Draw(t, "scale"))
			total.Add(amount)
			want = want.Add(amount.Decimal())
			require.True(t, want.Equal(total.Decimal()), "%s, not %s", total.Decimal(), want)
		}
	})
}
