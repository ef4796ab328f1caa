package transaction_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// history is a seeded sequence of transactions, some of them refunds of earlier ones.
func history(n int) []readmodel.Event {
	random := rand.New(rand.NewPCG(1, 2))
	var events []readmodel.Event
	position := eventstore.Position(10)
	for i := range n {
		position += eventstore.Position(1 + random.IntN(5))
		e := &readmodel.Entry{
			Key: book.Key{Source: "pg", ExternalID: fmt.Sprintf("t-%d", i)}, Position: position, Revision: uint64(i), Kind: readmodel.Settlement,
			Book: "seoul", Type: []string{"sale", "win"}[random.IntN(2)], Method: []string{"", "card"}[random.IntN(2)], Currency: "KRW",
			Amount: money.New(int64(random.IntN(1000)), 0), OccurredAt: start, RecordedAt: start, Contract: "c", Schedule: "s", Version: 1,
			EffectiveOn: domain.DateOf(start.AddDate(0, 0, i%10), time.UTC), Parties: []string{"busy"},
		}
		if random.IntN(20) == 0 {
			e.Parties = append(e.Parties, "rare")
		}
		if i > 0 && i%50 == 0 {
			e.Original = &book.Original{Ref: domain.Ref{Stream: "book-seoul", Revision: 0}}
			e.Link = readmodel.LinkRefund
		}
		events = append(events, readmodel.Event{Position: position, Entry: e})
	}
	return events
}

func project(t *testing.T, pool *pgxpool.Pool, events []readmodel.Event) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	projector := transaction.Model{}.Projector("transaction")
	for len(events) > 0 {
		n := min(1+random.IntN(150), len(events))
		require.NoError(t, pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			return projector.Project(context.Background(), tx, events[:n])
		}))
		events = events[n:]
	}
}

func TestListPagesThroughEachOnce(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(500)
	project(t, pool, events)
	none := ""

	filters := map[string]struct {
		filter transaction.Filter
		want   func(e *readmodel.Entry) bool
	}{
		"all":             {transaction.Filter{}, func(*readmodel.Entry) bool { return true }},
		"busy party":      {transaction.Filter{Party: "busy"}, func(*readmodel.Entry) bool { return true }},
		"rare party":      {transaction.Filter{Party: "rare"}, func(e *readmodel.Entry) bool { return slices.Contains(e.Parties, "rare") }},
		"unknown party":   {transaction.Filter{Party: "nobody"}, func(*readmodel.Entry) bool { return false }},
		"type of a party": {transaction.Filter{Party: "busy", Type: "win"}, func(e *readmodel.Entry) bool { return e.Type == "win" }},
		"no method":       {transaction.Filter{Method: &none}, func(e *readmodel.Entry) bool { return e.Method == "" }},
		"dates": {transaction.Filter{From: "2026-01-03", To: "2026-01-04", Book: "seoul", Currency: "KRW", Kind: "settlement"},
			func(e *readmodel.Entry) bool { return e.EffectiveOn == "2026-01-03" || e.EffectiveOn == "2026-01-04" }},
		"dates of a party": {transaction.Filter{From: "2026-01-02", To: "2026-01-02", Party: "rare"},
			func(e *readmodel.Entry) bool {
				return e.EffectiveOn == "2026-01-02" && slices.Contains(e.Parties, "rare")
			}},
		"many dates": {transaction.Filter{From: "2025-06-01", To: "2026-01-02", Party: "busy"},
			func(e *readmodel.Entry) bool { return e.EffectiveOn <= "2026-01-02" }},
		"since":       {transaction.Filter{From: "2026-01-09"}, func(e *readmodel.Entry) bool { return e.EffectiveOn >= "2026-01-09" }},
		"key":         {transaction.Filter{Source: "pg", ExternalID: "t-17"}, func(e *readmodel.Entry) bool { return e.ExternalID == "t-17" }},
		"other books": {transaction.Filter{Book: "busan"}, func(*readmodel.Entry) bool { return false }},
	}
	for name, test := range filters {
		for _, size := range []int{13, 64, 1000} {
			t.Run(fmt.Sprintf("%s by %d", name, size), func(t *testing.T) {
				var want, got []eventstore.Position
				for _, e := range events {
					if test.want(e.Entry) {
						want = append(want, e.Position)
					}
				}
				slices.Reverse(want)
				var place eventstore.Position
				for {
					page, err := transaction.List(ctx, pool, test.filter, place, size)
					require.NoError(t, err)
					for _, h := range page {
						got = append(got, h.Position)
					}
					if len(page) < size {
						break
					}
					place = page[len(page)-1].Position
				}
				require.Equal(t, want, got)
			})
		}
	}
}

func TestHeaderHoldsWhatTheEntrySays(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(120)
	project(t, pool, events)

	for _, e := range []*readmodel.Entry{events[0].Entry, events[119].Entry} {
		h, ok, err := transaction.Revision(ctx, pool, "seoul", e.Revision)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, e.Position, h.Position)
		require.Equal(t, e.Amount.Decimal().String(), h.Amount.String())
		require.Equal(t, e.EffectiveOn, h.EffectiveOn)
		require.True(t, e.OccurredAt.Equal(h.OccurredAt))
		require.Equal(t, e.Parties, h.Parties)
		require.Equal(t, []string{e.ExternalID, e.Type, e.Method, "c", "s"}, []string{h.ExternalID, h.Type, h.Method, h.Contract, h.Schedule})

		at, err := transaction.At(ctx, pool, []eventstore.Position{e.Position, 1})
		require.NoError(t, err)
		require.Equal(t, map[eventstore.Position]transaction.Header{e.Position: h}, at)
	}
	_, ok, err := transaction.Revision(ctx, pool, "seoul", 9999)
	require.NoError(t, err)
	require.False(t, ok)

	found, err := transaction.Find(ctx, pool, "pg", "t-3", "")
	require.NoError(t, err)
	require.Len(t, found, 1)

	links, err := transaction.Links(ctx, pool, "seoul", 0, 10)
	require.NoError(t, err)
	require.Len(t, links, 2)
	for i, at := range []int{50, 100} {
		h, ok, err := transaction.Revision(ctx, pool, "seoul", events[at].Entry.Revision)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, transaction.Link{Link: "refund", Header: h}, links[i])
	}
}
