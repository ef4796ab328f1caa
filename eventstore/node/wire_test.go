package node

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func requireStatus(t testing.TB, code codes.Code, err error) {
	t.Helper()
	require.Equal(t, code, status.Code(err), "%v", err)
}

func appendOptions(stream string, revision int64) *streams.AppendReq {
	options := &streams.AppendReq_Options{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)}}
	if revision == noStream {
		options.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
	} else {
		options.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: uint64(revision)}
	}
	return &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: options}}
}

func proposed(kind, contentType string, data []byte) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
		Id:       &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}},
		Metadata: map[string]string{"type": kind, "content-type": contentType, "other": "is dropped"},
		Data:     data, CustomMetadata: []byte("custom"),
	}}}
}

// appendRaw sends messages as one append and returns the answer with its trailers.
func appendRaw(t testing.TB, client streams.StreamsClient, messages ...*streams.AppendReq) (*streams.AppendResp, metadata.MD, error) {
	t.Helper()
	var trailers metadata.MD
	call, err := client.Append(t.Context(), grpc.Trailer(&trailers))
	require.NoError(t, err)
	for _, message := range messages {
		require.NoError(t, call.Send(message), "the node must read to the end before it answers")
	}
	answer, err := call.CloseAndRecv()
	return answer, trailers, err
}

func readOptions(change func(*streams.ReadReq_Options)) *streams.ReadReq {
	options := &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}},
		CountOption: &streams.ReadReq_Options_Count{Count: ^uint64(0)},
		UuidOption:  &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{}},
	}
	if change != nil {
		change(options)
	}
	return &streams.ReadReq{Options: options}
}

func subscription(o *streams.ReadReq_Options) {
	o.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
}

func ofStream(o *streams.ReadReq_Options, stream string) {
	o.StreamOption = &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{
		StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)},
		RevisionOption:   &streams.ReadReq_Options_StreamOptions_Start{Start: &shared.Empty{}}}}
}

func fromPosition(o *streams.ReadReq_Options, position uint64) {
	o.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
		AllOption: &streams.ReadReq_Options_AllOptions_Position{
			Position: &streams.ReadReq_Options_Position{CommitPosition: position, PreparePosition: position}}}}
}

func withFilter(o *streams.ReadReq_Options, byType bool, expression *streams.ReadReq_Options_FilterOptions_Expression, window, multiplier uint32) {
	filter := &streams.ReadReq_Options_FilterOptions{
		Window: &streams.ReadReq_Options_FilterOptions_Max{Max: window}, CheckpointIntervalMultiplier: multiplier,
		Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{StreamIdentifier: expression},
	}
	if byType {
		filter.Filter = &streams.ReadReq_Options_FilterOptions_EventType{EventType: expression}
	}
	o.FilterOption = &streams.ReadReq_Options_Filter{Filter: filter}
}

func prefixes(p ...string) *streams.ReadReq_Options_FilterOptions_Expression {
	return &streams.ReadReq_Options_FilterOptions_Expression{Prefix: p}
}

// readRaw reads a call to its end.
func readRaw(t testing.TB, client streams.StreamsClient, request *streams.ReadReq) ([]*streams.ReadResp, error) {
	t.Helper()
	call, err := client.Read(t.Context(), request)
	require.NoError(t, err)
	var all []*streams.ReadResp
	for {
		message, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, message)
	}
}

// readUserEvents reads the whole log without what every log begins with.
func readUserEvents(t testing.TB, client streams.StreamsClient) (events []*streams.ReadResp) {
	t.Helper()
	messages, err := readRaw(t, client, readOptions(nil))
	require.NoError(t, err)
	for _, message := range messages {
		if !strings.HasPrefix(string(message.GetEvent().GetEvent().GetStreamIdentifier().GetStreamName()), usersStream[:5]) {
			events = append(events, message)
		}
	}
	return events
}

// describe renders messages shortly, for comparison: events by stream@revision.
func describe(messages []*streams.ReadResp) string {
	var parts []string
	for _, message := range messages {
		switch content := message.GetContent().(type) {
		case *streams.ReadResp_Event:
			event := content.Event.GetEvent()
			parts = append(parts, string(event.GetStreamIdentifier().GetStreamName())+"@"+strconv.FormatUint(event.GetStreamRevision(), 10))
		case *streams.ReadResp_Confirmation:
			parts = append(parts, "confirmation")
		case *streams.ReadResp_Checkpoint_:
			parts = append(parts, "checkpoint")
		case *streams.ReadResp_CaughtUp_:
			parts = append(parts, "caught-up")
		case *streams.ReadResp_StreamNotFound_:
			parts = append(parts, "not-found:"+string(content.StreamNotFound.GetStreamIdentifier().GetStreamName()))
		}
	}
	return strings.Join(parts, " ")
}

// follow opens a subscription and reads n messages of it.
func follow(t testing.TB, client streams.StreamsClient, request *streams.ReadReq, n int) ([]*streams.ReadResp, func(n int) []*streams.ReadResp) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	call, err := client.Read(ctx, request)
	require.NoError(t, err)
	more := func(n int) (got []*streams.ReadResp) {
		t.Helper()
		for range n {
			message, err := call.Recv()
			require.NoError(t, err)
			got = append(got, message)
		}
		return got
	}
	return more(n), more
}

func TestFeaturesListWhatIsThere(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	conn := dial(t, n)
	methods, err := serverfeatures.NewServerFeaturesClient(conn).GetSupportedMethods(t.Context(), &shared.Empty{})
	require.NoError(t, err)
	require.Equal(t, "24.10.0", methods.GetEventStoreServerVersion())
	listed := make(map[string]bool)
	for _, method := range methods.GetMethods() {
		require.Equal(t, strings.ToLower(method.GetServiceName()+method.GetMethodName()), method.GetServiceName()+method.GetMethodName())
		listed[method.GetServiceName()+"/"+method.GetMethodName()] = true
	}
	require.True(t, listed["event_store.client.streams.streams/append"])
	require.True(t, listed["event_store.client.streams.streams/read"])

	// What is listed answers, and what is not says so.
	client := streams.NewStreamsClient(conn)
	for method, call := range map[string]func() error{
		"delete":    func() error { _, err := client.Delete(t.Context(), &streams.DeleteReq{}); return err },
		"tombstone": func() error { _, err := client.Tombstone(t.Context(), &streams.TombstoneReq{}); return err },
		"batchappend": func() error {
			call, err := client.BatchAppend(t.Context())
			require.NoError(t, err)
			require.NoError(t, call.Send(&streams.BatchAppendReq{}))
			_, err = call.Recv()
			return err
		},
	} {
		require.True(t, listed["event_store.client.streams.streams/"+method], method)
		requireStatus(t, codes.InvalidArgument, call())
	}
	_, err = persistent.NewPersistentSubscriptionsClient(conn).List(t.Context(), &persistent.ListReq{})
	requireStatus(t, codes.Unimplemented, err)
	for method := range listed {
		require.NotContains(t, method, "persistent")
	}
}

func healthStatus(t testing.TB, n *Node, query string) int {
	t.Helper()
	response, err := http.Get("http://" + n.Addr() + "/health/live" + query)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	return response.StatusCode
}

func TestHealthOnTheSamePort(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	require.Equal(t, http.StatusNoContent, healthStatus(t, n, ""))
	require.Equal(t, http.StatusOK, healthStatus(t, n, "?liveCode=200"))
	for method, want := range map[string]int{"HEAD": http.StatusNoContent, "POST": http.StatusMethodNotAllowed, "PUT": http.StatusMethodNotAllowed} {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.Addr()+"/health/live", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode, method)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestAppendAnswersWrongExpectedVersion(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	answer, _, err := appendRaw(t, client, appendOptions("a", 3), proposed("T", contentJSON, nil))
	require.NoError(t, err)
	wrong := answer.GetWrongExpectedVersion()
	require.Equal(t, uint64(3), wrong.GetExpectedRevision())
	require.NotNil(t, wrong.GetCurrentNoStream())
	answer, _, err = appendRaw(t, client, appendOptions("a", noStream), proposed("T", contentJSON, nil), proposed("T", contentJSON, nil))
	require.NoError(t, err)
	require.Equal(t, uint64(1), answer.GetSuccess().GetCurrentRevision())
	require.Positive(t, answer.GetSuccess().GetPosition().GetCommitPosition())
	require.Equal(t, answer.GetSuccess().GetPosition().GetCommitPosition(), answer.GetSuccess().GetPosition().GetPreparePosition())
	answer, _, err = appendRaw(t, client, appendOptions("a", noStream), proposed("T", contentJSON, nil))
	require.NoError(t, err)
	wrong = answer.GetWrongExpectedVersion()
	require.NotNil(t, wrong.GetExpectedNoStream())
	require.Equal(t, uint64(1), wrong.GetCurrentRevision())
	require.Equal(t, ^uint64(0), wrong.GetExpectedRevision_20_6_0())
	require.Equal(t, uint64(1), wrong.GetCurrentRevision_20_6_0())
}

func TestAppendWithoutEvents(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	answer, _, err := appendRaw(t, client, appendOptions("a", noStream))
	require.NoError(t, err)
	require.NotNil(t, answer.GetSuccess().GetNoStream())
	require.NotNil(t, answer.GetSuccess().GetNoPosition())
	_, _, err = appendRaw(t, client, appendOptions("a", noStream), proposed("T", contentJSON, nil))
	require.NoError(t, err)
	answer, _, err = appendRaw(t, client, appendOptions("a", 0))
	require.NoError(t, err)
	require.Equal(t, uint64(0), answer.GetSuccess().GetCurrentRevision())
	answer, _, err = appendRaw(t, client, appendOptions("a", 5))
	require.NoError(t, err)
	require.NotNil(t, answer.GetWrongExpectedVersion())
	require.Equal(t, "a@0", describe(readUserEvents(t, client)))
}

func TestAppendRefusals(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	withOptions := func(change func(*streams.AppendReq_Options)) *streams.AppendReq {
		request := appendOptions("a", noStream)
		change(request.GetOptions())
		return request
	}
	event := proposed("T", contentJSON, []byte("{}"))
	withEvent := func(change func(*streams.AppendReq_ProposedMessage)) *streams.AppendReq {
		request := proposed("T", contentJSON, []byte("{}"))
		change(request.GetProposedMessage())
		return request
	}
	for _, c := range []struct {
		name     string
		messages []*streams.AppendReq
		code     codes.Code
		trailers map[string]string
	}{
		{"nothing", nil, codes.InvalidArgument, nil},
		{"an event first", []*streams.AppendReq{event}, codes.InvalidArgument, nil},
		{"options twice", []*streams.AppendReq{appendOptions("a", noStream), appendOptions("a", noStream)}, codes.InvalidArgument, nil},
		{"no stream name", []*streams.AppendReq{appendOptions("", noStream), event}, codes.InvalidArgument, nil},
		{"a name that is not UTF-8", []*streams.AppendReq{appendOptions("\xff", noStream), event}, codes.InvalidArgument, nil},
		{"a name that is too long", []*streams.AppendReq{appendOptions(strings.Repeat("x", 1<<16), noStream), event}, codes.InvalidArgument, nil},
		{"metadata of nothing", []*streams.AppendReq{appendOptions("$$", noStream), event}, codes.InvalidArgument, nil},
		{"a name that leaves no room for its metadata", []*streams.AppendReq{appendOptions(strings.Repeat("x", 1<<16-2), noStream), event}, codes.InvalidArgument, nil},
		{"no expectation", []*streams.AppendReq{withOptions(func(o *streams.AppendReq_Options) { o.ExpectedStreamRevision = nil }), event}, codes.InvalidArgument, nil},
		{"a revision beyond all", []*streams.AppendReq{withOptions(func(o *streams.AppendReq_Options) {
			o.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: 1 << 63}
		}), event}, codes.InvalidArgument, nil},
		{"no id", []*streams.AppendReq{appendOptions("a", noStream), withEvent(func(e *streams.AppendReq_ProposedMessage) { e.Id = nil })}, codes.InvalidArgument, nil},
		{"a nil id", []*streams.AppendReq{appendOptions("a", noStream), withEvent(func(e *streams.AppendReq_ProposedMessage) {
			e.Id = &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{}}}
		})}, codes.InvalidArgument, nil},
		{"an id that is none", []*streams.AppendReq{appendOptions("a", noStream), withEvent(func(e *streams.AppendReq_ProposedMessage) {
			e.Id = &shared.UUID{Value: &shared.UUID_String_{String_: "17"}}
		})}, codes.InvalidArgument, nil},
		{"no type", []*streams.AppendReq{appendOptions("a", noStream), withEvent(func(e *streams.AppendReq_ProposedMessage) { delete(e.Metadata, "type") })}, codes.InvalidArgument,
			map[string]string{"exception": "missing-required-metadata-property", "required-metadata-properties": "type,content-type"}},
		{"no content type", []*streams.AppendReq{appendOptions("a", noStream), withEvent(func(e *streams.AppendReq_ProposedMessage) { delete(e.Metadata, "content-type") })}, codes.InvalidArgument,
			map[string]string{"exception": "missing-required-metadata-property"}},
		{"an empty type", []*streams.AppendReq{appendOptions("a", noStream), proposed("", contentJSON, nil)}, codes.InvalidArgument, nil},
		{"too large", []*streams.AppendReq{appendOptions("a", noStream), proposed("T", contentJSON, make([]byte, 1<<19)), proposed("T", contentJSON, make([]byte, 1<<19)),
			proposed("T", contentJSON, make([]byte, 1<<20)), proposed("T", contentJSON, make([]byte, 1<<20))}, codes.InvalidArgument,
			map[string]string{"exception": "maximum-append-size-exceeded", "maximum-append-size": "1048576"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, trailers, err := appendRaw(t, client, c.messages...)
			requireStatus(t, c.code, err)
			for key, value := range c.trailers {
				require.Equal(t, []string{value}, trailers.Get(key), key)
			}
		})
	}
	require.Empty(t, readUserEvents(t, client), "a refused append leaves nothing")
}

func TestAbandonedAppendLeavesNothing(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	ctx, cancel := context.WithCancel(t.Context())
	call, err := client.Append(ctx)
	require.NoError(t, err)
	require.NoError(t, call.Send(appendOptions("a", noStream)))
	require.NoError(t, call.Send(proposed("T", contentJSON, nil)))
	cancel()
	// Not CloseAndRecv: its half-close could still overtake the cancellation.
	requireStatus(t, codes.Canceled, call.RecvMsg(new(streams.AppendResp)))
	messages, err := readRaw(t, client, readOptions(func(o *streams.ReadReq_Options) { ofStream(o, "a") }))
	require.NoError(t, err)
	require.Equal(t, "not-found:a", describe(messages))
}

func TestEventOnTheWire(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	_, _, err := appendRaw(t, client, appendOptions("a", noStream), proposed("T", contentJSON, []byte("{}")), proposed("U", "text/plain", nil))
	require.NoError(t, err)
	for _, asString := range []bool{false, true} {
		messages, err := readRaw(t, client, readOptions(func(o *streams.ReadReq_Options) {
			ofStream(o, "a")
			if asString {
				o.UuidOption.Content = &streams.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}
			}
		}))
		require.NoError(t, err)
		require.Len(t, messages, 2)
		for i, message := range messages {
			event := message.GetEvent().GetEvent()
			require.Equal(t, asString, event.GetId().GetString_() != "")
			require.Equal(t, !asString, event.GetId().GetStructured() != nil)
			require.Equal(t, event.GetCommitPosition(), event.GetPreparePosition())
			require.Equal(t, event.GetCommitPosition(), message.GetEvent().GetCommitPosition())
			require.Nil(t, message.GetEvent().GetLink())
			require.Len(t, event.GetMetadata(), 3)
			ticks, err := strconv.ParseInt(event.GetMetadata()["created"], 10, 64)
			require.NoError(t, err)
			require.Greater(t, ticks, int64(17_000_000_000_000_000))
			require.Equal(t, []string{"T", "U"}[i], event.GetMetadata()["type"])
			require.Equal(t, []string{contentJSON, contentBinary}[i], event.GetMetadata()["content-type"])
			require.Equal(t, "custom", string(event.GetCustomMetadata()))
		}
	}
}

// TestHandEncodingIsTheProtocol compares the hand-made encoder with the generated
// one over random events.
func TestHandEncodingIsTheProtocol(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		json := rapid.Bool().Draw(t, "json")
		kind := rapid.StringN(1, 40, 200).Draw(t, "type")
		custom := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "custom")
		data := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "data")
		stream := rapid.StringN(1, 40, 200).Draw(t, "stream")
		position := rapid.Uint64Range(0, 1<<62).Draw(t, "position")
		revision := rapid.Uint64Range(0, 1<<62).Draw(t, "revision")
		created := rapid.Int64Range(0, 1<<60).Draw(t, "created")

		var w recordWriter
		w.add(id, json, []byte(kind), custom, data)
		b := newBlock(stream, position, revision, created, w.records, w.count, w.last)
		parsed, err := parseBlock(position, b.raw)
		require.NoError(t, err)
		records, err := parsed.all()
		require.NoError(t, err)
		require.Len(t, records, 1)
		for _, form := range []uuidForm{uuidStructured, uuidString} {
			wireID := &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
			if most, least := idHalves(id[:]); form == uuidStructured {
				wireID = &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
					MostSignificantBits: int64(most), LeastSignificantBits: int64(least)}}}
			}
			contentType := contentBinary
			if json {
				contentType = contentJSON
			}
			at := b.lastPosition()
			want := &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
				Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: at},
				Event: &streams.ReadResp_ReadEvent_RecordedEvent{
					Id: wireID, StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)},
					StreamRevision: revision, PreparePosition: at, CommitPosition: at,
					Metadata:       map[string]string{"type": kind, "content-type": contentType, "created": strconv.FormatInt(created, 10)},
					CustomMetadata: custom, Data: data,
				}}}}
			encoded, err := newCodec().Marshal(&rawEvent{event: recorded{block: parsed, record: records[0]}, uuidAs: form})
			require.NoError(t, err)
			var got streams.ReadResp
			require.NoError(t, proto.Unmarshal(encoded.Materialize(), &got))
			require.True(t, proto.Equal(want, &got), "want %v\ngot %v", want, &got)
		}
	})
}
