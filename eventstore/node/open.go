package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jeongsan/jeongsan/domain"
)

// options are those of opening a log's files.
type options struct {
	files    vfs.FS
	logger   pebble.Logger
	tail     int  // bytes of the newest blocks that are kept in memory
	readOnly bool // nothing is written, and a log that is not there is an error
}

// openStore opens or creates the log in a directory.
func openStore(dir string, tailBytes int, filesystem vfs.FS, logger pebble.Logger) (*store, error) {
	if err := filesystem.MkdirAll(dir, 0o700); err != nil {
		return nil, directoryError(dir, "cannot be created", err)
	}
	return lockAndOpen(dir, options{files: filesystem, logger: logger, tail: tailBytes})
}

// openExisting opens the log of a stopped node. A directory without one is
// CodeNotFound.
func openExisting(dir string, with options) (*store, error) {
	missing := &domain.Error{
		Code: domain.CodeNotFound, Field: "dir", Value: dir,
		Message: "there is no event store in this directory", Remedy: "name the directory of a node with --data",
	}
	if _, err := with.files.Stat(dir); err != nil {
		missing.Err = err
		return nil, missing
	}
	found, err := pebble.Peek(dir, with.files)
	if err != nil {
		return nil, directoryError(dir, "cannot be read", err)
	}
	if !found.Exists {
		return nil, missing
	}
	return lockAndOpen(dir, with)
}

func lockAndOpen(dir string, with options) (*store, error) {
	lock, err := pebble.LockDirectory(dir, with.files)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return nil, directoryError(dir, "cannot be written to", err)
		}
		return nil, &domain.Error{
			Code: domain.CodeConflict, Field: "dir", Value: dir, Err: err,
			Message: "the event store's directory is in use by another node",
			Remedy:  "stop the other one or choose another directory",
		}
	}
	s, err := openLocked(dir, with, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func openLocked(dir string, with options, lock *pebble.Lock) (*store, error) {
	s := &store{
		lock: lock, files: with.files, dir: dir, readOnly: with.readOnly,
		flushed: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	if !with.readOnly { // a check reports it
		for _, look := range []func() error{s.checkManifest, s.checkWALs} {
			if err := look(); err != nil {
				return nil, directoryError(dir, "cannot be opened", err)
			}
		}
		if err := s.removeCheckpoints(); err != nil {
			return nil, err
		}
	}
	s.wal = &walGuard{FS: with.files, fail: func(err error) { with.logger.Fatalf("write-ahead log: %w", err) }}
	var err error
	if s.db, err = pebble.Open(dir, s.pebbleOptions(with)); err != nil {
		return nil, directoryError(dir, "cannot be opened", err)
	}
	if err := s.checkFormat(with.readOnly); err != nil && !(with.readOnly && pebble.IsCorruptionError(err)) {
		return nil, errors.Join(err, s.closeDB())
	}
	last, err := s.lastBlock()
	if err != nil && !with.readOnly { // a check goes on, and finds it again
		return nil, errors.Join(directoryError(dir, "cannot be opened: the last append cannot be read", err), s.closeDB())
	}
	var end uint64
	if last != nil {
		s.next, end = last.end(), last.lastPosition()
	}
	if err := s.checkEnd(end); err != nil && !with.readOnly {
		return nil, errors.Join(directoryError(dir, "cannot be opened", err), s.closeDB())
	}
	s.opened = s.next
	s.tail = newTail(with.tail, end)
	s.wal.armed.Store(true)
	if !with.readOnly {
		raise(s.flushed) // it may be raised already: recovery flushes
		s.group.Go(func() { s.keepWitness(with.logger) })
	}
	return s, nil
}

func (s *store) pebbleOptions(with options) *pebble.Options {
	options := &pebble.Options{
		FS:     s.wal,
		Logger: with.logger,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { backgroundError(with.logger, err) },
			FlushEnd:        func(pebble.FlushInfo) { raise(s.flushed) },
		},
		Lock:               s.lock,
		ReadOnly:           with.readOnly,
		FormatMajorVersion: pebble.FormatValueSeparation,
		// Memtables are reserved out of the cache: three of them leave half of it
		// to blocks and indexes.
		CacheSize:                   96 << 20,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 3,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                512,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	// Blocks are never overwritten and hardly ever deleted: they are written once to
	// files of their own, and compactions move their keys only.
	options.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{Enabled: true, MinimumSize: separatedBytes, MaxBlobReferenceDepth: 16, TargetGarbageRatio: 1}
	}
	return options
}

// separatedBytes is from which size on a block is kept apart from its key.
const separatedBytes = 512

// backgroundError hears of what Pebble cannot flush or compact. It tries for ever,
// and appends would come to a halt without a word once its memory is full: a disk
// that takes no more is as fatal here as in an append.
func backgroundError(logger pebble.Logger, err error) {
	for _, refusal := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO} {
		if errors.Is(err, refusal) {
			logger.Fatalf("the disk of the log takes no more: %w", err)
			return
		}
	}
	logger.Errorf("background work: %v", err)
}

// raise sets a flag; it may be set already.
func raise(flag chan<- struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

func directoryError(dir, what string, err error) error {
	remedy := "check the path, its permissions and the space left on its disk"
	if pebble.IsCorruptionError(err) || isDamaged(err) {
		remedy = "keep a copy of the directory, see what jeongsan node check says, and restore a backup"
	}
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "dir", Value: dir, Err: err,
		Message: "the event store's directory " + what, Remedy: remedy,
	}
}

// checkFormat marks a log with the format that is written from now on, and refuses
// a newer one.
func (s *store) checkFormat(readOnly bool) error {
	version := 0
	value, closer, err := s.db.Get(formatKey)
	switch {
	case errors.Is(err, pebble.ErrNotFound): // a new log, or one whose making was cut short
	case err != nil:
		return directoryError(s.dir, "cannot be read", err)
	default:
		var parseErr error
		version, parseErr = strconv.Atoi(string(value))
		if err := errors.Join(parseErr, closer.Close()); err != nil {
			return directoryError(s.dir, "does not say its format", err)
		}
	}
	switch {
	case version > formatVersion:
		return &domain.Error{
			Code: domain.CodeInvalid, Field: "dir", Value: s.dir,
			Message: fmt.Sprintf("the event store has format %d, this version of the program knows formats up to %d", version, formatVersion),
			Remedy:  "run the version that wrote it, or a newer one",
		}
	case version == formatVersion || readOnly:
		return nil
	}
	return s.db.Set(formatKey, strconv.AppendInt(nil, formatVersion, 10), pebble.Sync)
}

// close closes the log, in which nothing may be under way any more.
func (s *store) close() error {
	close(s.quit)
	s.group.Wait()
	err := errors.Join(s.closeDB(), s.wal.failure()) // while it closes, too
	if err == nil && !s.readOnly {
		err = s.writeWitness(false)
	}
	return errors.Join(err, s.lock.Close())
}

// closeDB closes Pebble, which panics where it has lost count of files that it could
// not read.
func (s *store) closeDB() (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("close a damaged log: %v", reason)
		}
	}()
	return s.db.Close()
}

// pebbleLogger passes Pebble's messages to slog. What Pebble holds to be fatal
// stops the node instead of the process.
type pebbleLogger struct {
	logger *slog.Logger
	fatal  func(error)
}

func (l pebbleLogger) Infof(format string, args ...any) {
	l.logger.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.logger.Error("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.fatal(fmt.Errorf(format, args...))
}
