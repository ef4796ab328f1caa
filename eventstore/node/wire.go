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

// rawEvent is an event on its way out, to be encoded when gRPC asks for its bytes.
type rawEvent struct {
	block   *block
	record  record
	uuidAs  uuidForm
	scratch eventSizes
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

// eventSizes are the lengths of the nested messages of one event.
type eventSizes struct {
	id, stream, recorded, event int
	created                     [20]byte
	createdLen                  int
}

// size computes the length of the message, for append.
func (e *rawEvent) size() int {
	s := &e.scratch
	s.createdLen = len(strconv.AppendInt(s.created[:0], e.block.created, 10))
	s.id = e.idSize()
	s.stream = fieldSize(len(e.block.stream))
	s.recorded = fieldSize(s.id) + fieldSize(s.stream) +
		varintField(e.record.revision) + 2*varintField(e.record.position) +
		fieldSize(mapEntrySize(len(keyType), len(e.record.kind))) +
		fieldSize(mapEntrySize(len(keyContent), len(e.contentType()))) +
		fieldSize(mapEntrySize(len(keyCreated), s.createdLen)) +
		bytesField(e.record.metadata) + bytesField(e.record.data)
	s.event = fieldSize(s.recorded) + varintFieldAlways(e.record.position)
	return fieldSize(s.event)
}

// append writes the message to b; size must have been called before.
func (e *rawEvent) append(b []byte) []byte {
	s := &e.scratch
	b = appendHead(b, respEvent, s.event)
	b = appendHead(b, readEventEvent, s.recorded)

	b = appendHead(b, recordedID, s.id)
	b = e.appendID(b)
	b = appendHead(b, recordedStream, s.stream)
	b = appendHead(b, streamName, len(e.block.stream))
	b = append(b, e.block.stream...)
	b = appendVarintField(b, recordedRevision, e.record.revision)
	b = appendVarintField(b, recordedPrepare, e.record.position)
	b = appendVarintField(b, recordedCommit, e.record.position)
	b = appendMapEntry(b, keyType, e.record.kind)
	b = appendMapEntry(b, keyContent, e.contentType())
	b = appendMapEntry(b, keyCreated, s.created[:s.createdLen])
	b = appendBytesField(b, recordedCustom, e.record.metadata)
	b = appendBytesField(b, recordedData, e.record.data)

	// A oneof is written even where it is zero.
	b = protowire.AppendTag(b, readEventCommit, protowire.VarintType)
	return protowire.AppendVarint(b, e.record.position)
}

func (e *rawEvent) contentType() string {
	if e.record.json {
		return contentJSON
	}
	return contentBinary
}

const uuidTextLen = 36

func (e *rawEvent) idSize() int {
	if e.uuidAs == uuidString {
		return fieldSize(uuidTextLen)
	}
	most, least := idHalves(e.record.id)
	return fieldSize(varintField(most) + varintField(least))
}

func (e *rawEvent) appendID(b []byte) []byte {
	if e.uuidAs == uuidString {
		b = appendHead(b, uuidFieldString, uuidTextLen)
		return append(b, uuid.UUID(e.record.id).String()...)
	}
	most, least := idHalves(e.record.id)
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
