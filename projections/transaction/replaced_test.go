package transaction_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// TestTablesAreReplacedWithinARead stops reads between two of their tables and
// puts rebuilt ones in their place, whose rows of a party end elsewhere.
func TestTablesAreReplacedWithinARead(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(200)
	projector := transaction.Model{}.Projector("transaction")
	for len(events) > 0 { // rows of one party hold three positions each
		n := min(3, len(events))
		require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return projector.Project(ctx, tx, events[:n]) }))
		events = events[n:]
	}
	events = history(200)
	reads := map[string]func(pool *pgxpool.Pool) (any, error){
		"a party's": func(pool *pgxpool.Pool) (any, error) {
			return transaction.List(ctx, pool, transaction.Filter{Party: "busy"}, events[100].Position, 30)
		},
		"links": func(pool *pgxpool.Pool) (any, error) { return transaction.Links(ctx, pool, "seoul", 0, 10) },
	}
	want := map[string]any{}
	for name, read := range reads {
		found, err := read(pool)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		want[name] = found
	}
	for name, read := range reads {
		for _, warm := range []bool{false, true} {
			for _, rows := range []int{43, 3} {
				t.Run(fmt.Sprintf("%s, to rows of %d, asked before: %t", name, rows, warm), func(t *testing.T) {
					require.Equal(t, want[name], replacedWithin(t, pool, read, warm, rows))
				})
			}
		}
	}
}

// replacedWithin reads while the tables are replaced by some with rows of so many
// positions, on a connection of its own, which has seen the statement already or
// has yet to prepare it.
func replacedWithin(t *testing.T, pool *pgxpool.Pool, read func(pool *pgxpool.Pool) (any, error), warm bool, rows int) (found any) {
	t.Helper()
	ctx := context.Background()
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
	_, err = rebuild.Exec(ctx, "LOCK TABLE transaction.transactions IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	answered := make(chan error, 1)
	go func() {
		var err error
		found, err = read(reader)
		answered <- err
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = to_regclass('transaction.transactions'))").Scan(&waits)
		return err == nil && waits
	}, 10*time.Second, time.Millisecond)
	replaceTables(t, rebuild, rows)
	require.NoError(t, rebuild.Commit(ctx))
	require.NoError(t, <-answered)
	_, err = pool.Exec(ctx, "DROP SCHEMA replaced CASCADE")
	require.NoError(t, err)
	return found
}

// replaceTables projects the same history anew in batches of this many.
func replaceTables(t *testing.T, tx pgx.Tx, batch int) {
	t.Helper()
	ctx := context.Background()
	_, err := tx.Exec(ctx, "ALTER SCHEMA transaction RENAME TO replaced")
	require.NoError(t, err)
	require.NoError(t, migrations.Create(ctx, tx, migrations.Transaction, "transaction"))
	events := history(200)
	projector := transaction.Model{}.Projector("transaction")
	for len(events) > 0 {
		n := min(batch, len(events))
		require.NoError(t, projector.Project(ctx, tx, events[:n]))
		events = events[n:]
	}
}
