package formula_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

var modes = []money.Mode{money.HalfUp, money.HalfEven, money.HalfDown, money.Up, money.Down, money.Ceiling, money.Floor}

// rats draws the numbers of fees, and those at the limits of machine words.
var rats = rapid.Custom(func(t *rapid.T) *big.Rat {
	whole := rapid.OneOf(rapid.Int64Range(-1000, 1000), rapid.Int64(), rapid.SampledFrom([]int64{math.MaxInt64, -math.MaxInt64, math.MinInt64, math.MaxInt32, 0}))
	below := rapid.OneOf(rapid.SampledFrom([]int64{1, 1, 10, 100, 1e6, 1e18, 11, 12, 3, 7, 1 << 20, 1 << 60, 9_765_625, math.MaxInt64}), rapid.Int64Range(1, 5000))
	r := big.NewRat(whole.Draw(t, "above"), below.Draw(t, "below"))
	if rapid.IntRange(0, 9).Draw(t, "wide") == 0 {
		r.Mul(r, big.NewRat(whole.Draw(t, "factor"), below.Draw(t, "divisor")))
	}
	return r
})

func TestNumbersAgreeWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := rats.Draw(t, "x"), rats.Draw(t, "y")
		a, b := formula.FromRat(x), formula.FromRat(y)
		same := func(name string, want *big.Rat, got formula.Number) {
			t.Helper()
			require.Equal(t, want.RatString(), got.Rat().RatString(), "%s of %s and %s", name, x, y)
			require.Equal(t, want.Sign(), got.Sign())
			require.Equal(t, want.Sign() == 0, got.IsZero())
			require.Equal(t, want.IsInt(), got.IsInt())
			again, err := formula.ParseNumber(got.String())
			require.NoError(t, err)
			require.Zero(t, again.Cmp(got), got)
			if _, finite := want.FloatPrec(); !finite {
				require.Equal(t, want.RatString(), got.String())
			} else {
				require.NotContains(t, got.String(), "/")
			}
			if amount, ok := got.Amount(); ok {
				require.Equal(t, want.RatString(), formula.FromAmount(amount).Rat().RatString())
			}
		}
		same("x", x, a)
		same("sum", new(big.Rat).Add(x, y), a.Add(b))
		same("difference", new(big.Rat).Sub(x, y), a.Sub(b))
		same("product", new(big.Rat).Mul(x, y), a.Mul(b))
		same("negative", new(big.Rat).Neg(x), a.Neg())
		same("absolute", new(big.Rat).Abs(x), a.Abs())
		require.Equal(t, x.Cmp(y), a.Cmp(b))
		require.Zero(t, a.Cmp(a))
		if quotient, err := a.Quo(b); y.Sign() == 0 {
			require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
		} else {
			require.NoError(t, err)
			same("quotient", new(big.Rat).Quo(x, y), quotient)
			require.Zero(t, quotient.Mul(b).Cmp(a), "%s / %s * %s", x, y, y)
		}
		same("x, still", x, a)
		same("y, still", y, b)
	})
}

// multiples rounds by the definition of the modes: the multiple below and the one
// above, and which is nearer.
func multiples(x, unit *big.Rat, mode money.Mode) *big.Rat {
	count := new(big.Rat).Quo(x, unit)
	below := new(big.Int).Div(count.Num(), count.Denom()) // Euclidean: toward -infinity
	above := new(big.Int).Add(below, big.NewInt(1))
	pick := below
	gap := new(big.Rat).Sub(count, new(big.Rat).SetInt(below))
	half := gap.Cmp(big.NewRat(1, 2))
	awayFromZero, towardZero := above, below
	if x.Sign() < 0 {
		awayFromZero, towardZero = below, above
	}
	nearer := below
	if half > 0 {
		nearer = above
	}
	switch {
	case gap.Sign() == 0:
	case mode == money.Ceiling:
		pick = above
	case mode == money.Floor:
	case mode == money.Up:
		pick = awayFromZero
	case mode == money.Down:
		pick = towardZero
	case half != 0:
		pick = nearer
	case mode == money.HalfUp:
		pick = awayFromZero
	case mode == money.HalfDown:
		pick = towardZero
	case below.Bit(0) == 1:
		pick = above
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(pick), unit)
}

func TestRoundAgreesWithTheDefinition(t *testing.T) {
	units := rapid.OneOf(
		rapid.SampledFrom([]money.Amount{money.New(1, 0), money.New(1, 2), money.New(10, 0), money.New(5, 2), money.New(1, 18), money.New(1000, 0)}),
		rapid.Custom(func(t *rapid.T) money.Amount {
			return money.New(rapid.Int64Range(1, math.MaxInt64).Draw(t, "units"), rapid.Uint8Range(0, money.MaxScale).Draw(t, "scale"))
		}))
	most := new(big.Int).SetInt64(math.MaxInt64)
	rapid.Check(t, func(t *rapid.T) {
		x, unit, mode := rats.Draw(t, "x"), units.Draw(t, "unit"), rapid.SampledFrom(modes).Draw(t, "mode")
		if rapid.Bool().Draw(t, "tie") { // put x on or close to a half of a unit
			x = new(big.Rat).Mul(formula.FromAmount(unit).Rat(), big.NewRat(2*rapid.Int64Range(-50, 50).Draw(t, "count")+1, 2))
			x.Add(x, big.NewRat(rapid.Int64Range(-1, 1).Draw(t, "beside"), math.MaxInt64))
		}
		want := multiples(x, formula.FromAmount(unit).Rat(), mode)
		got, err := formula.FromRat(x).Round(mode, unit)
		inUnits := new(big.Rat).Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(unit.Scale())), nil)))
		if new(big.Int).Abs(inUnits.Num()).Cmp(most) > 0 {
			require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err), "%s to %s", x, unit)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want.RatString(), formula.FromAmount(got).Rat().RatString(), "%s of %s to %s", mode, x, unit)
		require.Equal(t, unit.Scale(), got.Scale())
	})
}

func TestRoundRefusesAUnitThatIsNotPositive(t *testing.T) {
	for _, unit := range []money.Amount{money.Zero, money.New(-1, 2)} {
		for _, x := range []string{"1", "1/3", "0", "123456789012345678901234567890/7"} {
			_, err := number(t, x).Round(money.HalfUp, unit)
			require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), "%s to %s", x, unit)
		}
	}
}

func TestNumbersAreWrittenExactly(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "0.00": "0", "12.50": "12.5", "-12.500": "-12.5", "100": "100", "1200.00": "1200", "007": "7",
		"1/2": "0.5", "2/4": "0.5", "1/3": "1/3", "-2/6": "-1/3", "100000/11": "100000/11", "22/11": "2", "1/1024": "0.0009765625",
		"1/1000000000000000000000":                "0.000000000000000000001",
		"123456789012345678901234567890.50":       "123456789012345678901234567890.5",
		"9223372036854775808":                     "9223372036854775808",
		"-9223372036854775808":                    "-9223372036854775808",
		"9223372036854775807/3":                   "9223372036854775807/3",
		"123456789012345678901234567891/7":        "123456789012345678901234567891/7",
		"1/" + "3" + strings.Repeat("0", 40):      "1/3" + strings.Repeat("0", 40),
		"9223372036854775807/9223372036854775806": "9223372036854775807/9223372036854775806",
		"1/152587890625":                          "0.0000000000065536",
		"1/" + "1" + strings.Repeat("0", 20) + "": "0." + strings.Repeat("0", 19) + "1",
	} {
		n, err := formula.ParseNumber(in)
		require.NoError(t, err, in)
		require.Equal(t, want, n.String(), in)
		text, err := n.MarshalText()
		require.NoError(t, err)
		var back formula.Number
		require.NoError(t, back.UnmarshalText(text))
		require.Zero(t, back.Cmp(n), in)
	}
}

func TestParseNumberRefuses(t *testing.T) {
	for _, in := range []string{
		"", "-", ".", "1.", ".5", "+1", "1e5", "0x10", "1_000", "1,000", " 1", "1 ", "1/0", "1/-3", "-1/-3", "1.5/2", "1/2.5", "1/2/3", "/", "1/", "/2", "NaN", "Inf", "１",
		strings.Repeat("9", 321), "1/" + strings.Repeat("9", 319),
	} {
		n, err := formula.ParseNumber(in)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), in)
		require.True(t, n.IsZero(), in)
		require.Error(t, n.UnmarshalText([]byte(in)), in)
	}
}

func TestTheSmallerAndTheLargerNumber(t *testing.T) {
	third, half := number(t, "1/3"), number(t, "0.5")
	require.Equal(t, "1/3", formula.Min(third, half).String())
	require.Equal(t, "1/3", formula.Min(half, third).String())
	require.Equal(t, "0.5", formula.Max(third, half).String())
	require.Equal(t, "0.5", formula.Max(half, third).String())
	require.Equal(t, "-9223372036854775808", formula.FromInt(math.MinInt64).String())
	require.Equal(t, "9223372036854775808", formula.FromInt(math.MinInt64).Neg().String())
	require.Equal(t, "-7", formula.FromInt(-7).String())
	least := formula.FromInt(-math.MaxInt64).Sub(formula.FromInt(1))
	require.Equal(t, "9223372036854775808", least.Neg().String(), "the integer without a negative in machine words")
	require.Equal(t, "-9223372036854775807", least.Add(formula.FromInt(1)).String())
}

func BenchmarkNumberString(b *testing.B) {
	for _, s := range []string{"3.2", "100000/11", "123456789012345678901234567890.5"} {
		n := number(b, s)
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = n.String()
			}
		})
	}
}
