package fee_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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
