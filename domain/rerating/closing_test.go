package rerating_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// guaranteed tops a seller's month up to an amount, and carries a part of the volume
// into the next month.
func guaranteed(version int, amount string) string {
	return fmt.Sprintf(`{"schedule":"s","version":%d,"effective_from":"2026-01-01","funds":{"role":"pg"},
		"accumulators":[{"name":"volume","measure":"gross","key":["seller"],"window":"calendar_month"}],
		"rules":[{"id":"fee","to":{"role":"hub"},"percent":"10"},{"id":"net","to":{"role":"seller"},"rest":true}],
		"periods":[{"id":"guarantee","of":"volume","values":[{"name":"short","is":"max(0, %s - volume)"}],
			"entries":[{"id":"top_up","from":{"role":"hub"},"to":{"role":"seller"},"amount":"short"}],
			"carry":[{"accumulator":"volume","is":"volume / 10"}]}]}`, version, amount)
}

// closer closes windows as the command door does.
func (r *rig) closer(contractID string) func(*book.State, string) (*book.Closing, error) {
	return func(s *book.State, id string) (*book.Closing, error) {
		counter, err := fee.ParseCounter(id)
		require.NoError(r.t, err)
		first := counter.First()
		version, err := r.reference.Present(contractID, first)
		require.NoError(r.t, err)
		seller := ""
		for _, value := range counter.Keys() {
			seller = value
		}
		parties := book.PartiesOf(map[string]string{"hub": "hub", "pg": "pg", "seller": seller}, func(string) book.Revision { return 0 })
		closing := &book.Closing{Contract: contractID, Schedule: version.Schedule, Parties: parties, Currency: counter.Currency}
		for _, period := range version.PeriodsOf(counter.Name) {
			result, err := version.ClosePeriod(fee.PeriodEnd{
				Period: period, On: first, Currency: counter.Currency, Contract: contractID, Party: parties.Party, Attributes: map[string]string{"seller": seller},
				Before: func(c fee.Counter) (money.Amount, error) { return s.Counter(c.ID()), nil },
			})
			if err != nil {
				return nil, err
			}
			closing.Results = append(closing.Results, book.ClosedPeriod{Period: period, PeriodResult: result})
		}
		return closing, nil
	}
}

func (r *rig) advanceClosing(contractID string, date domain.Date) {
	r.t.Helper()
	for before := -1; before != len(r.events); {
		before = len(r.events)
		require.NoError(r.t, r.do(book.AdvanceBusinessDate{Book: "b", Date: date, RecordedAt: now, Close: r.closer(contractID)}))
	}
}

func TestEndsOfWindowsFollow(t *testing.T) {
	r := newRig(t)
	r.publish(guaranteed(1, "100"))
	r.sign("c", "s")
	r.settled("c", "s1", "", "60.00", "2026-05-03")
	r.advanceClosing("c", "2026-06-01")
	r.balances(map[string]string{"maker/payable": "94.00"}) // 54 and 40 to the guarantee
	lines, summary := r.preview(whole())
	require.Empty(t, lines)
	require.Equal(t, uint64(1), summary.Closings)

	r.settled("c", "late", "", "30.00", "2026-05-20")
	lines, summary = r.preview(whole())
	require.Equal(t, []string{" hub/payable+30.00 maker/payable-30.00"}, lines)
	require.Equal(t, uint64(2), summary.Rated)
	require.Equal(t, 1, r.rerate("late", whole()))
	adjustment := r.events[len(r.events)-1].(book.AdjustmentPosted)
	require.Nil(t, adjustment.Adjusts)
	require.Regexp(t, `^@closing/[0-9]+/1$`, adjustment.ExternalID)
	require.Zero(t, r.rerate("late-again", whole()), "corrections of a closing add up")
	r.balances(map[string]string{"maker/payable": "91.00"}) // 81 and 10

	r.publish(guaranteed(2, "150"))
	require.Equal(t, 1, r.rerate("dearer", whole()))
	r.balances(map[string]string{"maker/payable": "141.00"})
	require.Regexp(t, `^@closing/[0-9]+/2$`, r.events[len(r.events)-1].(book.AdjustmentPosted).ExternalID)
	require.Zero(t, r.rerate("dearer-again", whole()))

	scope := whole()
	scope.Contract = "d"
	_, summary = r.preview(scope)
	require.Zero(t, summary.Closings)
}

// TestWhatIsCarriedFollows: what May carries into June is another amount after a late
// sale of May, and so June's guarantee is.
func TestWhatIsCarriedFollows(t *testing.T) {
	r := newRig(t)
	r.publish(guaranteed(1, "100"))
	r.sign("c", "s")
	r.settled("c", "s1", "", "60.00", "2026-05-03")
	r.advanceClosing("c", "2026-06-01") // carries 6.00
	r.settled("c", "s2", "", "10.00", "2026-06-05")
	for day := 2; day <= 30; day++ {
		r.advanceClosing("c", domain.Date(fmt.Sprintf("2026-06-%02d", day)))
	}
	r.advanceClosing("c", "2026-07-01") // 84.00 to June's guarantee
	both := whole()
	both.To = "2026-06-30"
	lines, _ := r.preview(both)
	require.Empty(t, lines)
	r.settled("c", "late", "", "30.00", "2026-05-20")
	lines, summary := r.preview(both)
	require.Equal(t, []string{" hub/payable+30.00 maker/payable-30.00", " hub/payable+3.00 maker/payable-3.00"}, lines)
	require.Equal(t, uint64(2), summary.Closings)
}
