package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

// scale says how much the fault suite does.
type scale int

const (
	brief   scale = iota // every run of the tests: a taste
	full                 // JEONGSAN_LONG=1, as in CI
	torture              // JEONGSAN_TORTURE=1, as by make torture: hours are allowed
)

func howMuch() scale {
	switch {
	case os.Getenv("JEONGSAN_TORTURE") != "":
		return torture
	case os.Getenv("JEONGSAN_LONG") != "":
		return full
	}
	return brief
}

// of picks what belongs to a scale.
func of[T any](s scale, briefly, fully, tortured T) T { return [...]T{briefly, fully, tortured}[s] }

// TestFaults breaks real processes in every way they may break, through the public
// doors, and expects that nothing acknowledged is lost, nothing settles twice and
// everything goes on. Each run has its own random numbers; the seed is printed,
// and JEONGSAN_FAULT_SEED sets it.
func TestFaults(t *testing.T) {
	needsPostgres(t)
	s := howMuch()
	t.Run("everything killed", func(t *testing.T) { everythingKilled(t, s) })
	if s == brief {
		return // the others take minutes
	}
	t.Run("index damaged", func(t *testing.T) { indexDamaged(t, s) })
	t.Run("read model parked", readModelParked)
	t.Run("two writers killed", func(t *testing.T) { twoWritersKilled(t, s) })
	t.Run("postgres killed", func(t *testing.T) { postgresKilled(t, s) })
	t.Run("node killed", func(t *testing.T) { nodeKilled(t, s) })
	t.Run("store away on business dates", func(t *testing.T) { storeAway(t, s) })
	t.Run("disk of the node full", func(t *testing.T) { nodeDiskFull(t) })
	t.Run("disk of postgres full", func(t *testing.T) { postgresDiskFull(t) })
}

// randomness of one test, repeatable by its seed.
func randomness(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("JEONGSAN_FAULT_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err, "JEONGSAN_FAULT_SEED")
	}
	t.Logf("JEONGSAN_FAULT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// patience bounds what a test waits for.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), of(howMuch(), 2*time.Minute, 4*time.Minute, 90*time.Minute))
	t.Cleanup(cancel)
	return ctx
}

// every calls f until it is done, a few times per second, or fails the test when
// patience ends.
func every(ctx context.Context, t *testing.T, pause time.Duration, f func() (done bool), what string) {
	t.Helper()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain: ", what)
		}
	}
}

// complete runs the program as a process of its own to its end, which must be a
// good one, and returns its standard output.
func complete(t *testing.T, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	p := launch(t, append(args, "--log-level", "warn")...)
	p.cmd.Stderr = &errs
	out, err := io.ReadAll(p.stdout(t))
	require.NoError(t, err)
	<-p.exited
	require.NoError(t, p.err, "jeongsan %s\n%s%s", strings.Join(args, " "), out, errs.String())
	return string(out)
}

// verified runs verify, which must find no difference, and returns the state hash:
// what the ledger says, whatever order it was written in.
func verified(t *testing.T, args ...string) (state string, settlements uint64) {
	t.Helper()
	var report struct {
		State  string
		Counts struct{ Settlements uint64 }
	}
	require.NoError(t, json.Unmarshal([]byte(complete(t, append([]string{"verify", "--json"}, args...)...)), &report))
	require.NotEmpty(t, report.State)
	return report.State, report.Counts.Settlements
}

// checkedIndex runs verify with the local index and returns what it found there.
func checkedIndex(t *testing.T, args ...string) []command.CheckedBook {
	t.Helper()
	var report struct{ Index []command.CheckedBook }
	require.NoError(t, json.Unmarshal([]byte(complete(t, append([]string{"verify", "--json"}, args...)...)), &report))
	return report.Index
}

// killAll ends a process and everything it has started at once, as a power cut
// would.
func (p *process) killAll() {
	victims := descendants(p.cmd.Process.Pid)
	_ = p.cmd.Process.Kill() // it may have ended by itself
	for _, pid := range victims {
		_ = syscall.Kill(pid, syscall.SIGKILL) // as may they
	}
	<-p.exited
}

// descendants lists the processes below one. Where the system does not tell there
// are none, and they end because their parent has.
func descendants(of int) (pids []int) {
	children := map[int][]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent …, where the name may hold anything
		_, rest, _ := strings.Cut(string(content[bytes.LastIndexByte(content, ')')+1:]), " ")
		var state string
		var parent int
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	next := children[of]
	for len(next) > 0 {
		pid := next[0]
		pids = append(pids, pid)
		next = append(next[1:], children[pid]...)
	}
	return pids
}

// nodePort is where an event store may listen: a port that the system does not give
// to anybody's outgoing connections, so that it can be taken again after a restart.
func nodePort(t *testing.T, random *rand.Rand) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+random.IntN(20_000)))
		if listener, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// connect opens the event store of a process.
func connect(t *testing.T, url string) *esdb.Store {
	t.Helper()
	store, err := esdb.Open(patience(t), url, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// inTheLog reads a book and returns the key of each entry with where it stands. A
// key that stands there twice fails the test.
func inTheLog(t *testing.T, store eventstore.Store, bookID string) map[book.Key]uint64 {
	t.Helper()
	keys := map[book.Key]uint64{}
	for r, err := range store.ReadStream(patience(t), domain.Stream(book.Category, bookID), eventstore.Forwards, 0, eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			break
		}
		require.NoError(t, err)
		event, err := eventstore.Decode(r)
		require.NoError(t, err)
		var key book.Key
		switch e := event.(type) {
		case book.TransactionSettled:
			key = e.Key
		case book.EntryReversed:
			key = e.Key
		default:
			continue // the passing of business dates, which nobody sends
		}
		first, twice := keys[key]
		require.False(t, twice, "%v stands at %d and at %d", key, first, r.Revision)
		keys[key] = r.Revision
	}
	return keys
}

// exitCode waits for a process to end by itself.
func (p *process) exitCode(ctx context.Context) int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-ctx.Done():
		p.t.Fatal("the process did not end: ", p.stderr())
		return -1
	}
}
