package verify

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func parsed(t require.TestingT, text string) figure {
	f, _, ok := parseFigure([]byte(text))
	require.True(t, ok, text)
	return f
}

func TestParseFigure(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "0.00": "0", "-0": "0", "1": "1", "-12.50": "-12.5", "0.00000001": "0.00000001", "007": "7",
		"9223372036854775807": "9223372036854775807", "-9223372036854775808": "-9223372036854775808", "99999999999.99999999": "99999999999.99999999",
		"123456789012345678901234567890": "123456789012345678901234567890", "1.000000000000": "1", "-123456789012345678901234567890.12345678": "-123456789012345678901234567890.12345678",
	} {
		require.Equal(t, want, parsed(t, text).String(), text)
	}
	for _, text := range []string{"", "-", ".5", "5.", "+1", "1e3", "1,000", "0.000000001", "--1", "1.2.3", " 1", "NaN", "9999999999999999999999999999999999"} {
		_, _, ok := parseFigure([]byte(text))
		require.False(t, ok, text)
	}
}

func TestFormatKeepsDecimals(t *testing.T) {
	require.Equal(t, "12.50", parsed(t, "12.5").format(2))
	require.Equal(t, "12.505", parsed(t, "12.505").format(2))
	require.Equal(t, "1200", parsed(t, "1200").format(0))
	require.Equal(t, "-0.10", parsed(t, "-0.1").format(2))
}

func TestSumsOverflowLoudly(t *testing.T) {
	large := parsed(t, "1000000000000000000000000000000")
	_, ok := large.plus(large)
	require.False(t, ok)
	_, ok = large.negated().plus(large.negated())
	require.False(t, ok)
	sum, ok := large.plus(large.negated())
	require.True(t, ok)
	require.Zero(t, sum.sign())
}

// Every operation agrees with math/big.
func TestFigureAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (figure, *big.Rat) {
			text := rapid.StringMatching(`-?[0-9]{1,28}(\.[0-9]{1,8})?`).Draw(t, name)
			r, ok := new(big.Rat).SetString(text)
			require.True(t, ok)
			return parsed(t, text), r
		}
		a, exactA := draw("a")
		b, exactB := draw("b")
		check := func(f figure, exact *big.Rat) {
			back, ok := new(big.Rat).SetString(f.String())
			require.True(t, ok)
			require.Zero(t, exact.Cmp(back), "%s is not %s", f, exact)
			require.Equal(t, exact.Sign(), f.sign())
			require.Equal(t, f, parsed(t, f.String()))
		}
		check(a, exactA)
		check(a.negated(), new(big.Rat).Neg(exactA))
		check(a.absolute(), new(big.Rat).Abs(exactA))
		require.Equal(t, exactA.Cmp(exactB), a.compare(b))
		sum, ok := a.plus(b)
		require.True(t, ok)
		check(sum, new(big.Rat).Add(exactA, exactB))
	})
}

func FuzzParseFigure(f *testing.F) {
	for _, seed := range []string{"0", "-12.50", "0.00000001", "123456789012345678901234567890.5", "1e5", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, decimals, ok := parseFigure([]byte(text))
		if !ok {
			return
		}
		exact, valid := new(big.Rat).SetString(text)
		if !valid || strings.ContainsAny(text, "eE_/xX+ ") {
			t.Fatalf("%q is no decimal and was read as %s", text, parsed)
		}
		back, _ := new(big.Rat).SetString(parsed.format(decimals))
		if back.Cmp(exact) != 0 {
			t.Fatalf("%q was read as %s", text, parsed)
		}
	})
}
