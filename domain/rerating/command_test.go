package rerating_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/rerating"
)

func TestOperations(t *testing.T) {
	good := rerating.Operation{ID: "fix", Reason: "corrected", OccurredAt: now, EffectiveOn: "2026-08-01"}
	require.NoError(t, good.Check())
	for field, change := range map[string]func(*rerating.Operation){
		"id":           func(o *rerating.Operation) { o.ID = "Fix!" },
		"reason":       func(o *rerating.Operation) { o.Reason = "" },
		"effective_on": func(o *rerating.Operation) { o.EffectiveOn = "today" },
	} {
		o := good
		change(&o)
		var fault *domain.Error
		require.ErrorAs(t, o.Check(), &fault)
		require.Equal(t, field, fault.Field)
	}
}

// TestTheFirstFaultOfAScope is named, always the same one.
func TestTheFirstFaultOfAScope(t *testing.T) {
	for _, c := range []struct {
		scope       rerating.Scope
		field, says string
	}{
		{rerating.Scope{}, "book", "missing"},
		{rerating.Scope{Book: "b"}, "from", "missing"},
		{rerating.Scope{Book: "b", From: "2026-05-01"}, "to", "missing"},
		{rerating.Scope{Book: "b", From: "May", To: "June"}, "from", "not a date"},
		{rerating.Scope{Book: "b", From: "2026-05-02", To: "2026-05-01"}, "to", "ends before it begins"},
		{rerating.Scope{Book: "b", From: "2026-05-01", To: "2026-05-01", Contract: "C"}, "contract", "not a valid"},
	} {
		for range 20 {
			var fault *domain.Error
			require.ErrorAs(t, c.scope.Check(), &fault)
			require.Equal(t, c.field, fault.Field)
			require.Contains(t, fault.Message, c.says)
		}
	}
}

// TestTheKeyOfACorrection is the same for the same change, and fits however long the
// ids of the transaction are.
func TestTheKeyOfACorrection(t *testing.T) {
	o := rerating.Operation{ID: "fix", Reason: "corrected", OccurredAt: now, EffectiveOn: "2026-08-01"}
	change := rerating.Change{Transaction: book.TransactionSettled{Key: key("s1")}, Restates: book.Restatement{Replaces: 7}}
	first, err := o.Command("b", &change)
	require.NoError(t, err)
	require.Equal(t, book.Key{Source: "rerating", ExternalID: "fix/till/s1"}, first.Key)
	require.Equal(t, key("s1"), *first.Adjusts)
	again, err := o.Command("b", &change)
	require.NoError(t, err)
	require.Equal(t, first.ContentHash, again.ContentHash)
	change.Restates.Replaces = 8
	other, err := o.Command("b", &change)
	require.NoError(t, err)
	require.NotEqual(t, first.ContentHash, other.ContentHash)
	require.Empty(t, change.Restates.Rerating, "the change is not touched")

	long := strings.Repeat("x", book.LongestExternalID)
	change.Transaction.ExternalID = long
	one, err := o.Command("b", &change)
	require.NoError(t, err)
	require.LessOrEqual(t, len(one.ExternalID), book.LongestExternalID)
	change.Transaction.ExternalID = long[1:] + "y"
	two, err := o.Command("b", &change)
	require.NoError(t, err)
	require.NotEqual(t, one.ExternalID, two.ExternalID)

	// What goes over the wire is what arrives.
	data, err := json.Marshal(first)
	require.NoError(t, err)
	var read book.PostAdjustment
	require.NoError(t, json.Unmarshal(data, &read))
	written, err := json.Marshal(read)
	require.NoError(t, err)
	require.JSONEq(t, string(data), string(written))
}

func TestAdjustmentsByHandAreTold(t *testing.T) {
	r := newRig(t)
	r.publish(plain(1, "5"))
	r.sign("c", "s")
	r.settled("c", "s1", "", "100.00", "2026-05-01")
	r.settled("c", "s2", "", "100.00", "2026-05-01")
	target := key("s1")
	require.NoError(t, r.do(book.PostAdjustment{
		Key: key("a1"), Book: "b", ContentHash: "1:00", Adjusts: &target, Reason: "a gift", OccurredAt: now, EffectiveOn: "2026-05-02", RecordedAt: now,
		Postings: []book.AdjustmentPosting{
			{Posting: ledger.Posting{Account: "hub/payable/USD", Side: ledger.Debit, Amount: money.New(200, 2)}},
			{Posting: ledger.Posting{Account: "maker/payable/USD", Side: ledger.Credit, Amount: money.New(200, 2)}},
		},
	}))
	lines, summary := r.preview(whole())
	require.Empty(t, lines, "it is neither counted nor taken back")
	require.Zero(t, summary.ByHand)
	r.publish(plain(2, "3"))
	_, summary = r.preview(whole())
	require.Equal(t, uint64(2), summary.Changed)
	require.Equal(t, uint64(1), summary.ByHand)
}

func TestConversions(t *testing.T) {
	converting := func(version, percent string) string {
		return strings.NewReplacer("VERSION", version, "PERCENT", percent).Replace(`{"schedule":"s","version":VERSION,"effective_from":"2026-01-01","funds":{"role":"pg"},
			"inputs":[{"name":"mid","type":"number","default":"1300"}],
			"rules":[{"id":"won","to":{"role":"seller","purpose":"reserve"},"percent":"PERCENT","hold":{"days":30},"convert":{"to":"KRW","mid":"mid","via":{"role":"hub"}}},
			{"id":"net","to":{"role":"seller"},"rest":true}]}`)
	}
	r := newRig(t)
	r.publish(converting("1", "10"))
	r.sign("c", "s")
	r.settled("c", "s1", "", "10.00", "2026-05-01", "+mid=1400")
	r.settled("c", "r1", "s1", "-5.00", "2026-05-02")
	lines, _ := r.preview(whole())
	require.Empty(t, lines)
	r.publish(converting("2", "20"))
	lines, _ = r.preview(whole())
	require.Equal(t, []string{
		"s1 maker/reserve/KRW+1400@2026-05-31 hub/fx/KRW-1400 hub/fx+1.00 maker/payable-1.00",
		"r1 maker/reserve/KRW-700@2026-05-31 hub/fx/KRW+700 hub/fx-0.50 maker/payable+0.50",
	}, lines)
	require.Equal(t, 2, r.rerate("fix", whole()))
	require.Zero(t, r.rerate("again", whole()))
	require.NoError(t, r.reverse("x1", "r1"))
	require.NoError(t, r.reverse("x2", "s1"))
	for id, balance := range r.state.Balances() {
		require.Zero(t, balance.Debits.Cmp(balance.Credits), id)
	}
}
