package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

// rated applies a deal to one transaction after given sums, and says what each rule
// and each account gets.
func rated(t *testing.T, d deal, in fee.Input, before map[string]money.Amount) (lines, shares map[string]string) {
	t.Helper()
	s, err := fee.Compile(d.schedule)
	require.NoError(t, err)
	in.Currency, in.Contract = currency, "hangang-sales"
	in.Party = func(role string) string { return role }
	in.Before = func(c fee.Counter) (money.Amount, error) { return before[c.Name], nil }
	result, err := s.Apply(in)
	require.NoError(t, err)
	lines, shares = map[string]string{}, map[string]string{}
	for i := range result.Lines {
		lines[result.Lines[i].Rule] = result.Lines[i].Amount.String()
	}
	sum := money.Zero
	for i := range result.Shares {
		to := result.Shares[i].To
		shares[to.Role+"/"+to.Purpose] = result.Shares[i].Amount.String()
		require.False(t, result.Shares[i].Opposite, "somebody owes")
		sum, err = sum.Add(result.Shares[i].Amount)
		require.NoError(t, err)
	}
	require.Equal(t, in.Amount.String(), sum.String(), "the parts are the whole")
	return lines, shares
}

// TestTenRules: the deal of ten is what the scenario says that it measures, and
// comes out as it does by hand.
func TestTenRules(t *testing.T) {
	require.Len(t, tenRules().schedule.Rules, 10)
	require.Equal(t, fee.Engine2, tenRules().schedule.Engine())
	require.Len(t, fourRules().schedule.Rules, 4)
	require.Equal(t, fee.Engine1, fourRules().schedule.Engine())

	sums := func(volume, shared int64) map[string]money.Amount {
		return map[string]money.Amount{"volume": money.New(volume, 0), "shared": money.New(shared, 0)}
	}
	for name, c := range map[string]struct {
		in     fee.Input
		before map[string]money.Amount
		want   map[string]string
	}{
		"the commission crosses an edge": {
			fee.Input{Amount: money.New(110_000, 0), Type: "sale", Method: "card", Product: "category-00000", On: "2026-03-02"}, sums(950_000, 0),
			// 50,000 at 20 % and 50,000 at 18 %; a tenth of 110,000 - 10,000 - 3,025 - 19,000 - 5,000
			map[string]string{"vat": "10000", "card": "3025", "commission": "19000", "affiliate": "5000", "reserve": "7298", "net": "65677"},
		},
		"exempt, dear, the cap is near": {
			fee.Input{Amount: money.New(180_000, 0), Type: "sale", Method: "easy_pay", Product: "category-00001", On: "2026-03-03"}, sums(50_000_000, 1_999_000),
			// 3.1 % is more than 5,000; of 9,000 for the affiliate 1,000 are left
			map[string]string{"easy_pay": "5000", "commission": "27000", "handling": "500", "affiliate": "1000", "reserve": "14650", "net": "131850"},
		},
		"on the day of the premium": {
			fee.Input{Amount: money.New(11_000, 0), Type: "sale", Method: "transfer", Product: "category-00002", On: "2026-03-03"}, sums(0, 0),
			map[string]string{"vat": "1000", "transfer": "200", "commission": "2000", "premium": "100", "affiliate": "500", "reserve": "720", "net": "6480"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			lines, shares := rated(t, tenRules(), c.in, c.before)
			require.Equal(t, c.want, lines)
			require.Equal(t, c.want["reserve"], shares["provider/reserve"])
		})
	}
}

// TestDealsShareTheLoad: both deals are between the same partners over the same
// transactions, and apply to every one of them.
func TestDealsShareTheLoad(t *testing.T) {
	plain, ruled := newLoad(1, idsSerial, 100, 8), newLoad(1, idsSerial, 100, 8)
	ruled.deal = tenRules()
	parties, terms := plain.terms()
	more, other := ruled.terms()
	require.Len(t, more, len(parties)+1, "the tax office comes to it")
	for _, list := range [][]domain.Command{terms, other} {
		require.IsType(t, schedule.PublishSchedule{}, list[0])
	}
	matched := map[string]bool{}
	for i := range uint64(2000) {
		c := plain.command(i)
		require.Equal(t, c, ruled.command(i))
		in := fee.Input{Amount: c.Transaction.Amount, Type: "sale", Method: c.Transaction.Method, Product: c.Transaction.Product, On: "2026-03-03"}
		lines, _ := rated(t, ruled.deal, in, nil)
		require.GreaterOrEqual(t, len(lines), 5)
		require.LessOrEqual(t, len(lines), 8)
		for id := range lines {
			matched[id] = true
		}
	}
	require.Len(t, matched, 10, "a rule that never applies")
}

// TestCombine: two turns of equal length make one of twice the length.
func TestCombine(t *testing.T) {
	r, one, two := &result{}, &result{}, &result{}
	one.add(perSecond, 1000, "/s")
	one.add("cpu", 10, "µs/settlement")
	one.add("flushes", 3, "")
	two.add(perSecond, 3000, "/s")
	two.add("cpu", 20, "µs/settlement")
	combine(r, "ten_", []string{perSecond, "cpu", "cpu_own"}, one, two)
	require.Len(t, r.Figures, 2)
	require.Equal(t, "ten_"+perSecond, r.Figures[0].Name)
	require.InDelta(t, 1500, r.Figures[0].Value, 1e-9) // 2 in 1/1000 + 1/3000
	require.Equal(t, Figure{"ten_cpu", 15, "µs/settlement"}, r.Figures[1])
}
