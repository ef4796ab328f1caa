package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

// nodeKilled kills the event store under a server that takes settlements. Callers
// send again with the same key what had no verdict; every success they are given is
// in the log, once, at the place they were told.
func nodeKilled(t *testing.T, s scale) {
	random := randomness(t)
	ctx, cancel := context.WithCancel(patience(t))
	defer cancel()
	log, address := dataDirectory(t), nodePort(t, random)
	args := []string{"node", "--data", log, "--listen", address}
	node := start(t, args...)
	server := start(t, "serve", "--data", dataDirectory(t), "--eventstore", node.server.EventStore, "--listen", "127.0.0.1:0", "--log-level", "error")
	succeed(t, "apply", "testdata/terms.yaml", "--server", server.server.Server)

	l := startLoad(ctx, server.server.Server, 32, 1_000, true)
	for range of(s, 1, 5, 60) {
		l.reach(ctx, t, l.done.Load()+int64(1+random.IntN(1_500)))
		node.kill()
		// Down for a moment, or long enough for every caller to notice.
		waitFor(ctx, time.Duration(random.IntN(2_000))*time.Millisecond)
		node = start(t, args...)
	}
	l.reach(ctx, t, l.done.Load()+1_000)
	l.finish()
	requireKept(t, l, node.server.EventStore)
	server.stop()
	requireVerified(t, node.server.EventStore, len(l.acked))
	node.stop()
}

// waitFor lets time pass that the test is about.
func waitFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// requireKept checks what callers of a load were told against the log.
func requireKept(t *testing.T, l *load, eventStore string) {
	t.Helper()
	t.Logf("%d settlements; without a verdict at first: %v", len(l.acked), l.noted())
	for fault := range l.noted() {
		code, _, _ := strings.Cut(fault, ":")
		require.Contains(t, []string{"unavailable", "outcome_unknown", "connection"}, code, "a wrong answer to a caller: %s", fault)
	}
	require.EqualValues(t, l.next.Load(), len(l.acked), "every caller got a success in the end")
	keys := inTheLog(t, connect(t, eventStore), "shop") // each once
	require.Len(t, keys, len(l.acked))
	for id, a := range l.acked {
		revision, found := keys[book.Key{Source: "api", ExternalID: id}]
		require.True(t, found, "%s was acknowledged and is not in the log", id)
		require.Equal(t, a.Revision, revision, "%s stands elsewhere than its caller was told", id)
		// The same key again gives the first answer.
		if revision%500 == 0 {
			again, fault := l.send(patience(t), id, amountOfID(t, id))
			require.Nil(t, fault)
			require.Equal(t, "REPLAYED", again.Outcome)
			require.Equal(t, revision, again.Revision)
		}
	}
}

func amountOfID(t *testing.T, id string) int64 {
	t.Helper()
	var n int64
	_, err := fmt.Sscanf(id, "L%d", &n)
	require.NoError(t, err)
	return amountOf(n)
}

// requireVerified verifies a log.
func requireVerified(t *testing.T, eventStore string, settlements int) {
	t.Helper()
	_, found := verified(t, "--log", "--eventstore", eventStore)
	require.EqualValues(t, settlements, found)
}

// nodeDiskFull lets the disk of the event store run full. It stops with an error
// that says so, nothing is acknowledged that it has not; with space again and
// started again, everything goes on.
func nodeDiskFull(t *testing.T) {
	random := randomness(t)
	ctx, cancel := context.WithCancel(patience(t))
	defer cancel()
	disk := smallDisk(t, 48)
	args := []string{"node", "--data", filepath.Join(disk.dir, "log"), "--listen", nodePort(t, random)}
	node := disk.start(t, args...)
	server := start(t, "serve", "--data", dataDirectory(t), "--eventstore", node.server.EventStore, "--listen", "127.0.0.1:0", "--log-level", "error")
	succeed(t, "apply", "testdata/terms.yaml", "--server", server.server.Server)

	l := startLoad(ctx, server.server.Server, 32, 2_000, true)
	l.reach(ctx, t, 500)
	disk.fill(t)
	require.Equal(t, exitFailed, node.exitCode(ctx), "the node must stop: %s", node.stderr())
	require.Contains(t, node.stderr(), disk.says, "and say why")
	t.Logf("after %d settlements: %s", l.done.Load(), lastLine(node.stderr()))

	// While the disk is full it does not come up, and says why, or stops again.
	again := launch(t, args...)
	if disk.limited != nil {
		disk.limited(again)
	}
	again.begin(t)
	waitFor(ctx, 2*time.Second)
	again.kill()

	disk.empty(t)
	before := l.done.Load()
	node = start(t, args...)
	l.reach(ctx, t, before+1_000)
	l.finish()
	requireKept(t, l, node.server.EventStore)
	server.stop()
	requireVerified(t, node.server.EventStore, len(l.acked))
	node.stop()
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// postgresDiskFull lets the disk of the read models run full. Settling goes on, and
// they catch up when there is space again.
func postgresDiskFull(t *testing.T) {
	ctx, cancel := context.WithCancel(patience(t))
	defer cancel()
	data := dataDirectory(t)
	first := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	succeed(t, "apply", "testdata/terms.yaml", "--server", first.server.Server)
	first.stop()
	disk := smallDisk(t, 400)
	if !disk.mounted {
		testkit.Skip(t, "disk of postgres full", "no file system can be mounted, and only that can be full for Postgres alone")
	}
	home := filepath.Join(data, "postgres")
	require.NoError(t, os.RemoveAll(home)) // made anew, on the small disk
	require.NoError(t, os.Symlink(disk.dir, home))

	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--log-level", "error")
	l := startLoad(ctx, server.server.Server, 32, 1_000, false)
	l.reach(ctx, t, 500)
	disk.fill(t)
	l.reach(ctx, t, l.done.Load()+5_000)
	l.finish()
	require.Empty(t, l.noted(), "settling does not need Postgres")
	var faults error
	every(ctx, t, 100*time.Millisecond, func() bool {
		faults = tryQuery(ctx, server.server.Server, `{ balances(party: "maker", atLeast: "`+lastPosition(ctx, t, server.server.Server)+`") { amount } }`, &struct{}{})
		return faults != nil
	}, "a query to notice that the disk is full")
	t.Logf("queries meanwhile: %v", faults)
	disk.empty(t)
	last := lastPosition(ctx, t, server.server.Server)
	var balance struct{ Balances []struct{ Amount string } }
	every(ctx, t, 200*time.Millisecond, func() bool {
		return tryQuery(ctx, server.server.Server, `{ balances(party: "maker", atLeast: "`+last+`") { amount } }`, &balance) == nil
	}, "the read models to catch up")
	require.Equal(t, fmt.Sprintf("%d.%02d", l.total()/100, l.total()%100), balance.Balances[0].Amount)
	require.Contains(t, complete(t, "verify", "--data", data), "no difference")
	server.stop()
}
