package node

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"unicode/utf8"
)

// A block holds the records of one append. All integers are little endian.
//
//	offset  size
//	0       1     version of the block's layout, blockVersion
//	1       4     CRC-32C of bytes 5 to the end of the stream's name
//	5       4     length of the whole block
//	9       4     number of records
//	13      4     offset of the last record
//	17      8     position of the block in the log
//	25      8     revision of the first record
//	33      8     time of the append, in ticks of 100 ns since 1970, UTC
//	41      2     length of the stream's name
//	43            the stream's name, then the records
//
// A record is the length of its body (4), the CRC-32C of length and body (4), and
// the body: id (16), flags (1), and the event's type and custom metadata, each
// after its length as a varint, then the data up to the end.
const (
	blockVersion   = 1
	blockFixed     = 43
	recordFixed    = 8
	recordBodyMin  = 16 + 1 + 1 + 1
	recordFlagJSON = 1
	// maxStreamName is what the two bytes of its length can say.
	maxStreamName = 1<<16 - 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// damaged is an error about bytes on disk that are not what was written.
type damaged struct {
	position uint64
	reason   string
}

func (d *damaged) Error() string {
	return "damaged record at position " + strconv.FormatUint(d.position, 10) + ": " + d.reason
}

// block is one append as it stands on disk and in the tail. It is immutable.
type block struct {
	raw      []byte
	stream   string
	position uint64 // of the block, before its first record
	revision uint64 // of the first record
	created  int64
	count    uint64
	first    int // offset of the first record
	last     int // offset of the last record
	// verified blocks were made in this process; the records of those that were
	// read from disk are checked whenever they are walked over.
	verified bool
}

// end is the position at which the next block begins.
func (b *block) end() uint64 { return b.position + uint64(len(b.raw)) }

// lastPosition is the position of the last record.
func (b *block) lastPosition() uint64 { return b.position + uint64(b.last) }

// lastRevision is the revision of the last record.
func (b *block) lastRevision() uint64 { return b.revision + b.count - 1 }

// newBlock assembles a block from records made by a recordWriter.
func newBlock(stream string, position, revision uint64, created int64, records []byte, count, last int) *block {
	first := blockFixed + len(stream)
	raw := make([]byte, first+len(records))
	raw[0] = blockVersion
	le := binary.LittleEndian
	le.PutUint32(raw[5:], uint32(len(raw)))
	le.PutUint32(raw[9:], uint32(count))
	le.PutUint32(raw[13:], uint32(first+last))
	le.PutUint64(raw[17:], position)
	le.PutUint64(raw[25:], revision)
	le.PutUint64(raw[33:], uint64(created))
	le.PutUint16(raw[41:], uint16(len(stream)))
	copy(raw[blockFixed:], stream)
	le.PutUint32(raw[1:], crc32.Checksum(raw[5:first], castagnoli))
	copy(raw[first:], records)
	return &block{
		raw: raw, stream: stream, position: position, revision: revision, created: created,
		count: uint64(count), first: first, last: first + last, verified: true,
	}
}

// parseBlock reads the head of a block that was found on disk at a position. The
// block keeps raw. Records are checked when they are walked over.
func parseBlock(position uint64, raw []byte) (*block, error) {
	bad := func(reason string, args ...any) (*block, error) {
		return nil, &damaged{position: position, reason: fmt.Sprintf(reason, args...)}
	}
	if len(raw) < blockFixed {
		return bad("%d bytes are too few for a block", len(raw))
	}
	if raw[0] != blockVersion {
		return bad("block layout %d is unknown", raw[0])
	}
	le := binary.LittleEndian
	first := blockFixed + int(le.Uint16(raw[41:]))
	if first > len(raw) {
		return bad("the stream's name does not fit")
	}
	if sum := crc32.Checksum(raw[5:first], castagnoli); sum != le.Uint32(raw[1:]) {
		return bad("checksum of the block's head")
	}
	b := &block{
		raw: raw, stream: string(raw[blockFixed:first]), position: le.Uint64(raw[17:]),
		revision: le.Uint64(raw[25:]), created: int64(le.Uint64(raw[33:])),
		count: uint64(le.Uint32(raw[9:])), first: first, last: int(le.Uint32(raw[13:])),
	}
	switch {
	case b.position != position:
		return bad("the block says it stands at %d", b.position)
	case int(le.Uint32(raw[5:])) != len(raw):
		return bad("%d bytes, the block says %d", len(raw), le.Uint32(raw[5:]))
	case b.count == 0 || b.count > uint64(len(raw)-first)/(recordFixed+recordBodyMin) || b.last < b.first || b.last >= len(raw):
		return bad("the block's head contradicts itself")
	}
	return b, nil
}

// record is one event inside a block. Its slices point into the block.
type record struct {
	position uint64
	revision uint64
	id       []byte // 16 bytes
	json     bool
	kind     []byte // the event's type
	metadata []byte
	data     []byte
}

// cursor walks over the records of a block in order.
type cursor struct {
	block  *block
	offset int
	index  uint64
}

func (b *block) walk() cursor { return cursor{block: b, offset: b.first} }

// next returns the next record; ok is false after the last one.
func (c *cursor) next() (rec record, ok bool, err error) {
	b := c.block
	if c.index == b.count {
		return record{}, false, nil
	}
	rec.position = b.position + uint64(c.offset)
	rec.revision = b.revision + c.index
	rest := b.raw[c.offset:]
	if len(rest) < recordFixed+recordBodyMin {
		return rec, false, &damaged{rec.position, "the record is cut off"}
	}
	size := int(binary.LittleEndian.Uint32(rest))
	if size < recordBodyMin || size > len(rest)-recordFixed {
		return rec, false, &damaged{rec.position, fmt.Sprintf("a length of %d bytes does not fit", size)}
	}
	body := rest[recordFixed : recordFixed+size]
	if !b.verified && recordChecksum(rest[:4], body) != binary.LittleEndian.Uint32(rest[4:]) {
		return rec, false, &damaged{rec.position, "checksum of the record"}
	}
	rec.id, rec.json = body[:16], body[16]&recordFlagJSON != 0
	if rec.kind, body, ok = cutPrefixed(body[17:]); ok {
		rec.metadata, rec.data, ok = cutPrefixed(body)
	}
	if !ok {
		return rec, false, &damaged{rec.position, "its parts do not fit"}
	}
	c.offset += recordFixed + size
	c.index++
	return rec, true, nil
}

func cutPrefixed(b []byte) (part, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

func recordChecksum(size, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(size, castagnoli), castagnoli, body)
}

// recordWriter collects the records of one append before their place in the log
// is known.
type recordWriter struct {
	records []byte
	count   int
	last    int // offset of the last record in records
	size    int // as the append limit counts
}

// add appends one event's record. It copies what it is given.
func (w *recordWriter) add(id [16]byte, json bool, kind, metadata, data []byte) {
	w.last = len(w.records)
	w.count++
	w.size += eventSize(kind, metadata, data)
	w.records = append(w.records, 0, 0, 0, 0, 0, 0, 0, 0)
	w.records = append(w.records, id[:]...)
	var flags byte
	if json {
		flags = recordFlagJSON
	}
	w.records = append(w.records, flags)
	w.records = binary.AppendUvarint(w.records, uint64(len(kind)))
	w.records = append(w.records, kind...)
	w.records = binary.AppendUvarint(w.records, uint64(len(metadata)))
	w.records = append(w.records, metadata...)
	w.records = append(w.records, data...)
	head, body := w.records[w.last:w.last+recordFixed], w.records[w.last+recordFixed:]
	binary.LittleEndian.PutUint32(head, uint32(len(body)))
	binary.LittleEndian.PutUint32(head[4:], recordChecksum(head[:4], body))
}

// ids yields the ids of the collected records in order.
func (w *recordWriter) ids(yield func([]byte) bool) {
	for offset := 0; offset < len(w.records); {
		size := int(binary.LittleEndian.Uint32(w.records[offset:]))
		if !yield(w.records[offset+recordFixed : offset+recordFixed+16]) {
			return
		}
		offset += recordFixed + size
	}
}

// newest returns the last of the collected records, with no place yet. Its slices
// point into the writer.
func (w *recordWriter) newest() (record, error) {
	b := block{raw: w.records, first: w.last, count: 1, verified: true}
	walk := b.walk()
	rec, _, err := walk.next()
	return rec, err
}

func (w *recordWriter) reset() { *w = recordWriter{records: w.records[:0]} }

// eventSize is what an event counts towards the limit of an append.
func eventSize(kind, metadata, data []byte) int {
	return len(data) + len(metadata) + 2*utf8.RuneCount(kind)
}

// all returns the records of the block in order.
func (b *block) all() ([]record, error) {
	records := make([]record, 0, b.count)
	for walk := b.walk(); ; {
		rec, ok, err := walk.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return records, nil
		}
		records = append(records, rec)
	}
}

// visitAfter calls visit for the block's records after a position, in order.
func (b *block) visitAfter(position uint64, visit func(*block, record) error) error {
	for walk := b.walk(); ; {
		rec, ok, err := walk.next()
		if err != nil || !ok {
			return err
		}
		if rec.position <= position {
			continue
		}
		if err := visit(b, rec); err != nil {
			return err
		}
	}
}
