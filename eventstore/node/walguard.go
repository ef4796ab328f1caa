package node

import (
	"path"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walGuard stands between Pebble and the files of its write-ahead log. Pebble
// returns the error of a commit, but ends the process where the log fails while it
// goes on to its next file, in the middle of an append. The guard hears of every
// failure first: it tells the node, which takes no more writes and acknowledges
// none that is under way, and then answers Pebble as if all were well. Nothing
// reaches the log from then on, neither its files nor new ones, so that it ends on
// disk where it failed and a restart finds a log that a crash has cut short.
//
// The directory's own flush is not guarded: where it alone fails, the process ends.
type walGuard struct {
	vfs.FS
	fail  func(error) // tells the node
	armed atomic.Bool // from when the log is open: until then an error is Pebble's to return
	first atomic.Pointer[error]
}

// failure returns why the write-ahead log is cut off, nil where it is well.
func (g *walGuard) failure() error {
	if err := g.first.Load(); err != nil {
		return *err
	}
	return nil
}

// absorb reports an error and returns nil, once the guard is armed.
func (g *walGuard) absorb(err error) error {
	if err == nil || !g.armed.Load() {
		return err
	}
	g.first.CompareAndSwap(nil, &err)
	g.fail(err)
	return nil
}

func (g *walGuard) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.guard(name, func() (vfs.File, error) { return g.FS.Create(name, category) })
}

func (g *walGuard) ReuseForWrite(from, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.guard(name, func() (vfs.File, error) { return g.FS.ReuseForWrite(from, name, category) })
}

func (g *walGuard) Unwrap() vfs.FS { return g.FS }

func (g *walGuard) guard(name string, create func() (vfs.File, error)) (vfs.File, error) {
	if !strings.HasSuffix(path.Base(name), ".log") {
		return create()
	}
	if g.failure() == nil {
		f, err := create()
		if err == nil {
			return &guardedFile{f, g}, nil
		}
		if err := g.absorb(err); err != nil {
			return nil, err
		}
	}
	return vfs.NewMem().Create(path.Base(name), vfs.WriteCategoryUnspecified)
}

type guardedFile struct {
	vfs.File
	guard *walGuard
}

// unlessFailed carries out what changes the file, but for a log that is cut off.
func (f *guardedFile) unlessFailed(change func() error) error {
	if f.guard.failure() != nil {
		return nil
	}
	return f.guard.absorb(change())
}

func (f *guardedFile) Write(b []byte) (n int, err error) {
	err = f.unlessFailed(func() error { n, err = f.File.Write(b); return err })
	if err == nil {
		n = len(b)
	}
	return n, err
}

func (f *guardedFile) Sync() error     { return f.unlessFailed(f.File.Sync) }
func (f *guardedFile) SyncData() error { return f.unlessFailed(f.File.SyncData) }

func (f *guardedFile) SyncTo(length int64) (whole bool, err error) {
	err = f.unlessFailed(func() error { whole, err = f.File.SyncTo(length); return err })
	return whole, err
}

func (f *guardedFile) Close() error { return f.guard.absorb(f.File.Close()) }
