package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// writer is a process that decides commands, and is killed and started again while
// callers send to it.
type writer struct {
	data string
	args []string
	p    *process
	url  atomic.Pointer[string]
	sent atomic.Int64 // commands that have their answer
}

func (w *writer) run(t *testing.T) {
	t.Helper()
	w.p = decider(t, w.data, w.args...)
	w.url.Store(&w.p.server.Server)
}

// twoWritersKilled gives two processes on one event store the same commands in
// different orders and kills either at random. Every key is settled once, every
// caller of either gets the same answer, and what each process keeps for itself is
// what a fresh fold of the log gives.
func twoWritersKilled(t *testing.T, s scale) {
	random := randomness(t)
	commands := of(s, 2_000, 20_000, 200_000)
	kills := of(s, 2, 6, 40)
	ctx := patience(t)

	node := start(t, "node", "--data", dataDirectory(t), "--listen", "127.0.0.1:0")
	shared := []string{"--eventstore", node.server.EventStore, "--keys", dataDirectory(t), "--log-level", "error"}
	writers := []*writer{{data: dataDirectory(t), args: shared}, {data: dataDirectory(t), args: shared}}
	for _, w := range writers {
		w.run(t)
	}
	succeed(t, "apply", "testdata/terms.yaml", "--server", writers[0].p.server.Server)

	first, second := shopCommands(commands)
	answers := &answerBook{refs: map[book.Key]domain.Ref{}}
	for phase, batch := range [][]domain.Command{first, second} {
		var work sync.WaitGroup
		stopped := make(chan struct{})
		for n, w := range writers {
			w.sent.Store(0)
			mine := rand.New(rand.NewPCG(random.Uint64(), uint64(n)))
			parts := make(chan []domain.Command)
			go func() {
				defer close(parts)
				order := mine.Perm(len(batch))
				for len(order) > 0 {
					part := make([]domain.Command, min(len(order), 1+mine.IntN(100)))
					for i := range part {
						part[i] = batch[order[i]]
					}
					order = order[len(part):]
					parts <- part
				}
			}()
			for range 8 {
				work.Go(func() {
					for part := range parts {
						w.settle(ctx, t, part, answers)
					}
				})
			}
		}
		go func() { work.Wait(); close(stopped) }()
		share := kills
		if phase == 1 {
			share = kills / 3
		}
		for kill := range share {
			w := writers[random.IntN(len(writers))]
			// Somewhere in what is left to do.
			done := w.sent.Load()
			target := done + 1 + random.Int64N(max(1, 2*(int64(len(batch))-done)/int64(share-kill+1)))
			awaitSent(ctx, t, w, target, stopped)
			w.p.kill()
			w.run(t)
		}
		select {
		case <-stopped:
		case <-ctx.Done():
			t.Fatal("the callers did not end")
		}
		require.False(t, t.Failed())
	}

	keys := inTheLog(t, connect(t, node.server.EventStore), "shop") // each once
	require.Len(t, keys, len(first)+len(second))
	for key, revision := range keys {
		require.Equal(t, revision, answers.refs[key].Revision, "%v: the answer that its callers got", key)
	}
	for _, w := range writers {
		// A refusal for want of an original is given at the end of the log only, so
		// that both have seen everything.
		reply := send(t, *w.url.Load(), shopRefund("none", "none", 1))[0]
		require.Equal(t, domain.CodeMissingOriginal, domain.CodeOf(reply.Err), "%v", reply.Err)
		w.p.stop()
	}
	var state string
	var last uint64
	for _, w := range writers {
		args := append([]string{"--data", w.data, "--log", "--index"}, shared...)
		books := checkedIndex(t, args...)
		require.Len(t, books, 1)
		require.EqualValues(t, len(keys), books[0].Keys)
		require.GreaterOrEqual(t, books[0].Revision, uint64(len(keys)-1), "business dates may have passed")
		if state != "" {
			require.Equal(t, state, books[0].State)
			require.Equal(t, last, books[0].Revision)
		}
		state, last = books[0].State, books[0].Revision
	}
	node.stop()
}

// shopCommands are n commands for testdata/terms.yaml: those that stand alone, and
// those that need one of the first.
func shopCommands(n int) (first, second []domain.Command) {
	for i := range n * 4 / 5 {
		c := shopSale(fmt.Sprintf("W%06d", i), int64(i%9_000))
		switch i % 50 {
		case 7: // money given back for nothing that we know
			c.Transaction.Amount = money.New(-int64(1+i%500), 2)
			c.Transaction.Type, c.Policy.SettleUnmatched = "refund", true
		case 8:
			c.Transaction.Amount = money.New(0, 2)
		}
		first = append(first, c)
	}
	for i := 0; len(first)+len(second) < n; i++ {
		original := first[i].(book.SettleTransaction).Transaction
		switch {
		case original.Amount.Sign() <= 0 || original.Amount.Units() < 10:
		case i%3 == 0:
			second = append(second, book.ReverseEntry{
				Key: book.Key{Source: "desk", ExternalID: "R-" + original.ExternalID}, Book: "shop", ContentHash: "1:ab", Target: original.Key,
				Reason: "charged twice", OccurredAt: original.OccurredAt,
			})
		default:
			second = append(second, shopRefund("Q-"+original.ExternalID, original.ExternalID, original.Amount.Units()/2))
		}
	}
	return first, second
}

// answerBook is what callers were told, by key.
type answerBook struct {
	mu   sync.Mutex
	refs map[book.Key]domain.Ref
}

// settle sends commands until each has its verdict.
func (w *writer) settle(ctx context.Context, t *testing.T, left []domain.Command, answers *answerBook) {
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for len(left) > 0 {
		var again []domain.Command
		for i, reply := range sendTo(ctx, *w.url.Load(), left...) {
			switch domain.CodeOf(reply.Err) {
			case "":
				answers.note(t, left[i], reply)
				w.sent.Add(1)
			case domain.CodeUnavailable, domain.CodeOutcomeUnknown:
				again = append(again, left[i])
			default:
				assert.NoError(t, reply.Err, "%v", left[i])
			}
		}
		if left = again; len(left) == 0 {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a *answerBook) note(t *testing.T, c domain.Command, reply command.Reply) {
	key := keyOf(c)
	a.mu.Lock()
	defer a.mu.Unlock()
	if before, known := a.refs[key]; known {
		assert.Equal(t, before, reply.Ref, "%v: another answer than the first", key)
	}
	a.refs[key] = reply.Ref
}

func keyOf(c domain.Command) book.Key {
	if r, ok := c.(book.ReverseEntry); ok {
		return r.Key
	}
	return c.(book.SettleTransaction).Transaction.Key
}

// awaitSent waits until a writer has answered so many commands, or all callers have
// ended.
func awaitSent(ctx context.Context, t *testing.T, w *writer, n int64, stopped <-chan struct{}) {
	t.Helper()
	every(ctx, t, 2*time.Millisecond, func() bool {
		select {
		case <-stopped:
			return true
		default:
			return w.sent.Load() >= n
		}
	}, "answers of a writer")
}
