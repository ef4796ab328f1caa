package formula_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// FuzzCompile demands of any input: no panic; an error that names its place and a
// remedy; and of what compiles that its canonical form is the same formula and
// computes the same, that constants need no values, and that it can be explained.
func FuzzCompile(f *testing.F) {
	for _, seed := range append(hot, "-(-gross)", "- -1", "1 - (2 - 3)", "1 / (2 / 3)", "not (refund and domestic) or refund", "not grade in methods", "(not refund) == domestic",
		"round(round(gross, up), half_even, 0.05)", "floor(1, 1)", `if(refund, [1], [2.5])`, `1 in if(refund, [1], [gross])`, `"a\"\\원" == grade`, `date("2024-02-29") < on`, "1\n+ 2 \t", "(((1)))",
		`if(refund, 1, domestic, 2, 3)`, `weekday(max(on, start))`, "1e5", "\"", "[", "and", "9223372036854775807 * 9223372036854775807", "0.000000000000000001 / 3", "15%%", "100%", "a.b.c", "minor_unit", "x in []") {
		f.Add(seed)
	}
	w := sale(f)
	f.Fuzz(func(t *testing.T, source string) {
		compiled, err := formula.Compile(source, w.scope, formula.KindAny)
		if err != nil {
			e, ok := err.(*domain.Error) //nolint:errorlint // Compile promises the type itself
			if !ok || e.Field != "formula" || e.Remedy == "" || !strings.Contains(e.Message, "column ") || e.Code == domain.CodeInternal {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		again(t, compiled, w)
		if said := compiled.Explain(w.vars); said == "" || len(said) > 6000 {
			t.Fatalf("%q is explained as %q", source, said)
		}
		if _, err := compiled.Eval(nil); compiled.Constant() && err != nil {
			t.Fatalf("%q is constant and fails: %v", source, err)
		}
		if compiled.Source() != source {
			t.Fatalf("%q became %q", source, compiled.Source())
		}
	})
}

// FuzzParseNumber holds ParseNumber against big rationals.
func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"0", "-0", "12.50", "1.", ".5", "100000/11", "-1/3", "1/0", "2/-4", "1e5", "9223372036854775808", "-9223372036854775808/3", "0.0000000000000000000001", "00.10", "1.5/2", "١"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := formula.ParseNumber(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || strings.ContainsAny(s, "eE_+xXpP") {
			t.Fatalf("accepted %q", s)
		}
		if n.Rat().Cmp(want) != 0 || n.Sign() != want.Sign() {
			t.Fatalf("%q was read as %s", s, n)
		}
		back, err := formula.ParseNumber(n.String())
		if err != nil || back.Cmp(n) != 0 || back.String() != n.String() {
			t.Fatalf("%q was written as %q and read back as %s (%v)", s, n, back, err)
		}
	})
}
