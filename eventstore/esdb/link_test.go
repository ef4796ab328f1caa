package esdb

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// unavailable is a server that is never available, and counts who asks for its
// methods: a client does that once in every discovery.
type unavailable struct {
	streams.UnimplementedStreamsServer
	discoveries atomic.Int64
}

func (*unavailable) Append(call streams.Streams_AppendServer) error {
	for { // to the end, so that the client gets the status and not a broken pipe
		if _, err := call.Recv(); err != nil {
			break
		}
	}
	return status.Error(codes.Unavailable, "not now")
}

func (*unavailable) Read(*streams.ReadReq, streams.Streams_ReadServer) error {
	return status.Error(codes.Unavailable, "not now")
}

type countingFeatures struct {
	serverfeatures.UnimplementedServerFeaturesServer
	server *unavailable
}

func (c countingFeatures) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	c.server.discoveries.Add(1)
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: "24.10.0"}, nil
}

// TestClientNeverRediscovers shows that interrupt still finds the line of the
// client's log that it depends on, in each kind of call.
func TestClientNeverRediscovers(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	server, counted := grpc.NewServer(), &unavailable{}
	streams.RegisterStreamsServer(server, counted)
	serverfeatures.RegisterServerFeaturesServer(server, countingFeatures{server: counted})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	s, err := Open(t.Context(), "esdb://"+listener.Addr().String()+"?tls=false", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	l, err := s.acquire(t.Context(), "test", "")
	require.NoError(t, err)
	defer s.release(l)

	calls := map[string]func() error{
		"append": func() error {
			_, err := l.client.AppendToStream(t.Context(), "a", esdb.AppendToStreamOptions{})
			return err
		},
		"read": func() error {
			read, err := l.client.ReadAll(t.Context(), esdb.ReadAllOptions{}, 1)
			if err != nil {
				return err
			}
			defer read.Close()
			_, err = read.Recv()
			return err
		},
		"subscribe": func() error {
			_, err := l.client.SubscribeToAll(t.Context(), esdb.SubscribeToAllOptions{})
			return err
		},
	}
	for range 3 {
		for name, call := range calls {
			err := guard(call)
			require.Equal(t, codes.Unavailable, status.Code(err), "%s: %v", name, err)
			require.True(t, lostConnection(err))
		}
	}
	require.Equal(t, int64(1), counted.discoveries.Load())
	// The store itself takes another link, once for every loss.
	s.retire(l)
	_, err = s.LastPosition(t.Context())
	require.Error(t, err)
	require.Equal(t, int64(2), counted.discoveries.Load())
}
