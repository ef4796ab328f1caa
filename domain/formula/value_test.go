package formula_test

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestValues(t *testing.T) {
	parts := []formula.Value{formula.TextOf("a"), formula.NumberOf(formula.FromInt(1))}
	all := []formula.Value{
		{}, formula.NumberOf(formula.FromAmount(money.New(1250, 2))), formula.TextOf(`"원" \`), formula.TruthOf(true), formula.TruthOf(false),
		formula.DateOf("2026-05-01"), formula.DateOf("2026-05-02"), formula.ListOf(), formula.ListOf(parts...), formula.TextOf(""), formula.NumberOf(formula.Number{}),
	}
	written := []string{``, `12.5`, `"\"원\" \\"`, `true`, `false`, `date("2026-05-01")`, `date("2026-05-02")`, `[]`, `["a", 1]`, `""`, `0`}
	for i, v := range all {
		require.Equal(t, written[i], v.String())
		require.Equal(t, v.Kind() == formula.KindAny, v.IsAbsent())
		for j, o := range all {
			require.Equal(t, i == j, v.Equal(o), "%s and %s", v, o)
		}
		// A value gives nothing of another kind.
		require.Equal(t, i == 1, !v.Number().IsZero(), v)
		require.Equal(t, i == 2, v.Text() != "", v)
		require.Equal(t, i == 3, v.Truth(), v)
		require.Equal(t, i == 5 || i == 6, v.Date() != "", v)
		require.Equal(t, i == 8, len(v.List()) > 0, v)
	}
	require.True(t, formula.NumberOf(number(t, "1.50")).Equal(formula.NumberOf(number(t, "3/2"))), "numbers are equal by value")

	parts[0] = formula.TextOf("changed")
	all[8].List()[1] = formula.TextOf("changed")
	require.Equal(t, `["a", 1]`, all[8].String(), "a list shares nothing with its maker or reader")
}

func TestNumbersShareNothing(t *testing.T) {
	r, _ := new(big.Rat).SetString("123456789012345678901234567891/7")
	n := formula.FromRat(r)
	r.SetInt64(1)
	n.Rat().SetInt64(2)
	require.Equal(t, "123456789012345678901234567891/7", n.String())
}

func TestKinds(t *testing.T) {
	for _, k := range []formula.Kind{formula.KindNumber, formula.KindText, formula.KindTruth, formula.KindDate, formula.KindList} {
		back, err := formula.ParseKind(k.String())
		require.NoError(t, err)
		require.Equal(t, k, back)
	}
	for _, s := range []string{"", "any", "float", "Number"} {
		_, err := formula.ParseKind(s)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), s)
	}
	require.Equal(t, "invalid", formula.Kind(99).String())
}

func TestDeclare(t *testing.T) {
	s := formula.NewScope()
	slot, kind, known := s.Lookup(formula.MinorUnit)
	require.True(t, known)
	require.Equal(t, formula.SlotMinorUnit, slot)
	require.Equal(t, formula.KindNumber, kind)
	for i, name := range []string{"gross", "lines.fee", "party.seller", "floor", "up", "days", "a1_"} {
		slot, err := s.Declare(name, formula.KindText)
		require.NoError(t, err, name)
		require.Equal(t, i+1, slot)
		require.Equal(t, i+2, s.Len())
	}
	require.Equal(t, []string{formula.MinorUnit, "gross", "lines.fee", "party.seller", "floor", "up", "days", "a1_"}, s.Names())
	for _, name := range []string{"", "Gross", "1a", "_a", "a-b", "a.", ".a", "a..b", "a b", "원", "and", "or", "not", "in", "true", "false", "if", "gross", formula.MinorUnit, strings.Repeat("a.", 100) + "a"} {
		_, err := s.Declare(name, formula.KindText)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), name)
	}
	for _, k := range []formula.Kind{formula.KindAny, 99} {
		_, err := s.Declare("new", k)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	}
	_, _, known = s.Lookup("new")
	require.False(t, known)
	for i := s.Len(); i < formula.MaxNames; i++ {
		_, err := s.Declare("n"+strconv.Itoa(i), formula.KindNumber)
		require.NoError(t, err)
	}
	_, err := s.Declare("new", formula.KindNumber)
	require.ErrorContains(t, err, "too many names")
}

// Functions and modes are known by their place, so that names may be like them.
func TestNamesLikeFunctionsAndModes(t *testing.T) {
	w := &world{scope: formula.NewScope(), vars: []formula.Value{formula.NumberOf(number(t, "0.01"))}}
	for _, name := range []string{"floor", "up", "half_up", "days", "min"} {
		w.set(t, name, formula.NumberOf(number(t, "1.555")))
	}
	f, err := formula.Compile("round(up + half_up, up) + floor(floor, up) + min(min, days)", w.scope, formula.KindNumber)
	require.NoError(t, err)
	n, err := f.EvalNumber(w.vars)
	require.NoError(t, err)
	require.Equal(t, "6.22", n.String())
}

func TestWhatAFormulaReads(t *testing.T) {
	w := sale(t)
	for source, want := range map[string]string{
		"1 + 2":                              "",
		"gross + used * gross":               "gross used",
		"round(gross, half_up)":              "gross minor_unit",
		"round(1 / 3, half_up)":              "minor_unit",
		"round(gross, half_up, 0.01)":        "gross",
		"if(true, used, gross)":              "used gross", // even where a constant decides
		`party.seller in methods or on > on`: "party.seller methods on",
		`date("2026-01-01")`:                 "",
	} {
		f, err := formula.Compile(source, w.scope, formula.KindAny)
		require.NoError(t, err, source)
		require.Equal(t, want, strings.Join(f.Names(), " "), source)
		require.Equal(t, want == "", f.Constant(), source)
	}
}

// A formula keeps to the kind it was compiled for.
func TestTypedEvaluation(t *testing.T) {
	w := sale(t)
	n, err := formula.Compile("gross / zero", w.scope, formula.KindNumber)
	require.NoError(t, err)
	_, err = n.EvalNumber(w.vars)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	_, err = n.EvalTruth(w.vars)
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
	b, err := formula.Compile("gross / zero > 1", w.scope, formula.KindTruth)
	require.NoError(t, err)
	_, err = b.EvalTruth(w.vars)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	_, err = b.EvalNumber(w.vars)
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
}

// Names that are declared later are unknown to a formula, and do not move those it
// knows.
func TestScopesGrow(t *testing.T) {
	s := formula.NewScope()
	_, err := s.Declare("a", formula.KindNumber)
	require.NoError(t, err)
	f, err := formula.Compile("a * 2", s, formula.KindNumber)
	require.NoError(t, err)
	_, err = formula.Compile("later", s, formula.KindNumber)
	require.Error(t, err)
	_, err = s.Declare("later", formula.KindNumber)
	require.NoError(t, err)
	_, err = formula.Compile("later", s, formula.KindNumber)
	require.NoError(t, err)
	n, err := f.EvalNumber([]formula.Value{{}, formula.NumberOf(formula.FromInt(21)), {}})
	require.NoError(t, err)
	require.Equal(t, "42", n.String())
}
