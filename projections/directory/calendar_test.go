package directory_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/directory"
)

func TestCalendars(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	document := func(id string, version int) calendar.Document {
		return calendar.Document{
			Calendar: id, Version: version, FirstYear: 2026, LastYear: 2027, Weekend: []calendar.Weekday{"saturday", "sunday"},
			Holidays: []calendar.Day{{On: "2026-03-01", Name: "삼일절"}},
		}
	}
	project(t, pool,
		calendar.CalendarPublished{Document: document("kr", 1), RecordedAt: at},
		calendar.CalendarPublished{Document: document("jp", 1), RecordedAt: at},
		calendar.CalendarPublished{Document: document("kr", 2), RecordedAt: at},
	)
	newest, err := directory.Calendars(ctx, pool, "", 10)
	require.NoError(t, err)
	require.Equal(t, []directory.Calendar{{Document: document("jp", 1), Position: 2}, {Document: document("kr", 2), Position: 3}}, newest)
	newest, err = directory.Calendars(ctx, pool, "jp", 10)
	require.NoError(t, err)
	require.Len(t, newest, 1)

	all, err := directory.CalendarVersions(ctx, pool, "", directory.CalendarPlace{Calendar: "jp", Version: 1}, 10)
	require.NoError(t, err)
	require.Equal(t, []directory.Calendar{{Document: document("kr", 1), Position: 1}, {Document: document("kr", 2), Position: 3}}, all)
	all, err = directory.CalendarVersions(ctx, pool, "jp", directory.CalendarPlace{}, 10)
	require.NoError(t, err)
	require.Len(t, all, 1)

	latest, ok, err := directory.LatestCalendar(ctx, pool, "kr")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 2, latest.Document.Version)
	_, ok, err = directory.LatestCalendar(ctx, pool, "us")
	require.NoError(t, err)
	require.False(t, ok)
}
