package rerating_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/rerating"
)

// plain charges a percentage; version 1 is of engine 1 without the value.
func plain(version int, percent string) string {
	return fmt.Sprintf(`{"schedule":"s","version":%d,"effective_from":"2026-01-01","funds":{"role":"pg"},"values":[{"name":"one","is":"1"}],
		"rules":[{"id":"fee","to":{"role":"hub"},"percent":"%s"},{"id":"net","to":{"role":"seller"},"rest":true}]}`, version, percent)
}

const tiered = `{"schedule":"s","version":1,"effective_from":"2026-01-01","funds":{"role":"pg"},
	"accumulators":[{"name":"mtd","measure":"gross","window":"calendar_month","scope":"%s"}],
	"rules":[{"id":"fee","to":{"role":"hub"},"tiers":{"mode":"marginal","from":"mtd","steps":[{"up_to":"100","percent":"1"},{"percent":"5"}]}},
	{"id":"net","to":{"role":"seller"},"rest":true}]}`

func TestACorrectedVersion(t *testing.T) {
	r := newRig(t)
	r.publish(plain(1, "5"))
	r.sign("c", "s")
	r.settled("c", "s1", "", "100.00", "2026-05-01")
	r.settled("c", "s2", "", "50.00", "2026-05-31")
	r.settled("c", "r1", "s1", "-40.00", "2026-05-03")
	r.settled("c", "s3", "", "100.00", "2026-06-01") // outside
	r.settled("c", "s4", "", "10.00", "2026-05-04")
	require.NoError(t, r.reverse("x4", "s4"))
	r.settled("c", "r2", "s2", "-50.00", "2026-07-01") // follows
	lines, summary := r.preview(whole())
	require.Empty(t, lines, "nothing differs yet")
	require.Equal(t, uint64(4), summary.Rated)

	r.publish(plain(2, "3"))
	lines, summary = r.preview(whole())
	require.Equal(t, []string{
		"s1 hub/payable-2.00 maker/payable+2.00", "r1 hub/payable+0.80 maker/payable-0.80",
		"s2 hub/payable-1.00 maker/payable+1.00", "r2 hub/payable+1.00 maker/payable-1.00",
	}, lines, "the reversed one is left out, the refund of July follows its sale")
	require.Equal(t, []rerating.Total{
		{Party: "hub", Currency: "USD", Stands: money.New(300, 2), Rated: money.New(180, 2), Difference: money.New(-120, 2)},
		{Party: "maker", Currency: "USD", Stands: money.New(5700, 2), Rated: money.New(5820, 2), Difference: money.New(120, 2)},
		{Party: "pg", Currency: "USD", Stands: money.New(-6000, 2), Rated: money.New(-6000, 2), Difference: money.New(0, 2)},
	}, summary.Parties)

	before := len(r.events)
	require.Equal(t, 4, r.rerate("fix", whole()))
	require.Len(t, r.events, before+4)
	adjustment := r.events[before].(book.AdjustmentPosted)
	require.Equal(t, book.Key{Source: "rerating", ExternalID: "fix/till/s1"}, adjustment.Key)
	require.Equal(t, "fix", adjustment.Restates.Rerating)
	require.Equal(t, 2, adjustment.Restates.Version)
	r.balances(map[string]string{"hub/payable": "6.80", "maker/payable": "153.20", "pg/receivable": "-160.00"})

	require.Zero(t, r.rerate("again", whole()), "a second run posts nothing")
	r.settled("c", "r3", "s1", "-60.00", "2026-07-02") // rests on the restatement
	r.balances(map[string]string{"hub/payable": "5.00", "maker/payable": "95.00"})
	require.Zero(t, r.rerate("again", whole()))
	require.NoError(t, r.reverse("x3", "r3"))
	require.NoError(t, r.reverse("x2", "r2"))
	require.NoError(t, r.reverse("xs2", "s2"))
	r.balances(map[string]string{"hub/payable": "6.80", "maker/payable": "153.20"}) // s1 less r1 at 3 %, s3 at 5 %
	require.Zero(t, r.rerate("again", whole()))

	r.publish(plain(3, "2"))
	require.Equal(t, 2, r.rerate("once-more", whole()), "a restatement is restated")
	r.balances(map[string]string{"hub/payable": "6.20"})
}

func TestALateTransactionMovesTheTier(t *testing.T) {
	r := newRig(t)
	r.publish(fmt.Sprintf(tiered, "contract"))
	r.sign("c", "s")
	r.settled("c", "before", "", "60.00", "2026-04-30")
	r.settled("c", "a", "", "80.00", "2026-05-10", "seller=a")
	r.settled("c", "b", "", "80.00", "2026-05-05", "seller=b") // late
	r.settled("c", "c", "", "10.00", "2026-05-20", "seller=c")
	lines, _ := r.preview(whole())
	require.Equal(t, []string{"b b/payable+2.40 hub/payable-2.40", "a a/payable-2.40 hub/payable+2.40"}, lines)
	counter := r.state.Counter("contract:c/mtd/2026-05/USD/")
	require.Equal(t, 2, r.rerate("late", whole()))
	require.Zero(t, r.rerate("late-again", whole()))
	require.Equal(t, counter, r.state.Counter("contract:c/mtd/2026-05/USD/"), "the book counts on in its own order")
}

// TestSumsBeforeThePeriod counts what stands before the period, restated or not.
func TestSumsBeforeThePeriod(t *testing.T) {
	r := newRig(t)
	r.publish(fmt.Sprintf(tiered, "contract"))
	r.sign("c", "s")
	for id, on := range map[string]domain.Date{"a": "2026-05-02", "gone": "2026-05-03"} {
		r.settled("c", id, "", "50.00", on)
	}
	require.NoError(t, r.reverse("x", "gone"))
	r.settled("c", "b", "", "80.00", "2026-05-10")
	r.settled("c", "late", "", "10.00", "2026-05-04")
	// 50 and 10 lie before b: 40 at 1 %, 40 at 5 %, of which 50 and 30 were rated.
	scope := rerating.Scope{Book: "b", From: "2026-05-05", To: "2026-05-31"}
	lines, _ := r.preview(scope)
	require.Equal(t, []string{"b hub/payable+0.40 maker/payable-0.40"}, lines)
	require.Equal(t, 2, r.rerate("all", whole()))
	lines, _ = r.preview(scope)
	require.Empty(t, lines, "what lies before counts as it was restated")
}

func TestOtherContractsCountAsTheyStand(t *testing.T) {
	r := newRig(t)
	r.publish(fmt.Sprintf(tiered, "schedule"))
	r.sign("c", "s")
	r.sign("d", "s")
	r.settled("c", "c1", "", "90.00", "2026-05-10")
	r.settled("d", "d1", "", "90.00", "2026-05-09")
	scope := whole()
	scope.Contract = "c"
	lines, summary := r.preview(scope)
	require.Equal(t, []string{"c1 hub/payable+3.20 maker/payable-3.20"}, lines)
	require.Equal(t, uint64(1), summary.Rated)
}

// held keeps a part of the net back for 30 days.
func held(version int, percent string) string {
	return fmt.Sprintf(`{"schedule":"s","version":%d,"effective_from":"2026-01-01","funds":{"role":"pg"},
		"rules":[{"id":"fee","to":{"role":"hub"},"percent":"2"},
		{"id":"reserve","to":{"role":"seller","purpose":"reserve"},"percent":"%s","hold":{"days":30}},
		{"id":"net","to":{"role":"seller"},"rest":true}]}`, version, percent)
}

func TestHeldMoney(t *testing.T) {
	r := newRig(t)
	r.publish(held(1, "10"))
	r.sign("c", "s")
	r.advance("2026-05-01")
	r.settled("c", "old", "", "100.00", "2026-05-01") // until 05-31
	r.settled("c", "new", "", "100.00", "2026-05-20") // until 06-19
	r.settled("c", "back", "new", "-50.00", "2026-05-21")
	for day := 2; day <= 31; day++ {
		r.advance(domain.Date(fmt.Sprintf("2026-05-%02d", day)))
	}
	r.settled("c", "gone", "old", "-20.00", "2026-05-31") // taken from what was released
	require.Equal(t, "5.00", r.balance("maker/reserve"))
	lines, _ := r.preview(whole())
	require.Empty(t, lines, "where refunds took held money from is no difference")

	r.publish(held(2, "20"))
	lines, _ = r.preview(whole())
	require.Equal(t, []string{
		"new maker/reserve+10.00@2026-06-19 maker/payable-10.00",
		"back maker/reserve-5.00@2026-06-19 maker/payable+5.00",
	}, lines, "what has been released is owed either way")
	total := r.balance("maker/payable")
	require.Equal(t, 2, r.rerate("more", whole()))
	r.balances(map[string]string{"maker/reserve": "10.00"})
	require.NotEqual(t, total, r.balance("maker/payable"))
	require.Zero(t, r.rerate("again", whole()))
	for day := 1; day <= 19; day++ {
		r.advance(domain.Date(fmt.Sprintf("2026-06-%02d", day)))
	}
	r.balances(map[string]string{"maker/reserve": "0.00"})
	require.Zero(t, r.rerate("again", whole()), "nor when all is released")

	require.NoError(t, r.reverse("xb", "back"))
	require.NoError(t, r.reverse("xn", "new"))
	require.NoError(t, r.reverse("xg", "gone"))
	require.NoError(t, r.reverse("xo", "old"))
	r.balances(map[string]string{"maker/reserve": "0.00", "maker/payable": "0.00", "hub/payable": "0.00", "pg/receivable": "0.00"})
}

// TestTheBookDiverts posts a correction of held money after its release.
func TestTheBookDiverts(t *testing.T) {
	r := newRig(t)
	r.publish(held(1, "10"))
	r.sign("c", "s")
	r.advance("2026-05-01")
	r.settled("c", "s1", "", "100.00", "2026-05-01")
	r.publish(`{"schedule":"s","version":2,"effective_from":"2026-01-01","funds":{"role":"pg"},
		"rules":[{"id":"fee","to":{"role":"hub"},"percent":"2"},{"id":"reserve","to":{"role":"seller","purpose":"reserve"},"percent":"5","hold":{"days":30}},
		{"id":"net","to":{"role":"seller"},"rest":true}]}`)
	var change *rerating.Change
	_, err := rerating.Rate(whole(), memoryLog(r.events), r.reference, func(c *rerating.Change) error {
		change = c
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "s1 maker/reserve-5.00@2026-05-31 maker/payable+5.00", describe("s1", change.Legs))
	for day := 2; day <= 31; day++ {
		r.advance(domain.Date(fmt.Sprintf("2026-05-%02d", day)))
	}
	require.NoError(t, r.post(&rerating.Operation{ID: "slow", Reason: "late", OccurredAt: now, EffectiveOn: "2026-08-01"}, change))
	r.balances(map[string]string{"maker/reserve": "0.00", "maker/payable": "98.00"})
	require.Zero(t, r.rerate("again", whole()))
	require.NoError(t, r.reverse("x", "s1"))
	r.balances(map[string]string{"maker/reserve": "0.00", "maker/payable": "0.00"})
}

func TestFaultsAreTold(t *testing.T) {
	r := newRig(t)
	r.publish(plain(1, "5"))
	r.sign("c", "s")
	r.settled("c", "s1", "", "100.00", "2026-05-01")
	r.settled("c", "r1", "s1", "-10.00", "2026-05-01")
	r.settled("c", "s2", "", "100.00", "2026-05-02")
	r.publish(`{"schedule":"s","version":2,"effective_from":"2026-05-02","funds":{"role":"pg"},"inputs":[{"name":"grade","type":"text"}],
		"rules":[{"id":"fee","to":{"role":"hub"},"percent":"2","when":"grade == \"a\""},{"id":"net","to":{"role":"seller"},"rest":true}]}`)
	lines, summary := r.preview(whole())
	require.Empty(t, lines)
	require.Equal(t, uint64(1), summary.Failed)
	require.Equal(t, key("s2"), summary.Faults[0].Key)
	require.ErrorContains(t, summary.Faults[0].Err, "grade")
}

func TestADraft(t *testing.T) {
	r := newRig(t)
	r.publish(plain(1, "5"))
	r.sign("c", "s")
	r.settled("c", "s1", "", "100.00", "2026-05-01")
	r.settled("c", "r1", "s1", "-40.00", "2026-05-02")
	draft := document(t, plain(7, "4"))
	draft.EffectiveFrom = "2030-01-01"
	reference := rerating.NewReference(&draft)
	other := newRig(t)
	other.reference = reference
	other.publish(plain(1, "5"))
	other.sign("c", "s")
	other.events = r.events
	lines, _ := other.preview(whole())
	require.Equal(t, []string{"s1 hub/payable-1.00 maker/payable+1.00", "r1 hub/payable+0.40 maker/payable-0.40"}, lines)
}

func TestScopes(t *testing.T) {
	for name, scope := range map[string]rerating.Scope{
		"no book":     {From: "2026-05-01", To: "2026-05-31"},
		"no date":     {Book: "b", To: "2026-05-31"},
		"backwards":   {Book: "b", From: "2026-05-31", To: "2026-05-01"},
		"no contract": {Book: "b", From: "2026-05-01", To: "2026-05-31", Contract: "C!"},
	} {
		_, err := rerating.Rate(scope, memoryLog(nil), rerating.NewReference(nil), nil)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), name)
	}
}
