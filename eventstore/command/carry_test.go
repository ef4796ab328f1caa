package command

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

// TestLossesGoOnOverIdleMonths: what a month carries over is looked at when the next
// one ends, though nothing is sold in it, until the contract ends.
func TestLossesGoOnOverIdleMonths(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	d := guaranteed(t, 1, "2026-01-01", `,"periods":[{"id":"least","of":"volume","values":[{"name":"base","is":"volume + carried"}],
	"entries":[{"id":"share","from":{"role":"operator"},"to":{"role":"provider"},"amount":"max(0, base) / 10"}],
	"carry":[{"accumulator":"carried","is":"min(0, base)"}]}]`)
	d.Rules = d.Rules[2:]
	d.Accumulators = append(d.Accumulators, d.Accumulators[0])
	d.Accumulators[1].Name, d.Accumulators[1].Measure = "carried", "0"
	applied(t, do(l, schedule.PublishSchedule{Document: d})...)
	signed := terms("losses", "main")
	signed.Schedule = "guaranteed"
	applied(t, do(l, contract.SignContract{Terms: signed})...)
	sell := func(id string, amount int64, month time.Month) {
		c := on(sale(id), time.Date(2026, month, 10, 3, 0, 0, 0, time.UTC))
		c.Transaction.Amount, c.Policy.SettleUnmatched = money.New(amount, 0), true
		applied(t, do(l, c)...)
	}
	sell("A-1", -50000, time.October)
	first := r.come(l, "2026-10-31", "2026-11-01")
	carried := first[len(first)-2].(book.WindowClosed)
	require.Len(t, carried.Counts, 2)
	require.Equal(t, "-50000", carried.Counts[0].After.String())
	require.Equal(t, domain.Date("2026-12-01"), carried.Counts[1].Closes)

	var dates []domain.Date
	for day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC); day.Month() < time.December; day = day.AddDate(0, 0, 1) {
		dates = append(dates, domain.DateOf(day, time.UTC))
	}
	idle := r.come(l, append(dates, "2026-12-01")...)
	again := idle[len(idle)-2].(book.WindowClosed)
	require.Equal(t, domain.Date("2026-11-01"), again.First)
	require.Empty(t, again.Postings)
	require.Equal(t, "-50000", again.Counts[0].After.String(), "nothing of it is lost")

	sell("A-2", 80000, time.December)
	applied(t, do(l, contract.EndContract{Contract: "losses", Until: "2027-01-01", Reason: "it is over"})...)
	dates = dates[:0]
	for day := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC); day.Year() < 2027; day = day.AddDate(0, 0, 1) {
		dates = append(dates, domain.DateOf(day, time.UTC))
	}
	sell("A-3", -90000, time.December)
	ended := r.come(l, append(dates, "2027-01-01", "2027-01-02")...)
	last := ended[len(ended)-3].(book.WindowClosed)
	require.Equal(t, domain.Date("2026-12-01"), last.First)
	require.Len(t, last.Counts, 1, "no further window is opened")
	require.Equal(t, "-60000", last.Counts[0].After.String())
	require.Empty(t, last.Counts[0].Closes)
}
