package formula_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/formula"
)

func TestExplain(t *testing.T) {
	w := sale(t)
	for line := range strings.Lines(strings.TrimSpace(`
		gross / 1.1                                              -> gross 11000 / 1.1 = 10000
		gross                                                    -> gross 11000
		third                                                    -> third (1/3)
		5                                                        -> 5
		15%                                                      -> 15% = 0.15
		"a"                                                      -> "a"
		on                                                       -> on 2026-05-01
		gross - third                                            -> gross 11000 - third (1/3) = 32999/3
		max(0, min(gross * 2.9% + 0.30, cap - used))             -> max(0, min(gross 11000 * 2.9% + 0.30, cap 50000 - used 49000)) = max(0, min(319 + 0.30, 1000)) = max(0, min(319.3, 1000)) = max(0, 319.3) = 319.3
		round(gross / 1.2, half_up)                              -> round(gross 11000 / 1.2, half_up, minor_unit 1) = round(27500/3, half_up, 1) = 9167
		floor(gross * 3.3%, 10)                                  -> floor(gross 11000 * 3.3%, 10) = floor(363, 10) = 360
		if(grade == "small", 15%, 30%) * gross                   -> if(grade "small" == "small", 15%, 30%) * gross 11000 = 15% * 11000 = 1650
		if(grade == "big", 1%, grade == "small", 2%, 3%) * gross -> if(grade "small" == "big", 1%, grade "small" == "small", 2%, 3%) * gross 11000 = if("small" == "small", 2%, 3%) * 11000 = 2% * 11000 = 220
		if(zero == 0, 0, gross / zero)                           -> if(zero 0 == 0, 0, gross 11000 / zero 0) = 0
		gross > 0 and (refund or grade == "x")                   -> gross 11000 > 0 and (refund false or grade "small" == "x") is false or "small" == "x" is "small" == "x" is false
		zero != 0 and gross / zero > 1                           -> zero 0 != 0 and gross 11000 / zero 0 > 1 is false
		on >= date("2026-01-01")                                 -> on 2026-05-01 >= 2026-01-01 is true
		days(start, on) > 30                                     -> days(start 2024-02-29, on 2026-05-01) > 30 is 792 > 30 is true
		grade in [grade, "b"]                                    -> grade "small" in [grade "small", "b"] is true
		grade not in methods                                     -> grade "small" not in methods ["card", "transfer"] is not false is true
		tiny - gross + third * 3                                 -> tiny 0.004 - gross 11000 + third (1/3) * 3 = -10999.996 + 1 = -10998.996
		1 - (tiny - gross)                                       -> 1 - (tiny 0.004 - gross 11000) = 1 - (-10999.996) = 11000.996
		gross / zero                                             -> gross 11000 / zero 0: division by zero at column 7
		gross * 2 / zero + 1                                     -> gross 11000 * 2 / zero 0 + 1 = 22000 / 0 + 1: division by zero at column 11
	`)) {
		source, want, _ := strings.Cut(strings.TrimSpace(line), "->")
		f, err := formula.Compile(strings.TrimSpace(source), w.scope, formula.KindAny)
		require.NoError(t, err, source)
		require.Equal(t, strings.TrimSpace(want), f.Explain(w.vars), source)
	}
}

func TestExplainLeavesOutWhatIsLong(t *testing.T) {
	w := sale(t)
	f, err := formula.Compile("gross"+strings.Repeat(" + 1", 20), w.scope, formula.KindNumber)
	require.NoError(t, err)
	require.Equal(t, 8+2, strings.Count(f.Explain(w.vars), " = "), "eight steps, the sign of those left out, and the result")
	require.Contains(t, f.Explain(w.vars), " = 11008"+strings.Repeat(" + 1", 12)+" = … = 11020")

	s := formula.NewScope()
	_, err = s.Declare("note", formula.KindText)
	require.NoError(t, err)
	f, err = formula.Compile(`note == "x" or `+strings.Repeat(`note in ["`+"한"+`"] or `, 80)+"false", s, formula.KindTruth)
	require.NoError(t, err)
	said := f.Explain([]formula.Value{{}, formula.TextOf(strings.Repeat("한", 1000))})
	require.Less(t, len(said), 5000)
	require.True(t, strings.HasSuffix(said, "… is false"), said[len(said)-20:])
	require.Equal(t, said, strings.ToValidUTF8(said, "?"))
}
