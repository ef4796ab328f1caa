package account

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func event(position eventstore.Position, postings ...ledger.Posting) readmodel.Event {
	return readmodel.Event{Position: position, Entry: &readmodel.Entry{Book: "b", Position: position, Postings: postings}}
}

func debit(account string, units int64) ledger.Posting {
	return ledger.Posting{Account: ledger.AccountID(account), Side: ledger.Debit, Amount: money.New(units, 2)}
}

func credit(account string, units int64) ledger.Posting {
	return ledger.Posting{Account: ledger.AccountID(account), Side: ledger.Credit, Amount: money.New(units, 2)}
}

func table(rows []run) (lines []string) {
	for _, r := range rows {
		lines = append(lines, fmt.Sprint(r.Account, r.Positions, r.Debit, r.Amounts, r.Debits.Decimal(), r.Credits.Decimal()))
	}
	return lines
}

func TestFold(t *testing.T) {
	s := &State{Accounts: map[Key]*Account{}, Last: 4}
	changes := fold(s, []readmodel.Event{
		event(10, debit("p/receivable/USD", 1000), credit("a/payable/USD", 700), credit("b/payable/USD", 300)),
		{Position: 11}, // no entry
		event(12),      // a zero-value transaction
		event(13, debit("p/receivable/USD", 50), credit("a/payable/USD", 25), credit("a/payable/USD", 25)),
	})
	require.Empty(t, changes.Changed)
	require.Len(t, changes.Opened, 3)
	require.Equal(t, []string{
		"5 [10 13] [true true] [10.00 0.50] 10.5 0",
		"6 [10 13 13] [false false false] [7.00 0.25 0.25] 0 7.5",
		"7 [10] [false] [3.00] 0 3",
	}, table(changes.Chunks))
	a := s.Accounts[Key{"b", "a/payable/USD"}]
	require.Equal(t, int64(3), a.Entries)
	require.Equal(t, eventstore.Position(13), a.Position)
	require.Equal(t, eventstore.Position(10), a.Opened)

	changes = fold(s, []readmodel.Event{event(20, debit("a/payable/USD", 750), credit("c/payable/USD", 750))})
	require.Equal(t, []*Account{a}, changes.Changed)
	require.Len(t, changes.Opened, 1)
	require.Equal(t, []string{"6 [20] [true] [7.50] 7.5 7.5", "8 [20] [false] [7.50] 0 7.5"}, table(changes.Chunks))
}

func TestFoldTotalsBeyondWhatAnAmountHolds(t *testing.T) {
	s := &State{Accounts: map[Key]*Account{}}
	most := money.New(9_000_000_000_000_000_000, 0)
	for i := range 4 {
		fold(s, []readmodel.Event{event(eventstore.Position(i+1), ledger.Posting{Account: "a/b/KRW", Side: ledger.Credit, Amount: most})})
	}
	require.Equal(t, "36000000000000000000", s.Accounts[Key{"b", "a/b/KRW"}].Credits.Decimal().String())
}

// Rows hold at most 64 items, but never part a transaction, and their items are
// those of the entries in order.
func TestChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &State{Accounts: map[Key]*Account{}}
		var events []readmodel.Event
		var want []int64
		for i := range rapid.IntRange(1, 15).Draw(t, "events") {
			n := rapid.SampledFrom([]int{0, 1, 2, 3, 30, 63, 64, 65, 100}).Draw(t, "postings")
			var postings []ledger.Posting
			for range n {
				postings = append(postings, credit("a/payable/USD", 1))
				want = append(want, int64(i+1))
			}
			events = append(events, event(eventstore.Position(i+1), postings...))
		}
		changes := fold(s, events)
		var got []int64
		seen := map[int64]bool{}
		for _, row := range changes.Chunks {
			last := row.Positions[len(row.Positions)-1]
			if seen[last] {
				t.Fatalf("two rows end at %d", last)
			}
			seen[last] = true
			if len(row.Positions) > readmodel.ChunkItems && row.Positions[0] != last {
				t.Fatalf("a row holds %d items of several transactions", len(row.Positions))
			}
			got = append(got, row.Positions...)
			if !row.Credits.Decimal().Equal(money.New(int64(len(got)), 2).Decimal()) {
				t.Fatalf("total %s after %d items", row.Credits.Decimal(), len(got))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v, not %v", got, want)
		}
	})
}
