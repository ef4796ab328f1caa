package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func rebuildConfig(t testing.TB, h *history, r *Runner, name string) RebuildConfig {
	t.Helper()
	model, err := Find(name)
	require.NoError(t, err)
	return RebuildConfig{Store: h.store, Pool: r.config.Pool, Identity: h.identity, Model: model, Logger: quiet()}
}

func TestRebuildEqualsLive(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 31, nil)
	h.grow(300)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	stop() // it works without a runner, too
	before := dump(t, pool)
	for _, model := range Models() {
		name := model.Definition().Name
		config := rebuildConfig(t, h, r, name)
		phases := map[string]bool{}
		config.Progress = func(p RebuildProgress) { phases[p.Phase] = true }

		config.CompareOnly = true
		comparison, err := Rebuild(ctx, config)
		require.NoError(t, err)
		require.False(t, comparison.Switched)
		require.True(t, comparison.Equal(), "%+v", comparison)
		require.Equal(t, int64(1), statusOf(t, pool, name).Generation)

		config.CompareOnly = false
		comparison, err = Rebuild(ctx, config)
		require.NoError(t, err)
		require.True(t, comparison.Switched)
		require.True(t, comparison.Equal(), "%+v", comparison)
		require.Equal(t, h.last, comparison.ComparedAt)
		require.Len(t, comparison.Tables, len(model.Comparable()))
		rows := int64(0)
		for _, table := range comparison.Tables {
			rows += table.Rows
		}
		require.Positive(t, rows)
		require.Equal(t, int64(2), statusOf(t, pool, name).Generation)
		require.True(t, phases[PhaseBuilding] && phases[PhaseComparing], "%v", phases)
	}
	requireSame(t, before, dump(t, pool))
	var left int
	require.NoError(t, pool.QueryRow(ctx, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%\\_next' OR nspname LIKE '%\\_old'").Scan(&left))
	require.Zero(t, left)

	stop = start(t, r)
	h.grow(30)
	await(t, r, h.last)
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestRebuildFindsPlantedDifferences(t *testing.T) {
	h := newHistory(t, 32, nil)
	h.grow(200)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	for _, plant := range []struct{ model, table, statement, named string }{
		{"account", "balances", "UPDATE account.balances SET debits = debits + 1 WHERE account = 3", `"account": 3`},
		{"account", "entries", "UPDATE account.entries SET amounts[1] = amounts[1] + 1 WHERE (account, position) = (SELECT account, min(position) FROM account.entries WHERE account = 2 GROUP BY 1)", `"account": 2`},
		{"account", "entries", "UPDATE account.entries SET debit[1] = NOT debit[1] WHERE (account, position) = (SELECT account, min(position) FROM account.entries WHERE account = 2 GROUP BY 1)", `"account": 2`},
		{"transaction", "transactions", "DELETE FROM transaction.transactions WHERE position = (SELECT min(position) FROM transaction.transactions)", `"kind": "settlement"`},
		{"transaction", "parties", "UPDATE transaction.parties SET positions[1] = 1 WHERE party = 'party-3'", `"party-3"`},
		{"transaction", "steps", "UPDATE transaction.steps SET counter = 'none' WHERE position = (SELECT min(position) FROM transaction.steps WHERE kind = 'closing')", `"none"`},
		{"transaction", "awaiting", "DELETE FROM transaction.awaiting WHERE position = (SELECT min(position) FROM transaction.awaiting)", `"original_source"`},
		{"transaction", "links", "UPDATE transaction.links SET kind = 'restoration' WHERE position = (SELECT min(position) FROM transaction.links)", `"restoration"`},
		{"transaction", "counters", "UPDATE transaction.counters SET closed_by = NULL", `"closed_by": null`},
		{"hold", "slices", "UPDATE hold.slices SET amount = amount + 1 WHERE position = (SELECT min(position) FROM hold.slices)", `"amount"`},
		{"hold", "releases", "DELETE FROM hold.releases WHERE position = (SELECT min(position) FROM hold.releases)", `"business_date"`},
		{"hold", "dates", "UPDATE hold.dates SET business_date = business_date + 1 WHERE book = 'arcade'", `"arcade"`},
		{"directory", "calendars", "DELETE FROM directory.calendars WHERE version = 2", `"kr"`},
		{"daily", "totals", "INSERT INTO daily.totals VALUES ('2026-01-01', 'ghost', 'p', '', '', '', 'KRW', 1, 1, 1, 1000000)", `"ghost"`},
		{"directory", "contracts", "UPDATE directory.contracts SET valid_until = NULL, terms = '{}' WHERE contract = 'arcade'", `"arcade"`},
		{"audit", "subjects", "UPDATE audit.events SET subjects = '{999999}' WHERE position = (SELECT max(position) FROM audit.events)", `"999999"`},
		{"audit", "events", "UPDATE audit.events SET actor = type WHERE position = (SELECT max(position) FROM audit.events)", `"actor": "type:`},
		{"audit", "subjects", "UPDATE audit.mentions SET positions[1] = 1 WHERE subject = (SELECT id FROM audit.subjects WHERE name = 'party:party-3')", `"party:party-3"`},
	} {
		exec(t, pool, plant.statement)
		comparison, err := Rebuild(context.Background(), rebuildConfig(t, h, r, plant.model))
		require.NoError(t, err)
		require.False(t, comparison.Equal(), plant.statement)
		require.True(t, comparison.Switched)
		found := ""
		for _, table := range comparison.Tables {
			if table.Missing+table.Surplus == 0 {
				continue
			}
			require.Contains(t, table.Table, plant.table, plant.statement) // or the totals of entries
			for _, d := range table.Differences {
				found += fmt.Sprintln(d.InUse, d.Row)
			}
		}
		require.Contains(t, found, plant.named, plant.statement)
		// The switch has repaired it.
		comparison, err = Rebuild(context.Background(), rebuildConfig(t, h, r, plant.model))
		require.NoError(t, err)
		require.True(t, comparison.Equal(), plant.statement)
	}
	exec(t, pool, "ALTER TABLE daily.totals DROP COLUMN credits")
	comparison, err := Rebuild(context.Background(), rebuildConfig(t, h, r, "daily"))
	require.NoError(t, err)
	require.False(t, comparison.Equal())
	require.Contains(t, comparison.Tables[0].Damage, "credits")
	h.grow(30)
	await(t, r, h.last)
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
}

// The log grows, a runner projects and a reader reads, all through the rebuild.
func TestRebuildUnderLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h := newHistory(t, 33, nil)
	h.grow(400)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)

	var reading sync.WaitGroup
	var reads int
	reading.Go(func() {
		least := int64(0)
		for ctx.Err() == nil {
			var entries, sum int64
			err := pool.QueryRow(ctx, "SELECT coalesce(sum(entries), 0), (SELECT coalesce(sum(cardinality(positions)), 0) FROM account.entries) FROM account.balances").Scan(&entries, &sum)
			if ctx.Err() != nil {
				return
			}
			if err != nil || entries != sum || entries < least {
				t.Errorf("read %d entries and %d items after %d: %v", entries, sum, least, err)
				return
			}
			least = entries
			reads++
		}
	})
	var rebuilding sync.WaitGroup
	errs := make(chan error, 20)
	for _, name := range []string{"account", "transaction", "daily", "directory", "audit", "hold"} {
		rebuilding.Go(func() {
			for range 2 {
				comparison, err := Rebuild(ctx, rebuildConfig(t, h, r, name))
				if err == nil && !(comparison.Equal() && comparison.Switched) {
					err = fmt.Errorf("%+v", comparison)
				}
				if err != nil {
					errs <- fmt.Errorf("%s: %w", name, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { rebuilding.Wait(); close(done) }()
	for growing := 0; growing < 60; growing++ {
		h.grow(10)
		await(t, r, h.last)
		select {
		case <-done:
			growing = 60
		default:
		}
	}
	<-done
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	h.grow(10)
	await(t, r, h.last)
	cancel()
	reading.Wait()
	require.Positive(t, reads)
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
	for _, model := range Models() {
		require.Equal(t, int64(3), statusOf(t, pool, model.Definition().Name).Generation)
	}
}

func TestRebuildThatFailsLeavesEverything(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 34, nil)
	h.grow(50)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	stop()
	before := dump(t, pool)

	canceled, cancel := context.WithCancel(ctx)
	config := rebuildConfig(t, h, r, "account")
	config.Progress = func(RebuildProgress) { cancel() }
	_, err := Rebuild(canceled, config)
	require.ErrorIs(t, err, context.Canceled)

	config = rebuildConfig(t, h, r, "account")
	config.Identity.Incarnation++
	_, err = Rebuild(ctx, config)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err))

	// Two at once.
	config = rebuildConfig(t, h, r, "account")
	var second error
	config.Progress = func(RebuildProgress) { _, second = Rebuild(ctx, rebuildConfig(t, h, r, "account")) }
	_, err = Rebuild(ctx, config)
	require.NoError(t, err)
	require.ErrorContains(t, second, "already")
	requireSame(t, before, dump(t, pool))
	_, err = Find("nonsense")
	require.ErrorContains(t, err, "audit")
}

// What a killed rebuild has left is removed by the next start of the runner.
func TestLeftoversOfRebuildAreCleared(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 36, nil)
	pool := testkit.Database(t)
	r := &rebuild{RebuildConfig: RebuildConfig{Store: h.store, Pool: pool, Identity: h.identity, Model: Models()[0]}, definition: migrations.Account}
	require.NoError(t, r.begin(ctx))
	require.NotNil(t, statusOf(t, pool, "account").Rebuilding)
	exec(t, pool, "CREATE SCHEMA account_old; CREATE TABLE account_old.balances ()")
	runner := h.runner(pool)
	stop := start(t, runner)
	await(t, runner, h.last)
	stop()
	require.Nil(t, statusOf(t, pool, "account").Rebuilding)
	var left int
	require.NoError(t, pool.QueryRow(ctx, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'account\\_%'").Scan(&left))
	require.Zero(t, left)
}

func TestTablesOfAnotherVersionAreRebuilt(t *testing.T) {
	h := newHistory(t, 35, nil)
	h.grow(150)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	stop()
	// As an earlier version left them.
	exec(t, pool, "UPDATE jeongsan.checkpoints SET version = 0 WHERE read_model = 'daily'")
	exec(t, pool, "ALTER TABLE daily.totals DROP COLUMN credits, ADD COLUMN net numeric")
	h.grow(50)

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r = h.runner(pool)
	stop = start(t, r)
	require.NoError(t, AwaitCheckpoint(ctx, pool, h.identity.Token(h.last)))
	h.grow(20)
	require.NoError(t, AwaitCheckpoint(ctx, pool, h.identity.Token(h.last)))
	stop()
	require.Equal(t, migrations.Daily.Version, statusOf(t, pool, "daily").Version)
	requireSame(t, reference(t, h), dump(t, pool))
	require.False(t, strings.Contains(strings.Join(dump(t, pool)["daily.totals"], ""), "net"))
}

// Several at once come to what they come to one by one, and one that cannot take
// an event leaves the others alone.
func TestRebuildAll(t *testing.T) {
	h := newHistory(t, 59, nil)
	h.grow(300)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	stop()
	want := dump(t, pool)
	exec(t, pool, "UPDATE daily.totals SET debits = debits + 1 WHERE number = 1")
	poison := Models()
	for i, model := range poison {
		if model.Definition().Name == "transaction" {
			poison[i] = failing{model}
		}
	}
	config := RebuildConfig{Store: h.store, Pool: pool, Identity: h.identity, Logger: quiet()}
	comparisons, err := RebuildAll(context.Background(), config, poison)
	require.ErrorContains(t, err, "rebuild transaction")
	require.ErrorContains(t, err, "cannot take this")
	for _, c := range comparisons {
		if c.Model == "" || c.Model == "transaction" {
			require.False(t, c.Switched)
			continue
		}
		require.True(t, c.Switched, c.Model)
		require.Equal(t, c.Model != "daily", c.Equal(), c.Model)
	}
	require.Equal(t, want, dump(t, pool))
	comparisons, err = RebuildAll(context.Background(), config, Models())
	require.NoError(t, err)
	for _, c := range comparisons {
		require.True(t, c.Switched && c.Equal(), c.Model)
		require.NotEmpty(t, c.Tables)
	}
	require.Equal(t, want, dump(t, pool))
	for _, model := range Models() {
		var beside bool
		require.NoError(t, pool.QueryRow(context.Background(), "SELECT to_regnamespace($1) IS NOT NULL", model.Definition().Next()).Scan(&beside))
		require.False(t, beside, model.Definition().Name)
	}
}

// failing is a read model that can take no entry.
type failing struct{ Model }

func (f failing) Projector(string) readmodel.Projector { return failing{} }

func (failing) Forget() {}

func (failing) Project(_ context.Context, _ pgx.Tx, events []readmodel.Event) error {
	for _, e := range events {
		if e.Entry != nil {
			return errors.New("cannot take this")
		}
	}
	return nil
}
