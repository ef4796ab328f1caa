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

func TestWhatBooksCannotPostIsNotPublished(t *testing.T) {
	held := publish(1, "2026-01-01", "2.5")
	days := 30
	held.Rules[0].Hold = &fee.Hold{ValueDate: calendar.ValueDate{Days: &days}, Into: "payable"}
	held.Rules[0].To.Purpose = "reserve"
	_, err := fee.Compile(held.Document)
	require.NoError(t, err)
	_, err = schedule.Decider.Decide(schedule.Decider.Initial(), held)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	require.ErrorContains(t, err, "rules[0].hold")
}
