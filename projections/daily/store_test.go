package daily

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// However much the projector has forgotten, it adds to the rows that are there.
func TestWhatIsForgottenIsFoundAgain(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	p := Model{}.Projector("daily").(*projector)
	post := func(day domain.Date, party string) {
		t.Helper()
		require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return p.Project(ctx, tx, []readmodel.Event{{Entry: &readmodel.Entry{
				Book: "b", EffectiveOn: day, Type: "sale", Currency: "USD", Parties: []string{party},
				Postings: []ledger.Posting{{Account: ledger.AccountID(party + "/payable/USD"), Side: ledger.Credit, Amount: money.New(100, 2)}},
			}}})
		}))
	}
	days := []domain.Date{"2026-03-01", "2026-03-02", "2026-03-03"}
	for _, day := range days {
		for i := range 5 {
			post(day, fmt.Sprint("party-", i))
		}
	}
	require.True(t, p.all)
	require.Len(t, p.numbers, 15)
	p.trim()
	require.False(t, p.all)
	require.Len(t, p.numbers, 10, "of the two newest days")
	post(days[0], "party-0")
	post(days[0], "party-new")
	post(days[2], "party-0")
	p.Forget()
	post(days[1], "party-4")
	var rows, twice, numbers, highest int
	require.NoError(t, pool.QueryRow(ctx, "SELECT count(*), count(*) FILTER (WHERE transactions = 2 AND credits = 2), count(DISTINCT number), max(number) FROM daily.totals").Scan(&rows, &twice, &numbers, &highest))
	require.Equal(t, []int{16, 3, 16, 16}, []int{rows, twice, numbers, highest})
}
