package node

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// long reports whether the long form of a test is asked for.
func long() bool { return os.Getenv("JEONGSAN_LONG") == "1" }

// served is what a node gave to a reader: events in the order of the log, and how
// it ended.
func served(t *testing.T, files vfs.FS) (all []string, err error) {
	t.Helper()
	n, err := open(Config{Dir: "log", Logger: silent}, inMemory(files))
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := n.Close(); closeErr != nil && err == nil {
			err = closeErr
		}
	}()
	client := plainClient{rawClient(t, n)}
	perStream := make(map[string]int)
	events, _, err := client.read(t.Context(), reach{from: whence{start: true}, count: 1 << 40})
	for _, event := range events {
		perStream[event.stream]++
		all = append(all, fmt.Sprint(event))
	}
	if err != nil {
		return all, err
	}
	for _, stream := range []string{"book-0", "book-2", "loose"} {
		events, ending, err := client.read(t.Context(), reach{stream: stream, count: 1 << 40})
		if err != nil {
			return all, err
		}
		if ending == done && len(events) != perStream[stream] {
			return all, fmt.Errorf("stream %s has %d events, the log %d", stream, len(events), perStream[stream])
		}
	}
	return all, nil
}

// contents are all files of a directory in memory.
func contents(t *testing.T, files vfs.FS) map[string][]byte {
	t.Helper()
	names, err := files.List("log")
	require.NoError(t, err)
	found := make(map[string][]byte)
	for _, name := range names {
		f, err := files.Open(files.PathJoin("log", name))
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		found[name] = make([]byte, info.Size())
		if info.Size() > 0 {
			_, err = f.ReadAt(found[name], 0)
			require.NoError(t, err)
		}
		require.NoError(t, f.Close())
	}
	return found
}

func put(t *testing.T, found map[string][]byte) *vfs.MemFS {
	t.Helper()
	files := vfs.NewMem()
	require.NoError(t, files.MkdirAll("log", 0o700))
	for name, content := range found {
		f, err := files.Create(files.PathJoin("log", name), vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		_, err = f.Write(slices.Clone(content))
		require.NoError(t, err)
		require.NoError(t, errors.Join(f.Sync(), f.Close()))
	}
	return files
}

// flips calls try with copies of a log's files in each of which one bit is flipped,
// in a file that is selected.
func flips(t *testing.T, sound map[string][]byte, rounds int, selected func(name string) bool, try func(where string, broken map[string][]byte)) {
	t.Helper()
	if long() {
		rounds *= 10
	}
	var names []string
	for name, content := range sound {
		if len(content) > 0 && selected(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	require.NotEmpty(t, names)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for range rounds {
		name := names[random.IntN(len(names))]
		offset, bit := random.IntN(len(sound[name])), random.IntN(8)
		broken := maps.Clone(sound)
		broken[name] = slices.Clone(sound[name])
		broken[name][offset] ^= 1 << bit
		try(fmt.Sprintf("seed %d: bit %d of byte %d of %d in %s", seed, bit, offset, len(sound[name]), name), broken)
	}
}

// TestFlippedBitsAreNeverServed flips single bits in the files of a log that was
// closed in order. Whatever they hit, a node serves exactly what was written, or
// says that it cannot; and what it cannot, a check finds.
func TestFlippedBitsAreNeverServed(t *testing.T) {
	disk := vfs.NewMem()
	n := openNode(t, "log", inMemory(disk))
	writeEverything(t, n)
	require.NoError(t, n.store.db.Flush()) // some of it in tables, the rest in the write-ahead log
	client := plainClient{rawClient(t, n)}
	for i := range 5 {
		_, err := client.append(t.Context(), "book-5", int64(i)-1, proposals(1, 700)...)
		require.NoError(t, err)
	}
	require.NoError(t, n.Close())
	sound := contents(t, disk)
	want, err := served(t, put(t, sound))
	require.NoError(t, err)
	require.NotEmpty(t, want)
	refused := 0
	flips(t, sound, 40, func(string) bool { return true }, func(where string, broken map[string][]byte) {
		report, checkErr := check(t.Context(), "log", put(t, broken), nil, silent)
		got, err := served(t, put(t, broken))
		if err == nil {
			require.Equal(t, want, got, where)
			return
		}
		refused++
		require.LessOrEqual(t, len(got), len(want), where)
		require.True(t, slices.Equal(want[:len(got)], got), where)
		require.True(t, checkErr != nil || !report.OK(), "%s: the node said %v and the check found nothing", where, err)
	})
	require.Positive(t, refused)
}

// TestFlippedBitsAfterAKill flips bits in the write-ahead log of a node that was
// killed. What a crash could have cut short, the last append of all, may be taken
// for that. Anything before it is served or reported.
func TestFlippedBitsAfterAKill(t *testing.T) {
	disk := vfs.NewCrashableMem()
	n := openNode(t, "log", inMemory(disk))
	client := plainClient{rawClient(t, n)}
	for i := range 12 {
		_, err := client.append(t.Context(), "book-0", int64(i)-1, proposals(1, 100+i*700)...)
		require.NoError(t, err)
	}
	sound := contents(t, disk.CrashClone(vfs.CrashCloneCfg{}))
	want, err := served(t, put(t, sound))
	require.NoError(t, err)
	require.Greater(t, len(want), 12)
	refused := 0
	flips(t, sound, 30, func(name string) bool { return strings.HasSuffix(name, ".log") }, func(where string, broken map[string][]byte) {
		got, err := served(t, put(t, broken))
		require.LessOrEqual(t, len(got), len(want), where)
		require.True(t, slices.Equal(want[:len(got)], got), where)
		if err == nil {
			require.GreaterOrEqual(t, len(got), len(want)-1, where)
		} else {
			refused++
		}
	})
	require.Positive(t, refused)
}

// TestDamagedEndOfAFileOfValues: Pebble panics over the last bytes of such a file.
func TestDamagedEndOfAFileOfValues(t *testing.T) {
	disk := vfs.NewMem()
	n := openNode(t, "log", inMemory(disk))
	writeEverything(t, n)
	require.NoError(t, n.store.db.Flush())
	require.NoError(t, n.Close())
	sound := contents(t, disk)
	tried := 0
	for name, content := range sound {
		if !strings.HasSuffix(name, ".blob") {
			continue
		}
		for i := 1; i <= 38; i++ {
			content[len(content)-i] ^= 1
			report, err := check(t.Context(), "log", put(t, sound), nil, silent)
			require.NoError(t, err)
			require.NotEmpty(t, report.Faults)
			_, err = served(t, put(t, sound))
			require.Error(t, err)
			content[len(content)-i] ^= 1
			tried++
		}
	}
	require.Positive(t, tried)
}
