package bench

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/verify"
)

// tenRules is a deal between the same parties as large contracts are: value added
// tax out of the price, but for goods that are exempt; a fee by method of payment;
// a commission by marginal tiers of the provider's month; a charge for dear goods
// and a premium on one day; a share for the affiliate up to a cap a month; a
// rolling reserve of a tenth, held for 180 days; fees that refunds keep. Of its ten
// rules five to eight apply to a sale.
//
// Nothing falls due during the load: what a release costs goes by dates and accounts,
// not by settlements.
func tenRules() deal {
	const won = currency
	each := func(amount int64) map[money.Currency]money.Amount {
		return map[money.Currency]money.Amount{won: money.New(amount, 0)}
	}
	fees := fee.Target{Role: "credit_supplier", Purpose: "fee"}
	kept := &fee.Refund{Policy: fee.RefundKept}
	return deal{
		schedule: fee.Document{
			Schedule: "hangang-negotiated", Version: 1, EffectiveFrom: "2026-01-01",
			Funds: fee.Target{Role: "credit_supplier", Purpose: "receivable"},
			Parameters: []fee.Parameter{
				{Name: "share", Is: "5%"},
				{Name: "cap", Amounts: each(2_000_000)},
			},
			Accumulators: []fee.Accumulator{
				{Name: "volume", Measure: "gross", Key: []string{"provider"}, Window: fee.Window{Name: fee.WindowMonth}},
				{Name: "shared", Measure: "lines.affiliate", Key: []string{"affiliate"}, Window: fee.Window{Name: fee.WindowMonth}},
			},
			Values: []fee.Named{
				{Name: "taxed", Is: `product != "category-00001"`},
				{Name: "supply", Is: "if(taxed, round(gross / 1.1, half_up), gross)"},
			},
			Rules: []fee.Rule{
				{ID: "vat", To: fee.Target{Role: "tax_office"}, When: "taxed", Amount: "gross - supply"},
				{ID: "card", To: fees, Group: "method", When: `method == "card"`, Percent: "2.75", Refund: kept},
				{ID: "easy_pay", To: fees, Group: "method", When: `method == "easy_pay"`, Percent: "3.1", Maximum: each(5000), Refund: kept},
				{ID: "transfer", To: fees, Group: "method", Percent: "1", Minimum: each(200), Rounding: &fee.Rounding{Mode: "floor"}, Refund: kept},
				{ID: "commission", To: fee.Target{Role: "platform"}, Of: "supply", Tiers: &fee.Tiers{Mode: fee.TiersMarginal, From: "volume", Steps: []fee.Step{
					{UpTo: "1000000", Percent: "20"}, {UpTo: "10000000", Percent: "18"}, {Percent: "15"},
				}}},
				{ID: "handling", To: fee.Target{Role: "platform", Purpose: "handling"}, When: "gross >= 150000", Flat: each(500), Refund: &fee.Refund{Keep: "min(300, line)"}},
				{ID: "premium", To: fee.Target{Role: "affiliate", Purpose: "premium"}, When: `on == date("2026-03-03") and product in ["category-00002", "category-00003"]`, Of: "supply", Percent: "1"},
				{ID: "affiliate", To: fee.Target{Role: "affiliate"}, Of: "supply", Percent: "share * 100", AtMost: "max(0, cap - shared)"},
				{ID: "reserve", To: fee.Target{Role: "provider", Purpose: "reserve"}, Of: "remaining", Percent: "10", Hold: &fee.Hold{ValueDate: calendar.ValueDate{Days: new(180)}}},
				{ID: "net", To: fee.Target{Role: "provider"}, Rest: true},
			},
		},
		parties: map[string]string{"platform": platformID, "tax_office": "tax-office"},
	}
}

// ruled are the figures that rules reports of either side.
var ruled = []string{
	perSecond, "cpu_own", "cpu_postgres", "cpu", "bytes_node", "bytes_node_wal_of_it", "bytes_postgres", "bytes_both_stores", postingsEach,
}

const postingsEach = "postings_per_settlement"

// rules settles the same transactions between the same parties under both deals.
// Each has two turns on fresh ledgers, in an order in which whatever drifts evenly
// meets both alike.
func (b *bench) rules(ctx context.Context, r *result) error {
	const four, ten = "four", "ten"
	deals := map[string]deal{four: fourRules(), ten: tenRules()}
	turns := map[string][]*result{}
	for _, side := range []string{four, ten, ten, four} {
		turn := &result{}
		b.part = side
		if err := b.turn(ctx, turn, deals[side]); err != nil {
			return err
		}
		turns[side] = append(turns[side], turn)
	}
	for _, side := range []string{four, ten} {
		combine(r, side+"_", ruled, turns[side]...)
	}
	inTen, _ := r.figure(ten + "_" + perSecond)
	inFour, _ := r.figure(four + "_" + perSecond)
	if inFour.Value == 0 {
		return errors.New("nothing was settled")
	}
	r.add("ten_by_four", inTen.Value/inFour.Value, "")
	return nil
}

// turn settles a quarter of the settlements under a deal, and has the ledger and
// its read models verified.
func (b *bench) turn(ctx context.Context, r *result, d deal) (err error) {
	debug.FreeOSMemory() // as before a scenario
	load := b.load()
	load.deal = d
	l, err := b.open(ctx, b.now, Need{Projections: true}, load)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	b.say("%s: %d rules", b.now, len(d.schedule.Rules))
	if err := b.fill(ctx, l, r, (b.config.Settlements+3)/4); err != nil {
		return err
	}
	return l.during(ctx, func(ctx context.Context) error {
		verified, err := verify.Verify(ctx, verify.Config{Store: l.Store, Pool: l.Pool})
		if err == nil {
			r.add(postingsEach, float64(verified.Counts.Postings)/float64(verified.Counts.Settlements), "")
		}
		return err
	})
}

// combine adds figures of turns that settled equally many as those of one run: a
// rate is all settlements by all time, anything else the mean.
func combine(r *result, prefix string, names []string, turns ...*result) {
	for _, name := range names {
		var sum Figure
		for _, turn := range turns {
			f, found := turn.figure(name)
			if !found { // as CPU time, where it cannot be measured
				break
			}
			if name == perSecond {
				f.Value = 1 / f.Value
			}
			sum = Figure{prefix + name, sum.Value + f.Value/float64(len(turns)), f.Unit}
		}
		if sum.Name == "" {
			continue
		}
		if name == perSecond {
			sum.Value = 1 / sum.Value
		}
		r.Figures = append(r.Figures, sum)
	}
}
