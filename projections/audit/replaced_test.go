package audit_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/audit"
)

// TestTablesAreReplacedWithinARead stops reads at their second table and puts
// others in the place of all, in which everything has another number.
func TestTablesAreReplacedWithinARead(t *testing.T) {
	ctx := t.Context()
	pool := testkit.Database(t)
	events := history()
	project(t, pool, events, 50)
	round := 0
	for name, filter := range map[string]audit.Filter{
		"along a party's":  {IDs: []string{"party:p3"}},
		"of a transaction": {IDs: []string{"transaction:pg-0/t0"}},
		"along all":        {From: events[10].Meta.RecordedAt},
		"a rare actor's":   {Actor: "operator:1", Type: "TransactionSettled.v2"},
	} {
		round++
		t.Run(name, func(t *testing.T) {
			want, err := audit.List(ctx, pool, filter, 0, 100)
			require.NoError(t, err)
			require.NotEmpty(t, want)
			rebuild, err := pool.Begin(ctx)
			require.NoError(t, err)
			_, err = rebuild.Exec(ctx, "LOCK TABLE audit.events IN ACCESS EXCLUSIVE MODE")
			require.NoError(t, err)
			var found []audit.Mention
			answered := make(chan error, 1)
			go func() {
				var err error
				found, err = audit.List(ctx, pool, filter, 0, 100)
				answered <- err
			}()
			require.Eventually(t, func() bool {
				var waits bool
				err := pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = to_regclass('audit.events'))").Scan(&waits)
				return err == nil && waits
			}, 10*time.Second, time.Millisecond)
			replaceTables(t, rebuild, round)
			require.NoError(t, rebuild.Commit(ctx))
			require.NoError(t, <-answered)
			require.Equal(t, want, found)
		})
	}
}

// replaceTables puts tables with other numbers in the place of those in use.
func replaceTables(t *testing.T, tx pgx.Tx, round int) {
	t.Helper()
	_, err := tx.Exec(t.Context(), "DROP SCHEMA IF EXISTS replaced CASCADE; ALTER SCHEMA audit RENAME TO replaced")
	require.NoError(t, err)
	require.NoError(t, migrations.Create(t.Context(), tx, migrations.Audit, "audit"))
	require.NoError(t, audit.Model{}.Projector("audit").Project(t.Context(), tx, history()))
	renumber(t, tx, round)
}

// renumber turns the order of the numbers around, and every time by another shift.
func renumber(t *testing.T, tx pgx.Tx, shift int) {
	t.Helper()
	_, err := tx.Exec(t.Context(), strings.ReplaceAll(`
		UPDATE audit.subjects SET id = -id;
		UPDATE audit.subjects SET id = $shift + id;
		UPDATE audit.mentions SET subject = $shift - subject;
		UPDATE audit.events SET stream = $shift - stream, type = $shift - type, actor = $shift - actor,
			subjects = ARRAY(SELECT $shift - u FROM unnest(subjects) u ORDER BY 1)`, "$shift", strconv.Itoa(1000+shift)))
	require.NoError(t, err)
}
