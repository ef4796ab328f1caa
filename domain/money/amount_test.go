package money_test

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]struct {
		units int64
		scale uint8
		out   string
	}{
		"0":                      {0, 0, "0"},
		"-0":                     {0, 0, "0"},
		"0.00":                   {0, 2, "0.00"},
		"-0.00":                  {0, 2, "0.00"},
		"12.50":                  {1250, 2, "12.50"},
		"-12.5":                  {-125, 1, "-12.5"},
		"007.10":                 {710, 2, "7.10"},
		"0.001":                  {1, 3, "0.001"},
		"-0.05":                  {-5, 2, "-0.05"},
		"9223372036854775807":    {math.MaxInt64, 0, "9223372036854775807"},
		"-9223372036854775807":   {-math.MaxInt64, 0, "-9223372036854775807"},
		"9.223372036854775807":   {math.MaxInt64, 18, "9.223372036854775807"},
		"0.000000000000000001":   {1, 18, "0.000000000000000001"},
		"00000000000000000000.1": {1, 1, "0.1"},
	} {
		got, err := money.Parse(in)
		require.NoError(t, err, in)
		require.Equal(t, money.New(want.units, want.scale), got, in)
		require.Equal(t, want.out, got.String(), in)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "-", ".", "-.", "1.", ".5", "-.5", "+1", "--1", "1-", "1.2.3", "1..2", " 1", "1 ", "1,000", "1e3", "0x10", "NaN", "Inf", "１",
		"9223372036854775808", "-9223372036854775808", "92233720368547758.070000000000000000", "0.0000000000000000001", "$1",
	} {
		got, err := money.Parse(in)
		require.Error(t, err, in)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), in)
		require.ErrorContains(t, err, "write digits", in)
		require.Equal(t, money.Zero, got, in)
	}
}

func TestNewRefusesWhatIsNoAmount(t *testing.T) {
	require.Panics(t, func() { money.New(math.MinInt64, 0) })
	require.Panics(t, func() { money.New(1, money.MaxScale+1) })
	require.NotPanics(t, func() { money.New(-math.MaxInt64, money.MaxScale) })
}

func TestJSONIsADecimalString(t *testing.T) {
	out, err := json.Marshal(map[string]money.Amount{"amount": money.New(-1250, 2)})
	require.NoError(t, err)
	require.JSONEq(t, `{"amount":"-12.50"}`, string(out))

	var in struct{ Amount money.Amount }
	require.NoError(t, json.Unmarshal([]byte(`{"amount":"0.30"}`), &in))
	require.Equal(t, money.New(30, 2), in.Amount)
	require.Error(t, json.Unmarshal([]byte(`{"amount":0.30}`), &in), "a JSON number may have been a float")
	require.Error(t, json.Unmarshal([]byte(`{"amount":"1e2"}`), &in))
	require.Equal(t, money.New(30, 2), in.Amount, "a refused value leaves the amount alone")
}

func TestAddAtTheLimits(t *testing.T) {
	most := money.New(math.MaxInt64, 0)
	cases := []struct {
		a, b, sum string
	}{
		{"9223372036854775807", "-1", "9223372036854775806"},
		{"9223372036854775807", "-9223372036854775807", "0"},
		{"9223372036854775806", "1.00", "9223372036854775807"}, // shortened to fit
		{"0.10", "0.90", "1.00"},
		{"92233720368547758.07", "0", "92233720368547758.07"},
	}
	for _, c := range cases {
		sum, err := parse(t, c.a).Add(parse(t, c.b))
		require.NoError(t, err, c)
		require.Zero(t, sum.Cmp(parse(t, c.sum)), "%v: %s", c, sum)
	}
	for _, c := range [][2]money.Amount{
		{most, money.New(1, 0)},
		{most.Neg(), money.New(-1, 0)}, // would be the one integer without a negative
		{most, most},
		{most, money.New(1, 2)}, // needs decimals that do not fit
	} {
		_, err := c[0].Add(c[1])
		require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err), "%s + %s", c[0], c[1])
	}
	_, err := most.Neg().Sub(money.New(1, 0))
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
}

func TestFormatWritesTheMinorDigits(t *testing.T) {
	for _, c := range []struct {
		in       string
		currency money.Currency
		out      string
	}{
		{"1200", "KRW", "1200"},
		{"1200.00", "KRW", "1200"},
		{"12.5", "GBP", "12.50"},
		{"12.500", "GBP", "12.50"},
		{"0.001", "GBP", "0.001"},
		{"-7", "KWD", "-7.000"},
		{"0.00", "USD", "0.00"},
		{"0", "KWD", "0.000"},
		{"9223372036854775807", "USD", "9223372036854775807"}, // no room for decimals: still exact
	} {
		a := parse(t, c.in)
		require.Equal(t, c.out, a.Format(c.currency), c)
		require.Equal(t, c.out, a.In(c.currency).String(), c)
		require.Zero(t, a.Cmp(a.In(c.currency)))
	}
	require.Equal(t, uint8(1), money.New(1250, 2).Digits())
	require.Equal(t, uint8(0), money.New(0, 5).Digits())
}

func TestFromDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"12.50": "12.50", "-0.001": "-0.001", "5e3": "5000", "9223372036854775807": "9223372036854775807",
		"1.0000000000000000000":     "1.000000000000000000", // one zero too many is dropped
		"92233720368547758070.0e-1": "9223372036854775807", "0e-99": "0.000000000000000000", "0e99": "0",
		"1000000000000000000000e-3": "1000000000000000000",
	} {
		got, err := money.FromDecimal(decimal.RequireFromString(in))
		require.NoError(t, err, in)
		require.Equal(t, want, got.String(), in)
	}
	for _, in := range []string{"9223372036854775808", "-9223372036854775808", "0.0000000000000000001", "1e19", "12345678901234567890.5"} {
		_, err := money.FromDecimal(decimal.RequireFromString(in))
		require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err), in)
	}
	for _, exponent := range []int32{math.MaxInt32, math.MinInt32} { // answered without computing the power
		_, err := money.FromDecimal(decimal.New(1, exponent))
		require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err), exponent)
	}
}

// Every operation agrees with rational arithmetic or says that it does not fit.
func TestArithmeticIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts.Draw(t, "a"), amounts.Draw(t, "b")
		x, y := rational(a), rational(b)
		require.Equal(t, x.Cmp(y), a.Cmp(b))
		require.Equal(t, x.Sign(), a.Sign())
		require.Zero(t, rational(a.Neg()).Cmp(new(big.Rat).Neg(x)))
		require.Zero(t, rational(a.Abs()).Cmp(new(big.Rat).Abs(x)))
		require.Zero(t, rational(a.Shorten()).Cmp(x))
		exactly(t, a, "+", b, new(big.Rat).Add(x, y), func() (money.Amount, bool) { s, err := a.Add(b); return s, err == nil })
		exactly(t, a, "-", b, new(big.Rat).Sub(x, y), func() (money.Amount, bool) { s, err := a.Sub(b); return s, err == nil })
		if product, ok := a.Mul(b); ok {
			require.Zero(t, rational(product).Cmp(new(big.Rat).Mul(x, y)))
		}
		again, err := money.Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, again)
		again, err = money.FromDecimal(a.Decimal())
		require.NoError(t, err)
		require.Zero(t, again.Cmp(a))
	})
}

// exactly demands the exact result, and an error only where no Amount holds it.
func exactly(t *rapid.T, a money.Amount, op string, b money.Amount, want *big.Rat, operate func() (money.Amount, bool)) {
	got, ok := operate()
	if ok {
		require.Zero(t, rational(got).Cmp(want), "%s %s %s = %s", a, op, b, got)
		return
	}
	d, exact := want.FloatPrec()
	require.True(t, exact)
	units := new(big.Int).Mul(want.Num(), new(big.Int).Div(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d)), nil), want.Denom()))
	require.False(t, d <= money.MaxScale && units.IsInt64() && units.Int64() != math.MinInt64, "%s %s %s = %s was refused", a, op, b, want.FloatString(d))
}

// amounts draws small ones, huge ones and every scale.
var amounts = rapid.Custom(func(t *rapid.T) money.Amount {
	units := rapid.OneOf(rapid.Int64Range(-1000, 1000), rapid.Int64Range(-math.MaxInt64, math.MaxInt64)).Draw(t, "units")
	return money.New(units, rapid.Uint8Range(0, money.MaxScale).Draw(t, "scale"))
})

func rational(a money.Amount) *big.Rat {
	return new(big.Rat).SetFrac(big.NewInt(a.Units()), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(a.Scale())), nil))
}

func parse(t testing.TB, s string) money.Amount {
	t.Helper()
	a, err := money.Parse(s)
	require.NoError(t, err)
	return a
}
