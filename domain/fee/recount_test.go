package fee_test

import (
	"math/big"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// named reports whether a count belongs to an accumulator.
func named(c fee.Count, accumulator string) bool {
	return strings.Split(c.Counter, "/")[1] == accumulator
}

// requireMeasure holds what was counted to the measure.
func requireMeasure(t require.TestingT, a *fee.Accumulator, in fee.Input, result fee.Result, delta *big.Rat) {
	want := new(big.Rat)
	switch a.Measure {
	case "gross":
		want = rational(result.Rated)
	case "1":
		want.SetInt64(1)
	case "lines.fee":
		for _, line := range result.Lines {
			if line.Rule == "fee" {
				want = rational(line.Amount)
			}
		}
	default:
		digits := in.Currency.Exponent() + money.ExtraDigits
		if a.PerCurrency != nil {
			digits = 6
		}
		want.Quo(rational(result.Gross), big.NewRat(3, 1))
		want = round(want, "half_up", rational(money.New(1, digits)))
	}
	if in.Amount.Sign() < 0 {
		want = new(big.Rat).Neg(want)
	}
	require.Zero(t, want.Cmp(delta), "%s of %s counts %s, not %s", a.Measure, in.Amount, delta.RatString(), want.RatString())
}

// together reports, by a way of its own, whether an earlier transaction is counted
// with a later one.
func together(a *fee.Accumulator, earlier, later fee.Input) bool {
	if a.Scope != "schedule" && earlier.Contract != later.Contract || a.PerCurrency == nil && earlier.Currency != later.Currency {
		return false
	}
	for _, key := range a.Key {
		if key == "region" && earlier.Attributes[key] != later.Attributes[key] || key == "seller" && earlier.Party(key) != later.Party(key) {
			return false
		}
	}
	x, y := day(earlier.On), day(later.On)
	if days := a.Window.RollingDays; days > 0 {
		back := int(y.Sub(x) / (24 * time.Hour))
		return back >= 0 && back < days
	}
	switch a.Window.Name {
	case "day":
		return x.Equal(y)
	case "lifetime":
		return (earlier.On < a.Starts) == (later.On < a.Starts)
	}
	months := map[string]int{"calendar_month": 1, "calendar_quarter": 3, "calendar_year": 12}[a.Window.Name]
	return begun(x, a.Starts, months) == begun(y, a.Starts, months)
}

// begun counts, from far in the past, the windows that have begun by a date: it
// steps through all of them.
func begun(on time.Time, starts domain.Date, months int) (count int) {
	anchor := day("2000-01-01")
	if starts != "" {
		anchor = day(starts)
	}
	for year, month := anchor.Year()-40, int(anchor.Month()); ; month += months {
		first := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1)
		if start := first.AddDate(0, 0, min(anchor.Day(), last.Day())-1); start.After(on) {
			return count
		}
		count++
	}
}

func day(d domain.Date) time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		panic(err)
	}
	return t
}
