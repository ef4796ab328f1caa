package money_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

var everyMode = []money.Mode{money.HalfUp, money.HalfEven, money.HalfDown, money.Up, money.Down, money.Ceiling, money.Floor}

func TestRoundingModes(t *testing.T) {
	table := `
		value   unit  half_up half_even half_down  up     down   ceiling floor
		2.5     1     3       2         2          3      2      3       2
		3.5     1     4       4         3          4      3      4       3
		-2.5    1     -3      -2        -2         -3     -2     -2      -3
		-3.5    1     -4      -4        -3         -4     -3     -3      -4
		2.4     1     2       2         2          3      2      3       2
		2.6     1     3       3         3          3      2      3       2
		-2.6    1     -3      -3        -3         -3     -2     -2      -3
		3       1     3       3         3          3      3      3       3
		0       1     0       0         0          0      0      0       0
		1.485   0.01  1.49    1.48      1.48       1.49   1.48   1.49    1.48
		1.475   0.01  1.48    1.48      1.47       1.48   1.47   1.48    1.47
		-0.004  0.01  0.00    0.00      0.00       -0.01  0.00   0.00    -0.01
		64601   10    64600   64600     64600      64610  64600  64610   64600
		64605   10    64610   64600     64600      64610  64600  64610   64600
		7.675   0.05  7.70    7.70      7.65       7.70   7.65   7.70    7.65
		7.625   0.05  7.65    7.60      7.60       7.65   7.60   7.65    7.60
		12      0.25  12.00   12.00     12.00      12.00  12.00  12.00   12.00
	`
	lines := strings.Split(strings.TrimSpace(table), "\n")
	names := strings.Fields(lines[0])[2:]
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		for i, want := range cells[2:] {
			mode, err := money.ParseMode(names[i])
			require.NoError(t, err)
			got, err := parse(t, cells[0]).Round(mode, parse(t, cells[1]))
			require.NoError(t, err)
			require.Equal(t, want, got.String(), "%s to %s %s", cells[0], cells[1], mode)
			got, err = money.Round(decimal.RequireFromString(cells[0]), mode, parse(t, cells[1]))
			require.NoError(t, err)
			require.Equal(t, want, got.String(), "decimal %s to %s %s", cells[0], cells[1], mode)
		}
	}
}

func TestRoundRefuses(t *testing.T) {
	one := money.New(1, 0)
	for _, unit := range []money.Amount{money.Zero, one.Neg()} {
		_, err := one.Round(money.HalfUp, unit)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
		_, err = money.Round(decimal.New(1, 0), money.HalfUp, unit)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	}
	for _, d := range []string{"9223372036854775807.5", "-9223372036854775807.5", "1e30"} {
		_, err := money.Round(decimal.RequireFromString(d), money.Up, one)
		require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err), d)
	}
	for _, exponent := range []int32{math.MaxInt32, math.MinInt32} { // answered without computing the power
		_, err := money.Round(decimal.New(1, exponent), money.Up, one)
		require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err), exponent)
	}
	_, err := money.New(math.MaxInt64, 0).Round(money.Up, money.New(1000, 0))
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
	_, err = money.ParseMode("bankers")
	require.ErrorContains(t, err, "half_even")
	require.Equal(t, "invalid", money.Mode(99).String())
}

// Rounding gives the nearest multiples on the right side, in machine words as in
// big decimals.
func TestRoundingProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := amounts.Draw(t, "amount")
		unit := money.New(rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, math.MaxInt64)).Draw(t, "unit"), rapid.Uint8Range(0, money.MaxScale).Draw(t, "scale"))
		mode := rapid.SampledFrom(everyMode).Draw(t, "mode")

		got, err := a.Round(mode, unit)
		big1, err2 := money.Round(a.Decimal(), mode, unit)
		require.Equal(t, err == nil, err2 == nil)
		if err != nil {
			return
		}
		require.Equal(t, big1, got)
		require.Equal(t, unit.Scale(), got.Scale())

		value, result, step := rational(a), rational(got), rational(unit)
		require.True(t, new(big.Rat).Quo(result, step).IsInt(), "%s is no multiple of %s", got, unit)
		off := new(big.Rat).Sub(result, value)
		distance := new(big.Rat).Abs(off)
		require.Negative(t, distance.Cmp(step))
		half := new(big.Rat).Quo(step, big.NewRat(2, 1))
		switch mode {
		case money.HalfUp, money.HalfEven, money.HalfDown:
			require.LessOrEqual(t, distance.Cmp(half), 0)
		case money.Up:
			require.LessOrEqual(t, new(big.Rat).Abs(value).Cmp(new(big.Rat).Abs(result)), 0)
		case money.Down:
			require.GreaterOrEqual(t, new(big.Rat).Abs(value).Cmp(new(big.Rat).Abs(result)), 0)
		case money.Ceiling:
			require.GreaterOrEqual(t, off.Sign(), 0)
		case money.Floor:
			require.LessOrEqual(t, off.Sign(), 0)
		}

		mirror := map[money.Mode]money.Mode{money.Ceiling: money.Floor, money.Floor: money.Ceiling}
		opposite, swapped := mirror[mode]
		if !swapped {
			opposite = mode
		}
		mirrored, err := a.Neg().Round(opposite, unit)
		require.NoError(t, err)
		require.Equal(t, got.Neg(), mirrored)

		again, err := got.Round(mode, unit)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
