package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// benchPayload is about as large as an event of Jeongsan.
var benchPayload = fmt.Appendf(nil, `{"number":%q,"postings":%q}`, uuid.New(), make([]byte, 230))

// BenchmarkEncodeEvent encodes a stored event as it goes out to a reader.
func BenchmarkEncodeEvent(b *testing.B) {
	var w recordWriter
	w.add(uuid.New(), true, []byte("TransactionSettled.v2"), []byte(`{"actor":"source:bench"}`), benchPayload)
	out := newBlock("book-hangang", 1<<40, 12345, ticks(time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)), w.records, w.count, w.last)
	walk := out.walk()
	rec, _, err := walk.next()
	if err != nil {
		b.Fatal(err)
	}
	event, c := &rawEvent{}, newCodec()
	event.event.block, event.event.record = out, rec
	b.ReportAllocs()
	for b.Loop() {
		encoded, err := c.Marshal(event)
		if err != nil {
			b.Fatal(err)
		}
		encoded.Free()
	}
}

// BenchmarkTakeProposed takes in a proposed event as a client has sent it, and makes
// its record.
func BenchmarkTakeProposed(b *testing.B) {
	id := uuid.New()
	most, least := idHalves(id[:])
	message, err := proto.Marshal(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
		Id: &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
			MostSignificantBits: int64(most), LeastSignificantBits: int64(least)}}},
		Metadata:       map[string]string{keyType: "TransactionSettled.v2", keyContent: contentJSON},
		CustomMetadata: []byte(`{"actor":"source:bench"}`), Data: benchPayload,
	}}})
	if err != nil {
		b.Fatal(err)
	}
	received, c := mem.BufferSlice{mem.SliceBuffer(message)}, newCodec()
	buffers := new(appendBuffers)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Unmarshal(received, &buffers.frame); err != nil {
			b.Fatal(err)
		}
		if err := parseProposed(buffers.frame.data, &buffers.writer); err != nil {
			b.Fatal(err)
		}
		if buffers.writer.count == 500 {
			buffers.writer.reset()
		}
	}
}
