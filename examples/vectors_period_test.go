package examples_test

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// The vectors whose result is known at the end of a month only.

func igaming(b *bench, v *vector) {
	o := b.rate(v, "igaming-provider-ggr", transaction{amount: v.in("stakes"), currency: v.currency, kind: "bet"})
	o = b.rate(v, "igaming-provider-ggr", transaction{
		amount: "-" + v.in("wins"), currency: v.currency, kind: "win", before: map[string]string{"ggr": o.after("ggr").String()},
	})
	v.is("ggr", o.after("ggr"))
	end := b.close(v, "igaming-provider-ggr", "month_end", v.currency,
		map[string]string{"minimum_guarantee": v.in("minimum_guarantee"), "carry_over": v.in("negative_carry_over")},
		map[string]string{"ggr": o.after("ggr").String(), "carried": v.in("carry_in")})
	v.is("base", end.value("base"))
	v.is("share", end.line("share"))
	v.is("fee", end.line("share").Add(end.line("guarantee")))
	v.is("carry_out", end.carried("carried"))
}

// tierModes rates a month of one sale both ways.
func tierModes(b *bench, v *vector) {
	marginal := b.rate(v, "tier-modes", transaction{amount: v.in("month_volume"), currency: v.currency, on: "2026-03-31"})
	v.is("marginal", marginal.line("marginal"))
	slab := map[string]string{"mode": `"slab"`}
	o := b.rate(v, "tier-modes", transaction{amount: v.in("month_volume"), currency: v.currency, on: "2026-03-31", parameters: slab})
	require.True(v, o.line("marginal").IsZero())
	end := b.close(v, "tier-modes", "month_end", v.currency, slab, map[string]string{"volume": o.after("volume").String()})
	v.is("slab", end.line("slab"))
	v.is("slab_rate", percent(v, end.rateText("slab")))
}

// closed is the end of a window.
type closed struct {
	v      *vector
	period fee.Period
	result fee.PeriodResult
}

// close ends a window by the schedule as it stands, with the sums of its
// accumulators.
func (b *bench) close(v *vector, id, period, currency string, parameters, sums map[string]string) *closed {
	v.Helper()
	s := b.on(v, id, b.versions[id][0].EffectiveFrom, parameters)
	result, err := s.ClosePeriod(fee.PeriodEnd{
		Period: period, On: "2026-09-30", Currency: money.Currency(currency), Contract: "c-1", Party: func(role string) string { return role + "-1" },
		Before: func(c fee.Counter) (money.Amount, error) {
			require.Contains(v, sums, c.Name)
			return amount(v, sums[c.Name]), nil
		},
	})
	require.NoError(v, err)
	periods := s.Document().Periods
	at := slices.IndexFunc(periods, func(p fee.Period) bool { return p.ID == period })
	b.ledger.end(v, b.versions[id], s, periods[at], result, currency, parameters, sums)
	return &closed{v, periods[at], result}
}

func (c *closed) entry(id string) fee.Transfer {
	c.v.Helper()
	at := slices.IndexFunc(c.result.Entries, func(e fee.Transfer) bool { return e.Line.Rule == id })
	require.GreaterOrEqual(c.v, at, 0, id)
	return c.result.Entries[at]
}

func (c *closed) line(id string) formula.Number {
	c.v.Helper()
	require.False(c.v, c.entry(id).Opposite)
	return formula.FromAmount(c.entry(id).Line.Amount)
}

func (c *closed) rateText(id string) string { return c.entry(id).Line.Rate }

func (c *closed) value(name string) formula.Number {
	c.v.Helper()
	at := slices.IndexFunc(c.period.Values, func(n fee.Named) bool { return n.Name == name })
	require.GreaterOrEqual(c.v, at, 0, name)
	return c.result.Values[at].Number()
}

func (c *closed) carried(name string) formula.Number {
	c.v.Helper()
	at := slices.IndexFunc(c.result.Carried, func(c fee.Carried) bool { return c.Accumulator == name })
	require.GreaterOrEqual(c.v, at, 0, name)
	return formula.FromAmount(c.result.Carried[at].Amount)
}
