package fee_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// TestLanguageProperties rates random transactions by random schedules of the whole
// language: the parts are the whole, the sign makes no difference, and an
// independent calculation in rational numbers comes to the same lines.
func TestLanguageProperties(t *testing.T) { rapid.Check(t, languageProperty) }

// FuzzLanguage lets the fuzzer draw what TestLanguageProperties draws.
func FuzzLanguage(f *testing.F) {
	for seed := range byte(4) {
		draws := make([]byte, 256<<10) // enough to draw from to the end
		_, err := rand.NewChaCha8([32]byte{seed}).Read(draws)
		require.NoError(f, err)
		f.Add(draws)
	}
	f.Fuzz(rapid.MakeFuzz(languageProperty))
}

func languageProperty(t *rapid.T) {
	drawn := contracts.Draw(t, "contract")
	schedule, err := fee.Compile(drawn.document)
	if err != nil { // what is drawn may be wrong for all to see
		require.Regexp(t, "division by zero|the weight is negative", err.Error())
		t.Skip(err)
	}
	tx := transactions.Draw(t, "transaction")
	in := tx.input()

	result, err := schedule.Apply(in)
	in.Amount = in.Amount.Neg()
	mirrored, mirroredErr := schedule.Apply(in)
	in.Amount = in.Amount.Neg()
	require.Equal(t, err, mirroredErr)
	if err != nil {
		require.Contains(t, []domain.Code{domain.CodeInvalid, domain.CodeOutOfRange}, domain.CodeOf(err), err.Error())
		_, failed := drawn.expect(tx)
		require.True(t, failed || domain.CodeOf(err) == domain.CodeOutOfRange, err.Error())
		return
	}
	require.Equal(t, result.Lines, mirrored.Lines)
	require.Equal(t, result.Shares, mirrored.Shares)
	for i, count := range result.Counts {
		up, err := count.After.Sub(count.Before)
		require.NoError(t, err)
		down, err := mirrored.Counts[i].After.Sub(mirrored.Counts[i].Before)
		require.NoError(t, err)
		require.Zero(t, up.Cmp(down.Neg()))
	}
	requireWhole(t, result, in.Amount, in.Currency)
	want, failed := drawn.expect(tx)
	require.False(t, failed)
	require.Equal(t, want, outlined(result))

	explained, err := schedule.Explain(in)
	require.NoError(t, err)
	require.Equal(t, result.Lines, explained.Result.Lines)
}

// outlined is outline without the value of a bound.
func outlined(result fee.Result) []string {
	lines := []string{}
	for i, line := range result.Lines {
		bound, _, _ := strings.Cut(line.Bound, " ")
		lines = append(lines, fmt.Sprint(line.Rule, bound, rational(line.Amount).RatString(), result.Shares[i].Opposite))
	}
	return lines
}

// facts are a transaction as formulas see it.
type facts struct {
	amount   money.Amount
	currency money.Currency
	n        money.Amount
	method   string
	before   money.Amount
}

func (f facts) input() fee.Input {
	return fee.Input{
		Amount: f.amount, Currency: f.currency, Type: "sale", Method: f.method, On: "2026-05-01", Contract: "c",
		Attributes: map[string]string{"n": f.n.String()},
		Before:     func(fee.Counter) (money.Amount, error) { return f.before, nil },
	}
}

var transactions = rapid.Custom(func(t *rapid.T) facts {
	f := facts{currency: rapid.SampledFrom(currencies).Draw(t, "currency"), method: rapid.SampledFrom([]string{"card", "bank"}).Draw(t, "method")}
	f.amount = money.New(rapid.OneOf(rapid.Int64Range(-20_000, 20_000), rapid.Int64Range(-1<<40, 1<<40)).Draw(t, "units"),
		rapid.Uint8Range(0, f.currency.Exponent()+money.ExtraDigits).Draw(t, "scale"))
	f.n = money.New(rapid.Int64Range(-100, 1000).Draw(t, "n"), rapid.Uint8Range(0, 2).Draw(t, "decimals"))
	f.before = money.New(rapid.Int64Range(-1000, 20_000).Draw(t, "before"), rapid.Uint8Range(0, 2).Draw(t, "places"))
	return f
})

// term is a formula, and what it is in rational numbers. ok is false where it
// divides by zero.
type term struct {
	source string
	is     func(*world) (x *big.Rat, ok bool)
}

// world is what formulas see while rules are applied.
type world struct {
	facts
	gross, left *big.Rat
	lines       map[string]*big.Rat
	rate        *big.Rat
	value       *term
}

func (w *world) remaining() *big.Rat {
	if w.left.Sign() < 0 {
		return new(big.Rat)
	}
	return w.left
}

func name(source string, is func(*world) *big.Rat) term {
	return term{source, func(w *world) (*big.Rat, bool) { return is(w), true }}
}

// drawTerm draws a number formula over the names that stand for numbers, and over
// the lines given.
func drawTerm(t *rapid.T, lines []string, depth int) term {
	names := []term{
		name("gross", func(w *world) *big.Rat { return w.gross }),
		name("n", func(w *world) *big.Rat { return rational(w.n) }),
		name("rate", func(w *world) *big.Rat { return w.rate }),
		name("volume", func(w *world) *big.Rat { return rational(w.before) }),
	}
	if lines != nil {
		names = append(names,
			name("remaining", (*world).remaining),
			name("taken", func(w *world) *big.Rat { return new(big.Rat).Sub(w.gross, w.left) }),
			term{"v", func(w *world) (*big.Rat, bool) { return w.value.is(w) }})
	}
	for _, line := range lines {
		names = append(names, name("lines."+line, func(w *world) *big.Rat { return w.lines[line] }))
	}
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		if rapid.Bool().Draw(t, "literal") {
			x := money.New(rapid.Int64Range(0, 5000).Draw(t, "number"), rapid.Uint8Range(0, 3).Draw(t, "point"))
			return name(x.String(), func(*world) *big.Rat { return rational(x) })
		}
		return rapid.SampledFrom(names).Draw(t, "name")
	}
	a, b := drawTerm(t, lines, depth-1), drawTerm(t, lines, depth-1)
	op := rapid.SampledFrom([]string{"+", "-", "*", "/", "min", "max"}).Draw(t, "op")
	source := "(" + a.source + " " + op + " " + b.source + ")"
	if op == "min" || op == "max" {
		source = op + "(" + a.source + ", " + b.source + ")"
	}
	return term{source, func(w *world) (*big.Rat, bool) {
		x, okX := a.is(w)
		y, okY := b.is(w)
		if !okX || !okY || op == "/" && y.Sign() == 0 {
			return nil, false
		}
		switch op {
		case "+":
			return new(big.Rat).Add(x, y), true
		case "-":
			return new(big.Rat).Sub(x, y), true
		case "*":
			return new(big.Rat).Mul(x, y), true
		case "/":
			return new(big.Rat).Quo(x, y), true
		}
		if (x.Cmp(y) < 0) == (op == "min") {
			return x, true
		}
		return y, true
	}}
}

// clauseDrawn is a rule with what its formulas are.
type clauseDrawn struct {
	fee.Rule
	low, high             *term // of when: low <= high
	of, percent, amount   *term
	units, price          *term
	from, by              *term
	stepUpTo, stepPercent []*big.Rat
	weights               []term
	least, most           *term
}

type contractDrawn struct {
	document fee.Document
	rate     *big.Rat
	value    term
	rules    []clauseDrawn // as written
}

var contracts = rapid.Custom(func(t *rapid.T) contractDrawn {
	rate := money.New(rapid.Int64Range(0, 100).Draw(t, "rate"), 2)
	c := contractDrawn{rate: rational(rate), value: drawTerm(t, nil, 2)}
	c.document = fee.Document{
		Schedule: "drawn", Version: 1, EffectiveFrom: "2026-01-01",
		Funds: fee.Target{Role: "funds"}, RoundingDifference: &fee.Target{Role: "house"},
		Inputs:       []fee.Attribute{{Name: "n", Type: "number"}},
		Parameters:   []fee.Parameter{{Name: "rate", Is: rate.String()}},
		Accumulators: []fee.Accumulator{{Name: "volume", Measure: "gross / 3", Window: fee.Window{Name: "lifetime"}}},
		Values:       []fee.Named{{Name: "v", Is: c.value.source}},
	}
	lines := []string{}
	for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
		r := drawClause(t, fmt.Sprintf("r%d", i), lines)
		lines = append(lines, r.ID)
		c.rules = append(c.rules, r)
		c.document.Rules = append(c.document.Rules, r.Rule)
	}
	c.document.Rules = append(c.document.Rules, fee.Rule{ID: "rest", To: fee.Target{Role: "house"}, Rest: true})
	return c
})

func drawClause(t *rapid.T, id string, lines []string) clauseDrawn {
	c := clauseDrawn{Rule: fee.Rule{ID: id, To: fee.Target{Role: "party"}}}
	number := func(into **term) string {
		drawn := drawTerm(t, lines, 2)
		*into = &drawn
		return drawn.source
	}
	flip := func(label string) bool { return rapid.Bool().Draw(t, label) }
	switch rapid.SampledFrom([]string{"sum", "sum", "amount", "split", "tiers"}).Draw(t, "kind") {
	case "amount":
		c.Amount = number(&c.amount)
	case "split":
		c.To, c.Split = fee.Target{}, &fee.Split{Of: number(&c.amount), Remainder: rapid.SampledFrom([]string{"", "largest", "first", "last"}).Draw(t, "remainder")}
		for i := range rapid.IntRange(1, 4).Draw(t, "parts") {
			weight := drawTerm(t, lines, 1)
			c.weights = append(c.weights, weight)
			c.Split.Parts = append(c.Split.Parts, fee.Part{ID: fmt.Sprintf("p%d", i), To: fee.Target{Role: "party"}, Weight: weight.source})
		}
	case "tiers":
		drawTiers(t, &c, number)
		fallthrough
	default:
		if c.Tiers == nil || flip("percent too") {
			c.Percent = "(" + number(&c.percent) + ")" // a bare number is at most 100
		}
		if flip("flat too") {
			c.Flat = perCurrency(t, "flat", 0, 500)
		}
		if flip("per unit too") {
			c.PerUnit = &fee.PerUnit{Units: number(&c.units), PriceIs: number(&c.price)}
		}
		if flip("of") {
			c.Of = number(&c.of)
		}
	}
	if flip("when") {
		c.When = number(&c.low) + " <= " + number(&c.high)
	}
	if flip("group") {
		c.Group = rapid.SampledFrom([]string{"g", "h"}).Draw(t, "name of the group")
	}
	if flip("minimum") {
		c.Minimum = perCurrency(t, "minimum", 0, 50)
	}
	if flip("maximum") {
		c.Maximum = perCurrency(t, "maximum", 50, 5000)
	}
	if flip("at least") {
		c.AtLeast = number(&c.least)
	}
	if flip("at most") {
		c.AtMost = number(&c.most)
	}
	if flip("rounding") {
		c.Rounding = &fee.Rounding{Mode: rapid.SampledFrom([]string{"half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"}).Draw(t, "mode")}
		if flip("unit") {
			c.Rounding.Unit = perCurrency(t, "unit", 1, 20)
		}
	}
	return c
}

func drawTiers(t *rapid.T, c *clauseDrawn, number func(**term) string) {
	c.Tiers = &fee.Tiers{
		Mode: rapid.SampledFrom([]string{"marginal", "slab"}).Draw(t, "mode"),
		Edge: rapid.SampledFrom([]string{"", "inclusive", "exclusive"}).Draw(t, "edge"),
	}
	if c.Tiers.Mode == "marginal" && rapid.Bool().Draw(t, "from") {
		c.Tiers.From = number(&c.from)
	}
	if rapid.Bool().Draw(t, "by") {
		c.Tiers.By = number(&c.by)
	}
	edge := int64(-500)
	for i := range rapid.IntRange(1, 4).Draw(t, "steps") {
		percent := money.New(rapid.Int64Range(0, 5000).Draw(t, "percent"), 2)
		step := fee.Step{Percent: percent.String()}
		if rapid.Bool().Draw(t, "flat") {
			step.Flat = perCurrency(t, "flat", 1, 50)
		}
		if i > 0 {
			edge += rapid.Int64Range(1, 4000).Draw(t, "edge")
			c.Tiers.Steps[i-1].UpTo = fmt.Sprint(edge)
			c.stepUpTo = append(c.stepUpTo, big.NewRat(edge, 1))
		}
		c.Tiers.Steps = append(c.Tiers.Steps, step)
		c.stepPercent = append(c.stepPercent, rational(percent))
	}
}
