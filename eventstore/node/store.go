package node

import (
	"bytes"
	"encoding/binary"
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

// Keys in Pebble. Blocks sort before the index, so that a flush gives tables which
// mostly hold nothing but the newest blocks and can move down without being rewritten.
//
//	b <position, 8 bytes>                                        a block
//	m format                                                     the version of all this, decimal
//	s <length of name, 2 bytes> <name> <first revision, 8 bytes> position of the block (8), number of records (4)
//
// All integers in keys and index values are big endian.
const (
	prefixBlock  = 'b'
	prefixMeta   = 'm'
	prefixStream = 's'

	// formatVersion is the version of the keys and of what they lead to.
	formatVersion = 1
)

var formatKey = []byte{prefixMeta, 'f', 'o', 'r', 'm', 'a', 't'}

func blockKey(position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixBlock}, position)
}

func streamPrefix(stream string) []byte {
	key := make([]byte, 0, 3+len(stream)+8)
	key = append(key, prefixStream)
	key = binary.BigEndian.AppendUint16(key, uint16(len(stream)))
	return append(key, stream...)
}

func streamKey(stream string, revision uint64) []byte {
	return binary.BigEndian.AppendUint64(streamPrefix(stream), revision)
}

// entry is one line of a stream's index: one append.
type entry struct {
	revision uint64 // of the first record
	count    uint64
	position uint64 // of the block
}

func (e entry) lastRevision() uint64 { return e.revision + e.count - 1 }

func (e entry) value() []byte {
	value := binary.BigEndian.AppendUint64(nil, e.position)
	return binary.BigEndian.AppendUint32(value, uint32(e.count))
}

// store is the log on disk: reading it, and the visible end of it. Writing is the
// committer's.
type store struct {
	db   *pebble.DB
	lock *pebble.Lock
	tail *tail
	next uint64 // position of the next block; the committer's alone after opening
}

// openStore opens or creates the log in a directory.
func openStore(dir string, tailBytes int, filesystem vfs.FS, logger pebble.Logger) (*store, error) {
	if err := filesystem.MkdirAll(dir, 0o700); err != nil {
		return nil, directoryError(dir, "cannot be created", err)
	}
	lock, err := pebble.LockDirectory(dir, filesystem)
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
	s, err := openLocked(dir, tailBytes, filesystem, logger, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func openLocked(dir string, tailBytes int, filesystem vfs.FS, logger pebble.Logger, lock *pebble.Lock) (*store, error) {
	db, err := pebble.Open(dir, pebbleOptions(filesystem, logger, lock))
	if err != nil {
		return nil, directoryError(dir, "cannot be opened", err)
	}
	s := &store{db: db, lock: lock}
	if err := s.checkFormat(dir); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	last, err := s.lastBlock()
	if err != nil {
		return nil, errors.Join(directoryError(dir, "its last block cannot be read", err), db.Close())
	}
	var end uint64
	if last != nil {
		s.next, end = last.end(), last.lastPosition()
	}
	s.tail = newTail(tailBytes, end)
	return s, nil
}

func pebbleOptions(filesystem vfs.FS, logger pebble.Logger, lock *pebble.Lock) *pebble.Options {
	options := &pebble.Options{
		FS:                 filesystem,
		Logger:             logger,
		EventListener:      &pebble.EventListener{BackgroundError: func(err error) { backgroundError(logger, err) }},
		Lock:               lock,
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

func directoryError(dir, what string, err error) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "dir", Value: dir, Err: err,
		Message: "the event store's directory " + what,
		Remedy:  "check the path, its permissions and the space left on its disk",
	}
}

// checkFormat marks a new log with the format's version and refuses a newer one.
func (s *store) checkFormat(dir string) error {
	value, closer, err := s.db.Get(formatKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return s.db.Set(formatKey, strconv.AppendInt(nil, formatVersion, 10), pebble.Sync)
	}
	if err != nil {
		return directoryError(dir, "cannot be read", err)
	}
	version, parseErr := strconv.Atoi(string(value))
	if err := errors.Join(parseErr, closer.Close()); err != nil {
		return directoryError(dir, "does not say its format", err)
	}
	if version > formatVersion {
		return &domain.Error{
			Code: domain.CodeInvalid, Field: "dir", Value: dir,
			Message: fmt.Sprintf("the event store has format %d, this version of the program knows formats up to %d", version, formatVersion),
			Remedy:  "run the version that wrote it, or a newer one",
		}
	}
	return nil
}

func (s *store) close() error { return errors.Join(s.db.Close(), s.lock.Close()) }

// lastBlock returns the newest block, nil in an empty log.
func (s *store) lastBlock() (last *block, err error) {
	blocks, err := s.scan(^uint64(0), true, func(*block) bool { return false })
	if err != nil || len(blocks) == 0 {
		return nil, err
	}
	return blocks[0], nil
}

// after returns blocks that hold visible records after a position, in order, read
// from disk: at least one if there is any, and about maxBytes of them.
func (s *store) after(position uint64, maxBytes int) ([]*block, error) {
	end := s.tail.end()
	if position >= end {
		return nil, nil
	}
	// The block that begins at or before the position may hold records after it.
	from := uint64(0)
	if earlier, err := s.scan(position, true, func(*block) bool { return false }); err != nil {
		return nil, err
	} else if len(earlier) > 0 {
		from = earlier[0].position
		if earlier[0].lastPosition() <= position {
			from = earlier[0].end()
		}
	}
	return s.scan(from, false, func(b *block) bool {
		maxBytes -= len(b.raw)
		return maxBytes > 0 && b.end() <= end
	})
}

// before is after, backwards: visible blocks that hold records below a position,
// the newest first.
func (s *store) before(position uint64, maxBytes int) ([]*block, error) {
	if end := s.tail.end(); position > end {
		position = end + 1
	}
	if position == 0 {
		return nil, nil
	}
	return s.scan(position-1, true, func(b *block) bool {
		maxBytes -= len(b.raw)
		return maxBytes > 0
	})
}

// scan reads blocks from the one at or after a position onwards, or, backwards,
// from the one at or before it, until more says no or the log ends.
func (s *store) scan(from uint64, backwards bool, more func(*block) bool) (blocks []*block, err error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixBlock}, UpperBound: []byte{prefixBlock + 1}})
	if err != nil {
		return nil, s.readError(from, err)
	}
	defer func() {
		if closeErr := iter.Close(); closeErr != nil && err == nil {
			blocks, err = nil, s.readError(from, closeErr)
		}
	}()
	valid, advance := false, iter.Next
	switch {
	case !backwards:
		valid = iter.SeekGE(blockKey(from))
	case from == ^uint64(0):
		valid, advance = iter.Last(), iter.Prev
	default:
		valid, advance = iter.SeekLT(blockKey(from+1)), iter.Prev
	}
	for ; valid; valid = advance() {
		key := iter.Key()
		if len(key) != 9 {
			return nil, &damaged{from, fmt.Sprintf("a key of %d bytes among the blocks", len(key))}
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return nil, s.readError(from, err)
		}
		b, err := parseBlock(binary.BigEndian.Uint64(key[1:]), bytes.Clone(value))
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
		from = b.position
		if !more(b) {
			break
		}
	}
	return blocks, nil
}

// at returns the block at a position, from memory if it is there.
func (s *store) at(position uint64) (*block, error) {
	if b := s.tail.find(position); b != nil {
		return b, nil
	}
	value, closer, err := s.db.Get(blockKey(position))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, &damaged{position, "the index leads to a block that is not there"}
	}
	if err != nil {
		return nil, s.readError(position, err)
	}
	raw := bytes.Clone(value)
	if err := closer.Close(); err != nil {
		return nil, s.readError(position, err)
	}
	return parseBlock(position, raw)
}

// head returns the revision of a stream's last event; ok is false where there is none.
func (s *store) head(stream string) (revision uint64, ok bool, err error) {
	entries, err := s.index(stream, ^uint64(0), true, 1)
	if err != nil || len(entries) == 0 {
		return 0, false, err
	}
	return entries[0].lastRevision(), true, nil
}

// index returns lines of a stream's index, at most limit: from the append that
// holds a revision onwards, or from it backwards. A revision beyond the end gives
// nothing forwards and the last append backwards. Lines of appends that are not
// visible yet are included.
func (s *store) index(stream string, revision uint64, backwards bool, limit int) (entries []entry, err error) {
	prefix := streamPrefix(stream)
	iter, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: prefix, UpperBound: append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, 9)...)})
	if err != nil {
		return nil, s.indexError(stream, err)
	}
	defer func() {
		if closeErr := iter.Close(); closeErr != nil && err == nil {
			entries, err = nil, s.indexError(stream, closeErr)
		}
	}()
	// The append that holds the revision is the last one that begins at or before it.
	valid := false
	if revision == ^uint64(0) {
		valid = iter.Last()
	} else {
		valid = iter.SeekLT(streamKey(stream, revision+1))
	}
	for valid && len(entries) < limit {
		value, err := iter.ValueAndErr()
		if err != nil {
			return nil, s.indexError(stream, err)
		}
		key := iter.Key()
		if len(value) != 12 || len(key) != len(prefix)+8 {
			return nil, s.indexError(stream, errors.New("a line of the index has the wrong length"))
		}
		line := entry{
			revision: binary.BigEndian.Uint64(key[len(prefix):]),
			position: binary.BigEndian.Uint64(value),
			count:    uint64(binary.BigEndian.Uint32(value[8:])),
		}
		if backwards || line.lastRevision() >= revision {
			entries = append(entries, line)
		}
		if backwards {
			valid = iter.Prev()
		} else {
			valid = iter.Next()
		}
	}
	return entries, nil
}

// readError turns what Pebble says about a read into an error with a position:
// its own checksums failed, or the disk did.
func (s *store) readError(position uint64, err error) error {
	if pebble.IsCorruptionError(err) {
		return &damaged{position, err.Error()}
	}
	return fmt.Errorf("read at position %d: %w", position, err)
}

func (s *store) indexError(stream string, err error) error {
	return fmt.Errorf("index of stream %q: %w", stream, err)
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
