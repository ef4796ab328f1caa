package fee_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestRelease(t *testing.T) {
	kr, err := calendar.Compile(calendar.Document{
		Calendar: "kr", Version: 1, FirstYear: 2026, LastYear: 2026, Weekend: []calendar.Weekday{"saturday", "sunday"},
		Holidays: []calendar.Day{{On: "2026-07-06", Name: "a Monday off"}},
	})
	require.NoError(t, err)
	find := func(string) (*calendar.Calendar, error) { return kr, nil }
	share := fee.Share{To: fee.Target{Role: "seller", Purpose: "reserve"}, Amount: money.New(10000, 2)}
	days, business := 180, 1
	for name, c := range map[string]struct {
		hold      fee.Hold
		on, due   domain.Date
		into      string
		calendars func(string) (*calendar.Calendar, error)
	}{
		"days of any kind need no calendar": {fee.Hold{ValueDate: calendar.ValueDate{Days: &days}}, "2026-01-05", "2026-07-04", "payable", nil},
		"into a purpose":                    {fee.Hold{ValueDate: calendar.ValueDate{Days: &days}, Into: "available"}, "2026-02-28", "2026-08-27", "available", nil},
		"over a year's end":                 {fee.Hold{ValueDate: calendar.ValueDate{Days: &days}}, "2025-12-31", "2026-06-29", "payable", nil},
		"from a leap day":                   {fee.Hold{ValueDate: calendar.ValueDate{Days: &days}}, "2028-02-29", "2028-08-27", "payable", nil},
		"to a business day":                 {fee.Hold{ValueDate: calendar.ValueDate{Days: &days, Roll: calendar.Following, Calendar: "kr"}}, "2026-01-05", "2026-07-07", "payable", find},
		"business days":                     {fee.Hold{ValueDate: calendar.ValueDate{BusinessDays: &business, Calendar: "kr"}}, "2026-07-03", "2026-07-07", "payable", find},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.hold.Release("reserve", share, "USD", c.on, c.calendars)
			require.NoError(t, err)
			require.Equal(t, fee.Release{
				Rule: "reserve", From: share.To, Into: fee.Target{Role: "seller", Purpose: c.into}, Currency: "USD", Amount: share.Amount, On: c.due,
			}, got)
		})
	}
	hold := fee.Hold{ValueDate: calendar.ValueDate{BusinessDays: &business, Calendar: "kr"}}
	_, err = hold.Release("reserve", share, "USD", "2026-07-03", nil)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
	_, err = hold.Release("reserve", share, "USD", "2027-07-03", find)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
}

// reserve reads "2026-01-01:50 2026-01-02:100".
func reserve(t require.TestingT, text string) fee.Reserve {
	var r fee.Reserve
	for slice := range strings.FieldsSeq(text) {
		on, amount, _ := strings.Cut(slice, ":")
		var err error
		r, err = r.Add(domain.Date(on), amountOf(t, amount))
		require.NoError(t, err)
	}
	return r
}

func listed(r fee.Reserve) string {
	parts := make([]string, len(r))
	for i, slice := range r {
		parts[i] = string(slice.On) + ":" + slice.Amount.String()
	}
	return strings.Join(parts, " ")
}

func TestReserveIsConsumedOldestFirst(t *testing.T) {
	for name, c := range map[string]struct{ held, amount, left, taken, short string }{
		"the oldest, then of the next": {"2026-01-01:50 2026-01-02:100", "120.00", "2026-01-02:30.00", "2026-01-01:50 2026-01-02:70.00", "0.00"},
		"all, and the rest is short":   {"2026-01-01:50 2026-01-02:100", "200.00", "", "2026-01-01:50 2026-01-02:100", "50.00"},
		"one slice exactly":            {"2026-01-01:50 2026-01-02:100", "50", "2026-01-02:100", "2026-01-01:50", "0"},
		"in the order of dates":        {"2026-03-01:1 2026-01-01:2 2026-02-01:3", "4", "2026-02-01:1 2026-03-01:1", "2026-01-01:2 2026-02-01:2", "0"},
		"one date is one slice":        {"2026-01-01:50 2026-01-01:25", "60", "2026-01-01:15", "2026-01-01:60", "0"},
		"nothing held":                 {"", "5", "", "", "5"},
		"nothing taken":                {"2026-01-01:50", "0", "2026-01-01:50", "", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			held := reserve(t, c.held)
			before := listed(held)
			left, taken, short, err := held.Take(amountOf(t, c.amount))
			require.NoError(t, err)
			require.Equal(t, []string{c.left, c.taken, c.short}, []string{listed(left), listed(taken), short.String()})
			require.Equal(t, before, listed(held))
		})
	}
	_, _, _, err := reserve(t, "2026-01-01:50").Take(money.New(-1, 0))
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	_, err = reserve(t, "2026-01-01:50").Add("2026-01-01", money.New(-1, 0))
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	_, err = reserve(t, "2026-01-01:9223372036854775807").Add("2026-01-01", money.New(1, 0))
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
}

// A random history: what was held is what is left, was taken and fell due; no
// slice is of nothing; dates ascend; and nothing that was given is changed.
func TestReserveKeepsTheSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Custom(func(t *rapid.T) domain.Date {
			date, err := calendar.AddDays("2026-01-01", rapid.IntRange(0, 20).Draw(t, "day"))
			require.NoError(t, err)
			return date
		})
		var held fee.Reserve
		in, out := money.Zero, money.Zero
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before := listed(held)
			var next fee.Reserve
			amount := money.New(rapid.Int64Range(0, 500).Draw(t, "amount"), 2)
			var err error
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				next, err = held.Add(day.Draw(t, "on"), amount)
				require.NoError(t, err)
				in, err = in.Add(amount)
			case 1:
				left, taken, short, failed := held.Take(amount)
				require.NoError(t, failed)
				got, failed := taken.Sum()
				require.NoError(t, failed)
				whole, failed := got.Add(short)
				require.NoError(t, failed)
				require.Zero(t, whole.Cmp(amount))
				require.True(t, short.IsZero() || len(left) == 0)
				if len(left) > 0 && len(taken) > 0 {
					require.LessOrEqual(t, taken[len(taken)-1].On, left[0].On)
				}
				next = left
				out, err = out.Add(got)
			default:
				on := day.Draw(t, "due")
				due, left := held.Due(on)
				for _, slice := range due {
					require.LessOrEqual(t, slice.On, on)
				}
				for _, slice := range left {
					require.Greater(t, slice.On, on)
				}
				got, failed := due.Sum()
				require.NoError(t, failed)
				next = left
				out, err = out.Add(got)
			}
			require.NoError(t, err)
			require.Equal(t, before, listed(held))
			held = next
			sum, err := held.Sum()
			require.NoError(t, err)
			expected, err := in.Sub(out)
			require.NoError(t, err)
			require.Zero(t, sum.Cmp(expected))
			for i, slice := range held {
				require.Positive(t, slice.Amount.Sign())
				require.True(t, i == 0 || held[i-1].On < slice.On)
			}
		}
	})
}
