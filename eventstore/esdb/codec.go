package esdb

import (
	"bytes"
	"sync/atomic"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// codec is gRPC's codec for protocol buffers, with a short way for the two messages
// that come by the million: an event that is read, of which the standard one makes
// some forty objects and this one five, and an event that is appended. What does
// not look exactly as expected goes the standard way, so that both give the same.
//
// gRPC offers no other place for a codec of a client than its registry, which the
// official client uses by name; the registry must be filled before the program
// runs. Every other message of the process passes through unchanged.
type codec struct {
	encoding.CodecV2
	// last is the metadata decoded last: events of one append have the same.
	last atomic.Pointer[metadata]
}

// metadata is the decoded map of an event, with the bytes it was decoded from. The
// map is shared between events and never written to.
type metadata struct {
	raw    []byte
	fields map[string]string
}

var _ = register()

func register() *codec {
	c := &codec{CodecV2: encoding.GetCodecV2(proto.Name)}
	encoding.RegisterCodecV2(c)
	return c
}

// Unmarshal implements encoding.CodecV2.
func (c *codec) Unmarshal(data mem.BufferSlice, v any) error {
	response, ok := v.(*streams.ReadResp)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	if content := c.decode(data.Materialize()); content != nil {
		response.Reset()
		response.Content = content
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}

// Marshal implements encoding.CodecV2.
func (c *codec) Marshal(v any) (mem.BufferSlice, error) {
	if request, ok := v.(*streams.AppendReq); ok {
		if encoded := encodeProposed(request); encoded != nil {
			return mem.BufferSlice{mem.NewBuffer(encoded, buffers)}, nil
		}
	}
	return c.CodecV2.Marshal(v)
}

// eventParts are all objects of one event, made at once.
type eventParts struct {
	content  streams.ReadResp_Event
	event    streams.ReadResp_ReadEvent
	recorded streams.ReadResp_ReadEvent_RecordedEvent
	id       shared.UUID
	form     shared.UUID_Structured_
	halves   shared.UUID_Structured
	stream   shared.StreamIdentifier
	position streams.ReadResp_ReadEvent_CommitPosition
}

// Fields of the messages that are decoded by hand.
const (
	responseEvent = 1 // ReadResp

	eventRecorded = 1 // ReadResp.ReadEvent
	eventCommit   = 3

	recordedID       = 1 // ReadResp.ReadEvent.RecordedEvent
	recordedStream   = 2
	recordedRevision = 3
	recordedPrepare  = 4
	recordedCommit   = 5
	recordedMetadata = 6
	recordedCustom   = 7
	recordedData     = 8

	idStructured = 1 // UUID
	streamName   = 3 // StreamIdentifier
)

// decode reads a message that holds an event without a link, each field once and
// in ascending order, as servers write it; nil for any other. The event's bytes
// are parts of raw.
func (c *codec) decode(raw []byte) *streams.ReadResp_Event {
	body, rest, ok := cut(raw, responseEvent)
	if !ok || len(rest) > 0 {
		return nil
	}
	recorded, rest, ok := cut(body, eventRecorded)
	if !ok {
		return nil
	}
	commit, rest, ok := cutNumber(rest, eventCommit)
	if !ok || len(rest) > 0 {
		return nil
	}
	parts := new(eventParts)
	if !c.decodeRecorded(recorded, parts) {
		return nil
	}
	parts.recorded.Id, parts.recorded.StreamIdentifier = &parts.id, &parts.stream
	parts.position.CommitPosition = commit
	parts.event.Event, parts.event.Position = &parts.recorded, &parts.position
	parts.content.Event = &parts.event
	return &parts.content
}

func (c *codec) decodeRecorded(raw []byte, parts *eventParts) bool {
	var ok bool
	var id, stream []byte
	if id, raw, ok = cut(raw, recordedID); !ok {
		return false
	}
	if stream, raw, ok = cut(raw, recordedStream); !ok {
		return false
	}
	if parts.stream.StreamName, stream, ok = cut(stream, streamName); !ok || len(stream) > 0 {
		return false
	}
	r := &parts.recorded
	for _, field := range [...]struct {
		number protowire.Number
		value  *uint64
	}{{recordedRevision, &r.StreamRevision}, {recordedPrepare, &r.PreparePosition}, {recordedCommit, &r.CommitPosition}} {
		if *field.value, raw, ok = cutOptional(raw, field.number); !ok {
			return false
		}
	}
	if r.Metadata, raw, ok = c.decodeMetadata(raw); !ok {
		return false
	}
	if starts(raw, recordedCustom) {
		if r.CustomMetadata, raw, ok = cut(raw, recordedCustom); !ok {
			return false
		}
	}
	if starts(raw, recordedData) {
		if r.Data, raw, ok = cut(raw, recordedData); !ok {
			return false
		}
	}
	return len(raw) == 0 && decodeID(id, parts)
}

// decodeID reads UUID { Structured structured = 1 { int64 most = 1; int64 least = 2 } }.
func decodeID(raw []byte, parts *eventParts) bool {
	halves, rest, ok := cut(raw, idStructured)
	if !ok || len(rest) > 0 {
		return false
	}
	most, halves, ok := cutOptional(halves, 1)
	if !ok {
		return false
	}
	least, halves, ok := cutOptional(halves, 2)
	if !ok || len(halves) > 0 {
		return false
	}
	parts.halves.MostSignificantBits, parts.halves.LeastSignificantBits = int64(most), int64(least)
	parts.form.Structured, parts.id.Value = &parts.halves, &parts.form
	return true
}

// decodeMetadata reads the entries of the metadata, which follow each other.
func (c *codec) decodeMetadata(raw []byte) (fields map[string]string, rest []byte, ok bool) {
	last := c.last.Load()
	if last != nil && bytes.HasPrefix(raw, last.raw) && !starts(raw[len(last.raw):], recordedMetadata) {
		return last.fields, raw[len(last.raw):], true
	}
	fields, rest = make(map[string]string, 3), raw
	for starts(rest, recordedMetadata) {
		var entry, key, value []byte
		if entry, rest, ok = cut(rest, recordedMetadata); !ok {
			return nil, nil, false
		}
		if key, entry, ok = cut(entry, 1); !ok {
			return nil, nil, false
		}
		if value, entry, ok = cut(entry, 2); !ok || len(entry) > 0 || !utf8.Valid(key) || !utf8.Valid(value) {
			return nil, nil, false
		}
		fields[string(key)] = string(value)
	}
	if len(fields) == 0 {
		return nil, rest, true
	}
	c.last.Store(&metadata{raw: bytes.Clone(raw[:len(raw)-len(rest)]), fields: fields})
	return fields, rest, true
}

// starts reports whether a field of bytes stands next. All numbers are below 16,
// so that a tag takes one byte.
func starts(raw []byte, number protowire.Number) bool {
	return len(raw) > 0 && raw[0] == byte(number)<<3|byte(protowire.BytesType)
}

// cut takes a field of bytes off the front. What it returns has no spare capacity.
func cut(raw []byte, number protowire.Number) (value, rest []byte, ok bool) {
	if !starts(raw, number) {
		return nil, nil, false
	}
	value, n := protowire.ConsumeBytes(raw[1:])
	if n < 0 {
		return nil, nil, false
	}
	return value[:len(value):len(value)], raw[1+n:], true
}

// cutNumber takes a varint field off the front.
func cutNumber(raw []byte, number protowire.Number) (value uint64, rest []byte, ok bool) {
	if len(raw) == 0 || raw[0] != byte(number)<<3|byte(protowire.VarintType) {
		return 0, nil, false
	}
	value, n := protowire.ConsumeVarint(raw[1:])
	if n < 0 {
		return 0, nil, false
	}
	return value, raw[1+n:], true
}

// cutOptional is cutNumber for a field that is left out where it is zero.
func cutOptional(raw []byte, number protowire.Number) (value uint64, rest []byte, ok bool) {
	if len(raw) == 0 || raw[0] != byte(number)<<3|byte(protowire.VarintType) {
		return 0, raw, true
	}
	return cutNumber(raw, number)
}
