package formula_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/formula"
)

// hot are formulas as schedules have them, each computed for every transaction.
var hot = []string{
	"gross",
	"gross - lines.fee",
	"rate * 100",
	"round(gross / 1.1, half_up)",
	"round(gross / 1.2, half_up)",
	"gross / 1.2 * 3.3%",
	`grade == "small" and gross > 1000`,
	`grade in ["general", "medium", "small"]`,
	`if(on < date("2026-06-01"), 15%, 30%) * gross`,
	"max(0, min(gross * 2.9% + 0.30, cap - used))",
}

func BenchmarkEval(b *testing.B) {
	w := sale(b)
	for _, source := range hot {
		f, err := formula.Compile(source, w.scope, formula.KindAny)
		require.NoError(b, err)
		b.Run(strings.ReplaceAll(source, " ", ""), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Eval(w.vars); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	w := sale(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := formula.Compile("max(0, min(gross * 2.9% + 0.30, cap - used))", w.scope, formula.KindNumber); err != nil {
			b.Fatal(err)
		}
	}
}

// What runs for every transaction allocates nothing while numbers fit in words.
func TestEvalDoesNotAllocate(t *testing.T) {
	w := sale(t)
	for _, source := range hot {
		f, err := formula.Compile(source, w.scope, formula.KindAny)
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := f.Eval(w.vars); err != nil {
				t.Fatal(err)
			}
		}), source)
	}
}
