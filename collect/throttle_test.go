package collect_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/eventstore"
)

// readModels are read models whose progress a test decides.
type readModels struct {
	mu      sync.Mutex
	visible eventstore.Position
	moved   chan struct{}
	broken  error
	awaits  int
}

func newReadModels() *readModels { return &readModels{moved: make(chan struct{})} }

func (r *readModels) reach(p eventstore.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visible = p
	close(r.moved)
	r.moved = make(chan struct{})
}

func (r *readModels) Visible() eventstore.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.visible
}

func (r *readModels) Await(ctx context.Context, p eventstore.Position) error {
	for {
		r.mu.Lock()
		moved, there, broken := r.moved, r.visible >= p, r.broken
		r.awaits++
		r.mu.Unlock()
		if broken != nil || there {
			return broken
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func credit(r *readModels) *collect.Credit {
	return collect.NewCredit(r, 100, time.Second, slog.New(slog.DiscardHandler))
}

func TestCreditHoldsBackUntilVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, models := context.Background(), newReadModels()
		c := credit(models)
		require.NoError(t, c.Admit(ctx, 60))
		c.Acknowledged(10, 60)
		require.NoError(t, c.Admit(ctx, 40))
		c.Acknowledged(20, 40)

		admitted := make(chan error, 1)
		go func() { admitted <- c.Admit(ctx, 50) }()
		synctest.Wait()
		select {
		case <-admitted:
			t.Fatal("admitted beyond the credit")
		default:
		}
		models.reach(10) // 60 are visible
		synctest.Wait()
		require.NoError(t, <-admitted)
	})
}

func TestCreditDoesNotWaitForDeadReadModels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, models := context.Background(), newReadModels()
		c := credit(models)
		c.Acknowledged(10, 100)
		start := time.Now()
		require.NoError(t, c.Admit(ctx, 50))
		require.Equal(t, time.Second, time.Since(start), "waits for its patience once")
		c.Acknowledged(20, 50)
		for range 10 {
			require.NoError(t, c.Admit(ctx, 50))
		}
		require.Equal(t, time.Second, time.Since(start), "and not again")

		models.reach(10) // alive again: 50 are still invisible
		require.NoError(t, c.Admit(ctx, 50))
		require.Equal(t, time.Second, time.Since(start))
		c.Acknowledged(30, 50)
		time.AfterFunc(300*time.Millisecond, func() { models.reach(20) })
		require.NoError(t, c.Admit(ctx, 50))
		require.Equal(t, 1300*time.Millisecond, time.Since(start), "holds back again")
	})
}

func TestCreditWithBrokenReadModels(t *testing.T) {
	models := newReadModels()
	models.broken = errors.New("no database")
	c := credit(models)
	c.Acknowledged(10, 100)
	require.NoError(t, c.Admit(context.Background(), 50))
	c.Acknowledged(20, 50)
	require.NoError(t, c.Admit(context.Background(), 50))
	require.Equal(t, 1, models.awaits)
}

func TestCreditEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		c := credit(newReadModels())
		c.Acknowledged(10, 100)
		done := make(chan error, 1)
		go func() { done <- c.Admit(ctx, 1) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.ErrorIs(t, collect.Unlimited{}.Admit(ctx, 1), context.Canceled)
	})
}

func TestMoreThanTheCreditAtOnceIsAdmittedAlone(t *testing.T) {
	c := credit(newReadModels())
	require.NoError(t, c.Admit(context.Background(), 500))
}

// lazy read models move only when somebody waits for them.
type lazy struct {
	visible eventstore.Position
	awaits  int
}

func (l *lazy) Visible() eventstore.Position { return l.visible }

func (l *lazy) Await(_ context.Context, p eventstore.Position) error {
	l.visible, l.awaits = p, l.awaits+1
	return nil
}

func TestIngestIsThrottled(t *testing.T) {
	l, d := openShop(t)
	models := &lazy{}
	l.pipeline = collect.NewPipeline(collect.Config{Door: l.door, Store: l.store, Batch: 20, Throttle: collect.NewCredit(models, 30, time.Minute, slog.New(slog.DiscardHandler))})
	report := l.must(d, manyRows(100))
	require.EqualValues(t, 120, report.Counts.Settled)
	require.Greater(t, models.awaits, 3, "with room for 30, about every second batch waits")
	require.NotZero(t, models.visible)
}
