package fee_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// TestRateProperties rates random amounts by random schedules: the parts are the
// whole, the sign makes no difference, and an independent calculation in rational
// numbers comes to the same lines.
func TestRateProperties(t *testing.T) { rapid.Check(t, rateProperty) }

// FuzzRate lets the fuzzer draw the schedules and amounts of TestRateProperties.
func FuzzRate(f *testing.F) {
	for seed := range byte(4) {
		draws := make([]byte, 256<<10) // enough to draw from to the end
		_, err := rand.NewChaCha8([32]byte{seed}).Read(draws)
		require.NoError(f, err)
		f.Add(draws)
	}
	f.Fuzz(rapid.MakeFuzz(rateProperty))
}

func rateProperty(t *rapid.T) {
	document := documents.Draw(t, "document")
	schedule, err := fee.Compile(document)
	require.NoError(t, err)
	currency := rapid.SampledFrom(currencies).Draw(t, "currency")
	amount := money.New(
		rapid.OneOf(rapid.Int64Range(-20_000, 20_000), rapid.Int64Range(-1<<40, 1<<40), rapid.Int64Range(-1<<62, 1<<62)).Draw(t, "units"),
		rapid.Uint8Range(0, currency.Exponent()+money.ExtraDigits).Draw(t, "scale"))

	result, err := schedule.Rate(amount, currency)
	mirrored, mirroredErr := schedule.Rate(amount.Neg(), currency)
	require.Equal(t, err, mirroredErr)
	if err != nil {
		require.Contains(t, []domain.Code{domain.CodeInvalid, domain.CodeOutOfRange}, domain.CodeOf(err), err.Error())
		return
	}
	require.Equal(t, result, mirrored)
	requireWhole(t, result, amount, currency)
	for _, line := range result.Lines {
		require.GreaterOrEqual(t, line.Base.Sign(), 0)
	}
	require.Equal(t, expect(document, amount, currency), outline(result))

	again, err := schedule.Rate(amount, currency)
	require.NoError(t, err)
	require.Equal(t, result, again)
}

func outline(result fee.Result) []string {
	lines := []string{}
	for i, line := range result.Lines {
		lines = append(lines, fmt.Sprint(line.Rule, line.Bound, rational(line.Amount).RatString(), result.Shares[i].Opposite))
	}
	return lines
}

// expect is the second opinion: rating in rational numbers, written apart.
func expect(d fee.Document, amount money.Amount, currency money.Currency) []string {
	lines := []string{}
	minor := rational(currency.MinorUnit())
	gross := new(big.Rat).Abs(rational(amount))
	whole := round(gross, "down", minor)
	fine := new(big.Rat).Sub(gross, whole)
	if whole.Sign() > 0 {
		rules := slices.Clone(d.Rules)
		slices.SortStableFunc(rules, func(a, b fee.Rule) int {
			if a.Rest != b.Rest {
				return map[bool]int{true: 1, false: -1}[a.Rest]
			}
			return a.Priority - b.Priority
		})
		left := new(big.Rat).Set(whole)
		for _, r := range rules {
			if r.Rest {
				lines = append(lines, fmt.Sprint(r.ID, "", new(big.Rat).Abs(left).RatString(), left.Sign() < 0))
				break
			}
			part, bound := new(big.Rat), ""
			if r.Percent != "" {
				base := whole
				if r.Of == "remaining" {
					base = left
					if left.Sign() < 0 {
						base = new(big.Rat)
					}
				}
				percent, _ := new(big.Rat).SetString(r.Percent)
				part.Mul(base, percent).Quo(part, big.NewRat(100, 1))
				if least, ok := r.Minimum[currency]; ok && part.Cmp(rational(least)) < 0 {
					part, bound = rational(least), "minimum"
				}
				if most, ok := r.Maximum[currency]; ok && part.Cmp(rational(most)) > 0 {
					part, bound = rational(most), "maximum"
				}
			} else {
				part = rational(r.Flat[currency])
			}
			mode, unit := "half_up", minor
			if r.Rounding != nil {
				mode = r.Rounding.Mode
				if u, ok := r.Rounding.Unit[currency]; ok {
					unit = rational(u)
				}
			}
			part = round(part, mode, unit)
			left.Sub(left, part)
			lines = append(lines, fmt.Sprint(r.ID, bound, part.RatString(), false))
		}
	}
	if fine.Sign() > 0 {
		lines = append(lines, fmt.Sprint(fee.RuleRoundingDifference, "", fine.RatString(), false))
	}
	return lines
}

// round rounds what is not negative.
func round(x *big.Rat, mode string, unit *big.Rat) *big.Rat {
	steps := new(big.Rat).Quo(x, unit)
	floor := new(big.Int).Quo(steps.Num(), steps.Denom())
	over := new(big.Rat).Sub(steps, new(big.Rat).SetInt(floor))
	half := over.Cmp(big.NewRat(1, 2))
	up := false
	switch mode {
	case "half_up":
		up = half >= 0
	case "half_down":
		up = half > 0
	case "half_even":
		up = half > 0 || half == 0 && floor.Bit(0) == 1
	case "up", "ceiling":
		up = over.Sign() > 0
	}
	if up {
		floor.Add(floor, big.NewInt(1))
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(floor), unit)
}

func rational(a money.Amount) *big.Rat {
	return new(big.Rat).SetFrac(big.NewInt(a.Units()), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(a.Scale())), nil))
}

var currencies = []money.Currency{"KRW", "USD", "KWD"}

var documents = rapid.Custom(func(t *rapid.T) fee.Document {
	d := fee.Document{
		Schedule: "drawn", Version: 1, EffectiveFrom: "2026-01-01",
		Funds: fee.Target{Role: "funds"}, RoundingDifference: &fee.Target{Role: "house"},
		Rules: []fee.Rule{{ID: "rest", To: fee.Target{Role: "house"}, Rest: true}},
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
		r := fee.Rule{ID: fmt.Sprintf("r%d", i), To: fee.Target{Role: "party"}, Priority: rapid.IntRange(-2, 2).Draw(t, "priority")}
		if rapid.Bool().Draw(t, "flat") {
			r.Flat = perCurrency(t, "flat", 0, 500)
		} else {
			r.Percent = money.New(rapid.Int64Range(0, 10_000).Draw(t, "percent"), 2).String()
			r.Of = rapid.SampledFrom([]string{"", "gross", "remaining"}).Draw(t, "of")
			if rapid.Bool().Draw(t, "minimum") {
				r.Minimum = perCurrency(t, "minimum", 0, 50)
			}
			if rapid.Bool().Draw(t, "maximum") {
				r.Maximum = perCurrency(t, "maximum", 50, 5000)
			}
		}
		if rapid.Bool().Draw(t, "rounding") {
			r.Rounding = &fee.Rounding{Mode: rapid.SampledFrom([]string{"half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"}).Draw(t, "mode")}
			if rapid.Bool().Draw(t, "unit") {
				r.Rounding.Unit = perCurrency(t, "unit", 1, 20)
			}
		}
		d.Rules = append(d.Rules, r)
	}
	return d
})

// perCurrency draws an amount of minor units for every currency.
func perCurrency(t *rapid.T, label string, least, most int64) map[money.Currency]money.Amount {
	amounts := map[money.Currency]money.Amount{}
	for _, currency := range currencies {
		amounts[currency] = money.New(rapid.Int64Range(least, most).Draw(t, label), currency.Exponent())
	}
	return amounts
}
