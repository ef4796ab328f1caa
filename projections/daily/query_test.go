package daily_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/daily"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestListPagesInOrder(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	var events []readmodel.Event
	for i := range 60 {
		position := eventstore.Position(i + 1)
		amount := money.New(100, 2)
		events = append(events, readmodel.Event{Position: position, Entry: &readmodel.Entry{
			Position: position, Book: "seoul", Type: []string{"sale", "win"}[i%2], Product: []string{"", "game", "music"}[i%3], Currency: "USD",
			EffectiveOn: []domain.Date{"2026-01-01", "2026-01-02"}[i%2], Parties: []string{"agency", "studio"},
			Postings: []ledger.Posting{
				{Account: "studio/payable/USD", Side: ledger.Credit, Amount: amount},
				{Account: "agency/receivable/USD", Side: ledger.Debit, Amount: amount},
			},
		}})
	}
	require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		return daily.Model{}.Projector("daily").Project(ctx, tx, events)
	}))

	all, err := daily.List(ctx, pool, daily.Filter{}, daily.Place{}, 1000)
	require.NoError(t, err)
	require.Len(t, all, 12) // two days (each of one type), two parties, three products
	var paged []daily.Total
	var place daily.Place
	for {
		page, err := daily.List(ctx, pool, daily.Filter{}, place, 5)
		require.NoError(t, err)
		paged = append(paged, page...)
		if len(page) < 5 {
			break
		}
		place = page[4].Place
	}
	require.Equal(t, all, paged)

	some, err := daily.List(ctx, pool, daily.Filter{
		From: "2026-01-02", To: "2026-01-02", Book: "seoul", Party: "studio", Product: "game", Type: "win", Currency: "USD",
	}, daily.Place{}, 10)
	require.NoError(t, err)
	require.Len(t, some, 1)
	require.EqualValues(t, 10, some[0].Transactions)
	require.Equal(t, "10", some[0].Credits.String())
	require.True(t, some[0].Debits.IsZero())
	require.Equal(t, daily.Place{Day: "2026-01-02", Book: "seoul", Party: "studio", Product: "game", Type: "win", Currency: "USD"}, some[0].Place)

	none, err := daily.List(ctx, pool, daily.Filter{To: "2025-12-31", Method: "card"}, daily.Place{}, 10)
	require.NoError(t, err)
	require.Empty(t, none)
}
