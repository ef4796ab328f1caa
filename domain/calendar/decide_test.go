package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
)

var recorded = time.Date(2026, 11, 22, 12, 0, 0, 123_456_789, time.UTC)

func publish(d calendar.Document) calendar.PublishCalendar {
	return calendar.PublishCalendar{Document: d, RecordedAt: recorded}
}

// version is the Korean list as a version that says what is new in it.
func version(n int, more ...calendar.Day) calendar.Document {
	d := korea()
	d.Version, d.Holidays = n, append(d.Holidays, more...)
	return d
}

func TestVersionsArePublishedInOrderAndNeverChange(t *testing.T) {
	s := calendar.Decider.Initial()
	take := func(c domain.Command) error {
		events, err := calendar.Decider.Decide(s, c)
		if err == nil && len(events) > 0 {
			require.Len(t, events, 1)
			require.Equal(t, domain.Stamp(recorded), events[0].(calendar.CalendarPublished).RecordedAt)
			s = calendar.Decider.Fold(s, events...)
		}
		return err
	}
	elections := calendar.Day{On: "2026-04-15", Name: "by-election"}
	refused := func(code domain.Code, field string, d calendar.Document) {
		t.Helper()
		before := s.Count()
		err := take(publish(d))
		var fault *domain.Error
		require.ErrorAs(t, err, &fault)
		require.Equal(t, []string{string(code), field}, []string{string(fault.Code), fault.Field})
		require.NotEmpty(t, fault.Remedy)
		require.Equal(t, before, s.Count())
	}
	refused(domain.CodeInvalid, "version", version(2))
	refused(domain.CodeInvalid, "weekend", func() calendar.Document { d := version(1); d.Weekend = calendar.Weekdays(); return d }())
	require.NoError(t, take(publish(version(1))))
	require.NoError(t, take(publish(version(2, elections))))
	require.EqualValues(t, 2, s.Count())
	refused(domain.CodeInvalid, "version", version(4))
	refused(domain.CodeConflict, "version", version(1, elections))
	for name, change := range map[string]func(*calendar.Document){
		"description": func(d *calendar.Document) { d.Description = "x" },
		"first year":  func(d *calendar.Document) { d.FirstYear-- },
		"last year":   func(d *calendar.Document) { d.LastYear++ },
		"weekend":     func(d *calendar.Document) { d.Weekend = d.Weekend[:1] },
		"workdays":    func(d *calendar.Document) { d.Workdays = []calendar.Day{{On: "2026-01-03"}} },
		"name":        func(d *calendar.Document) { d.Holidays[0].Name = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			d := version(1)
			change(&d)
			refused(domain.CodeConflict, "version", d)
		})
	}

	for n, d := range map[uint64]calendar.Document{0: version(1), 1: version(2, elections)} {
		events, err := calendar.Decider.Decide(s, publish(d))
		require.NoError(t, err)
		require.Empty(t, events, "a replay")
		pointed := publish(d)
		revision, replay, err := calendar.Lookup(s, &pointed)
		require.NoError(t, err)
		require.True(t, replay)
		require.Equal(t, n, revision)
		held, found := s.Version(int(n) + 1)
		require.True(t, found)
		require.True(t, held.Equal(d))
	}
	_, found := s.Version(0)
	require.False(t, found)
	_, found = s.Version(3)
	require.False(t, found)
}

func TestACalendarKnowsItsCommandsOnly(t *testing.T) {
	_, err := calendar.Decider.Decide(calendar.Decider.Initial(), stranger{})
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	require.ErrorContains(t, err, "Stranger")
	unfilled := publish(version(1))
	unfilled.RecordedAt = time.Time{}
	_, err = calendar.Decider.Decide(calendar.Decider.Initial(), unfilled)
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
}

type stranger struct{}

func (stranger) CommandType() string { return "Stranger" }
