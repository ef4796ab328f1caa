package fee_test

import (
	"fmt"
	"maps"
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

// TestRefundProperties gives random sales back in random cuts: all refunds together
// return, line by line and to the unit, what one refund of the whole returns, and
// that is what each policy says.
func TestRefundProperties(t *testing.T) { rapid.Check(t, refundProperty) }

// FuzzRefund lets the fuzzer draw what TestRefundProperties draws.
func FuzzRefund(f *testing.F) {
	for seed := range byte(4) {
		draws := make([]byte, 256<<10) // enough to draw from to the end
		_, err := rand.NewChaCha8([32]byte{seed}).Read(draws)
		require.NoError(f, err)
		f.Add(draws)
	}
	f.Fuzz(rapid.MakeFuzz(refundProperty))
}

func refundProperty(t *rapid.T) {
	drawn := contracts.Draw(t, "contract")
	policies := map[string]fee.Refund{}
	for i := range drawn.document.Rules {
		r := &drawn.document.Rules[i]
		if r.Rest {
			continue
		}
		policy := rapid.SampledFrom([]fee.Refund{
			{Policy: "pro_rata"}, {Policy: "kept"}, {Policy: "on_full"}, {Keep: "min(n, 20% * line) + gross / 1000"},
		}).Draw(t, "policy")
		r.Refund = &policy
		policies[r.ID] = policy
	}
	schedule, err := fee.Compile(drawn.document)
	if err != nil {
		t.Skip(err)
	}
	tx := transactions.Draw(t, "transaction")
	in := tx.input()
	sold, err := schedule.Apply(in)
	if err != nil || in.Amount.IsZero() {
		t.Skip("not sold")
	}
	sale := fee.Sale{Amount: in.Amount, On: in.On, Lines: sold.Lines, Attributes: in.Attributes}

	whole := give(t, schedule, in, sale, in.Amount.Abs())
	cut := map[string]money.Amount{}
	for left := in.Amount.Abs(); !left.IsZero(); {
		part := left
		if units := left.Units(); units > 1 && rapid.IntRange(0, 4).Draw(t, "more") > 0 {
			part = money.New(rapid.Int64Range(1, units).Draw(t, "part"), left.Scale())
		}
		for id, amount := range give(t, schedule, in, sale, part) {
			cut[id], err = cut[id].Add(amount)
			require.NoError(t, err)
		}
		sale.Refunded, err = sale.Refunded.Add(part)
		require.NoError(t, err)
		left, err = left.Sub(part)
		require.NoError(t, err)
	}
	for _, id := range slices.Concat(slices.Collect(maps.Keys(whole)), slices.Collect(maps.Keys(cut))) {
		require.Zero(t, whole[id].Cmp(cut[id]), "%s returns %s at once and %s in parts", id, whole[id], cut[id])
	}
	for i, line := range sold.Lines {
		charged := line.Amount
		if sold.Shares[i].Opposite {
			charged = charged.Neg()
		}
		switch policy, ruled := policies[line.Rule]; {
		case ruled && policy.Policy == "kept":
			require.True(t, whole[line.Rule].IsZero())
		case ruled && policy.Keep != "":
			require.LessOrEqual(t, whole[line.Rule].Abs().Cmp(charged.Abs()), 0)
		case ruled:
			require.Zero(t, whole[line.Rule].Cmp(charged))
		}
	}

	sale.Refunded = in.Amount.Abs()
	in.Original, in.Amount = &sale, money.New(1, in.Amount.Scale())
	_, err = schedule.Apply(in)
	require.Equal(t, domain.CodeExceedsOriginal, domain.CodeOf(err))
}

// give gives part of a sale back and tells, by line, what was returned.
func give(t *rapid.T, schedule *fee.Schedule, in fee.Input, sale fee.Sale, part money.Amount) map[string]money.Amount {
	in.Original, in.Amount = &sale, part
	if sale.Amount.Sign() > 0 {
		in.Amount = part.Neg()
	}
	// What a refund brings itself, and what was counted in between, is no matter.
	in.Attributes = nil
	in.Before = func(fee.Counter) (money.Amount, error) { return money.New(12345, 2), nil }
	result, err := schedule.Apply(in)
	require.NoError(t, err)
	requireWhole(t, result, part, in.Currency)
	returned := map[string]money.Amount{}
	for i, line := range result.Lines {
		amount := line.Amount
		if result.Shares[i].Opposite {
			amount = amount.Neg()
		}
		returned[line.Rule] = amount
	}
	return returned
}

// TestAccumulatorsEqualARecount feeds random transactions to accumulators of every
// window and recounts each sum from all transactions before.
func TestAccumulatorsEqualARecount(t *testing.T) { rapid.Check(t, recountProperty) }

func recountProperty(t *rapid.T) {
	no := false
	windows := []fee.Window{{Name: "day"}, {Name: "calendar_month"}, {Name: "calendar_quarter"}, {Name: "calendar_year"}, {Name: "lifetime"}, {RollingDays: 1}, {RollingDays: 30}}
	d := fee.Document{
		Schedule: "drawn", Version: 1, EffectiveFrom: "2026-01-01", Funds: fee.Target{Role: "funds"}, RoundingDifference: &fee.Target{Role: "house"},
		Inputs: []fee.Attribute{{Name: "region", Type: "text"}},
		Rules: []fee.Rule{
			{ID: "fee", To: fee.Target{Role: "house"}, Percent: "7", Rounding: &fee.Rounding{Mode: "floor"}},
			{ID: "rest", To: fee.Target{Role: "seller"}, Rest: true},
		},
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "accumulators") {
		a := fee.Accumulator{Name: fmt.Sprintf("a%d", i), Measure: rapid.SampledFrom([]string{"gross", "lines.fee", "1", "exact_gross / 3"}).Draw(t, "measure"), Window: rapid.SampledFrom(windows).Draw(t, "window")}
		if a.Window.RollingDays == 0 && a.Window.Name != "day" && rapid.Bool().Draw(t, "starts") {
			a.Starts = rapid.SampledFrom([]domain.Date{"2026-04-01", "2025-02-28", "2024-02-29", "2026-01-31", "2027-12-15"}).Draw(t, "start")
		}
		a.Key = rapid.SampledFrom([][]string{nil, {"seller"}, {"region", "seller"}}).Draw(t, "key")
		a.Scope = rapid.SampledFrom([]string{"", "schedule", "contract"}).Draw(t, "scope")
		if rapid.Bool().Draw(t, "when") {
			a.When = `method == "card"`
		}
		if rapid.Bool().Draw(t, "single") {
			a.PerCurrency = &no
		}
		d.Accumulators = append(d.Accumulators, a)
	}
	schedule, err := fee.Compile(d)
	require.NoError(t, err)

	type counted struct {
		in    fee.Input
		delta map[string]*big.Rat
	}
	var history []counted
	book := sums{}
	for range rapid.IntRange(1, 25).Draw(t, "transactions") {
		tx := transactions.Draw(t, "transaction")
		in := tx.input()
		in.On = domain.Date(fmt.Sprintf("%d-%02d-%02d", rapid.IntRange(2024, 2027).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day")))
		in.Contract = rapid.SampledFrom([]string{"c1", "c2"}).Draw(t, "contract")
		seller := rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "seller")
		in.Party = func(string) string { return seller }
		in.Attributes["region"] = rapid.SampledFrom([]string{"eu", "us/west,1=2"}).Draw(t, "region")
		in.Before = book.before
		result, err := schedule.Apply(in)
		require.NoError(t, err)
		book.add(t, result.Counts)

		now := counted{in: in, delta: map[string]*big.Rat{}}
		for i := range d.Accumulators {
			a := &d.Accumulators[i]
			if a.When != "" && in.Method != "card" {
				continue
			}
			sum, at := new(big.Rat), 0
			for _, earlier := range history {
				if earlier.delta[a.Name] != nil && together(a, earlier.in, in) {
					sum.Add(sum, earlier.delta[a.Name])
				}
			}
			for at < len(result.Counts) && !named(result.Counts[at], a.Name) {
				at++
			}
			require.Less(t, at, len(result.Counts), a.Name)
			require.Zero(t, sum.Cmp(rational(result.Counts[at].Before)), "%s: %s, recounted %s", a.Name, result.Counts[at].Before, sum.FloatString(6))
			now.delta[a.Name] = new(big.Rat).Sub(rational(result.Counts[at].After), rational(result.Counts[at].Before))
			requireMeasure(t, a, in, result, now.delta[a.Name])
		}
		history = append(history, now)
	}
}
