package businessday_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
)

func parseDay(t require.TestingT, zone, starts string) businessday.Day {
	d, err := businessday.ParseDay(zone, starts)
	require.NoError(t, err)
	return d
}

func at(t require.TestingT, text string) time.Time {
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func TestDayOfAnInstant(t *testing.T) {
	for _, row := range []struct{ zone, starts, at, on string }{
		{"", "", "2026-11-22T00:00:00Z", "2026-11-22"},
		{"", "", "2026-11-21T23:59:59Z", "2026-11-21"},
		{"Asia/Seoul", "", "2026-11-21T15:00:00Z", "2026-11-22"},
		{"Asia/Seoul", "", "2026-11-21T14:59:59Z", "2026-11-21"},
		{"Asia/Seoul", "06:00", "2026-11-21T20:59:59Z", "2026-11-21"},
		{"Asia/Seoul", "06:00", "2026-11-21T21:00:00Z", "2026-11-22"},
		{"UTC", "06:30", "2026-01-01T06:29:59Z", "2025-12-31"},
		{"UTC", "06:30", "2026-03-01T03:00:00Z", "2026-02-28"},
		// The clocks go forward over 02:30, and back over 01:30.
		{"America/New_York", "02:30", "2026-03-08T06:59:59Z", "2026-03-07"},
		{"America/New_York", "02:30", "2026-03-08T07:00:00Z", "2026-03-08"},
		{"America/New_York", "01:30", "2026-11-01T05:30:00Z", "2026-11-01"},
	} {
		d := parseDay(t, row.zone, row.starts)
		require.Equal(t, domain.Date(row.on), d.On(at(t, row.at)), row)
	}
	for field, text := range map[string][2]string{"business-zone": {"Mars/Base", ""}, "business-day-starts": {"", "6:00"}} {
		_, err := businessday.ParseDay(text[0], text[1])
		var fault *domain.Error
		require.ErrorAs(t, err, &fault)
		require.Equal(t, field, fault.Field)
		require.NotEmpty(t, fault.Remedy)
	}
	for _, starts := range []string{"24:00", "noon", "06:60", "06:00:00"} {
		_, err := businessday.ParseDay("Local", starts)
		require.ErrorContains(t, err, "Local")
		_, err = businessday.ParseDay("UTC", starts)
		require.ErrorContains(t, err, starts)
	}
	require.Equal(t, domain.Date("2026-11-22"), businessday.Day{}.On(at(t, "2026-11-22T00:00:00Z")))
}

// Looking every minute meets every date as soon as it has begun, and never one that
// is later than the calendar's.
func TestDatesBeginOnTheMinute(t *testing.T) {
	zones := []string{"UTC", "Asia/Seoul", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana"}
	rapid.Check(t, func(t *rapid.T) {
		d := parseDay(t, rapid.SampledFrom(zones).Draw(t, "zone"), rapid.SampledFrom([]string{"00:00", "00:30", "01:45", "02:30", "06:00", "23:59"}).Draw(t, "starts"))
		now := time.Unix(rapid.Int64Range(21_000_000, 31_000_000).Draw(t, "minute")*60, 0)
		on := d.On(now)
		require.LessOrEqual(t, on, domain.DateOf(now, d.Zone()))
		require.Equal(t, on, d.On(now.Add(time.Minute-time.Nanosecond)), "within a minute it stays")
		for range 26 * 60 {
			now = now.Add(time.Minute)
			next := d.On(now)
			days, err := calendar.Days(on, next)
			require.NoError(t, err)
			require.GreaterOrEqual(t, days, -1, "clocks that go back over the hour")
			require.LessOrEqual(t, days, 2, "Samoa left one out")
			on = next
		}
	})
}
