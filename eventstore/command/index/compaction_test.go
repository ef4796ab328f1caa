package index

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// complaints counts what background work complains of.
type complaints struct {
	slog.Handler
	count *atomic.Int64
}

func (c complaints) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "background work") {
		c.count.Add(1)
	}
	return nil
}

// Damage that only background work meets is found once: it does not try again for
// ever, and who uses the index next is told.
func TestBackgroundWorkRestsOnDamage(t *testing.T) {
	fs := vfs.NewMem()
	var failed atomic.Int64
	logger := slog.New(complaints{slog.NewTextHandler(io.Discard, nil), &failed})
	config := Config{Dir: "index", Identity: header(1).Identity, Logger: logger, FS: fs}
	x, err := Open(config)
	require.NoError(t, err)
	b := x.Book("main")
	// One table, on the first level: Pebble remembers no damage there, since flushes
	// must go on.
	rows := Rows{}
	for i := range 2_000 {
		rows.Records = append(rows.Records, Row{b.Record("pg", fmt.Sprint(i)), []byte(strings.Repeat(fmt.Sprint(i), 10))})
	}
	require.NoError(t, b.Store(header(1), rows))
	require.NoError(t, x.db.Flush())
	require.NoError(t, x.Close())
	names, err := fs.List("index")
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			damage(t, fs, filepath.Join("index", name))
		}
	}
	x, err = Open(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	b = x.Book("main")
	if err := b.Store(header(9), Rows{Records: []Row{{b.Record("pg", "0"), []byte("new")}}}); err != nil {
		require.ErrorIs(t, err, ErrDamaged) // found already
	} else {
		require.NoError(t, x.db.Flush()) // a second table is one too many
	}
	require.Eventually(t, x.damaged.Load, 20*time.Second, time.Millisecond)
	require.Never(t, func() bool { return failed.Load() > 9 }, 200*time.Millisecond, 20*time.Millisecond)
	require.ErrorIs(t, b.Clear(), ErrDamaged)
	require.NoError(t, x.Reset(ErrDamaged))
	require.NoError(t, x.Book("main").Store(header(1), Rows{}))
}

// damage turns bits in the middle of a table.
func damage(t *testing.T, fs vfs.FS, path string) {
	t.Helper()
	file, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	stat, err := file.Stat()
	require.NoError(t, err)
	block, middle := make([]byte, 64), stat.Size()/2
	_, err = file.ReadAt(block, middle)
	require.NoError(t, err)
	for i := range block {
		block[i] ^= 0x55
	}
	_, err = file.WriteAt(block, middle)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// A manifest that lost its end may have lost which number comes next: such an index is
// not continued.
func TestAManifestThatWasCutShort(t *testing.T) {
	for cut := int64(1); ; cut++ {
		fs := vfs.NewMem()
		config := Config{Dir: "index", Identity: header(1).Identity, Logger: slog.New(slog.DiscardHandler), FS: fs}
		x, err := Open(config)
		require.NoError(t, err)
		b := x.Book("main")
		for n := range 5 {
			require.NoError(t, b.Store(header(1), Rows{Records: []Row{{b.Record("pg", "1"), []byte{byte(n)}}}}))
		}
		require.NoError(t, x.db.Flush())
		require.NoError(t, x.Close())
		x, err = Open(config) // which lists the tables in a manifest of its own
		require.NoError(t, err)
		require.NoError(t, x.Close())
		names, err := fs.List("index")
		require.NoError(t, err)
		manifest := ""
		for _, name := range names {
			if strings.HasPrefix(name, "MANIFEST") {
				manifest = max(manifest, name)
			}
		}
		size := shorten(t, fs, filepath.Join("index", manifest), cut)
		x, err = Open(config)
		require.NoError(t, err)
		batch := x.db.NewBatch()
		require.NoError(t, batch.Set([]byte("k"), nil, nil))
		require.NoError(t, batch.Commit(nil))
		levels, err := x.db.SSTables()
		require.NoError(t, err)
		for _, tables := range levels {
			for i := range tables {
				require.Less(t, tables[i].LargestSeqNum, batch.SeqNum(), "cut by %d", cut)
			}
		}
		require.NoError(t, batch.Close())
		require.NoError(t, x.Close())
		if cut >= size {
			return
		}
	}
}

// shorten cuts bytes off the end of a file and tells how long it was.
func shorten(t *testing.T, fs *vfs.MemFS, path string, by int64) (size int64) {
	t.Helper()
	file, err := fs.Open(path)
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	kept := content[:max(0, len(content)-int(by))]
	written, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = written.Write(kept)
	require.NoError(t, err)
	require.NoError(t, written.Close())
	return int64(len(content))
}
