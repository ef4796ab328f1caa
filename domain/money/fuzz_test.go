package money_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/jeongsan/jeongsan/domain/money"
)

// FuzzParse holds Parse against big rationals: what it accepts it reads exactly
// and writes back in the same digits.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0", "-0", "-0.00", "12.50", "1.", ".5", "9223372036854775807", "-9223372036854775808", "0.000000000000000001", "1e5", "+1", "00.10", "1.2.3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := money.Parse(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || strings.ContainsAny(s, "eE/_+xXpP") {
			t.Fatalf("accepted %q", s)
		}
		if rational(a).Cmp(want) != 0 {
			t.Fatalf("%q was read as %s", s, a)
		}
		again, err := money.Parse(a.String())
		if err != nil || again != a {
			t.Fatalf("%q was written as %q and read back as %s (%v)", s, a.String(), again, err)
		}
		if a.Neg().Neg() != a || a.Abs().Sign() < 0 {
			t.Fatalf("%q has no proper negative", s)
		}
	})
}
