package projections

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/account"
)

// Live readers are told after each commit, and whoever reads the changes by
// position ends with the balances.
func TestChangesReachLiveReaders(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h := newHistory(t, 51, nil)
	h.grow(50)
	pool := testkit.Database(t)
	conn, err := pool.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, "LISTEN "+account.Channel)
	require.NoError(t, err)
	r := h.runner(pool)
	stop := start(t, r)
	defer stop()

	balances := map[int32]string{}
	var last eventstore.Position
	read := func() {
		rows, err := pool.Query(ctx, "SELECT position, account, debits::text || '/' || credits::text FROM account.changes WHERE position > $1 ORDER BY position", int64(last))
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var number int32
			var text string
			require.NoError(t, rows.Scan(&last, &number, &text))
			balances[number] = text
		}
		require.NoError(t, rows.Err())
	}
	for range 4 {
		h.grow(40)
		h.settle()
		for announced := eventstore.Start; announced < h.last; {
			n, err := conn.Conn().WaitForNotification(ctx)
			require.NoError(t, err)
			position, err := strconv.ParseUint(n.Payload, 10, 64)
			require.NoError(t, err)
			require.Greater(t, eventstore.Position(position), announced)
			announced = eventstore.Position(position)
			read()
		}
	}
	rows, err := pool.Query(ctx, "SELECT account, debits::text || '/' || credits::text FROM account.balances")
	require.NoError(t, err)
	defer rows.Close()
	want := map[int32]string{}
	for rows.Next() {
		var number int32
		var text string
		require.NoError(t, rows.Scan(&number, &text))
		want[number] = text
	}
	require.NoError(t, rows.Err())
	require.Equal(t, want, balances)
}

func TestOldChangesArePruned(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 52, nil)
	h.grow(100)
	pool := testkit.Database(t)
	// Old ones, before the positions of this log.
	exec(t, pool, "INSERT INTO account.changes SELECT -i, 1, 0, 0 FROM generate_series(1, 130000) i")
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	stop()
	var left, newest int
	require.NoError(t, pool.QueryRow(ctx, "SELECT count(*), count(*) FILTER (WHERE position > 0) FROM account.changes").Scan(&left, &newest))
	require.GreaterOrEqual(t, left, 100_000)
	require.Less(t, left, 101_000)
	require.Positive(t, newest)
}

// A position that no event of ours stands at moves the checkpoints, too.
func TestCheckpointsOfTheFilterMoveTheReadModels(t *testing.T) {
	h := newHistory(t, 53, nil)
	pool := testkit.Database(t)
	workers := workersOver(t, pool)
	r := h.runner(pool)
	items, batches := make(chan item), make(chan batch)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go cut(ctx, items, batches, new(pace))
	began := time.Now()
	for i := range 50 {
		items <- item{position: eventstore.Position(900 + i)}
	}
	b := <-batches
	require.GreaterOrEqual(t, time.Since(began), checkpointWait)
	require.Empty(t, b.events)
	require.Equal(t, eventstore.Position(949), b.position)
	require.NoError(t, r.apply(ctx, workers, b))
	require.Equal(t, eventstore.Position(949), r.Visible())
	require.Equal(t, eventstore.Position(949), statusOf(t, pool, "daily").Position)
}
