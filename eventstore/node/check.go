package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strconv"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// CheckReport is what Check found.
type CheckReport struct {
	Events  uint64 `json:"events"`
	Appends uint64 `json:"appends"`
	Streams uint64 `json:"streams"`
	IDs     uint64 `json:"ids"`   // lines of the index of event ids
	Bytes   uint64 `json:"bytes"` // of the log before compression
	End     uint64 `json:"end"`   // position of the last event, 0 in an empty log
	// Faults are at most maxFaults, in the order in which they were found.
	Faults []Fault `json:"faults"`
	// MoreFaults counts those that are not listed.
	MoreFaults uint64 `json:"more_faults,omitempty"`
}

// OK reports whether nothing was found.
func (r CheckReport) OK() bool { return len(r.Faults) == 0 }

// Fault is something in the log that cannot be.
type Fault struct {
	Position *uint64 `json:"position,omitempty"` // nil where no position can be named
	Stream   string  `json:"stream,omitempty"`
	Message  string  `json:"message"`
}

// String is for people.
func (f Fault) String() string {
	where := ""
	if f.Position != nil {
		where = "position " + strconv.FormatUint(*f.Position, 10) + ": "
	}
	if f.Stream != "" {
		where += "stream " + strconv.Quote(f.Stream) + ": "
	}
	return where + f.Message
}

const (
	// maxFaults bounds the list of a report.
	maxFaults = 100
	// checkedEvery is how many lines pass between two looks at the context.
	checkedEvery = 1024
)

// Check reads every record and every line of the indexes of a stopped node's log
// and proves that they agree. It writes nothing. Memory is bounded: what two parts
// say of each other is compared by sums over keyed hashes, and looked up only where
// these differ. progress, which may be nil, is told the position that was reached
// and the end.
//
// The error is for what kept it from checking: CodeNotFound where there is no log,
// CodeConflict where a node uses it, CodeUnavailable where it cannot be opened at
// all. What is wrong with the log is in the report.
func Check(ctx context.Context, dir string, progress func(position, end uint64), logger *slog.Logger) (CheckReport, error) {
	return check(ctx, dir, vfs.Default, progress, logger)
}

func check(ctx context.Context, dir string, files vfs.FS, progress func(position, end uint64), logger *slog.Logger) (report CheckReport, err error) {
	s, err := openExisting(dir, options{files: files, logger: quiet(logger), tail: 1, readOnly: true})
	if err != nil {
		return CheckReport{}, err
	}
	defer func() {
		if closeErr := s.close(); closeErr != nil && report.OK() { // else it is known why
			err = errors.Join(err, closeErr)
		}
	}()
	c := &checker{store: s, ctx: ctx, progress: progress, seed: maphash.MakeSeed(), report: CheckReport{Faults: []Fault{}}}
	for _, step := range []func() error{c.witness, c.prefixes, c.blocks, c.end, c.streams, c.compare, c.ids} {
		if err := step(); err != nil {
			return c.report, err
		}
	}
	return c.report, nil
}

// checker is one run of Check.
type checker struct {
	store    *store
	ctx      context.Context
	progress func(position, end uint64)
	seed     maphash.Seed
	report   CheckReport
	steps    int

	inBlocks, inIndex sum
}

// sum is the same for two collections of lines if these are the same, in whatever
// order, and for other ones only by an accident that nobody can plan.
type sum struct{ count, a, b uint64 }

func (s *sum) add(h *maphash.Hash) {
	s.count++
	s.a += h.Sum64()
	_ = h.WriteByte(1) // it never fails
	s.b += h.Sum64()
}

// line adds one append as the blocks or the index have it.
func (c *checker) line(s *sum, stream string, e entry) {
	var h maphash.Hash
	h.SetSeed(c.seed)
	h.WriteString(stream)
	h.Write(streamKey("", e.revision))
	h.Write(e.value())
	s.add(&h)
}

func (c *checker) fault(position *uint64, stream, format string, args ...any) {
	if len(c.report.Faults) == maxFaults {
		c.report.MoreFaults++
		return
	}
	c.report.Faults = append(c.report.Faults, Fault{Position: position, Stream: stream, Message: fmt.Sprintf(format, args...)})
}

// found notes an error about the log itself and returns any other.
func (c *checker) found(err error) error {
	var broken *damaged
	var index *damagedIndex
	var log *damagedLog
	switch {
	case errors.As(err, &log):
		c.fault(nil, "", "%s", log.reason)
	case errors.As(err, &broken):
		c.fault(&broken.position, "", "%s", broken.reason)
	case errors.As(err, &index):
		c.fault(nil, index.stream, "index: %s", index.reason)
	default:
		return err
	}
	return nil
}

// step returns an error when the check is to end.
func (c *checker) step() error {
	if c.steps++; c.steps%checkedEvery != 0 {
		return nil
	}
	return c.ctx.Err()
}

// witness looks for what is not there any more.
func (c *checker) witness() error {
	if err := c.found(c.store.checkManifest()); err != nil {
		return err
	}
	return c.found(c.store.checkWALs())
}

// prefixes looks for keys of no known kind.
func (c *checker) prefixes() (err error) {
	iter, err := c.store.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed(iter)) }()
	for valid := iter.First(); valid; {
		key := iter.Key()
		switch key[0] {
		case prefixBlock, prefixID, prefixStream:
			valid = iter.SeekGE([]byte{key[0] + 1})
			continue
		case prefixMeta:
			if string(key) == string(formatKey) {
				valid = iter.Next()
				continue
			}
		}
		c.fault(nil, "", "a key of no known kind: %q", key)
		valid = iter.Next()
	}
	if err := iter.Error(); err != nil {
		if !pebble.IsCorruptionError(err) {
			return err
		}
		c.fault(nil, "", "keys cannot be read: %v", err)
	}
	return nil
}

// blocks walks over the log itself.
func (c *checker) blocks() error {
	next, known := uint64(0), true // where the next block must begin, if that is known
	return c.walkBlocks(func(position uint64, raw []byte, err error) error {
		if known && position != next {
			c.fault(&next, "", "the next append begins at position %d: there is a gap or an overlap", position)
		}
		next, known = position+uint64(len(raw)), raw != nil
		if err != nil {
			return c.found(c.store.readError(position, err))
		}
		b, err := parseBlock(position, raw)
		if err != nil {
			return c.found(err)
		}
		c.report.Appends++
		c.report.Events += b.count
		c.report.End, c.report.Bytes = b.lastPosition(), b.end()
		c.line(&c.inBlocks, b.stream, entry{revision: b.revision, count: b.count, position: b.position})
		if c.progress != nil {
			c.progress(b.end(), c.store.next)
		}
		return c.records(b)
	})
}

// end looks for what the log has lost of its end.
func (c *checker) end() error { return c.found(c.store.checkEnd(c.report.End)) }

// records walks over one block.
func (c *checker) records(b *block) error {
	last := record{}
	walk := b.walk()
	for {
		rec, ok, err := walk.next()
		if err != nil {
			return c.found(err)
		}
		if !ok {
			break
		}
		last = rec
	}
	switch {
	case walk.offset != len(b.raw):
		c.fault(&b.position, b.stream, "%d bytes after the last record", len(b.raw)-walk.offset)
	case last.position != b.lastPosition():
		c.fault(&b.position, b.stream, "the head says the last record is at position %d, it is at %d", b.lastPosition(), last.position)
	case b.lastRevision() < b.revision || b.lastRevision() > tombstoneRevision:
		c.fault(&b.position, b.stream, "revisions from %d on for %d events", b.revision, b.count)
	case b.lastRevision() == tombstoneRevision && (b.count > 1 || string(last.kind) != typeTombstone):
		c.fault(&b.position, b.stream, "events stand where only the deletion of the stream can")
	}
	return nil
}

// streams walks over the index of streams: revisions begin at 0 and have no gaps,
// and nothing follows the deletion.
func (c *checker) streams() error {
	stream, next, deleted, first := "", uint64(0), false, true
	return c.walkLines(prefixStream, func(key, value []byte) error {
		name, line, err := parseLine(key, value)
		if err != nil {
			return c.found(err)
		}
		if first || name != stream {
			stream, next, deleted, first = name, 0, false, false
			c.report.Streams++
		}
		c.line(&c.inIndex, name, line)
		switch {
		case deleted:
			c.fault(&line.position, name, "revision %d follows the deletion of the stream", line.revision)
		case line.revision == tombstoneRevision:
			deleted = true
		case line.revision != next:
			c.fault(&line.position, name, "revision %d is expected and %d found", next, line.revision)
		}
		next = line.revision + line.count
		return nil
	})
}

// compare looks at every append and every line, one by one, where their sums say
// that they differ.
func (c *checker) compare() error {
	if c.inBlocks == c.inIndex {
		return nil
	}
	before := len(c.report.Faults)
	err := c.walkBlocks(func(position uint64, raw []byte, err error) error {
		if err != nil {
			return nil // it was reported
		}
		b, err := parseBlock(position, raw)
		if err != nil {
			return nil // it was reported
		}
		value, closer, err := c.store.db.Get(streamKey(b.stream, b.revision))
		switch {
		case errors.Is(err, pebble.ErrNotFound):
		case err != nil:
			return c.found(c.store.indexError(b.stream, err))
		default:
			found := bytes.Equal(value, entry{count: b.count, position: position}.value())
			if err := closer.Close(); err != nil || found {
				return err
			}
		}
		c.fault(&position, b.stream, "the index does not lead to the append of revision %d", b.revision)
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.walkLines(prefixStream, func(key, value []byte) error {
		name, line, err := parseLine(key, value)
		if err != nil {
			return nil // it was reported
		}
		b, err := c.store.at(line.position)
		if err != nil {
			return c.found(fmt.Errorf("index of stream %q, revision %d: %w", name, line.revision, err))
		}
		if b.stream != name || b.revision != line.revision || b.count != line.count {
			c.fault(&line.position, name, "the index says revision %d and %d events, the append there is of stream %q, revision %d, %d events",
				line.revision, line.count, b.stream, b.revision, b.count)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(c.report.Faults) == before && c.report.MoreFaults == 0 {
		c.fault(nil, "", "the log and its index differ: %d appends, %d lines", c.inBlocks.count, c.inIndex.count)
	}
	return nil
}
