package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
)

// korea is the Korean list of 2026, with the weekday holidays of the year.
func korea() calendar.Document {
	d := calendar.Document{Calendar: "kr", Version: 1, FirstYear: 2026, LastYear: 2026, Weekend: []calendar.Weekday{"saturday", "sunday"}}
	for line := range strings.SplitSeq(`01-01 New Year's Day
		02-16 Lunar New Year holiday
		02-17 Lunar New Year
		02-18 Lunar New Year holiday
		03-02 Independence Movement Day, substitute
		05-01 Labour Day
		05-05 Children's Day
		05-25 Buddha's Birthday, substitute
		06-03 local elections
		07-17 Constitution Day
		08-17 Liberation Day, substitute
		09-24 Chuseok holiday
		09-25 Chuseok
		10-05 National Foundation Day, substitute
		10-09 Hangul Day
		12-25 Christmas`, "\n") {
		day, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		d.Holidays = append(d.Holidays, calendar.Day{On: domain.Date("2026-" + day), Name: name})
	}
	return d
}

func compile(t require.TestingT, d calendar.Document) *calendar.Calendar {
	c, err := calendar.Compile(d)
	require.NoError(t, err)
	return c
}

func TestBusinessDays(t *testing.T) {
	c := compile(t, korea())
	require.Equal(t, "kr", c.ID())
	require.Equal(t, 1, c.Version())
	for _, row := range table(t, `
		date        +days  gives       why closed
		2026-01-05  1      2026-01-06
		2026-01-02  1      2026-01-05
		2026-02-13  1      2026-02-19
		2026-02-13  2      2026-02-20
		2026-04-30  1      2026-05-04
		2026-05-04  2      2026-05-07
		2026-05-22  1      2026-05-26
		2026-06-02  2      2026-06-05
		2026-10-02  1      2026-10-06
		2026-10-08  2      2026-10-13
		2026-02-15  15     2026-03-12  Sunday
		2026-05-24  15     2026-06-16  Sunday
		2026-09-27  15     2026-10-20  Sunday
		2026-02-17  0      2026-02-19  Lunar New Year
		2026-02-19  0      2026-02-19
		2026-02-19  -1     2026-02-13
		2026-05-02  -1     2026-04-30  Saturday
		2026-05-01  -2     2026-04-29  Labour Day
		2026-12-24  1      2026-12-28
		2026-12-30  1      2026-12-31
		2026-12-31  1      not_found date
		2026-12-31  0      2026-12-31
		2026-01-02  -1     not_found date
		2025-12-31  1      not_found date
		2027-01-01  0      not_found date
		2026-02-29  1      invalid date
		26-02-20    1      invalid date`) {
		got, err := c.AddBusinessDays(domain.Date(row[0]), integer(t, row[1]))
		require.Equal(t, row[2], describe(string(got), err), row)
		if err != nil && domain.CodeOf(err) == domain.CodeNotFound {
			require.ErrorContains(t, err, "calendar kr covers, the years 2026 to 2026")
			continue
		} else if err != nil {
			continue
		}
		reason, err := c.Closed(domain.Date(row[0]))
		require.NoError(t, err)
		require.Equal(t, row[3], reason, row)
		business, err := c.IsBusiness(domain.Date(row[0]))
		require.NoError(t, err)
		require.Equal(t, reason == "", business, row)
	}
	for _, date := range []domain.Date{"2025-12-31", "2027-01-01", "2026-13-01", ""} {
		require.False(t, c.Covers(date))
		_, err := c.IsBusiness(date)
		require.Error(t, err)
		_, err = c.Closed(date)
		require.Error(t, err)
		_, err = c.BusinessDays(date, "2026-01-05")
		require.Error(t, err)
		_, err = c.BusinessDays("2026-01-05", date)
		require.Error(t, err)
	}
	require.True(t, c.Covers("2026-01-01"))
	require.True(t, c.Covers("2026-12-31"))
}

func TestRoll(t *testing.T) {
	c := compile(t, korea())
	for _, row := range table(t, `
		date        following       preceding       modified following
		2026-02-15  2026-02-19      2026-02-13      2026-02-19
		2026-09-15  2026-09-15      2026-09-15      2026-09-15
		2026-12-15  2026-12-15      2026-12-15      2026-12-15
		2026-02-28  2026-03-03      2026-02-27      2026-02-27
		2026-05-31  2026-06-01      2026-05-29      2026-05-29
		2026-05-01  2026-05-04      2026-04-30      2026-05-04
		2026-01-01  2026-01-02      not_found date  2026-01-02
		2027-01-01  not_found date  not_found date  not_found date`) {
		for i, roll := range calendar.Rolls() {
			got, err := c.Roll(domain.Date(row[0]), roll)
			require.Equal(t, row[i+1], describe(string(got), err), "%s %s", row[0], roll)
		}
		if got, err := c.Roll(domain.Date(row[0]), ""); err == nil {
			require.Equal(t, row[0], string(got))
		}
	}
	_, err := c.Roll("2026-01-01", "backwards")
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))

	// Modified following needs nothing of the year that is not there.
	d := korea()
	d.Holidays = append(d.Holidays, calendar.Day{On: "2026-12-31"})
	c = compile(t, d)
	got, err := c.Roll("2026-12-31", calendar.ModifiedFollowing)
	require.NoError(t, err)
	require.Equal(t, domain.Date("2026-12-30"), got)
	_, err = c.Roll("2026-12-31", calendar.Following)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
	reason, err := c.Closed("2026-12-31")
	require.NoError(t, err)
	require.Equal(t, "holiday", reason)
}

func TestWorkdaysAndWeekends(t *testing.T) {
	c := compile(t, calendar.Document{
		Calendar: "made-up", Version: 3, FirstYear: 2026, LastYear: 2027, Weekend: []calendar.Weekday{"friday", "saturday"},
		Workdays: []calendar.Day{{On: "2026-01-03", Name: "made up for a long holiday"}},
	})
	for date, business := range map[domain.Date]bool{"2026-01-01": true, "2026-01-02": false, "2026-01-03": true, "2026-01-04": true, "2026-01-10": false} {
		got, err := c.IsBusiness(date)
		require.NoError(t, err)
		require.Equal(t, business, got, date)
	}
	next, err := c.AddBusinessDays("2026-12-31", 1)
	require.NoError(t, err)
	require.Equal(t, domain.Date("2027-01-03"), next)

	every := compile(t, calendar.Document{Calendar: "every-day", Version: 1, FirstYear: 1, LastYear: 1})
	next, err = every.AddBusinessDays("0001-02-28", 1)
	require.NoError(t, err)
	require.Equal(t, domain.Date("0001-03-01"), next)
}

func TestCheckNamesThePath(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*calendar.Document)
		paths  []string
	}{
		"nothing wrong": {func(*calendar.Document) {}, nil},
		"header": {func(d *calendar.Document) {
			d.Calendar, d.Version, d.Description = "K R", 0, "a\x00"
		}, []string{"calendar", "version", "description"}},
		"no years":         {func(d *calendar.Document) { d.FirstYear, d.LastYear = 0, 0 }, []string{"first_year"}},
		"years backwards":  {func(d *calendar.Document) { d.LastYear = 2025 }, []string{"last_year"}},
		"too many years":   {func(d *calendar.Document) { d.LastYear = 2126 }, []string{"last_year"}},
		"year of 5 digits": {func(d *calendar.Document) { d.FirstYear, d.LastYear = 9999, 10000 }, []string{"last_year"}},
		"weekend":          {func(d *calendar.Document) { d.Weekend = []calendar.Weekday{"Sunday", "monday", "monday"} }, []string{"weekend[0]", "weekend[2]"}},
		"no business":      {func(d *calendar.Document) { d.Weekend = calendar.Weekdays() }, []string{"weekend"}},
		"holidays": {func(d *calendar.Document) {
			d.Holidays = []calendar.Day{{On: "2026-02-30"}, {On: "2027-01-01"}, {On: "2026-05-05"}, {On: "2026-05-05"}, {On: "2026-05-06", Name: strings.Repeat("x", 300)}}
		}, []string{"holidays[0].on", "holidays[1].on", "holidays[3].on", "holidays[4].name"}},
		"workdays": {func(d *calendar.Document) {
			d.Workdays = []calendar.Day{{On: "2026-01-03"}, {On: "2026-01-05"}, {On: "2026-01-01"}}
		}, []string{"workdays[1].on", "workdays[2].on", "workdays[2].on"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := korea()
			c.change(&d)
			faults := calendar.Check(d)
			var paths []string
			for _, fault := range faults {
				require.NotEmpty(t, fault.Message)
				require.NotEmpty(t, fault.Remedy)
				paths = append(paths, fault.Field)
			}
			require.Equal(t, c.paths, paths, "%v", faults)
			_, err := calendar.Compile(d)
			require.Equal(t, len(faults) > 0, err != nil)
		})
	}
}

// Against a walk from day to day over a list of dates without business.
func TestCountingIsAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		year := rapid.IntRange(1, 9998).Draw(t, "year")
		day := rapid.Custom(func(t *rapid.T) domain.Date {
			return domain.Date(time.Date(year, 1, rapid.IntRange(1, 730).Draw(t, "day"), 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		})
		d := calendar.Document{Calendar: "c", Version: 1, FirstYear: year, LastYear: year + 1, Weekend: rapid.SliceOfNDistinct(rapid.SampledFrom(calendar.Weekdays()), 0, 6, rapid.ID).Draw(t, "weekend")}
		for _, on := range rapid.SliceOfNDistinct(day, 0, 60, rapid.ID).Draw(t, "holidays") {
			d.Holidays = append(d.Holidays, calendar.Day{On: on})
		}
		c := compile(t, d)
		closed := func(date domain.Date) bool {
			for _, holiday := range d.Holidays {
				if holiday.On == date {
					return true
				}
			}
			at, err := time.Parse(time.DateOnly, string(date))
			require.NoError(t, err)
			for _, weekend := range d.Weekend {
				if string(weekend) == strings.ToLower(at.Weekday().String()) {
					return true
				}
			}
			return false
		}
		from := day.Draw(t, "from")
		n := rapid.IntRange(-40, 40).Draw(t, "n")
		walked, left, step := from, n, 1
		if n < 0 {
			left, step = -n, -1
		}
		for (left > 0 || n == 0 && closed(walked)) && c.Covers(walked) {
			var err error
			if walked, err = calendar.AddDays(walked, step); err != nil {
				break
			}
			if c.Covers(walked) && !closed(walked) {
				left--
			}
		}
		got, err := c.AddBusinessDays(from, n)
		if !c.Covers(walked) {
			require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
			return
		}
		require.NoError(t, err)
		require.Equal(t, walked, got)
		business, err := c.IsBusiness(got)
		require.NoError(t, err)
		require.True(t, business)
		if n != 0 {
			counted, err := c.BusinessDays(from, got)
			require.NoError(t, err)
			require.Equal(t, n, counted)
		}
		for _, roll := range calendar.Rolls() {
			if rolled, err := c.Roll(from, roll); err == nil {
				again, err := c.Roll(rolled, roll)
				require.NoError(t, err)
				require.Equal(t, rolled, again)
				require.False(t, closed(rolled))
				require.True(t, closed(from) || rolled == from)
			}
		}
	})
}
