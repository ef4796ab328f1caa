package node

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

// childDir, in the environment, makes the test binary a process with a node in
// that directory, which is there to be killed.
const childDir = "JEONGSAN_NODE_CHILD_DIR"

// runChild is the child's main. It ends when its standard input does, so that it
// does not outlive its parent.
func runChild(dir string) {
	n, err := Open(Config{Dir: dir, Logger: silent})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(n.ConnectionString())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

type child struct {
	dir              string
	connectionString string
	command          *exec.Cmd
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childDir+"="+dir)
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	c := &child{dir: dir, command: command}
	t.Cleanup(func() {
		_ = stdin.Close() // it may have been killed by the test
		_ = command.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	c.connectionString = strings.TrimSpace(line)
	require.True(t, strings.HasPrefix(c.connectionString, "esdb://"), c.connectionString)
	return c
}

// ledger is what writers know: which events were acknowledged, per stream.
type ledger struct {
	mu    sync.Mutex
	acked map[domain.StreamID][]uuid.UUID
	tried map[uuid.UUID]bool
	count atomic.Int64
}

func newLedger() *ledger {
	return &ledger{acked: make(map[domain.StreamID][]uuid.UUID), tried: make(map[uuid.UUID]bool)}
}

// write appends to a stream until an append fails.
func (l *ledger) write(ctx context.Context, s eventstore.Store, stream domain.StreamID, next uint64) {
	for {
		batch := events(1 + rand.IntN(5))
		l.mu.Lock()
		for i := range batch {
			l.tried[batch[i].ID] = true
		}
		l.mu.Unlock()
		if _, err := s.Append(ctx, stream, eventstore.After(next), batch...); err != nil {
			return
		}
		next += uint64(len(batch))
		l.mu.Lock()
		for i := range batch {
			l.acked[stream] = append(l.acked[stream], batch[i].ID)
		}
		l.mu.Unlock()
		l.count.Add(1)
	}
}

// next is the revision that a stream's next event should have.
func (l *ledger) next(stream domain.StreamID) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.acked[stream]))
}

// requireKept checks a log against the ledger: all that was acknowledged is there,
// first and in order; nothing is there that nobody wrote; revisions have no gaps;
// the log and the streams agree.
func (l *ledger) requireKept(t *testing.T, s eventstore.Store) {
	t.Helper()
	byStream := make(map[domain.StreamID][]uuid.UUID)
	last := eventstore.Start
	for _, event := range readAll(t, s) {
		require.Greater(t, event.Position, last)
		last = event.Position
		require.Equal(t, uint64(len(byStream[event.Stream])), event.Revision)
		require.True(t, l.tried[event.ID], "an event that nobody wrote")
		byStream[event.Stream] = append(byStream[event.Stream], event.ID)
	}
	for stream, ids := range l.acked {
		require.GreaterOrEqual(t, len(byStream[stream]), len(ids), stream)
		require.Equal(t, ids, byStream[stream][:len(ids)], stream)
		recorded := readStream(t, s, stream)
		require.Len(t, recorded, len(byStream[stream]))
		// What was stored but never acknowledged is part of the stream from now on.
		l.acked[stream] = byStream[stream]
	}
}

func TestKilledUnderLoadKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	known := newLedger()
	for range 3 {
		child := startChild(t, dir)
		s, err := esdb.Open(t.Context(), child.connectionString, silent)
		require.NoError(t, err)
		known.requireKept(t, s)
		enough := known.count.Load() + 150 + rand.Int64N(100)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for writer := range 8 {
			stream := domain.StreamID(fmt.Sprint("book-", writer))
			next := known.next(stream)
			wg.Go(func() { known.write(ctx, s, stream, next) })
		}
		sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
		require.NoError(t, err)
		for known.count.Load() < enough {
			_, err := sub.Next(t.Context())
			require.NoError(t, err)
		}
		require.NoError(t, child.command.Process.Signal(syscall.SIGKILL))
		_, err = child.command.Process.Wait()
		require.NoError(t, err)
		wg.Wait()
		cancel()
		require.NoError(t, sub.Close())
		require.NoError(t, s.Close())
	}
	known.requireKept(t, connect(t, openNode(t, dir, defaultTuning())))
	require.Positive(t, known.count.Load())
}

// TestPowerCutKeepsWhatItAcknowledged takes the disk away under load and keeps of
// it what was flushed and a random part of what was not.
func TestPowerCutKeepsWhatItAcknowledged(t *testing.T) {
	filesystem := vfs.NewCrashableMem()
	known := newLedger()
	for seed := range uint64(8) {
		n := openNode(t, "log", inMemory(filesystem))
		s := connect(t, n)
		known.requireKept(t, s)
		enough := known.count.Load() + 60
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for writer := range 4 {
			stream := domain.StreamID(fmt.Sprint("book-", writer))
			next := known.next(stream)
			wg.Go(func() { known.write(ctx, s, stream, next) })
		}
		sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
		require.NoError(t, err)
		var seen []eventstore.Recorded
		for known.count.Load() < enough {
			message, err := sub.Next(t.Context())
			require.NoError(t, err)
			if message.Event != nil {
				seen = append(seen, *message.Event)
			}
		}
		// The ledger must be read before the cut: what is acknowledged later may be lost.
		known.mu.Lock()
		acked := make(map[domain.StreamID][]uuid.UUID)
		for stream, ids := range known.acked {
			acked[stream] = append([]uuid.UUID(nil), ids...)
		}
		known.mu.Unlock()
		cut := filesystem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed%3) * 40, RNG: rand.New(rand.NewPCG(seed, 1))})
		cancel()
		wg.Wait()
		require.NoError(t, sub.Close())
		require.NoError(t, s.Close())
		require.NoError(t, n.Close())
		known.acked, filesystem = acked, cut

		after := openNode(t, "log", inMemory(cut))
		reader := connect(t, after)
		known.requireKept(t, reader)
		// What a subscriber had seen before the cut is there after it, in its place.
		all := readAll(t, reader)
		for i := range seen {
			require.Equal(t, seen[i].ID, all[i].ID)
			require.Equal(t, seen[i].Position, all[i].Position)
		}
		require.NoError(t, reader.Close())
		require.NoError(t, after.Close())
	}
}
