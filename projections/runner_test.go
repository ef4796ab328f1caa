package projections

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

const patience = 30 * time.Second

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (h *history) runner(pool *pgxpool.Pool) *Runner {
	return NewRunner(Config{Store: h.store, Pool: pool, Identity: h.identity, Logger: quiet()})
}

// start runs a runner; stop ends it and waits.
func start(t testing.TB, r *Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	return stop
}

func await(t testing.TB, r *Runner, position eventstore.Position) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, r.Await(ctx, position), "health: %v", r.Health())
}

func requireSame(t testing.TB, want, got map[string][]string) {
	t.Helper()
	require.Empty(t, cmp.Diff(want, got))
}

func TestRunnerFollowsTheLog(t *testing.T) {
	h := newHistory(t, 1, nil)
	h.grow(300)
	pool := testkit.Database(t)
	registry := prometheus.NewRegistry()
	r := NewRunner(Config{Store: h.store, Pool: pool, Identity: h.identity, Logger: quiet(), Registerer: registry})
	require.Error(t, r.Health())
	stop := start(t, r)
	await(t, r, h.last)
	require.NoError(t, r.Health())
	for range 5 {
		h.grow(40)
		await(t, r, h.last)
	}
	require.Equal(t, h.last, r.Visible())
	families, err := registry.Gather()
	require.NoError(t, err)
	require.NotEmpty(t, families)
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
	require.NotEmpty(t, dump(t, pool)["transaction.links"])
	require.NotEmpty(t, dump(t, pool)["directory.quarantine"])
}

func TestRunnerLeavesNothingBehind(t *testing.T) {
	h := newHistory(t, 2, nil)
	pool := testkit.Database(t)
	before := goleak.IgnoreCurrent()
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	stop()
	pool.Reset()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}

// However the log is cut into batches, and whichever of them is lost and begun
// again with a fresh worker, the tables say the same.
func TestBatchesMakeNoDifference(t *testing.T) {
	h := newHistory(t, 3, nil)
	h.grow(900)
	want := reference(t, h)
	events := h.events()
	for _, seed := range []uint64{1, 2, 3} {
		rng := rand.New(rand.NewPCG(seed, 0))
		pool := testkit.Database(t)
		for i := range Models() {
			workers := workersOver(t, pool)
			for at := 0; at < len(events); {
				n := min(len(events)-at, 1+rng.IntN(60))
				if rng.IntN(4) == 0 {
					n = min(len(events)-at, 1+rng.IntN(4))
				}
				if rng.IntN(5) == 0 { // killed: what was remembered is lost
					workers = workersOver(t, pool)
				}
				if rng.IntN(5) == 0 { // killed within the transaction
					ctx, cancel := context.WithCancel(context.Background())
					cancel()
					require.Error(t, workers[i].apply(ctx, events[at:at+n], events[at+n-1].Position))
				}
				// A batch may begin with events that are in already.
				from := max(0, at-rng.IntN(5))
				require.NoError(t, workers[i].apply(context.Background(), events[from:at+n], events[at+n-1].Position))
				require.False(t, workers[i].parked)
				at += n
			}
		}
		requireSame(t, want, dump(t, pool))
	}
}

func TestRunnerSurvivesLostConnections(t *testing.T) {
	h := newHistory(t, 4, nil)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	for range 12 {
		h.grow(60)
		cutConnections(t, pool)
		if h.rng.IntN(3) == 0 {
			await(t, r, h.last)
		}
		if h.rng.IntN(3) == 0 {
			stop()
			r = h.runner(pool)
			stop = start(t, r)
		}
	}
	await(t, r, h.last)
	stop()
	pool.Reset() // it may hold connections that were cut
	requireSame(t, reference(t, h), dump(t, pool))
}

// cutConnections ends all connections to a database, from one of its own: those of
// the pool may have been cut already.
func cutConnections(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig.Copy())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	require.NoError(t, err)
}

func TestRunnerSurvivesLostSubscriptions(t *testing.T) {
	h := newHistory(t, 5, nil)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	dropper, ok := h.store.(interface{ DropSubscriptions(error) })
	require.True(t, ok)
	for range 8 {
		h.grow(50)
		dropper.DropSubscriptions(&eventstore.Error{Code: eventstore.CodeUnavailable, Op: "subscribe"})
	}
	h.grow(10)
	await(t, r, h.last)
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestRunnerOverTheNode(t *testing.T) {
	h := newHistory(t, 6, testkit.Store(t))
	h.grow(300)
	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	h.grow(50)
	await(t, r, h.last)
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestSecondWorkerIsFenced(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 7, nil)
	h.grow(100)
	events := h.events()
	half, end := events[:50], events[len(events)-1].Position
	pool := testkit.Database(t)
	first, second := workersOver(t, pool), workersOver(t, pool)
	for i := range first {
		require.NoError(t, first[i].apply(ctx, half, half[49].Position))
		require.ErrorIs(t, second[i].apply(ctx, half, half[49].Position), errFenced)
		require.ErrorIs(t, second[i].apply(ctx, events, end), errFenced)
		require.NoError(t, first[i].apply(ctx, events, end))
	}
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestSecondRunnerStandsByAndTakesOver(t *testing.T) {
	h := newHistory(t, 8, nil)
	pool := testkit.Database(t)
	first, second := h.runner(pool), h.runner(pool)
	stopFirst := start(t, first)
	await(t, first, h.last)
	stopSecond := start(t, second)
	h.grow(50)
	await(t, first, h.last)
	await(t, second, h.last) // it sees how far the first is
	stopFirst()
	h.grow(50)
	await(t, second, h.last)
	require.Less(t, first.Visible(), h.last)
	stopSecond()
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestOtherLogStartsFromNothing(t *testing.T) {
	pool := testkit.Database(t)
	old := newHistory(t, 9, nil)
	old.grow(200)
	r := old.runner(pool)
	stop := start(t, r)
	await(t, r, old.last)
	stop()

	h := newHistory(t, 10, nil)
	h.grow(100)
	var log strings.Builder
	r = NewRunner(Config{Store: h.store, Pool: pool, Identity: h.identity, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	stop = start(t, r)
	await(t, r, h.last)
	stop()
	require.Contains(t, log.String(), "another log")
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestAwaitCheckpoint(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 11, nil)
	h.grow(20)
	pool := testkit.Database(t)

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, AwaitCheckpoint(short, pool, h.identity.Token(h.last)), context.DeadlineExceeded)

	waiting := make(chan error, 2)
	go func() { waiting <- AwaitCheckpoint(ctx, pool, h.identity.Token(h.last)) }()
	go func() { waiting <- AwaitCheckpoint(ctx, pool, h.identity.Token(h.last), "account", "daily") }()
	stop := start(t, h.runner(pool))
	require.NoError(t, <-waiting)
	require.NoError(t, <-waiting)
	stop()

	other := h.identity
	other.Incarnation++
	require.ErrorContains(t, AwaitCheckpoint(ctx, pool, other.Token(1)), "another log")
	require.ErrorContains(t, AwaitCheckpoint(ctx, pool, h.identity.Token(1), "nonsense"), "no such read model")
}
