package verify

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	engine "github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// drawn writes formulas at random, of a kind each.
type drawn struct{ t *rapid.T }

func (d drawn) one(list ...string) string { return rapid.SampledFrom(list).Draw(d.t, "one") }

func (d drawn) number(depth int) string {
	if depth == 0 {
		return d.one("0", "1", "2.5", "15%", "0.125%", "1000", "n", "m", "minor_unit", "lines.fee")
	}
	a, b := d.number(depth-1), d.number(depth-1)
	switch rapid.IntRange(0, 14).Draw(d.t, "number") {
	case 0, 1:
		return a + " + " + b
	case 2:
		return a + " - " + b
	case 3:
		return "(" + a + ") * " + b
	case 4:
		return a + " / (" + b + ")"
	case 5:
		return "-(" + a + ")"
	case 6:
		return fmt.Sprintf("if(%s, %s, %s)", d.truth(depth-1), a, b)
	case 7:
		return fmt.Sprintf("%s(%s, %s, 3)", d.one("min", "max"), a, b)
	case 8:
		return fmt.Sprintf("abs(%s)", a)
	case 9:
		return fmt.Sprintf("round(%s, %s%s)", a, d.one("half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"), d.one("", ", 0.05", ", 10"))
	case 10:
		return fmt.Sprintf("%s(%s%s)", d.one("floor", "ceiling"), a, d.one("", ", 0.5"))
	case 11:
		return fmt.Sprintf("%s(%s)", d.one("year", "month", "day", "weekday"), d.date())
	case 12:
		return fmt.Sprintf("days(%s, %s(%s, %s))", d.date(), d.one("min", "max"), d.date(), d.date())
	case 13:
		return fmt.Sprintf("if(%s, %s, %s, %s, %s)", d.truth(depth-1), a, d.truth(0), b, d.number(0))
	}
	return d.number(0)
}

func (d drawn) truth(depth int) string {
	if depth == 0 {
		return d.one("true", "false", "b")
	}
	switch rapid.IntRange(0, 8).Draw(d.t, "truth") {
	case 0:
		return fmt.Sprintf("%s %s %s", d.number(depth-1), d.one("==", "!=", "<", "<=", ">", ">="), d.number(depth-1))
	case 1:
		return fmt.Sprintf("%s %s %s", d.text(), d.one("==", "!="), d.text())
	case 2:
		return fmt.Sprintf("%s %s %s", d.date(), d.one("==", "<", "<=", ">"), d.date())
	case 3:
		return fmt.Sprintf("not (%s)", d.truth(depth-1))
	case 4:
		return fmt.Sprintf("%s %s [\"card\", %s]", d.text(), d.one("in", "not in"), d.text())
	case 5:
		return fmt.Sprintf("%s in [1, %s]", d.number(depth-1), d.number(0))
	case 6:
		return fmt.Sprintf("(%s) and (%s)", d.truth(depth-1), d.truth(depth-1))
	case 7:
		return fmt.Sprintf("%s or %s", d.truth(depth-1), d.truth(depth-1))
	}
	return fmt.Sprintf("if(%s, %s, b)", d.truth(depth-1), d.truth(0))
}

func (d drawn) text() string { return d.one(`"card"`, `"b\"ank"`, `""`, "t") }
func (d drawn) date() string { return d.one(`date("2026-02-28")`, `date("2024-02-29")`, "on") }

// Whatever a formula says, this package and the engine read the same from it.
func TestFormulasMeanTheSameToTheEngine(t *testing.T) {
	understood := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := drawn{rt}
		source, want := d.number(rapid.IntRange(0, 4).Draw(rt, "depth")), engine.KindNumber
		if rapid.Bool().Draw(rt, "truth") {
			source, want = d.truth(3), engine.KindTruth
		}
		scope := engine.NewScope()
		vars := []engine.Value{engine.NumberOf(engine.FromAmount(money.New(1, 2)))}
		mine := map[string]worth{minorUnit: numberOf(big.NewRat(1, 100))}
		declare := func(name string, kind engine.Kind, value engine.Value, own worth) {
			_, err := scope.Declare(name, kind)
			require.NoError(rt, err)
			vars, mine[name] = append(vars, value), own
		}
		for _, name := range []string{"n", "m", "lines.fee"} {
			units := rapid.Int64Range(-1_000_000, 1_000_000).Draw(rt, name)
			declare(name, engine.KindNumber, engine.NumberOf(engine.FromAmount(money.New(units, 3))), numberOf(big.NewRat(units, 1000)))
		}
		text, truth := d.one("card", "bank", ""), rapid.Bool().Draw(rt, "b")
		declare("t", engine.KindText, engine.TextOf(text), textOf(text))
		declare("b", engine.KindTruth, engine.TruthOf(truth), truthOf(truth))
		declare("on", engine.KindDate, engine.DateOf("2026-11-22"), dateOf("2026-11-22"))

		compiled, err := engine.Compile(source, scope, want)
		if err != nil {
			return // the engine refuses it, so no schedule has it
		}
		theirs, failed := compiled.Eval(vars)
		f, err := parseFormula(source)
		require.NoError(rt, err, source)
		_, _ = f(func(string) (worth, error) { return worth{}, wrong("nobody is here yet") }) // a formula keeps nothing
		own, err := f(func(name string) (worth, error) { return mine[name], nil })
		again, _ := f(func(name string) (worth, error) { return mine[name], nil })
		require.True(rt, err != nil || own.equals(again), source)
		if failed != nil {
			return // out of range, or a division by zero that may never be reached here
		}
		require.NoError(rt, err, source)
		understood++
		if want == engine.KindTruth {
			require.Equal(rt, theirs.Truth(), own.truth, source)
			return
		}
		require.Zero(rt, theirs.Number().Rat().Cmp(own.ratio), "%s is %s and %s", source, theirs.Number(), own.ratio)
	})
	t.Log(understood, "formulas were understood by both")
	require.Positive(t, understood)
}

func TestFormulaRefuses(t *testing.T) {
	for _, source := range []string{
		"", "1 +", "(1", "1)", "[1, 2", "min()", "round(1)", "nothing(1)", "1..2", "1.", `"open`, "1 ! 2", "a b", "not", "in", "1 not 2", "if(true, 1)", "if(true, 1, false, 2)",
		strings.Repeat("(", 300), strings.Repeat("-", 300) + "1", strings.Repeat("not ", 300) + "true",
	} {
		_, err := parseFormula(source)
		require.ErrorIs(t, err, errFormula, source)
	}
	nobody := func(name string) (worth, error) { return worth{}, wrong("no " + name) }
	for _, source := range []string{
		"1 / 0", "1 < \"a\"", "true < false", "1 + true", "not 1", "1 and true", "1 in 2", "if(1, 2, 3)", "round(1, upwards)", "round(1, up, 0)", "year(1)",
		`date("2026-02-30")`, "name", "-true", "abs(\"a\")", "max(1, \"a\")", "min(1, date(\"2026-01-01\"))", "days(date(\"2026-01-01\"), 3)", "[name]",
	} {
		f, err := parseFormula(source)
		require.NoError(t, err, source)
		_, err = f(nobody)
		require.Error(t, err, source)
	}
}

func TestRoundingModes(t *testing.T) {
	for mode, want := range map[string][4]int64{ // of 2.4, 2.5, 3.5 and -2.5
		"half_up": {2, 3, 4, -3}, "half_even": {2, 2, 4, -2}, "half_down": {2, 2, 3, -2},
		"up": {3, 3, 4, -3}, "down": {2, 2, 3, -2}, "ceiling": {3, 3, 4, -2}, "floor": {2, 2, 3, -3},
	} {
		for i, tenths := range []int64{24, 25, 35, -25} {
			got, ok := toWhole(big.NewRat(tenths, 10), mode)
			require.True(t, ok)
			require.Equal(t, want[i], got.Int64(), "%s of %d tenths", mode, tenths)
		}
	}
	_, ok := toWhole(big.NewRat(2, 1), "upwards")
	require.False(t, ok)
}

// The way through machine words rounds as that through fractions does.
func TestRoundFigure(t *testing.T) {
	f := newFold()
	rapid.Check(t, func(t *rapid.T) {
		exact := figure{0, rapid.Uint64().Draw(t, "exact")}
		unit := rapid.SampledFrom([]string{"1", "0.01", "0.05", "10", "0.0001"}).Draw(t, "unit")
		l := line{rounding: rapid.SampledFrom([]string{"half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"}).Draw(t, "mode") + " " + unit}
		want, ok := l.rounded(exact.ratio())
		require.True(t, ok)
		if got, ok := f.roundFigure(exact, l.rounding); ok {
			require.Zero(t, got.ratio().Cmp(want), "%s %s", exact, l.rounding)
		}
	})
}
