package graph_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph"
)

var transports = []string{"ws", "sse"}

const studio = "studio/payable/KRW"

// received takes a message that has no error.
func received(t *testing.T, s subscriber) change {
	t.Helper()
	c, ok := s.next()
	require.True(t, ok, "the subscription ended")
	require.Empty(t, c.Errors)
	return c
}

func TestBalancesArePushed(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			w := newWorld(t)
			w.platform()
			s := w.open(transport, "studio", "")
			defer s.close()
			first := received(t, s)
			require.Empty(t, first.Data.BalanceChanged.Balances, "nothing was posted yet")
			require.NotEmpty(t, first.Data.BalanceChanged.Cursor)

			// 45 % of each sale, to the won: 10 % of 100 for the tax, half of the rest.
			last := w.must(w.settle("t-1", "100"))
			pushed := received(t, s)
			require.Equal(t, map[string]string{studio: "45"}, pushed.credits())
			require.Equal(t, last.Position, pushed.Data.BalanceChanged.Balances[0].Position)
			require.Equal(t, "PROVIDER", pushed.Data.BalanceChanged.Balances[0].Party.Kind)
			s.close()

			// What happens while nobody listens is there at once on return, and
			// nothing of it twice.
			w.must(w.settle("t-2", "100"))
			last = w.must(w.settle("t-3", "100"))
			w.visible(last.Position)
			back := w.open(transport, "studio", pushed.Data.BalanceChanged.Cursor)
			defer back.close()
			require.Equal(t, map[string]string{studio: "135"}, received(t, back).credits())
			w.must(w.settle("t-4", "100"))
			require.Equal(t, map[string]string{studio: "180"}, received(t, back).credits())
		})
	}
}

// visible waits until the balances show a position.
func (w *world) visible(position string) {
	w.t.Helper()
	var data struct{ Balances []any }
	w.ask(&data, `query ($at: Position) { balances(party: "studio", atLeast: $at) { id } }`, vars{"at": position})
}

// TestNothingIsMissedAcrossReconnects breaks the connection again and again
// while sales go on, and adds up what was seen.
func TestNothingIsMissedAcrossReconnects(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			w := newWorld(t)
			w.platform()
			const sales = 40
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range sales {
					w.settle(fmt.Sprint("t-", i), "100")
				}
			}()
			cursor, seen := "", int64(0)
			for round := 0; seen < 45*sales; round++ {
				s := w.open(transport, "studio", cursor)
				for range 1 + round%3 { // the first message comes at once; then wait for some
					c := received(t, s)
					if amount, changed := c.credits()[studio]; changed {
						n, err := strconv.ParseInt(amount, 10, 64)
						require.NoError(t, err)
						require.Greater(t, n, seen, "a balance that was seen came again, or went back")
						seen = n
					}
					cursor = c.Data.BalanceChanged.Cursor
					if seen == 45*sales {
						break
					}
				}
				s.close()
			}
			<-done
			require.EqualValues(t, 45*sales, seen)
		})
	}
}

func TestCursorOfAnotherLog(t *testing.T) {
	w := newWorld(t)
	foreign := eventstore.Identity{LogID: uuid.New(), Incarnation: 1}.Token(1).String()
	for _, transport := range transports {
		s := w.open(transport, "studio", foreign)
		c, ok := s.next()
		require.True(t, ok)
		require.Len(t, c.Errors, 1)
		require.Equal(t, "resync", c.Errors[0].code())
		_, ok = s.next()
		require.False(t, ok, "the subscription ends")
		s.close()
	}
	s := w.open("ws", "Not A Party", "")
	c, _ := s.next()
	require.Equal(t, "invalid", c.Errors[0].code())
	s.close()
}

// TestEndTellsTheCursor takes the database away under a subscription: it ends
// with an error and the cursor to come back with, over both transports.
func TestEndTellsTheCursor(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Interval = 10 * time.Millisecond })
	w.platform()
	open := map[string]subscriber{}
	cursors := map[string]string{}
	for _, transport := range transports {
		open[transport] = w.open(transport, "studio", "")
		t.Cleanup(open[transport].close)
		cursors[transport] = received(t, open[transport]).Data.BalanceChanged.Cursor
	}
	ctx := context.Background()
	_, err := w.pool.Exec(ctx, `ALTER TABLE account.balances RENAME TO hidden`)
	require.NoError(t, err)
	_, err = w.pool.Exec(ctx, `UPDATE jeongsan.checkpoints SET generation = generation + 1 WHERE read_model = 'account'`)
	require.NoError(t, err)
	for _, transport := range transports {
		c, ok := open[transport].next()
		require.True(t, ok)
		require.Len(t, c.Errors, 1, transport)
		require.Equal(t, "internal", c.Errors[0].code())
		require.Equal(t, cursors[transport], c.Errors[0].Extensions["cursor"])
		_, ok = open[transport].next()
		require.False(t, ok)
	}
	_, err = w.pool.Exec(ctx, `ALTER TABLE account.hidden RENAME TO balances`)
	require.NoError(t, err)
	w.must(w.settle("t-1", "100"))
	s := w.open("sse", "studio", cursors["sse"])
	defer s.close()
	for received(t, s).credits()[studio] != "45" {
	}
}

// TestDrainTellsTheCursor ends the subscriptions and nothing else.
func TestDrainTellsTheCursor(t *testing.T) {
	w := newWorld(t)
	w.platform()
	open := map[string]subscriber{}
	cursors := map[string]string{}
	for _, transport := range transports {
		open[transport] = w.open(transport, "studio", "")
		t.Cleanup(open[transport].close)
		cursors[transport] = received(t, open[transport]).Data.BalanceChanged.Cursor
	}
	w.api.Drain()
	for _, transport := range transports {
		c, ok := open[transport].next()
		require.True(t, ok)
		require.Len(t, c.Errors, 1, transport)
		require.Equal(t, "unavailable", c.Errors[0].code())
		require.Equal(t, cursors[transport], c.Errors[0].Extensions["cursor"])
		_, ok = open[transport].next()
		require.False(t, ok, "the subscription ends")
	}
	w.must(w.settle("t-1", "100"))
}

// TestCloseEndsStreams shuts the API down while subscribers listen.
func TestCloseEndsStreams(t *testing.T) {
	w := newWorld(t)
	w.platform()
	ws, sse := w.open("ws", "studio", ""), w.open("sse", "studio", "")
	defer ws.close()
	defer sse.close()
	received(t, ws)
	received(t, sse)
	require.NoError(t, w.api.Close())
	require.NoError(t, w.api.Close())
	for ws.(*wsSubscriber).conn.ReadJSON(new(any)) == nil {
	}
	for sse.(*sseSubscriber).lines.Scan() {
	}
	require.Equal(t, "unavailable", w.fail(`{ log { logId } }`, nil).code())
	require.Eventually(t, func() bool {
		var stacks bytes.Buffer
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&stacks, 2))
		return !strings.Contains(stacks.String(), "jeongsan/graph.") && !strings.Contains(stacks.String(), "jeongsan/graph/hub.")
	}, patience, time.Millisecond, "a goroutine is left")
}
