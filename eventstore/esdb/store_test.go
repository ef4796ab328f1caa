package esdb_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/eventstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs the suite over the embedded node, without and with TLS and
// credentials, and over a real server where JEONGSAN_TEST_ESDB names one.
func TestConformance(t *testing.T) {
	run := func(name, connectionString string) {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) eventstore.Store { return connect(t, connectionString) })
			storetest.RunDeletion(t, func(t *testing.T) storetest.Deleter { return connect(t, connectionString) })
		})
	}
	run("node", openNode(t, t.TempDir()).ConnectionString())
	run("node with TLS", openSecure(t).as(admin))
	if server := os.Getenv("JEONGSAN_TEST_ESDB"); server != "" {
		run("server", server) // an addition, not a part that could be missing
	}
}

func openNode(t testing.TB, dir string) *node.Node {
	n, err := node.Open(node.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

func connect(t testing.TB, connectionString string) *esdb.Store {
	s, err := esdb.Open(t.Context(), connectionString, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestEmptyLog(t *testing.T) {
	s := connect(t, openNode(t, t.TempDir()).ConnectionString())
	last, err := s.LastPosition(t.Context())
	require.NoError(t, err)
	require.Equal(t, eventstore.Start, last)
	for range s.ReadAll(t.Context(), eventstore.Start) {
		t.Fatal("an event in an empty log")
	}
	sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
	require.NoError(t, err)
	for caughtUp := false; !caughtUp; { // a checkpoint may come first, for the store's own events
		message, err := sub.Next(t.Context())
		require.NoError(t, err)
		require.Nil(t, message.Event)
		caughtUp = message.CaughtUp
	}
	require.NoError(t, sub.Close())
	// A position beyond the end was taken from another log.
	_, err = s.Subscribe(t.Context(), eventstore.Filter{}, 1<<40)
	require.Equal(t, eventstore.CodeInvalid, eventstore.CodeOf(err), "%v", err)
}
