package node

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
	}
	goleak.VerifyTestMain(m)
}

var silent = slog.New(slog.DiscardHandler)

// openNode opens a node that is closed at the end of the test, if not before.
func openNode(t testing.TB, dir string, tune tuning) *Node {
	t.Helper()
	n, err := open(Config{Dir: dir, Logger: silent}, tune)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// inMemory gives batches so long that a loaded machine does not make one time out.
func inMemory(filesystem vfs.FS) tuning {
	return tuning{filesystem: filesystem, tailBytes: defaultTuning().tailBytes, batch: time.Minute}
}

func connect(t testing.TB, n *Node) *esdb.Store {
	t.Helper()
	s, err := esdb.Open(t.Context(), n.ConnectionString(), silent)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// dial gives a client without the official client's opinions.
func dial(t testing.TB, n *Node) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(n.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func rawClient(t testing.TB, n *Node) streams.StreamsClient {
	return streams.NewStreamsClient(dial(t, n))
}

func events(n int) []eventstore.Proposed {
	made := make([]eventstore.Proposed, n)
	for i := range made {
		made[i] = eventstore.Proposed{ID: uuid.New(), Type: "Tested.v1",
			Data: fmt.Appendf(nil, `{"n":%d}`, i), Metadata: []byte(`{}`)}
	}
	return made
}

func mustAppend(t testing.TB, s eventstore.Store, stream domain.StreamID, count uint64, batch ...eventstore.Proposed) eventstore.Appended {
	t.Helper()
	appended, err := s.Append(t.Context(), stream, eventstore.After(count), batch...)
	require.NoError(t, err)
	return appended
}

// readStream returns a stream's events, none where it does not exist.
func readStream(t testing.TB, s eventstore.Store, stream domain.StreamID) []eventstore.Recorded {
	t.Helper()
	var all []eventstore.Recorded
	for event, err := range s.ReadStream(t.Context(), stream, eventstore.Forwards, 0, eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			return nil
		}
		require.NoError(t, err)
		all = append(all, event)
	}
	return all
}

func readAll(t testing.TB, s eventstore.Store) []eventstore.Recorded {
	t.Helper()
	var all []eventstore.Recorded
	for event, err := range s.ReadAll(t.Context(), eventstore.Start) {
		require.NoError(t, err)
		all = append(all, event)
	}
	return all
}

// TestConformanceFromDisk runs the suite against a node that remembers only the
// newest append, so that nearly everything comes from disk.
func TestConformanceFromDisk(t *testing.T) {
	tune := inMemory(vfs.NewMem())
	tune.tailBytes = 1
	n := openNode(t, "log", tune)
	storetest.Run(t, func(t *testing.T) eventstore.Store { return connect(t, n) })
}
