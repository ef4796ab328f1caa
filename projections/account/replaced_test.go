package account_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/account"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// replace puts rebuilt tables, which number the accounts differently, in the
// place of those in use.
func replace(t *testing.T, tx pgx.Tx, events []readmodel.Event) {
	t.Helper()
	ctx := context.Background()
	_, err := tx.Exec(ctx, "ALTER SCHEMA account RENAME TO account_old")
	require.NoError(t, err)
	require.NoError(t, migrations.Create(ctx, tx, migrations.Account, "account"))
	require.NoError(t, account.Model{}.Projector("account").Project(ctx, tx, events))
	for _, table := range []string{"accounts", "balances", "entries", "changes"} {
		// Two steps, so that no number is there twice on the way.
		_, err = tx.Exec(ctx, "UPDATE account."+table+" SET account = account + 1000; UPDATE account."+table+" SET account = 1009 - account")
		require.NoError(t, err)
	}
	_, err = tx.Exec(ctx, "UPDATE jeongsan.checkpoints SET position = $1 WHERE read_model = 'account'", int64(events[len(events)-1].Position))
	require.NoError(t, err)
}

// TestTablesAreReplacedWithinARead stops each read between two of its tables and
// puts rebuilt ones in their place. The answer must be that of one copy: either
// says the same.
func TestTablesAreReplacedWithinARead(t *testing.T) {
	ctx := context.Background()
	path := string(ledger.Account("card", "receivable", "USD"))
	for name, test := range map[string]struct {
		stopAt string // table that is looked up last
		read   func(pool *pgxpool.Pool) (any, error)
	}{
		"balances": {"balances", func(pool *pgxpool.Pool) (any, error) {
			return account.Balances(ctx, pool, account.Filter{Owner: "card"}, 10)
		}},
		"one balance": {"balances", func(pool *pgxpool.Pool) (any, error) {
			found, _, err := account.Find(ctx, pool, "seoul", path)
			return found, err
		}},
		"snapshot": {"balances", func(pool *pgxpool.Pool) (any, error) {
			_, found, err := account.Snapshot(ctx, pool, account.Filter{Owner: "card"})
			return found, err
		}},
		"changes": {"accounts", func(pool *pgxpool.Pool) (any, error) {
			found, err := account.Changes(ctx, pool, 0, 1_000)
			if len(found) > 0 {
				found = found[len(found)-1:] // how many there are depends on the batches
			}
			return found, err
		}},
		"entries": {"entries", func(pool *pgxpool.Pool) (any, error) {
			return account.Entries(ctx, pool, "seoul", path, account.Place{}, 20)
		}},
		"next entries": {"entries", func(pool *pgxpool.Pool) (any, error) {
			first, err := account.Entries(ctx, pool, "seoul", path, account.Place{}, 5)
			if err != nil || len(first) < 5 {
				return first, err
			}
			return account.Entries(ctx, pool, "seoul", path, first[4].Place, 20)
		}},
	} {
		for _, warm := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, asked before: %t", name, warm), func(t *testing.T) { replacedWithin(t, test.stopAt, test.read, warm) })
		}
	}
}

// replacedWithin reads on a connection of its own, which has seen the statements
// already or has yet to prepare them.
func replacedWithin(t *testing.T, stopAt string, read func(pool *pgxpool.Pool) (any, error), warm bool) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(300)
	project(t, pool, events)
	want, err := read(pool)
	require.NoError(t, err)
	require.NotEmpty(t, want)

	config := pool.Config()
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	reader, err := pgxpool.NewWithConfig(ctx, config)
	require.NoError(t, err)
	defer reader.Close()
	if warm {
		_, err := read(reader)
		require.NoError(t, err)
	}

	rebuild, err := pool.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = rebuild.Rollback(ctx) }() // done already, unless the test has failed
	_, err = rebuild.Exec(ctx, "LOCK TABLE account."+stopAt+" IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	type answer struct {
		found any
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		found, err := read(reader)
		answered <- answer{found, err}
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = to_regclass($1))", "account."+stopAt).Scan(&waits)
		return err == nil && waits
	}, 10*time.Second, time.Millisecond)
	replace(t, rebuild, events)
	require.NoError(t, rebuild.Commit(ctx))

	got := <-answered
	require.NoError(t, got.err)
	require.Equal(t, want, got.found)
	again, err := read(reader)
	require.NoError(t, err)
	require.Equal(t, want, again)
}
