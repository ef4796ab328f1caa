package migrations_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/migrations"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func checkpoints(t *testing.T, pool *pgxpool.Pool) map[string]int {
	t.Helper()
	rows, err := pool.Query(context.Background(), "SELECT read_model, version FROM jeongsan.checkpoints")
	require.NoError(t, err)
	defer rows.Close()
	got := map[string]int{}
	for rows.Next() {
		var name string
		var version int
		require.NoError(t, rows.Scan(&name, &version))
		got[name] = version
	}
	require.NoError(t, rows.Err())
	return got
}

func TestUp(t *testing.T) {
	ctx := context.Background()
	dsn := testkit.Postgres(t)

	state, err := migrations.Status(ctx, dsn)
	require.NoError(t, err)
	require.Zero(t, state.Applied)
	require.Positive(t, state.Known)
	require.True(t, state.Base[0].AppliedAt.IsZero())

	// Several processes start at once.
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = migrations.Up(ctx, dsn) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}

	pool := testkit.Pool(t, dsn)
	want := map[string]int{}
	for _, model := range migrations.All() {
		want[model.Name] = model.Version
		var tables int
		require.NoError(t, pool.QueryRow(ctx, "SELECT count(*) FROM information_schema.tables WHERE table_schema = $1", model.Name).Scan(&tables))
		require.Positive(t, tables, model.Name)
	}
	require.Equal(t, want, checkpoints(t, pool))

	// Again, over rows: nothing changes.
	_, err = pool.Exec(ctx, "UPDATE jeongsan.checkpoints SET position = 7")
	require.NoError(t, err)
	require.NoError(t, migrations.Up(ctx, dsn))
	var moved int
	require.NoError(t, pool.QueryRow(ctx, "SELECT count(*) FROM jeongsan.checkpoints WHERE position = 7").Scan(&moved))
	require.Equal(t, len(want), moved)

	state, err = migrations.Status(ctx, dsn)
	require.NoError(t, err)
	require.Equal(t, state.Known, state.Applied)
	require.False(t, state.Base[0].AppliedAt.IsZero())
}

func TestUpCreatesReadModelThatIsMissing(t *testing.T) {
	ctx := context.Background()
	dsn := testkit.Migrated(t)
	pool := testkit.Pool(t, dsn)
	_, err := pool.Exec(ctx, "DROP SCHEMA daily CASCADE; UPDATE jeongsan.checkpoints SET position = 7 WHERE read_model IN ('daily', 'audit')")
	require.NoError(t, err)
	require.NoError(t, migrations.Up(ctx, dsn))
	var position, generation int
	require.NoError(t, pool.QueryRow(ctx, "SELECT position, generation FROM jeongsan.checkpoints WHERE read_model = 'daily'").Scan(&position, &generation))
	require.Equal(t, 0, position)
	require.Equal(t, 2, generation)
	require.NoError(t, pool.QueryRow(ctx, "SELECT position FROM jeongsan.checkpoints WHERE read_model = 'audit'").Scan(&position))
	require.Equal(t, 7, position)
}

func TestUpRefusesNewerDatabase(t *testing.T) {
	ctx := context.Background()
	dsn := testkit.Migrated(t)
	_, err := testkit.Pool(t, dsn).Exec(ctx, "INSERT INTO jeongsan.migrations (version_id, is_applied) VALUES (9999, true)")
	require.NoError(t, err)
	err = migrations.Up(ctx, dsn)
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
	require.ErrorContains(t, err, "newer version")
	require.ErrorContains(t, err, "9999")
}

func TestUpNamesUnreachableServer(t *testing.T) {
	err := migrations.Up(context.Background(), "postgres://nobody@/none?host=/nonexistent")
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
	require.ErrorContains(t, err, "--database")
}
