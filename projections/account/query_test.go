package account_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/account"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// history is a seeded sequence of entries in two books. Some entries post
// several times to one account.
func history(entries int) []readmodel.Event {
	random := rand.New(rand.NewPCG(7, 11))
	owners := []string{"studio", "agency", "platform", "card"}
	var events []readmodel.Event
	position := eventstore.Position(100)
	for range entries {
		position += eventstore.Position(1 + random.IntN(9))
		entry := &readmodel.Entry{Position: position, Book: []string{"seoul", "busan"}[random.IntN(2)]}
		for range 1 + random.IntN(3) {
			amount := money.New(int64(1+random.IntN(5000)), 2)
			// The card's account is in every entry; the others are less busy.
			from := ledger.Account("card", "receivable", "USD")
			to := ledger.Account(owners[random.IntN(len(owners))], "payable", "USD")
			entry.Postings = append(entry.Postings, ledger.Posting{Account: from, Side: ledger.Debit, Amount: amount}, ledger.Posting{Account: to, Side: ledger.Credit, Amount: amount})
		}
		events = append(events, readmodel.Event{Position: position, Entry: entry})
	}
	return events
}

// project writes events in random batches, moving the checkpoint with each.
func project(t *testing.T, pool *pgxpool.Pool, events []readmodel.Event) {
	t.Helper()
	ctx := context.Background()
	random := rand.New(rand.NewPCG(3, 5))
	projector := account.Model{}.Projector("account")
	for len(events) > 0 {
		n := min(1+random.IntN(120), len(events))
		batch := events[:n]
		events = events[n:]
		require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if err := projector.Project(ctx, tx, batch); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO jeongsan.checkpoints (read_model, version, position) VALUES ('account', 1, $1)
				ON CONFLICT (read_model) DO UPDATE SET position = excluded.position`, int64(batch[n-1].Position))
			return err
		}))
	}
}

type item struct {
	position        eventstore.Position
	side            ledger.Side
	amount          string
	debits, credits string
}

// expected folds the postings of one account by hand, newest first.
func expected(events []readmodel.Event, book string, path ledger.AccountID) []item {
	var items []item
	debits, credits := decimal.Zero, decimal.Zero
	for _, e := range events {
		for _, p := range e.Entry.Postings {
			if e.Entry.Book != book || p.Account != path {
				continue
			}
			if p.Side == ledger.Debit {
				debits = debits.Add(p.Amount.Decimal())
			} else {
				credits = credits.Add(p.Amount.Decimal())
			}
			items = append(items, item{e.Position, p.Side, p.Amount.Decimal().String(), debits.String(), credits.String()})
		}
	}
	slices.Reverse(items)
	return items
}

func TestEntriesPageThroughChunks(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(600)
	project(t, pool, events)

	for _, owner := range []string{"card", "studio"} {
		for _, purpose := range []string{"payable", "receivable"} {
			path := ledger.Account(owner, purpose, "USD")
			want := expected(events, "seoul", path)
			balance, ok, err := account.Find(ctx, pool, "seoul", string(path))
			require.NoError(t, err)
			require.Equal(t, len(want) > 0, ok, path)
			if !ok {
				continue
			}
			require.Equal(t, want[0].debits, balance.Debits.String())
			require.Equal(t, want[0].credits, balance.Credits.String())
			require.Equal(t, want[0].position, balance.Position)
			for _, size := range []int{1, 7, 64, 5000} {
				if size == 1 && len(want) > 400 {
					continue // slow, and covered by the smaller accounts
				}
				t.Run(fmt.Sprintf("%s by %d", path, size), func(t *testing.T) {
					var got []item
					var place account.Place
					for {
						page, err := account.Entries(ctx, pool, balance.Book, balance.Path, place, size)
						require.NoError(t, err)
						if len(page) == 0 {
							break
						}
						require.LessOrEqual(t, len(page), size)
						for _, e := range page {
							got = append(got, item{e.Position, e.Side, e.Amount.String(), e.Debits.String(), e.Credits.String()})
						}
						place = page[len(page)-1].Place
					}
					require.Equal(t, want, got)
				})
			}
		}
	}
}

func TestBalancesBySnapshotAndChanges(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	at, none, err := account.Snapshot(ctx, pool, account.Filter{Owner: "card"})
	require.NoError(t, err)
	require.Zero(t, at.Position)
	require.Empty(t, none)

	events := history(400)
	project(t, pool, events)
	last := events[len(events)-1].Position

	at, all, err := account.Snapshot(ctx, pool, account.Filter{Owner: "card"})
	require.NoError(t, err)
	require.Equal(t, last, at.Position)
	require.EqualValues(t, 1, at.Generation)
	listed, err := account.Balances(ctx, pool, account.Filter{Owner: "card"}, 100)
	require.NoError(t, err)
	require.Equal(t, all, listed)
	require.Len(t, listed, 4) // payable and receivable in two books
	require.IsIncreasing(t, []string{listed[0].Book + listed[0].Path, listed[1].Book + listed[1].Path, listed[2].Book + listed[2].Path, listed[3].Book + listed[3].Path})

	one, err := account.Balances(ctx, pool, account.Filter{Owner: "card", Book: "busan", Currency: "USD"}, 100)
	require.NoError(t, err)
	require.Len(t, one, 2)
	one, err = account.Balances(ctx, pool, account.Filter{Owner: "card", Currency: "KRW"}, 100)
	require.NoError(t, err)
	require.Empty(t, one)

	// Whatever the limit, following the changes ends at the balances, and no
	// position is ever cut in two.
	for _, limit := range []int{1, 3, 1000} {
		latest := map[string]account.Balance{}
		var seen eventstore.Position
		for {
			changes, err := account.Changes(ctx, pool, seen, limit)
			require.NoError(t, err)
			if len(changes) == 0 {
				break
			}
			require.Greater(t, changes[0].Position, seen)
			for _, c := range changes {
				latest[c.Book+c.Path] = c
			}
			seen = changes[len(changes)-1].Position
		}
		for _, b := range all {
			require.Equal(t, b, latest[b.Book+b.Path], "limit %d", limit)
		}
	}
	oldest, err := account.Oldest(ctx, pool)
	require.NoError(t, err)
	require.Positive(t, oldest)

	since, err := account.Balances(ctx, pool, account.Filter{Owner: "card", After: all[0].Position}, 100)
	require.NoError(t, err)
	for _, b := range since {
		require.Greater(t, b.Position, all[0].Position)
	}
}

// TestSnapshotWhileTheTablesAreReplaced puts rebuilt tables in the place of those
// in use between the two statements of a snapshot.
func TestSnapshotWhileTheTablesAreReplaced(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(50)
	project(t, pool, events)
	_, before, err := account.Snapshot(ctx, pool, account.Filter{Owner: "card"})
	require.NoError(t, err)

	rebuild, err := pool.Begin(ctx)
	require.NoError(t, err)
	_, err = rebuild.Exec(ctx, "LOCK TABLE account.balances IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	type snapshot struct {
		at       account.Progress
		balances []account.Balance
		err      error
	}
	taken := make(chan snapshot, 1)
	go func() {
		var s snapshot
		s.at, s.balances, s.err = account.Snapshot(ctx, pool, account.Filter{Owner: "card"})
		taken <- s
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'account.balances'::regclass)").Scan(&waits)
		return err == nil && waits
	}, 10*time.Second, time.Millisecond)

	_, err = rebuild.Exec(ctx, "ALTER SCHEMA account RENAME TO account_old")
	require.NoError(t, err)
	require.NoError(t, migrations.Create(ctx, rebuild, migrations.Account, "account"))
	require.NoError(t, account.Model{}.Projector("account").Project(ctx, rebuild, events))
	_, err = rebuild.Exec(ctx, "UPDATE jeongsan.checkpoints SET position = $1 WHERE read_model = 'account'", int64(events[len(events)-1].Position))
	require.NoError(t, err)
	require.NoError(t, rebuild.Commit(ctx))

	got := <-taken
	require.NoError(t, got.err)
	require.EqualValues(t, 2, got.at.Generation)
	require.Equal(t, before, got.balances)
}
