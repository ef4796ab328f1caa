package node

import (
	"encoding/binary"
	"math/bits"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// codec is the server's codec: the standard one for every message of the
// protocol but two, which carry nearly all bytes and are taken in and given out
// without building objects: proposed events (frame) and recorded ones (rawEvent).
type codec struct {
	encoding.CodecV2
}

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// frame is a received message, not decoded. Its bytes are reused by the next one.
type frame struct{ data []byte }

// rawEvent is an event on its way out, to be encoded when gRPC asks for its bytes:
// a record, or a link with the record that it leads to, if that is there.
type rawEvent struct {
	event  recorded
	link   recorded
	uuidAs uuidForm
	length int // of the message inside
}

// recorded is one record to be encoded; without a block there is none.
type recorded struct {
	block  *block
	record record
	sizes  recordedSizes
}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	size := data.Len()
	if cap(f.data) < size {
		f.data = make([]byte, size, 1<<bits.Len(uint(size)))
	}
	f.data = f.data[:size]
	data.CopyTo(f.data)
	return nil
}

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	event, ok := v.(*rawEvent)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	size := event.size()
	if mem.IsBelowBufferPoolingThreshold(size) {
		return mem.BufferSlice{mem.SliceBuffer(event.append(make([]byte, 0, size)))}, nil
	}
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(size)
	*buffer = event.append((*buffer)[:0])
	return mem.BufferSlice{mem.NewBuffer(buffer, pool)}, nil
}

// uuidForm is how a reader wants ids to be written.
type uuidForm uint8

const (
	uuidStructured uuidForm = iota
	uuidString
)

const (
	contentJSON   = "application/json"
	contentBinary = "application/octet-stream"
	keyType       = "type"
	keyContent    = "content-type"
	keyCreated    = "created"
)

// Field numbers of the protocol's messages that are written or read by hand.
const (
	respEvent = 1 // ReadResp

	readEventEvent  = 1 // ReadResp.ReadEvent
	readEventLink   = 2
	readEventCommit = 3

	recordedID       = 1 // ReadResp.ReadEvent.RecordedEvent
	recordedStream   = 2
	recordedRevision = 3
	recordedPrepare  = 4
	recordedCommit   = 5
	recordedMetadata = 6
	recordedCustom   = 7
	recordedData     = 8

	uuidFieldStructured = 1 // UUID
	uuidFieldString     = 2

	streamName = 3 // StreamIdentifier
)

// recordedSizes are the lengths of the nested messages of one record.
type recordedSizes struct {
	id, stream, all int
	created         [20]byte
	createdLen      int
}

// size computes the length of the message, for append.
func (e *rawEvent) size() int {
	e.length = varintFieldAlways(e.position())
	if e.event.block != nil {
		e.length += fieldSize(e.event.measure(e.uuidAs))
	}
	if e.link.block != nil {
		e.length += fieldSize(e.link.measure(e.uuidAs))
	}
	return fieldSize(e.length)
}

// position is that of the record which stands in what is read.
func (e *rawEvent) position() uint64 {
	if e.link.block != nil {
		return e.link.record.position
	}
	return e.event.record.position
}

// append writes the message to b; size must have been called before.
func (e *rawEvent) append(b []byte) []byte {
	b = appendHead(b, respEvent, e.length)
	if e.event.block != nil {
		b = e.event.append(appendHead(b, readEventEvent, e.event.sizes.all), e.uuidAs)
	}
	if e.link.block != nil {
		b = e.link.append(appendHead(b, readEventLink, e.link.sizes.all), e.uuidAs)
	}
	// A oneof is written even where it is zero.
	b = protowire.AppendTag(b, readEventCommit, protowire.VarintType)
	return protowire.AppendVarint(b, e.position())
}

func (r *recorded) measure(form uuidForm) int {
	s := &r.sizes
	s.createdLen = len(strconv.AppendInt(s.created[:0], r.block.created, 10))
	s.id = idSize(r.record.id, form)
	s.stream = fieldSize(len(r.block.stream))
	s.all = fieldSize(s.id) + fieldSize(s.stream) +
		varintField(r.record.revision) + 2*varintField(r.record.position) +
		fieldSize(mapEntrySize(len(keyType), len(r.record.kind))) +
		fieldSize(mapEntrySize(len(keyContent), len(r.contentType()))) +
		fieldSize(mapEntrySize(len(keyCreated), s.createdLen)) +
		bytesField(r.record.metadata) + bytesField(r.record.data)
	return s.all
}

func (r *recorded) append(b []byte, form uuidForm) []byte {
	s := &r.sizes
	b = appendID(appendHead(b, recordedID, s.id), r.record.id, form)
	b = appendHead(b, recordedStream, s.stream)
	b = appendHead(b, streamName, len(r.block.stream))
	b = append(b, r.block.stream...)
	b = appendVarintField(b, recordedRevision, r.record.revision)
	b = appendVarintField(b, recordedPrepare, r.record.position)
	b = appendVarintField(b, recordedCommit, r.record.position)
	b = appendMapEntry(b, keyType, r.record.kind)
	b = appendMapEntry(b, keyContent, r.contentType())
	b = appendMapEntry(b, keyCreated, s.created[:s.createdLen])
	b = appendBytesField(b, recordedCustom, r.record.metadata)
	return appendBytesField(b, recordedData, r.record.data)
}

func (r *recorded) contentType() string {
	if r.record.json {
		return contentJSON
	}
	return contentBinary
}

const uuidTextLen = 36

func idSize(id []byte, form uuidForm) int {
	if form == uuidString {
		return fieldSize(uuidTextLen)
	}
	most, least := idHalves(id)
	return fieldSize(varintField(most) + varintField(least))
}

func appendID(b, id []byte, form uuidForm) []byte {
	if form == uuidString {
		b = appendHead(b, uuidFieldString, uuidTextLen)
		return append(b, uuid.UUID(id).String()...)
	}
	most, least := idHalves(id)
	b = appendHead(b, uuidFieldStructured, varintField(most)+varintField(least))
	b = appendVarintField(b, 1, most)
	return appendVarintField(b, 2, least)
}

func idHalves(id []byte) (most, least uint64) {
	return binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(id[8:])
}

// All field numbers written here are below 16, so that a tag takes one byte.

func fieldSize(length int) int { return 1 + protowire.SizeBytes(length) }

func varintFieldAlways(v uint64) int { return 1 + protowire.SizeVarint(v) }

func varintField(v uint64) int {
	if v == 0 {
		return 0
	}
	return varintFieldAlways(v)
}

func bytesField(v []byte) int {
	if len(v) == 0 {
		return 0
	}
	return fieldSize(len(v))
}

func mapEntrySize(key, value int) int { return fieldSize(key) + fieldSize(value) }

func appendHead(b []byte, field protowire.Number, length int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(length))
}

func appendVarintField(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendBytesField(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return append(appendHead(b, field, len(v)), v...)
}

func appendMapEntry[V string | []byte](b []byte, key string, value V) []byte {
	b = appendHead(b, recordedMetadata, mapEntrySize(len(key), len(value)))
	b = append(appendHead(b, 1, len(key)), key...)
	return append(appendHead(b, 2, len(value)), value...)
}
