package schedule_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

func publish(version int, from domain.Date, percent string) schedule.PublishSchedule {
	return schedule.PublishSchedule{
		Document: fee.Document{
			Schedule: "standard", Version: version, EffectiveFrom: from, Funds: fee.Target{Role: "acquirer"},
			Rules: []fee.Rule{
				{ID: "pg", To: fee.Target{Role: "pg"}, Percent: percent, Minimum: map[money.Currency]money.Amount{"USD": money.New(10, 2)}},
				{ID: "net", To: fee.Target{Role: "seller"}, Rest: true},
			},
		},
		RecordedAt: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
	}
}

func fold(t *testing.T, commands ...domain.Command) *schedule.State {
	t.Helper()
	s := schedule.Decider.Initial()
	for _, command := range commands {
		events, err := schedule.Decider.Decide(s, command)
		require.NoError(t, err)
		require.Len(t, events, 1)
		s = schedule.Decider.Fold(s, events...)
	}
	return s
}

func TestPublish(t *testing.T) {
	s := fold(t, publish(1, "2026-01-01", "2.5"), publish(2, "2026-01-01", "2.6"), publish(3, "2026-07-01", "2.7"))
	require.Equal(t, uint64(3), s.Count())
	for date, version := range map[domain.Date]int{"2025-12-31": 0, "2026-01-01": 2, "2026-06-30": 2, "2026-07-01": 3, "2030-01-01": 3} {
		document, found := s.On(date)
		require.Equal(t, version != 0, found, date)
		require.Equal(t, version, document.Version, date)
	}
	again := publish(2, "2026-01-01", "2.6")
	again.Rules[0].Minimum["USD"] = money.New(1, 1)
	revision, replay, err := schedule.Lookup(s, &again)
	require.NoError(t, err)
	require.True(t, replay)
	require.Equal(t, uint64(1), revision)
	events, err := schedule.Decider.Decide(s, again)
	require.NoError(t, err)
	require.Empty(t, events)
	_, found := s.Version(4)
	require.False(t, found)
}

func TestPublishRefuses(t *testing.T) {
	s := fold(t, publish(1, "2026-01-01", "2.5"), publish(2, "2026-07-01", "2.6"))
	unstamped := publish(3, "2026-07-01", "1")
	unstamped.RecordedAt = time.Time{}
	for name, c := range map[string]struct {
		command domain.Command
		code    domain.Code
		field   string
	}{
		"another content":    {publish(2, "2026-07-01", "9"), domain.CodeConflict, "version"},
		"another date":       {publish(1, "2026-01-02", "2.5"), domain.CodeConflict, "version"},
		"a gap":              {publish(4, "2026-07-01", "2.7"), domain.CodeInvalid, "version"},
		"version 0":          {publish(0, "2026-07-01", "2.7"), domain.CodeInvalid, "version"},
		"an earlier date":    {publish(3, "2026-06-30", "2.7"), domain.CodeInvalid, "effective_from"},
		"a rule at fault":    {publish(3, "2026-07-01", "300"), domain.CodeInvalid, "rules[0].percent"},
		"no recorded time":   {unstamped, domain.CodeInternal, "recorded_at"},
		"an unknown command": {other{}, domain.CodeInvalid, "command"},
	} {
		events, err := schedule.Decider.Decide(s, c.command)
		require.Empty(t, events)
		var fault *domain.Error
		require.ErrorAs(t, err, &fault, name)
		require.Equal(t, []string{string(c.code), c.field}, []string{string(fault.Code), fault.Field}, name)
	}
	_, err := schedule.Decider.Decide(schedule.Decider.Initial(), publish(2, "2026-07-01", "1"))
	require.ErrorContains(t, err, "publish version 1")
}

type other struct{}

func (other) CommandType() string { return "Other" }

func TestWorkedCasesAreNotPublished(t *testing.T) {
	tested := publish(1, "2026-01-01", "2.5")
	tested.Cases = []fee.Case{{Name: "a sale"}}
	s := fold(t, tested)
	document, _ := s.Version(1)
	require.Empty(t, document.Cases)
	for _, command := range []schedule.PublishSchedule{tested, publish(1, "2026-01-01", "2.5")} {
		_, replay, err := schedule.Lookup(s, command)
		require.NoError(t, err)
		require.True(t, replay)
	}
}

func TestHoldsArePublished(t *testing.T) {
	held := publish(1, "2026-01-01", "2.5")
	days := 30
	held.Rules[0].Hold = &fee.Hold{ValueDate: calendar.ValueDate{Days: &days}, Into: "payable"}
	held.Rules[0].To.Purpose = "reserve"
	document, published := fold(t, held).Version(1)
	require.True(t, published)
	require.Equal(t, held.Rules[0].Hold, document.Rules[0].Hold)
}

// TestSumsOfVersions: an accumulator goes on from version to version, or has another
// name.
func TestSumsOfVersions(t *testing.T) {
	summing := func(version int, window fee.Window, starts domain.Date) schedule.PublishSchedule {
		c := publish(version, "2026-01-01", "2.5")
		c.Accumulators = []fee.Accumulator{{Name: "volume", Measure: "gross", Window: window, Starts: starts}}
		return c
	}
	month, year, life := fee.Window{Name: fee.WindowMonth}, fee.Window{Name: fee.WindowYear}, fee.Window{Name: fee.WindowLifetime}
	for name, c := range map[string]struct {
		before, after   fee.Window
		starts, shifted domain.Date
		refused         bool
	}{
		"as it was":                 {before: fee.Window{RollingDays: 30}, after: fee.Window{RollingDays: 30}},
		"a few days more":           {before: fee.Window{RollingDays: 7}, after: fee.Window{RollingDays: 38}},
		"a few days less":           {before: fee.Window{RollingDays: 38}, after: fee.Window{RollingDays: 7}},
		"many more days":            {before: fee.Window{RollingDays: 7}, after: fee.Window{RollingDays: 39}, refused: true},
		"a day for days":            {before: fee.Window{RollingDays: 7}, after: fee.Window{Name: fee.WindowDay}, refused: true},
		"a month that has its name": {before: month, after: year},
		"a month from the 15th":     {before: fee.Window{Name: fee.WindowDay}, after: month, shifted: "2026-04-15", refused: true},
		"a year from the same day":  {before: month, after: year, starts: "2026-04-01", shifted: "2026-04-01", refused: true},
		"a lifetime begun later":    {before: life, after: life, shifted: "2026-04-01", refused: true},
		"a lifetime for months":     {before: month, after: life, starts: "2026-04-01"},
	} {
		s := fold(t, summing(1, c.before, c.starts))
		_, err := schedule.Decider.Decide(s, summing(2, c.after, c.shifted))
		if !c.refused {
			require.NoError(t, err, name)
			continue
		}
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), name)
		require.ErrorContains(t, err, "accumulators[0].window", name)
		renamed := summing(2, c.after, c.shifted)
		renamed.Accumulators[0].Name = "other"
		_, err = schedule.Decider.Decide(s, renamed)
		require.NoError(t, err, name)
	}
}
