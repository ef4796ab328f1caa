package esdb_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/node"
)

func event() eventstore.Proposed {
	return eventstore.Proposed{ID: uuid.New(), Type: "Tested.v1", Data: []byte(`{}`)}
}

// TestReconnectsAfterARestart restarts the node under a store that is in use by
// many: appends fail as unavailable meanwhile, then go on, and nothing is lost or
// written twice by repeating them.
func TestReconnectsAfterARestart(t *testing.T) {
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	n, err := node.Open(node.Config{Dir: dir, Logger: quiet})
	require.NoError(t, err)
	address := n.Addr()
	s, err := esdb.Open(t.Context(), n.ConnectionString()+"&maxDiscoverAttempts=2&discoveryInterval=5", quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })

	const writers, restarts = 8, 3
	ctx, stop := context.WithCancel(t.Context())
	written := make([]uint64, writers)
	progress := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for ctx.Err() == nil {
				e := event()
				for { // the identical append, until the answer is definite
					_, err := s.Append(context.Background(), domain.Stream("book", string(rune('a'+w))), eventstore.After(written[w]), e)
					if err == nil {
						written[w]++
						select {
						case progress <- struct{}{}:
						default:
						}
						break
					}
					if !eventstore.OutcomeUnknown(err) {
						t.Errorf("append: %v", err)
						return
					}
				}
			}
		})
	}
	for range restarts {
		for range 20 {
			<-progress
		}
		sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
		require.NoError(t, err)
		require.NoError(t, n.Close())
		for err = nil; err == nil; _, err = sub.Next(t.Context()) {
		}
		require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
		require.NoError(t, sub.Close())
		n, err = node.Open(node.Config{Dir: dir, Listen: address, Logger: quiet})
		require.NoError(t, err)
	}
	for range 20 {
		<-progress
	}
	stop()
	wg.Wait()
	for w := range writers {
		count := uint64(0)
		for e, err := range s.ReadStream(t.Context(), domain.Stream("book", string(rune('a'+w))), eventstore.Forwards, 0, eventstore.Unlimited) {
			require.NoError(t, err)
			require.Equal(t, count, e.Revision)
			count++
		}
		require.Equal(t, written[w], count)
	}
	require.NoError(t, n.Close())
}

// scripted is a server that answers as a test wants it to, and does not know the
// question which methods it has.
type scripted struct {
	streams.UnimplementedStreamsServer
	append func(streams.Streams_AppendServer) error
	read   func(*streams.ReadReq, streams.Streams_ReadServer) error
}

func (s *scripted) Append(call streams.Streams_AppendServer) error { return s.append(call) }

func (s *scripted) Read(request *streams.ReadReq, call streams.Streams_ReadServer) error {
	return s.read(request, call)
}

func connectScripted(t *testing.T, script *scripted, settings string) *esdb.Store {
	t.Helper()
	return connect(t, "esdb://"+serveScripted(t, script)+"?tls=false"+settings)
}

// serveScripted returns the address of a scripted server.
func serveScripted(t *testing.T, script *scripted) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	streams.RegisterStreamsServer(server, script)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	return listener.Addr().String()
}

func TestEveryStatusHasItsCode(t *testing.T) {
	type want struct{ append, read eventstore.Code }
	both := func(code eventstore.Code) want { return want{code, code} }
	for code, want := range map[codes.Code]want{
		codes.InvalidArgument:    both(eventstore.CodeInvalid),
		codes.Unauthenticated:    both(eventstore.CodeUnauthenticated),
		codes.PermissionDenied:   both(eventstore.CodeDenied),
		codes.Unimplemented:      both(eventstore.CodeUnsupported),
		codes.DeadlineExceeded:   both(eventstore.CodeTimeout),
		codes.Aborted:            both(eventstore.CodeTimeout),
		codes.Unavailable:        both(eventstore.CodeUnavailable),
		codes.Canceled:           both(eventstore.CodeCanceled),
		codes.DataLoss:           both(eventstore.CodeDamaged),
		codes.Internal:           both(eventstore.CodeUnknown),
		codes.Unknown:            both(eventstore.CodeUnknown),
		codes.FailedPrecondition: both(eventstore.CodeUnknown),
		codes.NotFound:           {eventstore.CodeUnavailable, eventstore.CodeStreamNotFound},
		codes.ResourceExhausted:  {eventstore.CodeTooLarge, eventstore.CodeUnknown},
	} {
		t.Run(code.String(), func(t *testing.T) {
			refusal := status.Error(code, "as the test wants it")
			s := connectScripted(t, &scripted{
				append: func(call streams.Streams_AppendServer) error {
					for {
						if _, err := call.Recv(); err != nil {
							return refusal
						}
					}
				},
				read: func(*streams.ReadReq, streams.Streams_ReadServer) error { return refusal },
			}, "")
			_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
			require.Equal(t, want.append, eventstore.CodeOf(err), "append: %v", err)
			for _, err := range s.ReadStream(t.Context(), "book-1", eventstore.Forwards, 0, 1) {
				require.Equal(t, want.read, eventstore.CodeOf(err), "read: %v", err)
			}
			_, err = s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
			require.Equal(t, want.read, eventstore.CodeOf(err), "subscribe: %v", err)
		})
	}
}

func TestStreamDeleted(t *testing.T) {
	refuse := func(setTrailer func(metadata.MD)) error {
		setTrailer(metadata.Pairs("exception", "stream-deleted", "stream-name", "book-1"))
		return status.Error(codes.FailedPrecondition, "deleted")
	}
	s := connectScripted(t, &scripted{
		append: func(call streams.Streams_AppendServer) error { return refuse(call.SetTrailer) },
		read:   func(_ *streams.ReadReq, call streams.Streams_ReadServer) error { return refuse(call.SetTrailer) },
	}, "")
	for _, err := range s.ReadStream(t.Context(), "book-1", eventstore.Forwards, 0, 1) {
		require.Equal(t, eventstore.CodeStreamDeleted, eventstore.CodeOf(err), "%v", err)
	}
	_, err := s.Append(t.Context(), "book-1", eventstore.At(0), event())
	require.Equal(t, eventstore.CodeStreamDeleted, eventstore.CodeOf(err), "%v", err)
	require.False(t, eventstore.OutcomeUnknown(err))
}

// TestNotLeader has a follower that sends writers to its leader. Only discovery finds
// the way there; meanwhile every write fails as unavailable, and none hangs.
func TestNotLeader(t *testing.T) {
	leader := openNode(t, t.TempDir())
	host, port, err := net.SplitHostPort(leader.Addr())
	require.NoError(t, err)
	follower := serveScripted(t, &scripted{
		append: func(call streams.Streams_AppendServer) error {
			call.SetTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
			return status.Error(codes.NotFound, "not leader")
		},
		read: func(*streams.ReadReq, streams.Streams_ReadServer) error { return nil },
	})
	// The client goes to the leader by itself, behind our back: that must have ended
	// before the leader does.
	arrived := make(chan string, 100)
	log := slog.New(slog.NewTextHandler(lines(arrived), &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := esdb.Open(t.Context(), "esdb://"+follower+"?tls=false", log)
	require.NoError(t, err)
	for range 3 {
		_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
		require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
		require.True(t, eventstore.OutcomeUnknown(err))
		_, err = s.LastPosition(t.Context())
		require.NoError(t, err)
		for line := range arrived {
			if strings.Contains(line, "successfully connected to leader node") {
				break
			}
		}
	}
	require.NoError(t, s.Close())
}

// lines passes on what is written to it, one log record at a time.
type lines chan<- string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default: // nobody has looked for long
	}
	return len(line), nil
}

// TestCutOffAppendGetsItsReason has a server that refuses an append while it is
// being sent, which the client reports as a bare end of file.
func TestCutOffAppendGetsItsReason(t *testing.T) {
	large := make([]eventstore.Proposed, 60)
	for i := range large {
		large[i] = event()
		large[i].Data = make([]byte, 16_000)
	}
	for code, want := range map[codes.Code]eventstore.Code{
		codes.PermissionDenied: eventstore.CodeDenied,
		codes.Unauthenticated:  eventstore.CodeUnauthenticated,
		codes.Unavailable:      eventstore.CodeUnavailable,
	} {
		s := connectScripted(t, &scripted{append: func(streams.Streams_AppendServer) error { return status.Error(code, "no") }}, "")
		_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), large...)
		require.Equal(t, want, eventstore.CodeOf(err), "%v", err)
	}
	// Where the question alone is answered, the outcome stays unknown.
	s := connectScripted(t, &scripted{append: func(call streams.Streams_AppendServer) error {
		if _, err := call.Recv(); err != nil {
			return err
		}
		if _, err := call.Recv(); err == nil {
			return status.Error(codes.InvalidArgument, "too large for this server")
		}
		return call.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
			CurrentRevisionOption: &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}}}})
	}}, "")
	_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), large...)
	require.Error(t, err)
	require.Contains(t, []eventstore.Code{eventstore.CodeUnknown, eventstore.CodeInvalid}, eventstore.CodeOf(err), "%v", err)
}

func TestAppendWithoutAnswerEndsInTime(t *testing.T) {
	hang := func(call streams.Streams_AppendServer) error {
		<-call.Context().Done()
		return status.FromContextError(call.Context().Err()).Err()
	}
	s := connectScripted(t, &scripted{append: hang}, "&defaultDeadline=50")
	_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
	require.Equal(t, eventstore.CodeTimeout, eventstore.CodeOf(err), "%v", err)
	require.True(t, eventstore.OutcomeUnknown(err))

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = connectScripted(t, &scripted{append: hang}, "").Append(ctx, "book-1", eventstore.NoStream(), event())
	require.Equal(t, eventstore.CodeTimeout, eventstore.CodeOf(err), "%v", err)
}

// TestUnexpectedMessageIsAnError sends a message that makes the client panic.
func TestUnexpectedMessageIsAnError(t *testing.T) {
	s := connectScripted(t, &scripted{read: func(_ *streams.ReadReq, call streams.Streams_ReadServer) error {
		return call.Send(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{LastStreamPosition: 7}})
	}}, "")
	for _, err := range s.ReadStream(t.Context(), "book-1", eventstore.Forwards, 0, 1) {
		require.Equal(t, eventstore.CodeUnknown, eventstore.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "panicked")
	}
}

// TestSystemEventsAreLeftOut has a server with events of its own at the end.
func TestSystemEventsAreLeftOut(t *testing.T) {
	names := []string{"$users", "book-1", "$stats", "book-2", "$settings", "$$book-1"}
	send := func(call streams.Streams_ReadServer, i int) error {
		position := uint64(i+1) * 10
		return call.Send(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
			Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: position},
			Event: &streams.ReadResp_ReadEvent_RecordedEvent{
				Id:               &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}},
				StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(names[i])},
				PreparePosition:  position, CommitPosition: position,
				Metadata: map[string]string{"type": "T", "created": "1", "content-type": "application/json"},
			}}}})
	}
	s := connectScripted(t, &scripted{read: func(request *streams.ReadReq, call streams.Streams_ReadServer) error {
		left := request.GetOptions().GetCount()
		if request.GetOptions().GetReadDirection() == streams.ReadReq_Options_Forwards {
			for i := range names {
				if err := send(call, i); err != nil {
					return err
				}
			}
			return nil
		}
		for i := len(names) - 1; i >= 0 && left > 0; i-- {
			if err := send(call, i); err != nil {
				return err
			}
			left--
		}
		return nil
	}}, "")
	var streams []domain.StreamID
	for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
		require.NoError(t, err)
		streams = append(streams, e.Stream)
	}
	require.Equal(t, []domain.StreamID{"book-1", "book-2"}, streams)
	streams = nil
	for e, err := range s.ReadAll(t.Context(), 20) { // the server includes what it is asked to begin with
		require.NoError(t, err)
		streams = append(streams, e.Stream)
	}
	require.Equal(t, []domain.StreamID{"book-2"}, streams)
	last, err := s.LastPosition(t.Context())
	require.NoError(t, err)
	require.Equal(t, eventstore.Position(40), last)
}
