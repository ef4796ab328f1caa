package esdb

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/encoding"
	standard "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func registered(t require.TestingT) *codec {
	c, ok := encoding.GetCodecV2(standard.Name).(*codec)
	require.True(t, ok, "the official client does not find the codec")
	return c
}

// drawID draws an id in either form, or none.
func drawID(t *rapid.T) *shared.UUID {
	switch rapid.IntRange(0, 9).Draw(t, "form of the id") {
	case 0:
		return nil
	case 1:
		return &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}}
	case 2:
		return &shared.UUID{}
	}
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits: rapid.Int64().Draw(t, "most"), LeastSignificantBits: rapid.Int64().Draw(t, "least")}}}
}

var drawMetadata = rapid.OneOf(
	rapid.Just(map[string]string{"type": "Tested.v1", "content-type": "application/json", "created": "17638000000000000"}),
	rapid.MapOf(rapid.SampledFrom([]string{"type", "content-type", "created", "other", ""}), rapid.String()),
)

func drawRecorded(t *rapid.T) *streams.ReadResp_ReadEvent_RecordedEvent {
	event := &streams.ReadResp_ReadEvent_RecordedEvent{
		Id: drawID(t), StreamRevision: rapid.Uint64().Draw(t, "revision"),
		PreparePosition: rapid.Uint64().Draw(t, "prepare"), CommitPosition: rapid.Uint64().Draw(t, "commit"),
		Metadata:       drawMetadata.Draw(t, "metadata"),
		CustomMetadata: rapid.SliceOf(rapid.Byte()).Draw(t, "custom"), Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
	}
	if rapid.Bool().Draw(t, "has a stream") {
		event.StreamIdentifier = &shared.StreamIdentifier{StreamName: rapid.SliceOf(rapid.Byte()).Draw(t, "stream")}
	}
	return event
}

func drawResponse(t *rapid.T) *streams.ReadResp {
	event := &streams.ReadResp_ReadEvent{Event: drawRecorded(t), Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: rapid.Uint64().Draw(t, "position")}}
	switch rapid.IntRange(0, 9).Draw(t, "kind of response") {
	case 0:
		return &streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}}
	case 1:
		event.Link = drawRecorded(t)
	case 2:
		event.Event = nil
	case 3:
		event.Position = &streams.ReadResp_ReadEvent_NoPosition{NoPosition: &shared.Empty{}}
	case 4:
		event.ProtoReflect().SetUnknown([]byte{0x78, 0x01})
	}
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: event}}
}

// Whatever a server sends, the codec makes of it what the standard one does.
func TestDecodesAsTheStandardCodec(t *testing.T) {
	c := registered(t)
	short := 0
	rapid.Check(t, func(t *rapid.T) {
		raw, err := proto.Marshal(drawResponse(t))
		require.NoError(t, err)
		same(t, c, raw)
		if c.decode(raw) != nil {
			short++
		}
	})
	require.NotZero(t, short, "nothing went the short way")
}

func FuzzDecode(f *testing.F) {
	c := registered(f)
	whole, err := proto.Marshal(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: 1, LeastSignificantBits: -2}}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("book-main")}, StreamRevision: 3, PreparePosition: 4, CommitPosition: 4,
			Metadata: map[string]string{"type": "T", "content-type": "application/json", "created": "1"}, CustomMetadata: []byte("{}"), Data: []byte("{}"),
		}, Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: 4}}}})
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Fuzz(func(t *testing.T, raw []byte) { same(t, c, raw) })
}

// same decodes bytes both ways, the second time with the metadata that the codec
// remembers.
func same(t require.TestingT, c *codec, raw []byte) {
	var want streams.ReadResp
	wantErr := c.CodecV2.Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw)}, &want)
	for range 2 {
		got := streams.ReadResp{Content: &streams.ReadResp_FellBehind_{}}
		err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw)}, &got)
		require.Equal(t, wantErr != nil, err != nil, "%v, the standard codec says %v", err, wantErr)
		if err == nil {
			require.True(t, proto.Equal(&want, &got), "%v, the standard codec says %v", &got, &want)
		}
	}
}

// What the codec writes of an event that is appended, the standard one reads.
func TestEncodesAsTheStandardCodec(t *testing.T) {
	c := registered(t)
	short := 0
	rapid.Check(t, func(t *rapid.T) {
		message := &streams.AppendReq_ProposedMessage{
			Id: drawID(t), Metadata: drawMetadata.Draw(t, "metadata"),
			CustomMetadata: rapid.SliceOf(rapid.Byte()).Draw(t, "custom"), Data: rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "data"),
		}
		request := &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: message}}
		if rapid.IntRange(0, 9).Draw(t, "unknown field") == 0 {
			message.ProtoReflect().SetUnknown([]byte{0x78, 0x01})
		}
		raw, err := c.Marshal(request)
		require.NoError(t, err)
		defer raw.Free()
		var got streams.AppendReq
		require.NoError(t, c.CodecV2.Unmarshal(raw, &got))
		require.True(t, proto.Equal(request, &got), "%v became %v", request, &got)
		if encodeProposed(request) != nil {
			short++
		}
	})
	require.NotZero(t, short, "nothing went the short way")
	_, err := c.Marshal(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{Metadata: map[string]string{"type": "\xff"}}}})
	require.Error(t, err, "what is not UTF-8 is refused")
}
