package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

// proposals are n events for a plain client.
func proposals(n, size int) []proposal {
	made := make([]proposal, n)
	for i := range made {
		made[i] = proposal{id: uuid.New(), kind: "Tested.v1", json: true, custom: "{}", data: fmt.Sprintf(`{"n":%d,"text":"%x"}`, i, randomBytes(size/2))}
	}
	return made
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// writeEverything appends in every way there is to a node with an empty log: some
// streams are deleted, for good and not, and made again.
func writeEverything(t testing.TB, n *Node) {
	t.Helper()
	ctx, client := t.Context(), plainClient{rawClient(t, n)}
	must := func(o outcome, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, done, o.ending)
	}
	for i := range 20 {
		stream := fmt.Sprint("book-", i%4)
		must(client.append(ctx, stream, int64(i/4*3)-1, proposals(3, 100)...))
		must(client.append(ctx, "loose", expectAny, proposals(2, 100)...))
	}
	must(client.append(ctx, "brief", expectAny, proposals(1, 10)...))
	must(client.delete(ctx, "brief", expectAny))
	must(client.append(ctx, "brief", expectAny, proposals(4, 10)...))
	must(client.append(ctx, "gone", expectNothing, proposals(4, 10)...))
	must(client.tombstone(ctx, "gone", 3))
	must(client.tombstone(ctx, "never", expectAny))
	must(client.append(ctx, "$$book-1", expectAny, proposal{id: uuid.New(), kind: "$metadata", json: true, data: `{"$maxCount":2}`}))
}

// closedLog is a log with everything in memory, closed in order.
func closedLog(t testing.TB) *vfs.MemFS {
	t.Helper()
	files := vfs.NewMem()
	n := openNode(t, "log", inMemory(files))
	writeEverything(t, n)
	require.NoError(t, n.Close())
	return files
}

func TestCheckOfASoundLog(t *testing.T) {
	files := vfs.NewMem()
	n := openNode(t, "log", inMemory(files))
	writeEverything(t, n)
	all, ending, err := plainClient{rawClient(t, n)}.read(t.Context(), reach{from: whence{start: true}, count: 1 << 40})
	require.NoError(t, err)
	require.Equal(t, done, ending)
	require.NoError(t, n.Close())
	var reached []uint64
	report, err := check(t.Context(), "log", files, func(position, end uint64) {
		require.LessOrEqual(t, position, end)
		reached = append(reached, position)
	}, silent)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
	require.EqualValues(t, len(all), report.Events)
	require.EqualValues(t, all[len(all)-1].position, report.End)
	streams := make(map[string]bool)
	for _, event := range all {
		streams[event.stream] = true
	}
	require.EqualValues(t, len(streams), report.Streams)
	require.EqualValues(t, 20*2+1+4+1, report.IDs)
	require.EqualValues(t, len(reached), report.Appends)
	require.Equal(t, report.Bytes, reached[len(reached)-1])

	again, err := check(t.Context(), "log", files, nil, silent)
	require.NoError(t, err)
	require.Equal(t, report, again, "it changes nothing")
	_, err = check(t.Context(), "nowhere", files, nil, silent)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err), "%v", err)
	openNode(t, "log", inMemory(files))
	_, err = check(t.Context(), "log", files, nil, silent)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
}

// tamper changes keys of a closed log.
func tamper(t *testing.T, files vfs.FS, change func(db *pebble.DB) error) {
	t.Helper()
	db, err := pebble.Open("log", &pebble.Options{FS: files, Logger: pebbleLogger{logger: silent}})
	require.NoError(t, err)
	require.NoError(t, change(db))
	require.NoError(t, db.Close())
}

// keysOf returns the keys with a prefix.
func keysOf(t *testing.T, db *pebble.DB, prefix []byte) (keys [][]byte) {
	t.Helper()
	iter, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: append(slices.Clone(prefix), 0xff, 0xff)})
	require.NoError(t, err)
	for valid := iter.First(); valid; valid = iter.Next() {
		keys = append(keys, slices.Clone(iter.Key()))
	}
	require.NoError(t, iter.Close())
	return keys
}

func TestCheckFindsWhatIsPlanted(t *testing.T) {
	get := func(db *pebble.DB, key []byte) []byte {
		value, closer, err := db.Get(key)
		require.NoError(t, err)
		defer func() { require.NoError(t, closer.Close()) }()
		return slices.Clone(value)
	}
	flip := func(db *pebble.DB, key []byte, offset int) error {
		value := get(db, key)
		value[(offset+len(value))%len(value)] ^= 4
		return db.Set(key, value, pebble.Sync)
	}
	for name, test := range map[string]struct {
		plant func(t *testing.T, db *pebble.DB, blocks, lines [][]byte) error
		want  []string
	}{
		"nothing": {func(*testing.T, *pebble.DB, [][]byte, [][]byte) error { return nil }, nil},
		"a record's data": {func(_ *testing.T, db *pebble.DB, blocks, _ [][]byte) error {
			return flip(db, blocks[7], -3)
		}, []string{"checksum of the record"}},
		"a block's head": {func(_ *testing.T, db *pebble.DB, blocks, _ [][]byte) error {
			return flip(db, blocks[7], 30)
		}, []string{"checksum of the block's head"}},
		"a block is cut off": {func(_ *testing.T, db *pebble.DB, blocks, _ [][]byte) error {
			value := get(db, blocks[7])
			return db.Set(blocks[7], value[:len(value)-1], pebble.Sync)
		}, []string{"the block says", "there is a gap"}},
		"a block is missing": {func(_ *testing.T, db *pebble.DB, blocks, _ [][]byte) error {
			return db.Delete(blocks[7], pebble.Sync)
		}, []string{"there is a gap", "an append is missing"}},
		"the last block is missing": {func(_ *testing.T, db *pebble.DB, blocks, _ [][]byte) error {
			return db.Delete(blocks[len(blocks)-1], pebble.Sync)
		}, []string{"what follows is lost", "an append is missing"}},
		"a block is there twice": {func(_ *testing.T, db *pebble.DB, blocks, _ [][]byte) error {
			return db.Set(blockKey(binary.BigEndian.Uint64(blocks[7][1:])+1), get(db, blocks[7]), pebble.Sync)
		}, []string{"the block says it stands at"}},
		"a line is missing": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Delete(lines[1], pebble.Sync)
		}, []string{`stream "book-0": revision 3 is expected and 6 found`, "does not lead to the append of revision 3"}},
		"the last line of a stream is missing": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Delete(lines[4], pebble.Sync)
		}, []string{`stream "book-0": the index does not lead to the append of revision 12`}},
		"the first line of a stream is missing": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Delete(lines[0], pebble.Sync)
		}, []string{`stream "book-0": revision 0 is expected and 3 found`}},
		"a line leads elsewhere": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Set(lines[1], get(db, lines[2]), pebble.Sync)
		}, []string{"the index does not lead to the append of revision 3", "the index says revision 3"}},
		"a line too many": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Set(streamKey("book-0", 15), get(db, lines[4]), pebble.Sync)
		}, []string{"the index says revision 15"}},
		"a line of no event": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Set(lines[4], make([]byte, 12), pebble.Sync)
		}, []string{"is of no event"}},
		"a line behind a tombstone": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Set(streamKey("gone", tombstoneRevision+1), get(db, lines[4]), pebble.Sync)
		}, []string{"follows the deletion of the stream"}},
		"a line is too short": {func(_ *testing.T, db *pebble.DB, _, lines [][]byte) error {
			return db.Set(lines[4], []byte("short"), pebble.Sync)
		}, []string{"a line has the wrong length"}},
		"an id that nobody has": {func(_ *testing.T, db *pebble.DB, blocks, _ [][]byte) error {
			id := uuid.New()
			return db.Set(idKey(id[:], binary.BigEndian.Uint64(blocks[3][1:])+60), nil, pebble.Sync)
		}, []string{"there is no such event"}},
		"an id beyond the end": {func(_ *testing.T, db *pebble.DB, _, _ [][]byte) error {
			id := uuid.New()
			return db.Set(idKey(id[:], 1<<40), nil, pebble.Sync)
		}, []string{"position 1099511627776", "there is no such event"}},
		"an id too long": {func(_ *testing.T, db *pebble.DB, _, _ [][]byte) error {
			return db.Set([]byte("ixyz"), nil, pebble.Sync)
		}, []string{"among the event ids has the wrong length"}},
		"a key of another kind": {func(_ *testing.T, db *pebble.DB, _, _ [][]byte) error {
			return errors.Join(db.Set([]byte("x"), nil, pebble.Sync), db.Set([]byte("mx"), nil, pebble.Sync))
		}, []string{`no known kind: "x"`, `no known kind: "mx"`}},
	} {
		t.Run(name, func(t *testing.T) {
			files := closedLog(t)
			tamper(t, files, func(db *pebble.DB) error {
				return test.plant(t, db, keysOf(t, db, []byte{prefixBlock}), keysOf(t, db, streamPrefix("book-0")))
			})
			report, err := check(t.Context(), "log", files, nil, silent)
			require.NoError(t, err)
			require.Equal(t, len(test.want) == 0, report.OK(), "%v", report.Faults)
			var said strings.Builder
			for _, fault := range report.Faults {
				fmt.Fprintln(&said, fault)
			}
			for _, want := range test.want {
				require.Contains(t, said.String(), want)
			}
			require.LessOrEqual(t, len(report.Faults), 6, "one fault is not made many:\n%s", said.String())
		})
	}
}

// TestCheckListIsBounded: a log that is all wrong does not give an endless list.
func TestCheckListIsBounded(t *testing.T) {
	files := closedLog(t)
	tamper(t, files, func(db *pebble.DB) error {
		for i := range 3 * maxFaults {
			if err := db.Set(fmt.Append([]byte("x"), i), nil, pebble.NoSync); err != nil {
				return err
			}
		}
		return nil
	})
	report, err := check(t.Context(), "log", files, nil, silent)
	require.NoError(t, err)
	require.Len(t, report.Faults, maxFaults)
	require.EqualValues(t, 2*maxFaults, report.MoreFaults)
}
