package fee_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

func number(t require.TestingT, s string) formula.Number {
	n, err := formula.ParseNumber(s)
	require.NoError(t, err)
	return n
}

func amountOf(t require.TestingT, s string) money.Amount {
	a, err := money.Parse(s)
	require.NoError(t, err)
	return a
}

func TestExchange(t *testing.T) {
	for line := range strings.SplitSeq(`100.00 USD KRW 1385.50 0.01 1371.645 137165 138550 1385
		-100.00 USD KRW 1385.50 0.01 1371.645 -137165 -138550 -1385
		0.01 USD KRW 1385.50 0.01 1371.645 14 14 0
		55000 KRW USD 0.000721761 0.015 0.000710934585 39.10 39.70 0.60
		1 KRW USD 0.000721761 0 0.000721761 0.00 0.00 0.00
		19.999 KWD USD 3.2571 0.01 3.224529 64.49 65.14 0.65
		100.00 USD KRW 1385.50 -0.01 1399.355 139936 138550 -1386
		0 USD KRW 1385.50 0.01 1371.645 0 0 0
		92233720368547758.07 USD KRW 1 0 1 92233720368547758 92233720368547758 0`, "\n") {
		f := strings.Fields(line)
		mid := number(t, f[3])
		e := fee.Exchange{From: money.Currency(f[1]), To: money.Currency(f[2]), Mid: mid, Rate: mid.Mul(formula.FromInt(1).Sub(number(t, f[4])))}
		got, err := e.Convert(amountOf(t, f[0]))
		require.NoError(t, err)
		require.Equal(t, f[5:], []string{got.Rate, got.Result.String(), got.Value.String(), got.Spread.String()}, line)
		require.Zero(t, got.Amount.Cmp(amountOf(t, f[0])))
		require.Equal(t, mid.String(), got.Mid)
	}
}

// 1,000 yen go to won through dollars: no amount is rounded on the way.
func TestCrossRates(t *testing.T) {
	e := fee.Exchange{From: "JPY", To: "KRW", Mid: number(t, "0.0066667").Mul(number(t, "1385.50"))}
	e.Rate = e.Mid
	got, err := e.Convert(money.New(1000, 0))
	require.NoError(t, err)
	require.Equal(t, "9.23671285", got.Rate)
	require.Equal(t, "9236.71285", got.Exact)
	require.Equal(t, "9237", got.Result.String())
	require.Equal(t, "half_up 1", got.Rounding)

	// A rate that is no decimal stays what it is.
	inverse, err := formula.FromInt(1).Quo(number(t, "1385.50"))
	require.NoError(t, err)
	e = fee.Exchange{From: "KRW", To: "USD", Mid: inverse, Rate: inverse, Mode: money.Down, Unit: money.New(5, 2)}
	got, err = e.Convert(money.New(1385500, 0))
	require.NoError(t, err)
	require.Equal(t, "2/2771", got.Rate)
	require.Equal(t, "1000", got.Exact)
	require.Equal(t, "1000.00", got.Result.String())
	require.Equal(t, "down 0.05", got.Rounding)
}

func TestExchangeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		mid, rate, amount string
		code              domain.Code
		field             string
	}{
		"no mid rate":   {"0", "1", "1", domain.CodeInvalid, "mid"},
		"no rate":       {"1", "0", "1", domain.CodeInvalid, "rate"},
		"negative rate": {"1", "-1", "1", domain.CodeInvalid, "rate"},
		"too large":     {"1000", "1000", "9223372036854775807", domain.CodeOutOfRange, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fee.Exchange{From: "USD", To: "KRW", Mid: number(t, c.mid), Rate: number(t, c.rate)}.Convert(amountOf(t, c.amount))
			var fault *domain.Error
			require.True(t, asError(err, &fault), "%v", err)
			require.Equal(t, c.code, fault.Code)
			if c.field != "" {
				require.Equal(t, c.field, fault.Field)
			}
		})
	}
}

// Both amounts are kept, the parts of a whole sum to it, the sign is a mirror, and
// the postings in the other currency balance.
func TestExchangeKeepsTheSum(t *testing.T) {
	currencies := []money.Currency{"KRW", "USD", "KWD", "JPY"}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom(currencies).Draw(t, "from")
		e := fee.Exchange{From: from, To: rapid.SampledFrom(currencies).Draw(t, "to"), Mode: money.Mode(rapid.IntRange(0, int(money.Floor)).Draw(t, "mode"))}
		e.Mid = formula.FromAmount(money.New(rapid.Int64Range(1, 1e9).Draw(t, "mid"), 6))
		e.Rate = e.Mid.Mul(formula.FromAmount(money.New(rapid.Int64Range(90, 110).Draw(t, "spread"), 2)))
		parts := rapid.SliceOfN(rapid.Int64Range(0, 1e9), 1, 5).Draw(t, "parts")
		sum, result, value, spread := money.Zero, money.Zero, money.Zero, money.Zero
		add := func(a, b money.Amount) money.Amount {
			s, err := a.Add(b)
			require.NoError(t, err)
			return s
		}
		for _, units := range parts {
			amount := money.New(units, from.Exponent())
			part, err := e.ConvertPart(sum, amount)
			require.NoError(t, err)
			mirrored, err := e.ConvertPart(sum.Neg(), amount.Neg())
			require.NoError(t, err)
			require.Equal(t, part.Result.Neg(), mirrored.Result)
			require.Equal(t, part.Spread.Neg(), mirrored.Spread)
			sum, result, value, spread = add(sum, amount), add(result, part.Result), add(value, part.Value), add(spread, part.Spread)
			balances(t, part)
			balances(t, mirrored)
		}
		whole, err := e.Convert(sum)
		require.NoError(t, err)
		require.Zero(t, whole.Result.Cmp(result), "%s in parts, %s in one", result, whole.Result)
		require.Zero(t, whole.Value.Cmp(value))
		require.Zero(t, whole.Spread.Cmp(spread))
	})
}

func balances(t require.TestingT, c fee.Conversion) {
	sum := money.Zero
	for _, share := range c.Shares(fee.Target{Role: "seller", Purpose: "payable"}, fee.Target{Role: "platform"}, &fee.Target{Role: "platform"}) {
		require.Positive(t, share.Amount.Sign())
		require.NotEmpty(t, share.To.Purpose)
		part := share.Amount
		if share.Opposite {
			part = part.Neg()
		}
		var err error
		sum, err = sum.Add(part)
		require.NoError(t, err)
	}
	require.True(t, sum.IsZero())
}

func TestSharesOfAConversion(t *testing.T) {
	mid := number(t, "1385.50")
	c, err := fee.Exchange{From: "USD", To: "KRW", Mid: mid, Rate: mid.Mul(number(t, "0.99"))}.Convert(money.New(10000, 2))
	require.NoError(t, err)
	won := func(n int64) money.Amount { return money.New(n, 0) }
	seller, platform := fee.Target{Role: "seller", Purpose: "payable"}, fee.Target{Role: "platform"}
	require.Equal(t, []fee.Share{
		{To: seller, Amount: won(137165)},
		{To: fee.Target{Role: "platform", Purpose: "fx_income"}, Amount: won(1385)},
		{To: fee.Target{Role: "platform", Purpose: "fx"}, Amount: won(138550), Opposite: true},
	}, c.Shares(seller, platform, &platform))
}
