package index

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// TestInMemory: the index lives on the file system that it is given, and nowhere else.
func TestInMemory(t *testing.T) {
	dir, fs := filepath.Join(t.TempDir(), "index"), vfs.NewMem()
	config := Config{Dir: dir, Identity: identity, Logger: slog.New(slog.DiscardHandler), FS: fs}
	x, err := Open(config)
	require.NoError(t, err)
	b := x.Book("main")
	want := header(7)
	require.NoError(t, b.Store(want, Rows{Records: []Row{{Key: b.Record("pg-1", "A"), Value: []byte("first")}}}))
	require.NoError(t, x.Close())

	x, err = Open(config)
	require.NoError(t, err)
	got, found, err := x.Book("main").Header()
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, want.EventID, got.EventID)
	require.Equal(t, map[string]string{"A": "first"}, lookup(t, x.Book("main"), "A", "B"))
	require.NoError(t, x.Reset(errors.New("planted")))
	_, found, err = x.Book("main").Header()
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, x.Close())
	_, err = os.Stat(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}
