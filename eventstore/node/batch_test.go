package node

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func batchOptions(stream string, change func(*streams.BatchAppendReq_Options)) *streams.BatchAppendReq_Options {
	options := &streams.BatchAppendReq_Options{StreamIdentifier: plainStream(stream),
		ExpectedStreamPosition: &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}}}
	if change != nil {
		change(options)
	}
	return options
}

func batchEvents(n int, data []byte) (events []*streams.BatchAppendReq_ProposedMessage) {
	for range n {
		events = append(events, &streams.BatchAppendReq_ProposedMessage{Id: plainID(uuid.New()),
			Metadata: map[string]string{"type": "T", "content-type": contentJSON}, Data: data})
	}
	return events
}

// batchClient sends on one call and checks the form of what comes back.
type batchClient struct {
	t    testing.TB
	call streams.Streams_BatchAppendClient
}

func openBatch(t testing.TB, n *Node) batchClient {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	call, err := rawClient(t, n).BatchAppend(ctx)
	require.NoError(t, err)
	return batchClient{t, call}
}

// send sends one message and returns its correlation id.
func (c batchClient) send(id *shared.UUID, options *streams.BatchAppendReq_Options, final bool, events ...*streams.BatchAppendReq_ProposedMessage) *shared.UUID {
	c.t.Helper()
	if id == nil {
		id = plainID(uuid.New())
	}
	require.NoError(c.t, c.call.Send(&streams.BatchAppendReq{CorrelationId: id, Options: options, ProposedMessages: events, IsFinal: final}))
	return id
}

// receive returns the next answer.
func (c batchClient) receive() *streams.BatchAppendResp {
	c.t.Helper()
	answer, err := c.call.Recv()
	require.NoError(c.t, err)
	require.NotNil(c.t, answer.GetStreamIdentifier())
	require.Nil(c.t, answer.GetExpectedStreamPosition())
	return answer
}

// end closes the sending side and finds no more answers.
func (c batchClient) end() {
	c.t.Helper()
	require.NoError(c.t, c.call.CloseSend())
	_, err := c.call.Recv()
	require.ErrorIs(c.t, err, io.EOF)
}

// failureOf describes an answer's error: its code, message and detail.
func failureOf(t testing.TB, answer *streams.BatchAppendResp) string {
	t.Helper()
	failure := answer.GetError()
	if failure == nil {
		return ""
	}
	require.Len(t, failure.GetDetails(), 1)
	detail := failure.GetDetails()[0]
	name, ok := strings.CutPrefix(detail.GetTypeUrl(), "type.googleapis.com/event_store.client.")
	require.True(t, ok, detail.GetTypeUrl())
	require.Equal(t, name, failure.GetMessage())
	_, err := detail.UnmarshalNew()
	require.NoError(t, err)
	return fmt.Sprint(codes.Code(failure.GetCode()), " ", name)
}

func TestBatchKeepsTheFormOfItsID(t *testing.T) {
	c := openBatch(t, openNode(t, "log", inMemory(vfs.NewMem())))
	id := uuid.New()
	most, least := idHalves(id[:])
	structured := &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits: int64(most), LeastSignificantBits: int64(least)}}}
	c.send(structured, batchOptions("a", nil), true, batchEvents(1, nil)...)
	answer := c.receive()
	require.Equal(t, int64(most), answer.GetCorrelationId().GetStructured().GetMostSignificantBits())
	require.Equal(t, int64(least), answer.GetCorrelationId().GetStructured().GetLeastSignificantBits())
	text := &shared.UUID{Value: &shared.UUID_String_{String_: strings.ToUpper(id.String())}}
	c.send(text, batchOptions("b", nil), true, batchEvents(1, nil)...)
	answer = c.receive()
	require.Equal(t, id.String(), answer.GetCorrelationId().GetString_())
	require.Equal(t, "b", string(answer.GetStreamIdentifier().GetStreamName()))
	require.NotZero(t, answer.GetSuccess().GetPosition().GetCommitPosition())
	c.end()
}

// TestBatchesShareACall sends the chunks of many batches in turns, more of them than
// a call may have in flight, and ends the call before the answers are out.
func TestBatchesShareACall(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	c := openBatch(t, n)
	const rounds, together, chunks = 150, 16, 3
	go func() {
		for round := range rounds {
			ids := make([]*shared.UUID, together)
			for chunk := range chunks {
				for i := range ids {
					var options *streams.BatchAppendReq_Options
					if chunk == 0 {
						options = batchOptions(fmt.Sprint("s-", i), nil)
						ids[i] = plainID(uuid.New())
					}
					request := &streams.BatchAppendReq{CorrelationId: ids[i], Options: options, IsFinal: chunk == chunks-1,
						ProposedMessages: batchEvents(chunk, fmt.Appendf(nil, "%d/%d", round, chunk))}
					if err := c.call.Send(request); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}
		if err := c.call.CloseSend(); err != nil {
			t.Error(err)
		}
	}()
	answered := make(map[string]bool)
	for range rounds * together {
		answer := c.receive()
		require.NotNil(t, answer.GetSuccess(), "%v", answer)
		answered[answer.GetCorrelationId().GetString_()] = true
	}
	_, err := c.call.Recv()
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, answered, rounds*together)
	for i := range together {
		events, _ := wholeOf(t, plainClient{rawClient(t, n)}, fmt.Sprint("s-", i))
		require.Len(t, events, rounds*3)
		for k, event := range events {
			require.Equal(t, fmt.Sprintf("%d/%d", k/3, []int{1, 2, 2}[k%3]), event.data, "batches of one stream in order, each whole")
		}
	}
}

// TestBatchErrors sends one bad batch after the other on one call, each of them with
// a second chunk that must be ignored, and good ones in between.
func TestBatchErrors(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	client := plainClient{rawClient(t, n)}
	mustDo(t, done)(client.tombstone(t.Context(), "buried", expectAny))
	mustDo(t, done)(client.append(t.Context(), "three", expectAny, freshEvents(3)...))
	c := openBatch(t, n)
	change := func(f func(*streams.BatchAppendReq_ProposedMessage)) []*streams.BatchAppendReq_ProposedMessage {
		events := batchEvents(2, nil)
		f(events[1])
		return events
	}
	for i, bad := range []struct {
		name    string
		options *streams.BatchAppendReq_Options
		events  []*streams.BatchAppendReq_ProposedMessage
		final   bool // otherwise it is refused at its first chunk
		want    string
	}{
		{"deleted", batchOptions("buried", nil), batchEvents(1, nil), true, "NotFound StreamDeleted"},
		{"wrong", batchOptions("three", func(o *streams.BatchAppendReq_Options) {
			o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: 9}
		}), batchEvents(1, nil), true, "AlreadyExists WrongExpectedVersion"},
		{"denied", batchOptions("$all", nil), batchEvents(1, nil), false, "PermissionDenied AccessDenied"},
		{"no name", batchOptions("", nil), batchEvents(1, nil), false, "InvalidArgument BadRequest"},
		{"no stream", batchOptions("", func(o *streams.BatchAppendReq_Options) { o.StreamIdentifier = nil }), nil, false, "InvalidArgument BadRequest"},
		{"metadata of nothing", batchOptions("$$", nil), nil, false, "InvalidArgument BadRequest"},
		{"no expectation", batchOptions("s", func(o *streams.BatchAppendReq_Options) { o.ExpectedStreamPosition = nil }), nil, false, "InvalidArgument BadRequest"},
		{"beyond all", batchOptions("s", func(o *streams.BatchAppendReq_Options) {
			o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: 1 << 63}
		}), nil, false, "InvalidArgument BadRequest"},
		{"no id", batchOptions("s", nil), change(func(e *streams.BatchAppendReq_ProposedMessage) { e.Id = nil }), false, "InvalidArgument BadRequest"},
		{"no type", batchOptions("s", nil), change(func(e *streams.BatchAppendReq_ProposedMessage) { delete(e.Metadata, "type") }), false, "InvalidArgument BadRequest"},
		{"empty type", batchOptions("s", nil), change(func(e *streams.BatchAppendReq_ProposedMessage) { e.Metadata["type"] = "" }), false, "InvalidArgument BadRequest"},
		{"too large", batchOptions("s", nil), batchEvents(2, make([]byte, 1<<19)), false, "InvalidArgument MaximumAppendSizeExceeded"},
		{"no time", batchOptions("s", func(o *streams.BatchAppendReq_Options) {
			o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(0)}
		}), batchEvents(1, nil), false, "DeadlineExceeded Timeout"},
		{"less than no time", batchOptions("s", func(o *streams.BatchAppendReq_Options) {
			o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(-time.Second)}
		}), batchEvents(1, nil), false, "DeadlineExceeded Timeout"},
		{"too late", batchOptions("s", func(o *streams.BatchAppendReq_Options) {
			o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline_21_10_0{Deadline_21_10_0: timestamppb.New(time.Now().Add(-time.Second))}
		}), batchEvents(1, nil), false, "DeadlineExceeded Timeout"},
		{"long ago", batchOptions("s", func(o *streams.BatchAppendReq_Options) {
			o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline_21_10_0{Deadline_21_10_0: &timestamppb.Timestamp{}}
		}), batchEvents(1, nil), false, "DeadlineExceeded Timeout"},
	} {
		id := c.send(nil, bad.options, bad.final, bad.events...)
		if !bad.final {
			c.send(id, nil, true, batchEvents(1, nil)...)
		}
		answer := c.receive()
		require.Equal(t, bad.want, failureOf(t, answer), bad.name)
		require.Equal(t, id.GetString_(), answer.GetCorrelationId().GetString_())
		require.Equal(t, string(bad.options.GetStreamIdentifier().GetStreamName()), string(answer.GetStreamIdentifier().GetStreamName()))
		detail, err := answer.GetError().GetDetails()[0].UnmarshalNew()
		require.NoError(t, err)
		switch detail := detail.(type) {
		case *shared.BadRequest:
			require.NotEmpty(t, detail.GetMessage())
		case *shared.MaximumAppendSizeExceeded:
			require.Equal(t, uint32(1<<20), detail.GetMaxAppendSize())
		case *shared.StreamDeleted:
			require.Equal(t, "buried", string(detail.GetStreamIdentifier().GetStreamName()))
		case *shared.WrongExpectedVersion:
			require.Equal(t, uint64(9), detail.GetExpectedStreamPosition())
			require.Equal(t, uint64(2), detail.GetCurrentStreamRevision())
		}
		good := c.send(nil, batchOptions("good", nil), true, batchEvents(1, nil)...)
		answer = c.receive()
		require.Equal(t, uint64(i), answer.GetSuccess().GetCurrentRevision())
		require.Equal(t, good.GetString_(), answer.GetCorrelationId().GetString_())
	}
	c.end()
	require.Contains(t, revisionsOf(first(wholeOf(t, client, ""))), "good@0")
	require.NotContains(t, revisionsOf(first(wholeOf(t, client, ""))), " s@")
}

func first(events []seen, _ ending) []seen { return events }

func TestMessageOfNoBatchEndsTheCall(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	for name, id := range map[string]*shared.UUID{"none": nil, "empty": {}, "no UUID": {Value: &shared.UUID_String_{String_: "1"}}} {
		t.Run(name, func(t *testing.T) {
			c := openBatch(t, n)
			require.NoError(t, c.call.Send(&streams.BatchAppendReq{CorrelationId: id, Options: batchOptions("a", nil), IsFinal: true}))
			_, err := c.call.Recv()
			requireStatus(t, codes.InvalidArgument, err)
		})
	}
}

func TestUnfinishedBatchTimesOut(t *testing.T) {
	tune := inMemory(vfs.NewMem())
	tune.batch = 100 * time.Millisecond
	n := openNode(t, "log", tune)
	c := openBatch(t, n)
	soon := func(o *streams.BatchAppendReq_Options) {
		o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(10 * time.Millisecond)}
	}
	soonAt := func(o *streams.BatchAppendReq_Options) {
		o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline_21_10_0{Deadline_21_10_0: timestamppb.New(time.Now().Add(50 * time.Millisecond))}
	}
	never := func(o *streams.BatchAppendReq_Options) {
		o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(1 << 62)}
	}
	for name, change := range map[string]func(*streams.BatchAppendReq_Options){"duration": soon, "timestamp": soonAt, "the node's own": nil, "longer than the node's": never} {
		id := c.send(nil, batchOptions("late", change), false, batchEvents(1, nil)...)
		answer := c.receive()
		require.Equal(t, "DeadlineExceeded Timeout", failureOf(t, answer), name)
		require.Equal(t, id.GetString_(), answer.GetCorrelationId().GetString_())
		c.send(id, nil, true, batchEvents(1, nil)...)
	}
	c.send(nil, batchOptions("late", soon), false)
	require.NoError(t, c.call.CloseSend())
	require.Equal(t, "DeadlineExceeded Timeout", failureOf(t, c.receive()), "also after the sender has ended")
	_, err := c.call.Recv()
	require.ErrorIs(t, err, io.EOF)
	_, end := wholeOf(t, plainClient{rawClient(t, n)}, "late")
	require.Equal(t, notFound, end)
}

// gate holds back the flushes of a log as long as it is shut.
type gate struct {
	arrived chan struct{} // a flush is being held back
	mu      sync.Mutex
	open    chan struct{} // nil where it is open
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil {
		close(g.open)
		g.open = nil
	}
}

func (g *gate) injector() errorfs.Injector {
	return errorfs.InjectorFunc(func(op errorfs.Op) error {
		flush := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if flush && strings.HasSuffix(op.Path, ".log") {
			g.mu.Lock()
			open := g.open
			g.mu.Unlock()
			if open != nil {
				select {
				case g.arrived <- struct{}{}:
				default:
				}
				<-open
			}
		}
		return nil
	})
}

// gated opens a node on a disk whose flushes can be held back.
func gated(t *testing.T, batch time.Duration) (*Node, *gate) {
	t.Helper()
	g := &gate{arrived: make(chan struct{}, 1)}
	tune := inMemory(errorfs.Wrap(vfs.NewMem(), g.injector()))
	tune.batch = batch
	n := openNode(t, "log", tune)
	t.Cleanup(g.release) // before the node is closed
	return n, g
}

// TestSlowFlushTimesOut has appends, batches and deletions wait for a disk. They
// are answered in time, and take effect all the same.
func TestSlowFlushTimesOut(t *testing.T) {
	n, disk := gated(t, 0)
	client := plainClient{rawClient(t, n)}
	mustDo(t, done)(client.append(t.Context(), "gone", expectNothing, freshEvents(1)...))
	c := openBatch(t, n)
	disk.shut()
	soon := func(o *streams.BatchAppendReq_Options) {
		o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(10 * time.Millisecond)}
	}
	c.send(nil, batchOptions("batch", soon), true, batchEvents(2, nil)...)
	require.Equal(t, "DeadlineExceeded Timeout", failureOf(t, c.receive()))
	c.end()

	// A client's own clock ends its call before the node's answer comes: only a caller
	// without one sees it.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	answers := make(chan answered, 1)
	w := metadataEvent([]byte("{}"))
	answer, abandoned := n.committer.submit(ctx, &appendRequest{stream: "append", expected: noStream, records: w, answer: answers}, answers)
	require.True(t, abandoned)
	err := appendError(answer.err)
	requireStatus(t, codes.Aborted, err)
	require.ErrorContains(t, err, "Operation timed out")
	_, err = n.server.Delete(ctx, &streams.DeleteReq{Options: &streams.DeleteReq_Options{
		StreamIdentifier: plainStream("gone"), ExpectedStreamRevision: &streams.DeleteReq_Options_Any{}}})
	requireStatus(t, codes.Aborted, err)

	disk.release()
	mustDo(t, done)(client.append(t.Context(), "after", expectNothing, freshEvents(1)...))
	all, _ := wholeOf(t, client, "")
	require.Contains(t, revisionsOf(all), "batch@0 batch@1 append@0")
}

// TestBatchesHoldTheSenderBack sends batches to a node whose disk stands still: it
// takes in no more than it may hold, and loses nothing.
func TestBatchesHoldTheSenderBack(t *testing.T) {
	n, disk := gated(t, time.Hour)
	c := openBatch(t, n)
	disk.shut()
	const batches = 80
	var sent atomic.Int64
	full := make(chan struct{})
	go func() {
		for i := range batches {
			request := &streams.BatchAppendReq{CorrelationId: plainID(uuid.New()), IsFinal: true,
				Options: batchOptions(fmt.Sprint("s-", i), nil), ProposedMessages: batchEvents(1, make([]byte, 1<<19))}
			if err := c.call.Send(request); err != nil {
				t.Error(err)
				return
			}
			if sent.Add(1) == batchHold*2 {
				close(full)
			}
		}
	}()
	<-full
	// Other calls get through meanwhile, and time passes.
	other := plainClient{rawClient(t, n)}
	for range 200 {
		wholeOf(t, other, usersStream)
	}
	require.Less(t, sent.Load(), int64(batchHold*2+20), "half a MiB each, the limit, two messages and what lies between")
	disk.release()
	for range batches {
		require.NotNil(t, c.receive().GetSuccess())
	}
	c.end()
	all, _ := wholeOf(t, other, "")
	require.Equal(t, batches, strings.Count(revisionsOf(all), "s-"))
}

// TestCloseAnswersBatchesInFlight closes a node under a call: what was sent is
// answered, and then the call ends so that its client goes elsewhere.
func TestCloseAnswersBatchesInFlight(t *testing.T) {
	n, disk := gated(t, time.Hour)
	c := openBatch(t, n)
	c.send(nil, batchOptions("first", nil), true, batchEvents(1, nil)...)
	require.NotNil(t, c.receive().GetSuccess())
	disk.shut()
	c.send(nil, batchOptions("unfinished", nil), false, batchEvents(1, nil)...)
	c.send(nil, batchOptions("second", nil), true, batchEvents(1, nil)...)
	<-disk.arrived
	closed := make(chan error, 1)
	go func() { closed <- n.Close() }()
	<-n.server.drain
	disk.release()
	answer := c.receive()
	require.Equal(t, "second", string(answer.GetStreamIdentifier().GetStreamName()))
	require.NotNil(t, answer.GetSuccess())
	_, err := c.call.Recv()
	requireStatus(t, codes.Unavailable, err)
	require.NoError(t, <-closed)
}
