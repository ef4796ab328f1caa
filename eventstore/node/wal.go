package node

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	pebblerecord "github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// walBlock is the size of the blocks that a write-ahead log is made of.
const walBlock = 32 << 10

// checkWALs looks for damage in the write-ahead logs that Pebble would take for
// the end of one: a write that a crash has cut short. The committer waits for each
// write to be on disk before the next, so a write that can be read behind one that
// cannot proves that the latter had been whole. It must be called before Pebble
// opens the log. Only the very last write is beyond proof.
func (s *store) checkWALs() error {
	names, err := s.files.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		number, _, ok := wal.ParseLogFilename(name)
		if !ok {
			continue
		}
		if err := s.checkWAL(name, uint32(number)); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) checkWAL(name string, number uint32) (err error) {
	f, err := s.files.Open(s.files.PathJoin(s.dir, name), vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	broken, err := firstBroken(io.NewSectionReader(f, 0, info.Size()), number)
	if err != nil || broken < 0 {
		return err
	}
	for from := broken; from < info.Size(); from += walBlock - from%walBlock {
		rest := make([]byte, min(walBlock-from%walBlock, info.Size()-from))
		if _, err := f.ReadAt(rest, from); err != nil {
			return err
		}
		if from == broken {
			rest = rest[1:]
		}
		if holdsWrite(rest, number) {
			return &damagedLog{fmt.Sprintf("the write-ahead log %s cannot be read at byte %d, and goes on behind it", name, broken)}
		}
	}
	return nil
}

// firstBroken returns the offset of the first write that cannot be read, -1 where
// the log ends in order.
func firstBroken(r io.Reader, number uint32) (int64, error) {
	writes := newWrites(pebblerecord.NewReader, r, number)
	for {
		at := writes.Offset()
		if err := nextWrite(writes); errors.Is(err, io.EOF) {
			return -1, nil
		} else if err != nil {
			if invalidWrite(err) {
				return at, nil
			}
			return 0, err
		}
	}
}

// holdsWrite reports whether a write begins within the rest of a block and can be
// read as far as it lies there. Each piece of a log carries its number.
func holdsWrite(rest []byte, number uint32) bool {
	const numberOffset = 7 // behind checksum, length and kind
	mark := binary.LittleEndian.AppendUint32(nil, number)
	for at := 0; ; at++ {
		found := bytes.Index(rest[at:], mark)
		if found < 0 {
			return false
		}
		at += found
		if at < numberOffset {
			continue
		}
		if _, err := newWrites(pebblerecord.NewReader, bytes.NewReader(rest[at-numberOffset:]), number).Next(); err == nil {
			return true
		}
	}
}

// newWrites gives a number the type that open wants, which has no name for us.
func newWrites[Number ~uint64](open func(io.Reader, Number) *pebblerecord.Reader, r io.Reader, number uint32) *pebblerecord.Reader {
	return open(r, Number(number))
}

func nextWrite(writes *pebblerecord.Reader) error {
	content, err := writes.Next()
	if err == nil {
		_, err = io.Copy(io.Discard, content)
	}
	return err
}

func invalidWrite(err error) bool {
	return errors.Is(err, pebblerecord.ErrInvalidChunk) || errors.Is(err, pebblerecord.ErrZeroedChunk) || errors.Is(err, pebblerecord.ErrUnexpectedEOF)
}
