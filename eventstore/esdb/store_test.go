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

// TestConformance runs the suite over the embedded node, and over a real server
// where JEONGSAN_TEST_ESDB names one.
func TestConformance(t *testing.T) {
	t.Run("node", func(t *testing.T) {
		n := openNode(t, t.TempDir())
		storetest.Run(t, func(t *testing.T) eventstore.Store { return connect(t, n.ConnectionString()) })
	})
	server := os.Getenv("JEONGSAN_TEST_ESDB")
	if server == "" {
		return // the server is an addition, not a part that could be missing
	}
	t.Run("server", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) eventstore.Store { return connect(t, server) })
	})
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
	message, err := sub.Next(t.Context())
	require.NoError(t, err)
	require.True(t, message.CaughtUp)
	require.NoError(t, sub.Close())
	// A position beyond the end was taken from another log.
	_, err = s.Subscribe(t.Context(), eventstore.Filter{}, 1000)
	require.Equal(t, eventstore.CodeInvalid, eventstore.CodeOf(err), "%v", err)
}
