package index

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// ErrDamaged says that the index cannot be trusted: call Reset and rebuild.
var ErrDamaged = errors.New("the local index is damaged")

// ErrReset says that the index was emptied since the Book was obtained: obtain
// it again and rebuild.
var ErrReset = errors.New("the local index was reset")

// The sizes follow a measured rule: memtables are reserved out of the cache, so
// it must hold three of them and the bloom filters (1.25 bytes a key) besides
// the hot blocks, else every look-up reads its filter from disk.
const (
	cacheBytes    = 128 << 20
	memtableBytes = 16 << 20
	bitsPerKey    = 10
	openFiles     = 512
)

// Config says where the index lives and which log it follows.
type Config struct {
	Dir      string
	Identity eventstore.Identity
	Logger   *slog.Logger
	// FS holds the folder; nil is the disk. A simulation gives one in memory.
	FS vfs.FS
}

// Index is the database of all books of a process. It is safe for concurrent
// use; a Book belongs to one writer.
type Index struct {
	config  Config
	lock    *pebble.Lock
	damaged atomic.Bool // set by Pebble's background work
	looking bool        // opened by Inspect: nothing is written

	mu         sync.RWMutex // write-locked only while db is replaced or closed
	db         *pebble.DB
	generation uint64
}

// Open opens the index in the folder, creating it where it is missing. An index
// that is damaged, of another format, or of another log is emptied, which is
// logged. CodeConflict says that another process uses the folder.
func Open(config Config) (*Index, error) {
	if config.FS == nil {
		config.FS = vfs.Default
	}
	if err := config.FS.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, unusable(config.Dir, err)
	}
	lock, err := pebble.LockDirectory(config.Dir, config.FS)
	if err != nil {
		return nil, &domain.Error{
			Code: domain.CodeConflict, Field: "index", Value: config.Dir, Message: "the local index is in use by another process, or its folder is not writable",
			Remedy: "stop the other process, or give this one a data directory of its own", Err: err,
		}
	}
	x := &Index{config: config, lock: lock}
	err = x.rehearse()
	if err == nil {
		err = x.open()
	}
	if err == nil {
		err = x.checkLog()
	}
	if err != nil {
		if err = x.reset(err); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	return x, nil
}

// rehearse opens the database without compactions and closes it again, to see that
// it numbers what is new after all that its tables hold. A manifest that was cut short
// may have lost the last number: what is new would then be older than what it
// replaces, and a compaction that met both would end the process.
func (x *Index) rehearse() (err error) {
	if err := x.openWith(func(o *pebble.Options) { o.DisableAutomaticCompactions = true }); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, x.db.Close())
		x.db = nil
	}()
	batch := x.db.NewBatch()
	defer closing(batch, &err)
	if err := batch.Delete([]byte{unusedTag}, nil); err != nil {
		return err
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return err
	}
	levels, err := x.db.SSTables()
	if err != nil {
		return err
	}
	for _, tables := range levels {
		for i := range tables {
			if newest := tables[i].LargestSeqNum; newest >= batch.SeqNum() {
				return fmt.Errorf("%w: what is new has the number %d, and a table holds %d", ErrDamaged, batch.SeqNum(), newest)
			}
		}
	}
	return nil
}

// open opens the database as it lies on disk. Requires mu or sole use.
func (x *Index) open() error { return x.openWith(func(*pebble.Options) {}) }

func (x *Index) openWith(change func(*pebble.Options)) error {
	logger := pebbleLogger{x.config.Logger}
	options := &pebble.Options{
		Lock: x.lock,
		// Given so that Pebble does not wrap it in checks of the disk's health, which
		// leave a goroutine behind where opening fails.
		FS:                 x.config.FS,
		CacheSize:          cacheBytes,
		MemTableSize:       memtableBytes,
		MaxOpenFiles:       openFiles,
		ReadOnly:           x.looking,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) {
				logger.Errorf("background work: %v", err)
				if pebble.IsCorruptionError(err) {
					x.damaged.Store(true)
				}
			},
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				logger.Errorf("%s", info)
				x.damaged.Store(true)
			},
		},
	}
	options.Levels[0].FilterPolicy = bloom.FilterPolicy(bitsPerKey)
	options.Experimental.CompactionScheduler = compactions(&x.damaged)
	options.DisableTableStats = true // of a damaged table they would be read again and again
	change(options)
	x.damaged.Store(false) // before background work begins, which may find damage at once
	db, err := pebble.Open(x.config.Dir, options)
	if err != nil {
		return err
	}
	x.db = db
	return nil
}

// checkLog refuses an index that holds a book of another log.
func (x *Index) checkLog() (err error) {
	iterator, err := x.db.NewIter(&pebble.IterOptions{LowerBound: []byte{headerTag}, UpperBound: []byte{headerTag + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iterator.Close()) }()
	for iterator.First(); iterator.Valid(); iterator.Next() {
		header, err := decodeHeader(iterator.Key(), iterator.Value())
		if err != nil {
			return err
		}
		if header.Identity != x.config.Identity {
			return fmt.Errorf("it belongs to the log %s, not to %s", header.Identity, x.config.Identity)
		}
	}
	return iterator.Error()
}

// Reset empties the index because of a cause, which is logged. Every Book
// obtained before answers ErrReset from now on.
func (x *Index) Reset(cause error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		return errClosed
	}
	return x.reset(cause)
}

func (x *Index) reset(cause error) error {
	x.config.Logger.Warn("the local index is rebuilt from the log", "dir", x.config.Dir, "cause", cause)
	x.generation++
	if x.db != nil {
		if err := x.db.Close(); err != nil {
			x.config.Logger.Warn("the old local index did not close cleanly", "error", err)
		}
		x.db = nil
	}
	fs := x.config.FS
	names, err := fs.List(x.config.Dir)
	if err != nil {
		return unusable(x.config.Dir, err)
	}
	for _, name := range names {
		if name == "LOCK" {
			continue
		}
		if err := fs.RemoveAll(fs.PathJoin(x.config.Dir, name)); err != nil {
			return unusable(x.config.Dir, err)
		}
	}
	if err := x.open(); err != nil {
		return unusable(x.config.Dir, err)
	}
	return nil
}

// Close releases the database and its folder. It is idempotent.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lock == nil {
		return nil
	}
	var err error
	if x.db != nil {
		err = x.db.Close()
		x.db = nil
	}
	err = errors.Join(err, x.lock.Close())
	x.lock = nil
	return err
}

var errClosed = errors.New("the local index is closed")

func unusable(dir string, err error) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "index", Value: dir, Message: "the local index cannot be opened",
		Remedy: "make its folder writable for this user, with space left", Err: err,
	}
}

// pebbleLogger passes Pebble's messages on. Fatalf must not return: the
// database is in an unknown state, so the process stops and the next one
// rebuilds what is missing.
type pebbleLogger struct{ logger *slog.Logger }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.logger.Debug("local index: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.logger.Error("local index: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Fatalf(format string, args ...any) {
	message := "local index: " + fmt.Sprintf(format, args...)
	l.logger.Error(message)
	panic(message)
}

func closing(c io.Closer, err *error) { *err = errors.Join(*err, c.Close()) }
