package verify

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

const holidays = `{"calendar":"kr","version":1,"first_year":2026,"last_year":2026,"weekend":["saturday","sunday"],
	"holidays":[{"on":"2026-01-01","name":"New Year"},{"on":"2026-05-05"},{"on":"2026-10-05"},{"on":"2026-10-31"}],"workdays":[{"on":"2026-03-14"}]}`

func dayOf2026(t *rapid.T, name string) string {
	return time.Date(2026, 1, rapid.IntRange(1, 365).Draw(t, name), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// The second opinion on when money falls due is that of the product, whatever the
// value date, and neither says anything of years that a calendar does not cover.
func TestDueDatesAgree(t *testing.T) {
	var d calendar.Document
	require.NoError(t, json.Unmarshal([]byte(holidays), &d))
	kr, err := calendar.Compile(d)
	require.NoError(t, err)
	f := newFold()
	e := &event{stream: &stream{name: "calendar-kr", category: "calendar", id: "kr"}, data: []byte(holidays)}
	require.NoError(t, f.calendarEvent(e))
	rapid.Check(t, func(t *rapid.T) {
		members := map[string]any{}
		switch n := rapid.IntRange(0, 40).Draw(t, "n"); rapid.IntRange(0, 2).Draw(t, "count") {
		case 0:
			members["days"] = n
		case 1:
			members["business_days"] = n
		default:
			members["monthly"] = map[string]any{"day": 1 + n%31, "months": n % 3}
		}
		if _, monthly := members["monthly"]; !monthly && rapid.Bool().Draw(t, "weekly") {
			members["weekly"] = map[string]any{"ends": rapid.SampledFrom(calendar.Weekdays()).Draw(t, "ends")}
		}
		roll := rapid.SampledFrom([]string{"", "following", "preceding", "modified_following"}).Draw(t, "roll")
		if roll != "" {
			members["roll"] = roll
		}
		if _, business := members["business_days"]; business || roll != "" {
			members["calendar"] = "kr"
		}
		text, err := json.Marshal(members)
		require.NoError(t, err)
		var theirs calendar.ValueDate
		require.NoError(t, json.Unmarshal(text, &theirs))
		require.Empty(t, theirs.Check(), string(text))
		var ours valueDate
		f.scan.reset(text)
		require.NoError(t, f.scan.whole(func(key []byte) error {
			taken, err := f.decodeValueDate(key, &ours)
			require.True(t, taken)
			return err
		}))
		date := dayOf2026(t, "date")
		want, theirErr := theirs.Due(domain.Date(date), func(string) (*calendar.Calendar, error) { return kr, nil })
		got, ourErr := ours.due(date, &e.stream.calendar[0])
		require.Equal(t, theirErr == nil, ourErr == nil, "%s %s: %v, %v", text, date, theirErr, ourErr)
		if ourErr == nil {
			require.Equal(t, string(want), got, "%s %s", text, date)
		}
	})
}

// So is that on windows: their names, their ends, and when they may be closed.
func TestWindowsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.SampledFrom([]string{"day", "calendar_month", "calendar_quarter", "calendar_year"}).Draw(t, "window")
		starts := ""
		if rapid.Bool().Draw(t, "starts") {
			starts = dayOf2026(t, "start")
		}
		date := dayOf2026(t, "date")
		theirs := fee.Accumulator{Name: "a", Window: fee.Window{Name: window}, Starts: domain.Date(starts)}
		name, first, last := theirs.WindowOf(domain.Date(date))
		ours := accumulator{name: "a", window: window, starts: starts}
		day, err := time.Parse(time.DateOnly, date)
		require.NoError(t, err)
		said, err := ours.windowOf(day)
		require.NoError(t, err)
		begins, next, ok := ours.span(day)
		require.True(t, ok)
		require.Equal(t, []string{name, string(first), string(last)}, []string{said, begins.Format(time.DateOnly), next.AddDate(0, 0, -1).Format(time.DateOnly)}, "%s from %s on %s", window, starts, date)
		grace := rapid.Uint64Range(0, 9).Draw(t, "grace")
		p := program{periods: []period{{of: "a", grace: grace}, {of: "b", grace: 20}, {of: "a"}}}
		require.Equal(t, next.AddDate(0, 0, int(grace)).Format(time.DateOnly), p.closes(&ours, day))
		require.Empty(t, p.closes(&accumulator{name: "c", window: window}, day))
	})
}

// And on what the entries of a period come to exactly.
func TestPeriodEntriesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }
		tiers := fmt.Sprintf(`"tiers":{"mode":%q,"edge":%q,%s"steps":[{"up_to":"100","percent":"7.5"},{"up_to":"250 + 50","percent":"5","flat":{"USD":"1.25"}},{"up_to":"400","flat":{"USD":"2"}},{"percent":"rate"}]}`,
			pick("mode", "marginal", "slab"), pick("edge", "inclusive", "exclusive"), pick("by", "", `"by":"sum * 2",`, `"by":"sum - 40",`))
		parts := `"of":"sum",` + tiers + pick("percent", "", `,"percent":"rate * 2"`) + pick("flat", "", `,"flat":{"USD":"0.31"}`) +
			pick("units", "", `,"per_unit":{"units":"sum / 7","price":{"USD":"0.03"}}`, `,"per_unit":{"units":"3","price_is":"rate"}`)
		if pick("amount", "no", "no", "no", "yes") == "yes" {
			parts = `"amount":"sum / 3 - rate"`
		}
		text := `{"schedule":"s","version":1,"effective_from":"2026-01-01","funds":{"role":"bank"},"parameters":[{"name":"rate","is":"1.5"}],
			"accumulators":[{"name":"sum","measure":"gross","window":"calendar_month"}],"rules":[{"id":"net","to":{"role":"seller"},"rest":true}],
			"periods":[{"id":"end","of":"sum","entries":[{"id":"one","from":{"role":"a"},"to":{"role":"b"},` + parts + `}]}]}`
		var d fee.Document
		require.NoError(t, json.Unmarshal([]byte(text), &d))
		s, err := fee.Compile(d)
		require.NoError(t, err, text)
		sum := money.New(rapid.SampledFrom([]int64{0, 1, 4000, 9999, 10000, 10001, 14000, 15000, 17000, 20000, 30000, 34000, 40000, 44000, 99999, -1, -5000, -10000, -30000, -50000}).Draw(t, "sum"), 2)
		result, err := s.ClosePeriod(fee.PeriodEnd{
			Period: "end", On: "2026-02-11", Currency: "USD", Contract: "c", Party: func(role string) string { return role }, Before: func(fee.Counter) (money.Amount, error) { return sum, nil },
		})
		require.NoError(t, err)

		f := newFold()
		e := &event{stream: &stream{name: "schedule-s", category: "schedule", id: "s"}, data: []byte(text)}
		require.NoError(t, f.scheduleEvent(e))
		p := e.document.program
		b := &book{}
		n := &entry{contract: "c", currency: "USD", effectiveOn: "2026-02-28"}
		*b.counter([]byte("contract:c/sum/2026-02/USD/")), _, _ = parseFigure([]byte(sum.String()))
		exact, err := p.periods[0].entries[0].exact(&scene{b: b, n: n, p: p, terms: &terms{}})
		require.NoError(t, err)
		if exact == nil {
			return // tiers by a stretch of nothing are not worked out
		}
		said, ok := ratioOf(result.Entries[0].Line.Exact)
		require.True(t, ok)
		require.Zero(t, said.Cmp(exact), "%s of %s: %s, not %s", parts, sum, exact.RatString(), result.Entries[0].Line.Exact)
	})
}
