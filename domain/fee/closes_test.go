package fee_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// TestCountsSayWhenTheyClose: the day after the window's last and the grace of the
// slowest of its periods, where the transaction counts and a period closes it.
func TestCountsSayWhenTheyClose(t *testing.T) {
	const schedule = `
accumulators:
  - {name: sum, measure: gross, key: [seller], WINDOW, when: 'type == "sale"'}
  - {name: beside, measure: gross, key: [seller], WINDOW}
periods:
  - {id: first, of: sum, FIRST carry: [{accumulator: beside, is: "1"}]}
  - {id: second, of: sum, SECOND entries: [{id: e, from: {role: seller}, to: {role: house}, amount: beside}]}
rules: [{id: fee, to: {role: house}, amount: "0 * sum"}]`
	for name, c := range map[string]struct{ window, first, second, sale, closes string }{
		"a month":                    {"window: calendar_month", "", "", "on=2026-02-11", "2026-03-01"},
		"its last day":               {"window: calendar_month", "", "", "on=2026-02-28", "2026-03-01"},
		"its first":                  {"window: calendar_month", "", "", "on=2026-03-01", "2026-04-01"},
		"a grace":                    {"window: calendar_month", "grace_days: 3,", "", "on=2026-12-31", "2027-01-04"},
		"the longer of two":          {"window: calendar_month", "grace_days: 3,", "grace_days: 5,", "on=2026-02-11", "2026-03-06"},
		"a day":                      {"window: day", "grace_days: 1,", "", "on=2026-02-28", "2026-03-02"},
		"a quarter":                  {"window: calendar_quarter", "", "", "on=2026-05-31", "2026-07-01"},
		"a year":                     {"window: calendar_year", "", "", "on=2026-05-31", "2027-01-01"},
		"a month of its own":         {"window: calendar_month, starts: 2026-01-31", "", "", "on=2026-02-27", "2026-02-28"},
		"nothing, but it is counted": {"window: calendar_month", "", "", "on=2026-02-11 zero", "2026-03-01"},
		"it is read only":            {"window: calendar_month", "", "", "on=2026-02-11 type=gift", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := compiled(t, strings.NewReplacer("WINDOW", c.window, "FIRST", c.first, "SECOND", c.second).Replace(schedule))
			require.Equal(t, []string{"first", "second"}, s.PeriodsOf("sum"))
			in := input(t, "1000 KRW "+strings.ReplaceAll(c.sale, " zero", ""))
			if strings.Contains(c.sale, "zero") {
				in.Amount = money.Zero
			}
			result, err := s.Apply(in)
			require.NoError(t, err)
			require.Len(t, result.Counts, 2)
			require.Equal(t, domain.Date(c.closes), result.Counts[0].Closes)
			require.Empty(t, result.Counts[1].Closes, "no period closes it")
			if c.closes == "" {
				return
			}
			end := fee.PeriodEnd{Period: "first", On: in.On, Currency: "KRW", Contract: in.Contract, Party: in.Party, Before: in.Before}
			closed, err := s.ClosePeriod(end)
			require.NoError(t, err)
			require.Equal(t, result.Counts[0].Counter, closed.Closed)
			require.Len(t, closed.Carried, 2, "and the next window is opened")
			require.Empty(t, closed.Carried[0].Closes)
			next, err := s.Apply(fee.Input{Amount: in.Amount, Currency: "KRW", Type: "sale", On: dayAfter(t, closed.Last), Contract: in.Contract, Party: in.Party, Before: in.Before})
			require.NoError(t, err)
			require.Equal(t, fee.Carried{Accumulator: "sum", Counter: next.Counts[0].Counter, Amount: money.Zero, Closes: next.Counts[0].Closes}, closed.Carried[1])
		})
	}
}

func dayAfter(t *testing.T, date domain.Date) domain.Date {
	next, err := calendar.AddDays(date, 1)
	require.NoError(t, err)
	return next
}
