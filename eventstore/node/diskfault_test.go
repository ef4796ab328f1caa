package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestFailingDiskUnderLoad lets the log fail in each way while writers are at it.
// The node stops writing for good, also when the disk is well again; it shows what
// it acknowledged and nothing else. After a restart on what the disk has kept, the
// calls in doubt are there as a whole or not at all.
func TestFailingDiskUnderLoad(t *testing.T) {
	rounds := 2
	if os.Getenv("JEONGSAN_LONG") == "1" {
		rounds = 12
	}
	for name, how := range map[string]int32{
		"nothing written": refused, "half written": half, "written and reported as failed": persisted,
		"not flushed": unflushed, "flushed and reported as failed": afterFlush,
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			disk := vfs.NewCrashableMem()
			all := newSurvivors(4, seed)
			for round := range rounds {
				full := &fullDisk{FS: disk, suffix: ".log"}
				n, err := open(Config{Dir: "log", Logger: silent}, inMemory(full))
				require.NoError(t, err)
				t.Cleanup(func() { _ = n.Close() }) // it reports once more what failed
				all.outlive(t, n.Addr(), 50, func() bool {
					full.how.Store(how)
					<-n.Done()
					return false
				})
				full.how.Store(spacious)
				all.requireStopped(t, n)
				require.Error(t, n.Close())
				disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: round % 3 * 50, RNG: rand.New(rand.NewPCG(seed, uint64(round)))})
			}
			n := openNode(t, "log", inMemory(disk))
			all.finish(t, n.Addr())
			require.NoError(t, n.Close())
			requireSound(t, "log", disk)
		})
	}
}

// requireStopped looks at a node whose disk has failed and is well again.
func (all *survivors) requireStopped(t *testing.T, n *Node) {
	t.Helper()
	client, hangUp := dialPlain(t, n.Addr())
	defer hangUp()
	event := proposal{id: uuid.New(), kind: "T"}
	for _, c := range []writeCall{
		{"append", "x", expectAny, []proposal{event}}, {"append", "x", expectNothing, []proposal{event}},
		{"delete", "w0-0", expectAny, nil}, {"tombstone", "x", expectAny, nil},
	} {
		_, err := c.make(t.Context(), client)
		require.Equal(t, codes.Unavailable, status.Code(err), "%s: %v", c.how, err)
	}
	_, err := writeCall{"batch", "x", expectAny, []proposal{event}}.make(t.Context(), client)
	require.Error(t, err)
	stored, _ := all.stored(t, client)
	for number, s := range all.writers {
		s.requireAcknowledged(t, stored[number])
	}
}

// newestLog returns the path of the write-ahead log that is written to.
func newestLog(t *testing.T, files vfs.FS, dir string) (newest string) {
	t.Helper()
	names, err := files.List(dir)
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".log") && name > path.Base(newest) {
			newest = path.Join(dir, name)
		}
	}
	require.NotEmpty(t, newest)
	return newest
}

func readFile(t *testing.T, files vfs.FS, name string) []byte {
	t.Helper()
	f, err := files.Open(name)
	require.NoError(t, err)
	content, err := io.ReadAll(f)
	require.NoError(t, errors.Join(err, f.Close()))
	return content
}

// TestTornTail cuts the write-ahead log off at every byte of the last append, and
// writes rubbish behind some of the cuts. The append before is always there, the
// last one as a whole or not at all, and the log goes on.
func TestTornTail(t *testing.T) {
	disk := vfs.NewCrashableMem()
	n := openNode(t, "log", inMemory(disk))
	client, hangUp := dialPlain(t, n.Addr())
	defer hangUp()
	first, last := events3(t), events3(t)
	_, err := client.append(t.Context(), "a", expectNothing, first...)
	require.NoError(t, err)
	log := newestLog(t, disk, "log")
	before := len(readFile(t, disk, log))
	_, err = client.append(t.Context(), "a", 2, last...)
	require.NoError(t, err)
	whole := readFile(t, disk, log)
	require.Greater(t, len(whole), before)
	kept := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})

	step := 1
	if os.Getenv("JEONGSAN_LONG") != "1" {
		step = 7
	}
	seen := make(map[int]bool)
	for cut := before; cut <= len(whole); cut += step {
		for _, rubbish := range []int{0, 50} {
			torn := kept.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
			f, err := torn.Create(log, vfs.WriteCategoryUnspecified)
			require.NoError(t, err)
			content := append([]byte(nil), whole[:cut]...)
			for range rubbish {
				content = append(content, byte(rand.Uint32()))
			}
			_, err = f.Write(content)
			require.NoError(t, errors.Join(err, f.Close()))
			count := len(requireWholeAppends(t, torn, first, last))
			require.True(t, cut < len(whole) || count == 6)
			seen[count] = true
		}
	}
	require.True(t, seen[3] && len(seen) <= 2)
}

func events3(t *testing.T) (made []proposal) {
	t.Helper()
	for range 3 {
		made = append(made, proposal{id: uuid.New(), kind: "T", json: true, data: `{"text":"some text"}`})
	}
	return made
}

// requireWholeAppends opens a log, compares the stream and appends once more.
func requireWholeAppends(t *testing.T, files vfs.FS, first, last []proposal) []seen {
	t.Helper()
	n, err := open(Config{Dir: "log", Logger: silent}, inMemory(files))
	require.NoError(t, err)
	client, hangUp := dialPlain(t, n.Addr())
	stored, _, err := client.read(t.Context(), reach{stream: "a", from: whence{start: true}, count: 100})
	require.NoError(t, err)
	require.Contains(t, []int{3, 6}, len(stored))
	for i, event := range stored {
		require.Equal(t, append(first[:3:3], last...)[i], event.proposal)
	}
	answer, err := client.append(t.Context(), "a", 2, last...)
	require.NoError(t, err)
	require.Equal(t, outcome{done, 5, answer.position}, answer, "the repetition succeeds either way")
	hangUp()
	require.NoError(t, n.Close())
	return stored
}

// TestFailingReads: what cannot be read is an error and never an answer, and when
// it can be read again everything is there.
func TestFailingReads(t *testing.T) {
	disk := vfs.NewCrashableMem()
	n := openNode(t, "log", inMemory(disk))
	client, hangUp := dialPlain(t, n.Addr())
	// Enough for tables of many blocks, of which few are read when a log is opened.
	var writers sync.WaitGroup
	for writer := range 8 {
		writers.Go(func() {
			for i := range int64(40) {
				event := proposal{id: uuid.New(), kind: "T", data: strings.Repeat("not compressed away? ", 100)}
				if _, err := client.append(t.Context(), fmt.Sprint("stream-", writer), i-1, event); err != nil {
					t.Error(err)
				}
				if _, err := client.append(t.Context(), fmt.Sprint("stream-", writer, "-", i), expectAny, event); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	whole := reach{from: whence{start: true}, count: ^uint64(0)}
	all, _, err := client.read(t.Context(), whole)
	require.NoError(t, err)
	stream := reach{stream: "stream-3", from: whence{start: true}, count: 40}
	events, _, err := client.read(t.Context(), stream)
	require.NoError(t, err)
	require.Len(t, events, 40)
	hangUp()
	require.NoError(t, n.Close()) // moves everything into tables

	fresh := proposal{id: uuid.New(), kind: "T"}
	backwards := reach{stream: "stream-3", backwards: true, from: whence{end: true}, count: 1}
	for name, call := range map[string]func(context.Context, plainClient) error{
		"the whole log":  func(ctx context.Context, c plainClient) error { _, _, err := c.read(ctx, whole); return err },
		"a stream":       func(ctx context.Context, c plainClient) error { _, _, err := c.read(ctx, stream); return err },
		"its end":        func(ctx context.Context, c plainClient) error { _, _, err := c.read(ctx, backwards); return err },
		"a subscription": func(ctx context.Context, c plainClient) error { _, _, err := c.catchUp(ctx, whole); return err },
		"a stream's subscription": func(ctx context.Context, c plainClient) error {
			_, _, err := c.catchUp(ctx, stream)
			return err
		},
		"a repetition": func(ctx context.Context, c plainClient) error {
			_, err := c.append(ctx, "stream-3", 6, events[7].proposal)
			return err
		},
		"a new event": func(ctx context.Context, c plainClient) error {
			_, err := c.append(ctx, "stream-3", 39, fresh)
			return err
		},
		"any": func(ctx context.Context, c plainClient) error {
			_, err := c.append(ctx, "stream-3-7", expectAny, events[0].proposal)
			return err
		},
		"a batch": func(ctx context.Context, c plainClient) error {
			_, err := c.batch(ctx, 1, "stream-3", 39, fresh)
			return err
		},
		"a delete": func(ctx context.Context, c plainClient) error {
			_, err := c.delete(ctx, "stream-3", expectAny)
			return err
		},
		"a tombstone": func(ctx context.Context, c plainClient) error { _, err := c.tombstone(ctx, "stream-3", 39); return err },
		"metadata": func(ctx context.Context, c plainClient) error {
			_, err := c.append(ctx, "$$stream-3", expectAny, fresh)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			own := disk.CrashClone(vfs.CrashCloneCfg{})
			var failing atomic.Bool
			tune := inMemory(errorfs.Wrap(own, errorfs.InjectorFunc(func(op errorfs.Op) error {
				reads := op.Kind == errorfs.OpFileRead || op.Kind == errorfs.OpFileReadAt || op.Kind == errorfs.OpOpen
				if failing.Load() && reads && (strings.HasSuffix(op.Path, ".sst") || strings.HasSuffix(op.Path, ".blob")) {
					return errDisk
				}
				return nil
			})))
			n := openNode(t, "log", tune) // its caches are empty
			client, hangUp := dialPlain(t, n.Addr())
			failing.Store(true)
			err := call(t.Context(), client)
			failing.Store(false)
			if name == "a batch" {
				require.ErrorContains(t, err, "Unknown", "an answer to a batch has no room for more, and the call goes on")
			} else {
				require.ErrorContains(t, err, errDisk.Error())
			}
			require.NotEqual(t, codes.Internal, status.Code(err), "%v", err)
			stored, _, err := client.read(t.Context(), whole)
			require.NoError(t, err)
			require.True(t, slices.Equal(all, stored), "the log is as it was")
			require.NoError(t, call(t.Context(), client), "the disk is well again")
			hangUp()
			require.NoError(t, n.Close())
			requireSound(t, "log", own)
		})
	}
}
