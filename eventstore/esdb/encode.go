package esdb

import (
	"sync"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Fields of the messages that are encoded by hand.
const (
	requestProposed = 2 // AppendReq

	proposedID       = 1 // AppendReq.ProposedMessage
	proposedMetadata = 2
	proposedCustom   = 3
	proposedData     = 4
)

// encodeProposed writes a proposed event into a buffer of the pool; nil for any
// other message, and for one with parts that it does not know.
func encodeProposed(request *streams.AppendReq) *[]byte {
	content, ok := request.GetContent().(*streams.AppendReq_ProposedMessage_)
	if !ok || content == nil || content.ProposedMessage == nil {
		return nil
	}
	message := content.ProposedMessage
	id, ok := message.GetId().GetValue().(*shared.UUID_Structured_)
	if !ok || id == nil || id.Structured == nil || unknown(request) || unknown(message) || unknown(message.Id) || unknown(id.Structured) {
		return nil
	}
	most, least := uint64(id.Structured.MostSignificantBits), uint64(id.Structured.LeastSignificantBits)
	halves := numberSize(most) + numberSize(least)
	size := bytesSize(bytesSize(halves)) + optionalSize(message.CustomMetadata) + optionalSize(message.Data)
	for key, value := range message.Metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil // the standard codec says so
		}
		size += bytesSize(bytesSize(len(key)) + bytesSize(len(value)))
	}
	buffer := buffers.Get(bytesSize(size))
	b := appendHead((*buffer)[:0], requestProposed, size)
	b = appendHead(b, proposedID, bytesSize(halves))
	b = appendHead(b, idStructured, halves)
	b = appendNumber(b, 1, most)
	b = appendNumber(b, 2, least)
	for key, value := range message.Metadata {
		b = appendHead(b, proposedMetadata, bytesSize(len(key))+bytesSize(len(value)))
		b = append(appendHead(b, 1, len(key)), key...)
		b = append(appendHead(b, 2, len(value)), value...)
	}
	b = appendOptional(b, proposedCustom, message.CustomMetadata)
	b = appendOptional(b, proposedData, message.Data)
	*buffer = b
	return buffer
}

// unknown reports whether a message carries fields that its type does not have.
func unknown(message interface{ ProtoReflect() protoreflect.Message }) bool {
	return len(message.ProtoReflect().GetUnknown()) > 0
}

// All field numbers are below 16, so that a tag takes one byte.

func bytesSize(length int) int { return 1 + protowire.SizeBytes(length) }

func optionalSize(value []byte) int {
	if len(value) == 0 {
		return 0
	}
	return bytesSize(len(value))
}

func numberSize(value uint64) int {
	if value == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(value)
}

func appendHead(b []byte, number protowire.Number, length int) []byte {
	return protowire.AppendVarint(append(b, byte(number)<<3|byte(protowire.BytesType)), uint64(length))
}

func appendNumber(b []byte, number protowire.Number, value uint64) []byte {
	if value == 0 {
		return b
	}
	return protowire.AppendVarint(append(b, byte(number)<<3|byte(protowire.VarintType)), value)
}

func appendOptional(b []byte, number protowire.Number, value []byte) []byte {
	if len(value) == 0 {
		return b
	}
	return append(appendHead(b, number, len(value)), value...)
}

// largestKept is the largest buffer that is kept for the next message.
const largestKept = 64 << 10

// bufferPool hands out buffers that it does not clear, as gRPC's own does: every
// byte is written before it is sent.
type bufferPool struct{ pool sync.Pool }

var buffers = &bufferPool{sync.Pool{New: func() any { return new([]byte) }}}

// Get implements mem.BufferPool.
func (p *bufferPool) Get(length int) *[]byte {
	buffer := p.pool.Get().(*[]byte)
	if cap(*buffer) < length {
		*buffer = make([]byte, length, length+length/4)
	}
	*buffer = (*buffer)[:length]
	return buffer
}

// Put implements mem.BufferPool.
func (p *bufferPool) Put(buffer *[]byte) {
	if cap(*buffer) <= largestKept {
		p.pool.Put(buffer)
	}
}
