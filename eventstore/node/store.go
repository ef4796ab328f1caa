package node

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Keys in Pebble. Blocks sort before the index, so that a flush gives tables which
// mostly hold nothing but the newest blocks and can move down without being rewritten.
//
//	b <position, 8 bytes>                                        a block
//	i <event id, 16 bytes> <position, 8 bytes>                   nothing; where an event with that id is
//	m format                                                     the version of all this, decimal
//	s <length of name, 2 bytes> <name> <first revision, 8 bytes> position of the block (8), number of records (4)
//
// All integers in keys and index values are big endian. Lines under i exist for the
// events only that were appended without an exact revision.
const (
	prefixBlock  = 'b'
	prefixID     = 'i'
	prefixMeta   = 'm'
	prefixStream = 's'

	// formatVersion is the version of the keys and of what they lead to. Format 1
	// had no ids and no deleted streams.
	formatVersion = 2
)

var formatKey = []byte{prefixMeta, 'f', 'o', 'r', 'm', 'a', 't'}

func blockKey(position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixBlock}, position)
}

func idKey(id []byte, position uint64) []byte {
	key := make([]byte, 0, 1+16+8)
	key = append(append(key, prefixID), id...)
	return binary.BigEndian.AppendUint64(key, position)
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
	db       *pebble.DB
	lock     *pebble.Lock
	files    vfs.FS
	wal      *walGuard
	dir      string
	readOnly bool
	tail     *tail
	next     uint64 // position of the next block; the committer's alone after opening
	opened   uint64 // what next was at opening
	// writing is held while a group is written, and for a moment by a backup: the
	// copy of a write-ahead log that grows meanwhile could have holes.
	writing sync.Mutex

	witness witness       // as it was at opening
	flushed chan struct{} // holds one if a table was written since the last look
	quit    chan struct{} // closed by close
	group   sync.WaitGroup
	backup  sync.Mutex // held while one is taken
	totals  totals
}

// lastBlock returns the newest block, nil in an empty log.
func (s *store) lastBlock() (last *block, err error) {
	blocks, err := s.scan(^uint64(0), true, nil, func(*block) bool { return false })
	if err != nil || len(blocks) == 0 {
		return nil, err
	}
	return blocks[0], nil
}

// after returns blocks that hold visible records after a position, in order, read
// from disk into memory: at least one if there is any, and about maxBytes of them.
func (s *store) after(position uint64, maxBytes int, memory *scratch) ([]*block, error) {
	end := s.tail.end()
	if position >= end {
		return nil, nil
	}
	// The block that begins at or before the position may hold records after it.
	from := uint64(0)
	if earlier, err := s.scan(position, true, nil, func(*block) bool { return false }); err != nil {
		return nil, err
	} else if len(earlier) > 0 {
		from = earlier[0].position
		if earlier[0].lastPosition() <= position {
			from = earlier[0].end()
		}
	}
	return s.onwards(from, end, maxBytes, memory)
}

// onwards reads blocks from the one that begins at a position, which lies before
// the visible end.
func (s *store) onwards(from, end uint64, maxBytes int, memory *scratch) ([]*block, error) {
	blocks, err := s.scan(from, false, memory, func(b *block) bool {
		maxBytes -= len(b.raw)
		return maxBytes > 0 && b.end() <= end
	})
	if err == nil && len(blocks) == 0 {
		err = missing(from)
	}
	return blocks, err
}

// missing is the error about a place where an append must begin and none does.
func missing(position uint64) error {
	return &damaged{position, "an append is missing"}
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
	return s.scan(position-1, true, nil, func(b *block) bool {
		maxBytes -= len(b.raw)
		return maxBytes > 0
	})
}

// scan reads blocks from the one that begins at a position onwards, or, backwards,
// from the one that a position lies in, until more says no or the log ends. Blocks
// follow each other without gap, from position 0 to the end: a missing one is an
// error, never passed over. They are kept in memory, where it is nil each in its own.
func (s *store) scan(from uint64, backwards bool, memory *scratch, more func(*block) bool) (blocks []*block, err error) {
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
	read := iter.ValueAndErr
	for next := from; valid; valid = advance() {
		key := iter.Key()
		if len(key) != 9 {
			return nil, &damaged{from, fmt.Sprintf("a key of %d bytes among the blocks", len(key))}
		}
		value, err := valueOf(read)
		if err != nil {
			return nil, s.readError(from, err)
		}
		b, err := parseBlock(binary.BigEndian.Uint64(key[1:]), memory.keep(value))
		if err != nil {
			return nil, err
		}
		if backwards && b.end() <= next && next != ^uint64(0) {
			return nil, missing(b.end())
		}
		if !backwards && b.position != next {
			return nil, missing(next)
		}
		blocks = append(blocks, b)
		if !more(b) {
			return blocks, nil
		}
		if from, next = b.end(), b.end(); backwards {
			from, next = b.position, b.position-1
		}
	}
	if backwards && iter.Error() == nil && from > 0 && from != ^uint64(0) {
		return nil, missing(0)
	}
	return blocks, nil
}

// at returns the block at a position, from the tail if it is there.
func (s *store) at(position uint64) (*block, error) { return s.atInto(position, nil) }

// atInto is at, into memory where the block comes from disk.
func (s *store) atInto(position uint64, memory *scratch) (*block, error) {
	if b := s.tail.find(position); b != nil {
		return b, nil
	}
	// Not by Get, which loses an iterator where Pebble panics (valueOf).
	blocks, err := s.scan(position, false, memory, func(*block) bool { return false })
	if err == nil && len(blocks) == 0 {
		err = missing(position)
	}
	if err != nil {
		return nil, err
	}
	return blocks[0], nil
}

// valueOf reads a value. Pebble panics over a file of values whose end is damaged:
// that is damage like any other.
func valueOf(read func() ([]byte, error)) (value []byte, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			value, err = nil, fmt.Errorf("%w: a file of values cannot be opened: %v", pebble.ErrCorruption, reason)
		}
	}()
	return read()
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
// visible yet are included. Lines follow each other without gap, from revision 0 on,
// but for a tombstone: a missing one is an error.
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
	valid, advance := false, iter.Next
	if revision == ^uint64(0) {
		valid = iter.Last()
	} else {
		valid = iter.SeekLT(streamKey(stream, revision+1))
	}
	if backwards {
		advance = iter.Prev
	}
	var before entry // the line before, in the direction of reading
	for ; valid && len(entries) < limit; valid = advance() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return nil, s.indexError(stream, err)
		}
		_, line, err := parseLine(iter.Key(), value)
		if err != nil {
			return nil, err
		}
		if older, newer := before, line; before.count > 0 {
			if backwards {
				older, newer = line, before
			}
			if newer.revision != older.lastRevision()+1 && newer.revision != tombstoneRevision {
				return nil, &damagedIndex{stream, fmt.Sprintf("between the revisions %d and %d lines are missing", older.lastRevision(), newer.revision)}
			}
		}
		before = line
		if backwards || line.lastRevision() >= revision {
			entries = append(entries, line)
		}
	}
	if backwards && !valid && iter.Error() == nil && before.revision > 0 && before.revision != tombstoneRevision {
		return nil, &damagedIndex{stream, fmt.Sprintf("the lines before revision %d are missing", before.revision)}
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
	if pebble.IsCorruptionError(err) {
		return &damagedIndex{stream, err.Error()}
	}
	return fmt.Errorf("index of stream %q: %w", stream, err)
}

// damagedIndex is an error about a stream's index: it says nothing about where its
// records are, or something that cannot be.
type damagedIndex struct {
	stream string
	reason string
}

func (d *damagedIndex) Error() string {
	return fmt.Sprintf("damaged index of stream %q: %s", d.stream, d.reason)
}

// isDamaged reports whether an error is about bytes on disk that are not what was
// written.
func isDamaged(err error) bool {
	var broken *damaged
	var index *damagedIndex
	var log *damagedLog
	return errors.As(err, &broken) || errors.As(err, &index) || errors.As(err, &log)
}
