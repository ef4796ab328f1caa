package formula_test

import (
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// drawn is an expression in full brackets, with its result by big.Rat. Nothing of
// it is computed by the package under test.
type drawn struct {
	source string
	number *big.Rat // nil where the computation fails
	truth  bool     // of a condition
	failed bool
}

// drawer draws expressions over the names of a world of numbers.
type drawer struct {
	t     *rapid.T
	names []string
	rats  []*big.Rat
}

func (d drawer) number(depth int) drawn {
	kind := rapid.IntRange(0, 10).Draw(d.t, "number")
	if depth == 0 {
		kind %= 2
	}
	switch kind {
	case 0:
		i := rapid.IntRange(0, len(d.names)-1).Draw(d.t, "name")
		return drawn{source: d.names[i], number: d.rats[i]}
	case 1:
		n, scale, percent := rapid.IntRange(0, 99999).Draw(d.t, "digits"), rapid.IntRange(0, 4).Draw(d.t, "scale"), rapid.Bool().Draw(d.t, "percent")
		r := new(big.Rat).SetFrac(big.NewInt(int64(n)), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		source := r.FloatString(scale)
		if percent {
			return drawn{source: source + "%", number: r.Mul(r, big.NewRat(1, 100))}
		}
		return drawn{source: source, number: r}
	case 2, 3, 4, 5:
		return d.arithmetic("+-*/"[kind-2], d.number(depth-1), d.number(depth-1))
	case 6:
		a := d.number(depth - 1)
		return a.then("(-"+a.source+")", func() *big.Rat { return new(big.Rat).Neg(a.number) })
	case 7:
		a := d.number(depth - 1)
		return a.then("abs("+a.source+")", func() *big.Rat { return new(big.Rat).Abs(a.number) })
	case 8:
		a, b, word := d.number(depth-1), d.number(depth-1), rapid.SampledFrom([]string{"min", "max"}).Draw(d.t, "function")
		return both(a, b).then(fmt.Sprintf("%s(%s, %s)", word, a.source, b.source), func() *big.Rat {
			if (a.number.Cmp(b.number) < 0) == (word == "min") {
				return a.number
			}
			return b.number
		})
	case 9:
		c, a, b := d.truth(depth-1), d.number(depth-1), d.number(depth-1)
		chosen := b
		if c.truth {
			chosen = a
		}
		return drawn{source: fmt.Sprintf("if(%s, %s, %s)", c.source, a.source, b.source), number: chosen.number, failed: c.failed || chosen.failed}
	default:
		a, mode := d.number(depth-1), rapid.SampledFrom(modes).Draw(d.t, "mode")
		unit := rapid.SampledFrom([]string{"", "1", "0.01", "0.05", "10"}).Draw(d.t, "unit")
		by, source := big.NewRat(1, 100), fmt.Sprintf("round(%s, %s)", a.source, mode)
		if unit != "" {
			by.SetString(unit)
			source = fmt.Sprintf("round(%s, %s, %s)", a.source, mode, unit)
		}
		return a.then(source, func() *big.Rat { return multiples(a.number, by, mode) })
	}
}

func (d drawer) arithmetic(sign byte, a, b drawn) drawn {
	source := fmt.Sprintf("(%s %c %s)", a.source, sign, b.source)
	joined := both(a, b)
	if sign == '/' && !joined.failed && b.number.Sign() == 0 {
		return drawn{source: source, failed: true}
	}
	return joined.then(source, func() *big.Rat {
		switch sign {
		case '+':
			return new(big.Rat).Add(a.number, b.number)
		case '-':
			return new(big.Rat).Sub(a.number, b.number)
		case '*':
			return new(big.Rat).Mul(a.number, b.number)
		default:
			return new(big.Rat).Quo(a.number, b.number)
		}
	})
}

func (d drawer) truth(depth int) drawn {
	kind := rapid.IntRange(0, 3).Draw(d.t, "truth")
	if depth <= 0 {
		b := rapid.Bool().Draw(d.t, "literal")
		return drawn{source: fmt.Sprint(b), truth: b}
	}
	switch kind {
	case 0:
		a := d.truth(depth - 1)
		return drawn{source: "(not " + a.source + ")", truth: !a.truth, failed: a.failed}
	case 1:
		a, b, word := d.truth(depth-1), d.truth(depth-1), rapid.SampledFrom([]string{"and", "or"}).Draw(d.t, "word")
		out := drawn{source: fmt.Sprintf("(%s %s %s)", a.source, word, b.source), truth: a.truth, failed: a.failed}
		if !a.failed && a.truth == (word == "and") {
			out.truth, out.failed = b.truth, b.failed
		}
		return out
	default:
		a, b, sign := d.number(depth-1), d.number(depth-1), rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(d.t, "sign")
		out := both(a, b)
		out.source = fmt.Sprintf("(%s %s %s)", a.source, sign, b.source)
		if out.failed {
			return out
		}
		order := a.number.Cmp(b.number)
		out.truth = map[string]bool{"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]
		return out
	}
}

func both(a, b drawn) drawn { return drawn{failed: a.failed || b.failed} }

func (a drawn) then(source string, number func() *big.Rat) drawn {
	if a.failed {
		return drawn{source: source, failed: true}
	}
	return drawn{source: source, number: number()}
}

// Whatever is written, the result is the one of rational arithmetic, or an error
// where there is none.
func TestFormulasAgreeWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{scope: formula.NewScope(), vars: []formula.Value{formula.NumberOf(number(t, "0.01"))}}
		d := drawer{t: t}
		for _, name := range []string{"gross", "rate", "used", "lines.fee"} {
			r := rats.Draw(t, name)
			d.names, d.rats = append(d.names, name), append(d.rats, r)
			w.set(t, name, formula.NumberOf(formula.FromRat(r)))
		}
		condition := rapid.Bool().Draw(t, "condition")
		var want drawn
		if condition {
			want = d.truth(4)
		} else {
			want = d.number(4)
		}
		f, err := formula.Compile(want.source, w.scope, formula.KindAny)
		if err == nil {
			agree(t, f, w, want, condition)
			return
		}
		// A constant part may fail before there are any values, even one that another
		// branch keeps from being needed; nothing else may.
		var e *domain.Error
		require.True(t, errors.As(err, &e))
		require.True(t, e.Message != "" && (e.Code == domain.CodeOutOfRange || e.Value == "0"), "%s: %v", want.source, err)
	})
}

func agree(t *rapid.T, f *formula.Formula, w *world, want drawn, condition bool) {
	got, err := f.Eval(w.vars)
	if domain.CodeOf(err) == domain.CodeOutOfRange {
		return // the limits have tests of their own
	}
	if want.failed {
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), want.source)
		require.Contains(t, f.Explain(w.vars), ": division by zero at column")
		return
	}
	require.NoError(t, err, want.source)
	if condition {
		require.Equal(t, want.truth, got.Truth(), want.source)
	} else {
		require.Equal(t, want.number.RatString(), got.Number().Rat().RatString(), want.source)
	}
	again(t, f, w)
}

// again demands that the canonical form is the same formula.
func again(t require.TestingT, f *formula.Formula, w *world) {
	g, err := formula.Compile(f.String(), w.scope, f.Kind())
	require.NoError(t, err, "%s was written as %s", f.Source(), f)
	require.Equal(t, f.String(), g.String())
	require.Equal(t, f.Names(), g.Names())
	x, failed := f.Eval(w.vars)
	y, failedToo := g.Eval(w.vars)
	require.Equal(t, domain.CodeOf(failed), domain.CodeOf(failedToo), f.Source())
	require.True(t, x.Equal(y), "%s is %s, but %s is %s", f.Source(), x, g.Source(), y)
	// What a value says of itself is a formula for it.
	if failed == nil {
		h, err := formula.Compile(x.String(), formula.NewScope(), x.Kind())
		require.NoError(t, err, x)
		back, err := h.Eval(nil)
		require.NoError(t, err, x)
		require.True(t, back.Equal(x), x)
		require.True(t, h.Constant())
	}
}

func TestDatesAgreeWithTheCalendar(t *testing.T) {
	s := formula.NewScope()
	for _, name := range []string{"from", "to"} {
		_, err := s.Declare(name, formula.KindDate)
		require.NoError(t, err)
	}
	compile := func(source string) *formula.Formula {
		f, err := formula.Compile(source, s, formula.KindNumber)
		require.NoError(t, err)
		return f
	}
	days, civil, weekday := compile("days(from, to)"), compile("(year(from) * 100 + month(from)) * 100 + day(from)"), compile("weekday(from)")
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Date(1, 1, 1+rapid.IntRange(0, 3_652_058).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
	})
	rapid.Check(t, func(t *rapid.T) {
		from, to := at.Draw(t, "from"), at.Draw(t, "to")
		vars := []formula.Value{{}, formula.DateOf(domain.DateOf(from, time.UTC)), formula.DateOf(domain.DateOf(to, time.UTC))}
		is := func(f *formula.Formula, want int64) {
			n, err := f.EvalNumber(vars)
			require.NoError(t, err)
			require.Zero(t, n.Cmp(formula.FromInt(want)), "%s: %s, not %d", f.Explain(vars), n, want)
		}
		is(days, (to.Unix()-from.Unix())/86_400)
		is(civil, int64(from.Year()*10000+int(from.Month())*100+from.Day()))
		is(weekday, int64((from.Weekday()+6)%7+1))
	})
	for _, s := range []domain.Date{"", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-04-31", "0000-01-01", "1900-02-29", "2026-1-1", "2026/01/01", "202a-01-01", "2026-01-011"} {
		require.True(t, formula.DateOf(s).IsAbsent(), s)
	}
	require.False(t, formula.DateOf("2000-02-29").IsAbsent())
}
