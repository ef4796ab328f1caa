package node

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// firstStride is how far a check goes on behind a place that cannot be read; it
	// doubles until something can be.
	firstStride = 4 << 10
	// sortedIDs is how many ids are looked up together, in the order of the log.
	sortedIDs = 1 << 20
)

func (c *checker) iterator(prefix byte) (*pebble.Iterator, error) {
	return c.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
}

// closed closes an iterator. Damage that it met was reported where it was met.
func closed(iter *pebble.Iterator) error {
	if err := iter.Close(); err != nil && !pebble.IsCorruptionError(err) {
		return err
	}
	return nil
}

// walkBlocks visits all blocks in order. Where one cannot be read, visit gets the
// reason, and the position of the block or where it must be sought, and the walk
// goes on behind it. The bytes are valid until visit returns.
func (c *checker) walkBlocks(visit func(position uint64, raw []byte, err error) error) (err error) {
	iter, err := c.iterator(prefixBlock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed(iter)) }()
	from, stride := uint64(0), uint64(firstStride)
	for valid := iter.First(); ; {
		if err := c.step(); err != nil {
			return err
		}
		if !valid {
			err := iter.Error()
			if err == nil || !pebble.IsCorruptionError(err) {
				return err
			}
			if stride == firstStride {
				if err := visit(from, nil, err); err != nil {
					return err
				}
			}
			if from+stride > tombstoneRevision {
				return nil
			}
			valid = iter.SeekGE(blockKey(from + stride))
			stride *= 2
			continue
		}
		key := iter.Key()
		if len(key) != 9 {
			c.fault(&from, "", "a key of %d bytes among the blocks", len(key))
			valid = iter.Next()
			continue
		}
		position := binary.BigEndian.Uint64(key[1:])
		raw, err := valueOf(iter.ValueAndErr)
		if err != nil {
			if !pebble.IsCorruptionError(err) {
				return err
			}
			raw = nil
		}
		if err := visit(position, raw, err); err != nil {
			return err
		}
		from, stride = position+1, firstStride
		valid = iter.Next()
	}
}

// walkLines visits the keys and values of an index. What cannot be read ends the
// walk and is reported.
func (c *checker) walkLines(prefix byte, visit func(key, value []byte) error) (err error) {
	iter, err := c.iterator(prefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed(iter)) }()
	var last []byte
	for valid := iter.First(); valid; valid = iter.Next() {
		if err := c.step(); err != nil {
			return err
		}
		last = append(last[:0], iter.Key()...)
		value, err := iter.ValueAndErr()
		if err != nil {
			break
		}
		if err := visit(last, value); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		if !pebble.IsCorruptionError(err) {
			return err
		}
		c.fault(nil, "", "an index cannot be read beyond the key %q: %v", last, err)
	}
	return nil
}

// parseLine reads a line of the index of streams.
func parseLine(key, value []byte) (stream string, line entry, err error) {
	bad := func(reason string) (string, entry, error) {
		return "", entry{}, &damagedIndex{stream, reason}
	}
	if len(key) < 3 {
		return bad(fmt.Sprintf("the key %q is too short", key))
	}
	name := key[3:]
	if size := int(binary.BigEndian.Uint16(key[1:])); len(name) != size+8 {
		return bad(fmt.Sprintf("the key %q has the wrong length", key))
	}
	stream, name = string(name[:len(name)-8]), name[len(name)-8:]
	if len(value) != 12 {
		return bad("a line has the wrong length")
	}
	line = entry{
		revision: binary.BigEndian.Uint64(name),
		position: binary.BigEndian.Uint64(value),
		count:    uint64(binary.BigEndian.Uint32(value[8:])),
	}
	if line.count == 0 {
		return bad(fmt.Sprintf("the line of revision %d is of no event", line.revision))
	}
	return stream, line, nil
}

// idLine is a line of the index of event ids.
type idLine struct {
	id       [16]byte
	position uint64
}

// ids proves that each line of the index of event ids leads to an event with that
// id. Lines are sorted in parts, so that the log is read onwards only.
func (c *checker) ids() error {
	var lines []idLine
	if err := c.walkLines(prefixID, func(key, _ []byte) error {
		c.report.IDs++
		if len(key) != 1+16+8 {
			c.fault(nil, "", "the key %q among the event ids has the wrong length", key)
			return nil
		}
		lines = append(lines, idLine{[16]byte(key[1:17]), binary.BigEndian.Uint64(key[17:])})
		if len(lines) < sortedIDs {
			return nil
		}
		err := c.lookUp(lines)
		lines = lines[:0]
		return err
	}); err != nil {
		return err
	}
	return c.lookUp(lines)
}

func (c *checker) lookUp(lines []idLine) (err error) {
	slices.SortFunc(lines, func(a, b idLine) int { return cmp.Compare(a.position, b.position) })
	iter, err := c.iterator(prefixBlock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed(iter)) }()
	var at *block
	for i := range lines {
		line := &lines[i]
		if err := c.step(); err != nil {
			return err
		}
		if at == nil || line.position >= at.end() {
			if at, err = c.blockWith(iter, line.position); err != nil {
				return err
			}
		}
		if at == nil || !at.holds(line) {
			c.fault(&line.position, "", "the index of event ids leads here for %x, and there is no such event", line.id)
		}
	}
	return nil
}

// blockWith returns the block that a position lies in, nil where there is none or
// it cannot be read, which was reported then.
func (c *checker) blockWith(iter *pebble.Iterator, position uint64) (*block, error) {
	if !iter.SeekLT(blockKey(position + 1)) {
		return nil, c.ignoreDamage(iter.Error())
	}
	key := iter.Key()
	raw, err := valueOf(iter.ValueAndErr)
	if err != nil || len(key) != 9 {
		return nil, c.ignoreDamage(err)
	}
	b, err := parseBlock(binary.BigEndian.Uint64(key[1:]), bytes.Clone(raw))
	if err != nil || position >= b.end() {
		return nil, nil
	}
	return b, nil
}

func (c *checker) ignoreDamage(err error) error {
	if pebble.IsCorruptionError(err) {
		return nil
	}
	return err
}

// holds reports whether a block has an event as a line of the index says.
func (b *block) holds(line *idLine) bool {
	for walk := b.walk(); ; {
		rec, ok, err := walk.next()
		if err != nil || !ok || rec.position > line.position {
			return false
		}
		if rec.position == line.position {
			return bytes.Equal(rec.id, line.id[:])
		}
	}
}
