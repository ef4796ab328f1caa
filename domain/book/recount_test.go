package book_test

import (
	"cmp"
	"math/big"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
)

// recount counts again what the accumulators of scenarios count, from what the
// transactions say: how much a studio sold in a month and how many sales a day had.
type recount struct {
	volumes map[string]*big.Int // by id of the counter, in 10^-9
	days    map[domain.Date]int64
	newest  domain.Date
	counted map[book.Key]func(h *history, sign int64) // takes it back with -1
	carries map[string]*big.Int                       // by id of the counter
}

func newRecount() *recount {
	return &recount{volumes: map[string]*big.Int{}, days: map[domain.Date]int64{}, counted: map[book.Key]func(*history, int64){}, carries: map[string]*big.Int{}}
}

// keptDays is how far back from the newest day a window of three days is kept.
const keptDays = 3 - 1 + 31

func (r *recount) take(h *history, event domain.Event) {
	switch e := event.(type) {
	case book.EntryReversed:
		if count := r.counted[e.Reverses.Key]; count != nil {
			count(h, -1)
		}
	case book.WindowClosed:
		for _, c := range e.Counts {
			for _, sums := range []map[string]*big.Int{r.volumes, r.carries} {
				if sums[c.Counter] == nil {
					sums[c.Counter] = new(big.Int)
				}
				sums[c.Counter].Add(sums[c.Counter], new(big.Int).Sub(nano(c.After), nano(c.Before)))
			}
		}
	case book.TransactionSettled:
		count := r.of(h, &e)
		if count == nil {
			return
		}
		r.counted[e.Key] = count
		count(h, 1)
	}
}

// of says what a settlement counts.
func (r *recount) of(h *history, e *book.TransactionSettled) func(*history, int64) {
	switch e.Schedule {
	case "tiered":
		grade := e.Attributes["grade"]
		for o := h.model[e.Key].original; o != nil && o.settled.Engine == 2 && grade == ""; o = nil {
			grade = o.settled.Attributes["grade"]
		}
		id := "contract:c-1/volume/" + string(e.EffectiveOn[:7]) + "/" + string(e.Currency) +
			"/studio=" + e.Parties.Party("studio") + ",grade=" + cmp.Or(grade, "general")
		amount := nano(e.Amount)
		return func(_ *history, sign int64) {
			if r.volumes[id] == nil {
				r.volumes[id] = new(big.Int)
			}
			r.volumes[id].Add(r.volumes[id], new(big.Int).Mul(amount, big.NewInt(sign)))
		}
	case "guaranteed":
		id := "contract:c-1/month/" + string(e.EffectiveOn[:7]) + "/" + string(e.Currency) + "/studio=" + e.Parties.Party("studio")
		amount := nano(e.Amount)
		return func(_ *history, sign int64) {
			if r.volumes[id] == nil {
				r.volumes[id] = new(big.Int)
			}
			r.volumes[id].Add(r.volumes[id], new(big.Int).Mul(amount, big.NewInt(sign)))
		}
	case "busy":
		if e.Type != "sale" {
			return nil
		}
		one := int64(1)
		if e.Amount.Sign() < 0 {
			one = -1
		}
		return func(h *history, sign int64) {
			if !r.kept(e.EffectiveOn) {
				require.Equal(h, int64(-1), sign, "nothing is counted on a day that was dropped")
				return
			}
			r.days[e.EffectiveOn] += sign * one
			r.newest = max(r.newest, e.EffectiveOn)
		}
	}
	return nil
}

func (r *recount) kept(day domain.Date) bool {
	newest, err := time.Parse(time.DateOnly, string(r.newest))
	return err != nil || day >= domain.DateOf(newest.AddDate(0, 0, -keptDays), time.UTC)
}

// carried is what periods have opened a window with.
func (r *recount) carried(id string) *big.Int {
	if sum := r.carries[id]; sum != nil {
		return sum
	}
	return new(big.Int)
}

func (r *recount) compare(h *history) {
	for id, want := range r.volumes {
		require.Zero(h, want.Cmp(nano(h.whole.Counter(id))), "%s is %s, not %s", id, h.whole.Counter(id), want)
	}
	for day, want := range r.days {
		if !r.kept(day) {
			want = 0
		}
		got := h.whole.Counter("contract:c-1/recent/" + string(day) + "//")
		require.Zero(h, nano(got).Cmp(new(big.Int).Mul(big.NewInt(want), big.NewInt(1e9))), "%s: %s, not %d", day, got, want)
	}
	known := 0
	for id := range h.whole.Counters() {
		if r.volumes[id] != nil || slices.ContainsFunc([]domain.Date{"2026-11-22", "2026-11-23", "2026-11-30", "2026-12-01", "2027-01-05"}, func(day domain.Date) bool {
			return id == "contract:c-1/recent/"+string(day)+"//"
		}) {
			known++
			continue
		}
		require.Fail(h, "nobody counts this", id)
	}
}
