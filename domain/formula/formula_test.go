package formula_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// world is a scope with the names that the tests use, and a value for each.
type world struct {
	scope *formula.Scope
	vars  []formula.Value
}

func (w *world) set(t require.TestingT, name string, v formula.Value) {
	slot, err := w.scope.Declare(name, v.Kind())
	require.NoError(t, err)
	require.Equal(t, len(w.vars), slot)
	w.vars = append(w.vars, v)
}

func number(t require.TestingT, s string) formula.Number {
	n, err := formula.ParseNumber(s)
	require.NoError(t, err)
	return n
}

// sale is a transaction of 11000 won.
func sale(t require.TestingT) *world {
	w := &world{scope: formula.NewScope(), vars: []formula.Value{formula.NumberOf(number(t, "1"))}}
	for _, line := range strings.Split(strings.TrimSpace(`
		gross        11000
		cap          50000
		used         49000
		rate         0.15
		quantity     3
		tiny         0.004
		third        1/3
		wide         123456789012345678901234567890.5
		lines.fee    1650
		zero         0
	`), "\n") {
		cells := strings.Fields(line)
		w.set(t, cells[0], formula.NumberOf(number(t, cells[1])))
	}
	w.set(t, "grade", formula.TextOf("small"))
	w.set(t, "party.seller", formula.TextOf("s-1"))
	w.set(t, "refund", formula.TruthOf(false))
	w.set(t, "domestic", formula.TruthOf(true))
	w.set(t, "on", formula.DateOf("2026-05-01"))
	w.set(t, "start", formula.DateOf("2024-02-29"))
	w.set(t, "methods", formula.ListOf(formula.TextOf("card"), formula.TextOf("transfer")))
	return w
}

func TestEval(t *testing.T) {
	w := sale(t)
	for _, line := range cases(`
		2.9%                                                 = 0.029
		gross * 15%                                          = 1650
		gross / 1.1                                          = 10000
		gross / 1.2                                          = 27500/3
		gross / 1.2 * 1.2                                    = 11000
		round(gross / 1.2, half_up)                          = 9167
		round(gross / 1.2, down)                             = 9166
		round(gross / 1.2, up, 10)                           = 9170
		round(-gross / 1.2, floor)                           = -9167
		round(-gross / 1.2, ceiling)                         = -9166
		round(0.5, half_up)                                  = 1
		round(0.5, half_even)                                = 0
		round(1.5, half_even)                                = 2
		round(0.5, half_down)                                = 0
		round(third, half_up, 0.01)                          = 0.33
		round(wide, half_even, 1000000000000000000) > 0      : out_of_range
		floor(gross * 3.3%, 10)                              = 360
		ceiling(gross * 3.3%, 10)                            = 370
		floor(7 / 2, 1)                                      = 3
		max(0, min(gross * 2.9% + 0.30, cap - used))         = 319.3
		min(3, 2, 1, 2)                                      = 1
		max(start, on)                                       = date("2026-05-01")
		min(on, start, on)                                   = date("2024-02-29")
		abs(used - cap)                                      = 1000
		-gross + 1                                           = -10999
		2 + 3 * 4                                            = 14
		(2 + 3) * 4                                          = 20
		10 - 4 - 3                                           = 3
		100 / 10 / 5                                         = 2
		-2 * -3                                              = 6
		- -2                                                 = 2
		third + third + third                                = 1
		third * 3 == 1                                       = true
		third < 0.3334                                       = true
		wide * 2                                             = 246913578024691357802469135781
		wide - wide                                          = 0
		1 / wide * wide                                      = 1
		grade == "small"                                     = true
		grade != "small"                                     = false
		grade in ["small", "general"]                        = true
		grade not in ["small", "general"]                    = false
		"card" in methods                                    = true
		"mobile" in methods or refund                        = false
		quantity in [1, 3.0]                                 = true
		on in [start, date("2026-05-01")]                    = true
		grade in []                                          = false
		not refund and domestic                              = true
		not (refund and domestic)                            = true
		refund or domestic and refund                        = false
		domestic == (not refund)                             = true
		(quantity > 1) == domestic                           = true
		domestic == (quantity < 1)                           = false
		not grade == "general"                               = true
		on >= date("2026-01-01") and on < date("2027-01-01") = true
		days(start, on)                                      = 792
		days(on, start)                                      = -792
		year(on) * 10000 + month(on) * 100 + day(on)         = 20260501
		weekday(on)                                          = 5
		if(grade == "small", 15%, 30%) * gross               = 1650
		if(refund, "a", "b")                                 = "b"
		if(grade == "big", 1, grade == "small", 2, 3)        = 2
		if(grade == "big", 1, if(grade == "tiny", 2, 3))     = 3
		if(refund, on, start)                                = date("2024-02-29")
		if(domestic, refund, domestic)                       = false
		"a" in if(domestic, ["a"], methods)                  = true
		if(zero == 0, 0, gross / zero)                       = 0
		zero != 0 and gross / zero > 1                       = false
		zero == 0 or gross / zero > 1                        = true
		lines.fee + 1                                        = 1651
		"say \"hi\" \\ 원"                                    = "say \"hi\" \\ 원"
		["a", "b"]                                           = ["a", "b"]
		gross / zero                                         : invalid
	`) {
		f, err := formula.Compile(line[0], w.scope, formula.KindAny)
		require.NoError(t, err, line)
		got, err := f.Eval(w.vars)
		if line[1] == ":" {
			require.Equal(t, domain.Code(line[2]), domain.CodeOf(err), line)
			continue
		}
		require.NoError(t, err, line)
		require.Equal(t, line[2], got.String(), line[0])
		require.Equal(t, got.Kind(), f.Kind())
		again(t, f, w)
	}
}

// cases reads lines of "formula = result" and "formula : code".
func cases(table string) (out [][3]string) {
	for line := range strings.Lines(strings.TrimSpace(table)) {
		line = strings.TrimSpace(line)
		sign := " = "
		i := strings.LastIndex(line, sign)
		if j := strings.LastIndex(line, " : "); j > i {
			i, sign = j, " : "
		}
		out = append(out, [3]string{strings.TrimSpace(line[:i]), strings.TrimSpace(sign), strings.TrimSpace(line[i+3:])})
	}
	return out
}
