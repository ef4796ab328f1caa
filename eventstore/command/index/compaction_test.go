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
	require.NoError(t, b.Store(header(9), Rows{Records: []Row{{b.Record("pg", "0"), []byte("new")}}}))
	require.NoError(t, x.db.Flush()) // a second table is one too many
	require.Eventually(t, x.damaged.Load, 20*time.Second, time.Millisecond)
	require.Never(t, func() bool { return failed.Load() > 3 }, 200*time.Millisecond, 20*time.Millisecond)
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
