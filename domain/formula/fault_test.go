package formula_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// Every mistake is named with its column and what to do instead.
func TestMistakesAreExplained(t *testing.T) {
	w := sale(t)
	for line := range strings.Lines(strings.TrimSpace(`
		~ the formula is empty at column 1 ~ write an expression
		gross + ~ a value is missing at column 8 ~ the formula ends here
		gross + * 2 ~ a value is missing at column 9 ~ correct what stands here
		gros * 2 ~ unknown name at column 1 ~ did you mean gross?
		GROSS ~ unknown name at column 1 ~ did you mean gross?
		gorss ~ unknown name at column 1 ~ did you mean gross?
		grad == "small" ~ unknown name at column 1 ~ did you mean grade?
		gross * (1 - rat) ~ unknown name at column 14 ~ did you mean rate?
		line.fee ~ unknown name at column 1 ~ did you mean lines.fee?
		"원" == grad ~ unknown name at column 8 ~ did you mean grade?
		grade == wholesale ~ unknown name at column 10 ~ as "wholesale"
		mx(1, 2) ~ unknown function at column 1 ~ did you mean max?
		sqrt(gross) ~ unknown function at column 1 ~ use one of if, min, max,
		and(1) ~ a value is missing at column 1 ~ correct what stands here
		round(gross) ~ round wants a mode at column 12 ~ as round(x, half_up)
		round(gross, halfup) ~ unknown rounding mode at column 14 ~ use one of half_up,
		round(gross, 0.01) ~ unknown rounding mode at column 14 ~ use one of half_up,
		round(gross, up, 1, 2) ~ wrong number of arguments: 3 at column 1 ~ write round(x, half_up)
		round(gross, up, 1/3) ~ the rounding unit is no finite decimal of at most 18 digits at column 1 ~ as 0.01
		round(gross, up, 0) ~ the rounding unit is not greater than zero at column 1 ~ as 0.01
		round(1/3, up, -1) ~ the rounding unit is not greater than zero at column 1 ~ as 0.01
		floor(gross) ~ wrong number of arguments: 1 at column 1 ~ write floor(x, 1)
		min(1) ~ wrong number of arguments: 1 at column 1 ~ write min(a, b)
		days(on) ~ wrong number of arguments: 1 at column 1 ~ write days(from, to)
		if(refund, 1) ~ wrong number of arguments: 2 at column 1 ~ write if(condition, value, otherwise)
		if(refund, 1, domestic, 2) ~ if has no value for the case that no condition holds at column 1 ~ write if(
		if(refund, 1, 2, 3, 4) ~ this is a number where a truth is wanted at column 15 ~ compare it, as 2 > 0
		if + 1 ~ if wants brackets at column 1 ~ write if(condition, value, otherwise)
		(gross ~ the bracket at column 1 is not closed at column 7 ~ complete it
		[1, 2 ~ the bracket at column 1 is not closed at column 6 ~ complete it
		min(1, 2 gross ~ the bracket at column 4 is not closed at column 10 ~ correct what stands here
		gross) ~ the formula does not end here at column 6 ~ take the bracket away
		gross 15% ~ the formula does not end here at column 7 ~ put an operator before it
		1,000 ~ the formula does not end here at column 2 ~ write numbers without separators
		1 < 2 < 3 ~ comparisons do not chain at column 7 ~ join two of them
		gross = 1 ~ unknown sign at column 7 ~ write == to compare
		gross && refund ~ unknown sign at column 7 ~ write and
		gross => 1 ~ unknown sign at column 7 ~ write >=
		!refund ~ unknown sign at column 1 ~ write not
		gross // 2 ~ unknown sign at column 7 ~ write floor(x / y, 1)
		gross % 2 ~ unknown sign at column 7 ~ as 15%; there is no remainder
		15 % ~ unknown sign at column 4 ~ right behind its number
		gross ÷ 2 ~ unknown sign at column 7 ~ write /
		gross @ 2 ~ unknown sign at column 7 ~ use names, numbers,
		원 * 2 ~ unknown sign at column 1 ~ use names, numbers,
		lines.fee. ~ unknown sign at column 10 ~ a name behind it
		.5 ~ unknown sign at column 1 ~ as 0.5
		'card' ~ unknown sign at column 1 ~ as "card"
		1.5.2 ~ malformed number at column 1 ~ as 1234.5
		1e5 ~ malformed number at column 1 ~ as 1234.5
		gross * 5won ~ malformed number at column 9 ~ as 1234.5
		grade == "card ~ the text has no end at column 10 ~ close it with "
		grade == "a\n" ~ unknown escape at column 12 ~ write \"
		refund not refund ~ not stands where an operator is wanted at column 8 ~ or not in
		1 + not refund ~ not stands behind an operator that binds more tightly at column 5 ~ put brackets around it
		gross * "2" ~ this is a text where a number is wanted at column 9 ~ write it without quotes
		gross * "two" ~ this is a text where a number is wanted at column 9 ~ write a number, as 12.5
		grade == 1 ~ this is a number where a text is wanted at column 10 ~ write it in quotes, as "1"
		"1" == quantity ~ this is a text where a number is wanted at column 1 ~ write it without quotes
		on > "2026-01-01" ~ this is a text where a date is wanted at column 6 ~ write date("2026-01-01")
		gross and refund ~ this is a number where a truth is wanted at column 1 ~ compare it, as gross > 0
		not grade ~ this is a text where a truth is wanted at column 5 ~ compare it
		refund + 1 ~ this is a truth where a number is wanted at column 1 ~ as if(condition, 1, 0)
		if(refund, 1, "a") ~ this is a text where a number is wanted at column 15 ~ write a number
		methods == methods ~ lists cannot be compared at column 9 ~ as x in list
		grade in "card" ~ this is a text where a list is wanted at column 10 ~ write a list
		methods in methods ~ a list is in no list at column 1 ~ ask for one value
		1 in ["a"] ~ this is a text where a number is wanted at column 7 ~ write a number
		[1, "a"] ~ this is a text where a number is wanted at column 5 ~ write a number
		grade < "a" ~ a text has no order at column 1 ~ compare it with == or !=
		max(refund, true) ~ a truth has no order at column 5 ~ compare it with == or !=
		year(gross) ~ this is a number where a date is wanted at column 6 ~ as date("2026-01-01")
		date("2026-02-30") ~ not a date at column 6 ~ write it as date("2026-11-22")
		date(on) ~ not a date at column 6 ~ write it as date("2026-11-22")
		1 / 0 ~ division by zero at column 3 ~ divide only where the divisor is not 0
		gross / (1 - 1) ~ division by zero at column 7 ~ divide only where the divisor is not 0
		methods ~ this is a list where a number is wanted at column 1 ~ write a number
	`)) {
		cells := strings.Split(strings.TrimSpace(line), "~")
		source, message, remedy := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])
		_, err := formula.Compile(source, w.scope, formula.KindNumber)
		var e *domain.Error
		require.True(t, errors.As(err, &e), line)
		require.Equal(t, domain.CodeInvalid, e.Code, line)
		require.Equal(t, "formula", e.Field, line)
		require.Equal(t, message, e.Message, line)
		require.Contains(t, e.Remedy, remedy, line)
	}
	_, err := formula.Compile("gross\n  * grosss", w.scope, formula.KindNumber)
	require.ErrorContains(t, err, "unknown name at line 2, column 5")
	_, err = formula.Compile("\xff", w.scope, formula.KindNumber)
	require.ErrorContains(t, err, "not UTF-8")
	_, err = formula.Compile("\"a\x00\"", w.scope, formula.KindText)
	require.ErrorContains(t, err, "control character at column 3")
}

// What fails only with certain values names its place and the value.
func TestValuesThatDoNotSuit(t *testing.T) {
	w := sale(t)
	missing := append([]formula.Value(nil), w.vars...)
	slot, _, known := w.scope.Lookup("grade")
	require.True(t, known)
	missing[slot] = formula.Value{}
	other := append([]formula.Value(nil), w.vars...)
	other[slot] = formula.NumberOf(formula.FromInt(1))
	for _, c := range []struct {
		source string
		vars   []formula.Value
		code   domain.Code
		want   string
	}{
		{`gross / zero`, w.vars, domain.CodeInvalid, "division by zero at column 7"},
		{`1 + gross / (used - used)`, w.vars, domain.CodeInvalid, "division by zero at column 11"},
		{`round(gross, half_up, zero)`, w.vars, domain.CodeInvalid, "the rounding unit is not greater than zero at column 1"},
		{`round(gross, half_up, third)`, w.vars, domain.CodeInvalid, "the rounding unit is no finite decimal of at most 18 digits at column 1"},
		{`round(wide, half_up)`, w.vars, domain.CodeOutOfRange, "the amount does not fit in 64 bits exactly at column 1"},
		{`grade == "small"`, missing, domain.CodeInvalid, "there is no value for grade at column 1"},
		{`grade == "small"`, other, domain.CodeInvalid, "grade is a number where a text is wanted at column 1"},
		{`grade in ["a"]`, nil, domain.CodeInvalid, "there is no value for grade at column 1"},
		{`1 + round(1.5 * quantity, half_up)`, append([]formula.Value{{}}, w.vars[1:]...), domain.CodeInvalid, "there is no value for minor_unit at column 5"},
	} {
		f, err := formula.Compile(c.source, w.scope, formula.KindAny)
		require.NoError(t, err)
		v, err := f.Eval(c.vars)
		var e *domain.Error
		require.True(t, errors.As(err, &e), c.source)
		require.Equal(t, c.code, e.Code, c.source)
		require.Equal(t, c.want, e.Message, c.source)
		require.NotEmpty(t, e.Remedy)
		require.True(t, v.IsAbsent())
		require.True(t, strings.HasSuffix(f.Explain(c.vars), ": "+c.want), f.Explain(c.vars))
	}
	f, err := formula.Compile(`if(refund, grade, "none") == "none"`, w.scope, formula.KindTruth)
	require.NoError(t, err)
	b, err := f.EvalTruth(missing)
	require.NoError(t, err, "what is not needed may be absent")
	require.True(t, b)
}

// Hostile input is refused before it costs anything.
func TestLimits(t *testing.T) {
	w := sale(t)
	refused := func(source, message string) {
		t.Helper()
		_, err := formula.Compile(source, w.scope, formula.KindAny)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
		require.ErrorContains(t, err, message)
	}
	refused(strings.Repeat("1+", 1000)+"1", "too long")
	refused(strings.Repeat("(", 100)+"1"+strings.Repeat(")", 100), "too deeply nested")
	refused(strings.Repeat("-", 100)+"1", "too deeply nested")
	refused(strings.Repeat("not ", 100)+"refund", "too deeply nested")
	refused(strings.Repeat("[", 100), "too deeply nested")
	refused(strings.Repeat("9", 200), "the number is too long")
	refused("0."+strings.Repeat("0", 1000)+"1%", "the number is too long")

	chain, err := formula.Compile(strings.Repeat("1+", 997)+"gross", w.scope, formula.KindNumber)
	require.NoError(t, err, "a long sum nests in no brackets")
	v, err := chain.Eval(w.vars)
	require.NoError(t, err)
	require.Equal(t, "11997", v.String())
	require.Less(t, len(chain.Explain(w.vars)), 5000)

	grown, err := formula.Compile("wide"+strings.Repeat(" * wide", 100), w.scope, formula.KindNumber)
	require.NoError(t, err)
	_, err = grown.Eval(w.vars)
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
	require.ErrorContains(t, err, "the number grows too large")

	nines := formula.NumberOf(number(t, strings.Repeat("9", 300)))
	f, err := formula.Compile("gross", w.scope, formula.KindNumber)
	require.NoError(t, err)
	_, err = f.Eval([]formula.Value{nines, nines})
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
}
