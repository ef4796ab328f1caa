package terms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/internal/terms"
)

const calendars = `
schedules:
  - { schedule: s1, version: 1, effective_from: 2026-06-01, funds: { role: gateway }, rules: [ { id: rest, to: { role: operator }, rest: true } ] }
calendars:
  - { calendar: kr, version: 2, first_year: 2026, last_year: 2027, weekend: [saturday, sunday], holidays: [ { on: 2026-02-17, name: 설날 } ] }
  - { calendar: kr, version: 1, first_year: 2026, last_year: 2026, weekend: [sunday], workdays: [ { on: 2026-01-04 } ] }
`

func TestCalendarsComeBeforeTheSchedulesThatNameThem(t *testing.T) {
	commands, err := terms.Parse("t.yaml", []byte(calendars))
	require.NoError(t, err)
	require.Len(t, commands, 3)
	first := commands[0].(calendar.PublishCalendar)
	require.Equal(t, calendar.Document{
		Calendar: "kr", Version: 1, FirstYear: 2026, LastYear: 2026, Weekend: []calendar.Weekday{"sunday"}, Workdays: []calendar.Day{{On: "2026-01-04"}},
	}, first.Document)
	require.Equal(t, []calendar.Day{{On: "2026-02-17", Name: "설날"}}, commands[1].(calendar.PublishCalendar).Holidays)
	require.IsType(t, schedule.PublishSchedule{}, commands[2])

	documents, err := terms.ParseCalendars("t.yaml", []byte(calendars))
	require.NoError(t, err)
	require.Len(t, documents, 2)
	_, err = terms.ParseCalendars("t.yaml", []byte("parties: []\n"))
	require.ErrorContains(t, err, "the file has no calendar")
	documents, err = terms.ParseCalendars("c.json", []byte(`{"calendar":"every-day","version":1,"first_year":2026,"last_year":2026,"weekend":[]}`))
	require.NoError(t, err)
	require.Equal(t, "every-day", documents[0].Calendar)
}

func TestFaultsOfCalendarsAreNamed(t *testing.T) {
	_, err := terms.Parse("t.yaml", []byte(`calendars:
  - { calendar: kr, version: 1, first_year: 2026, last_year: 2025, weekend: [sunday] }
  - { calendar: kr, version: 1, first_year: 2026, last_year: 2026, weekend: [Sunday], holiday: [] }
  - { calendar: us, version: one, first_year: 2026, last_year: 2026, weekend: [], holidays: [ { on: 2026-02-30 } ] }
`))
	for _, want := range []string{
		"t.yaml:2:62 calendars[0].last_year: the last year does not fit the first",
		"calendars[1].version: the calendar has this version twice",
		"calendars[1].weekend[0]: not a day of the week",
		"calendars[1].holiday: unknown key",
		"calendars[2].version",
		"calendars[2].holidays[0].on: not a date",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = terms.ParseCalendars("c.yaml", []byte("calendar: kr\nversion: 0\nfirst_year: 2026\nlast_year: 2026\nweekend: []\n"))
	require.ErrorContains(t, err, "c.yaml:2:10 version: a version is a whole number from 1")
}
