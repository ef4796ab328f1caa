package testkit

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/node"
)

// Node starts an embedded event store node for the test, in a directory of the
// test's. It is closed when the test ends.
func Node(t testing.TB) *node.Node {
	t.Helper()
	n, err := node.Open(node.Config{Dir: filepath.Join(t.TempDir(), "node"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal("open a node: ", err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error("close the node: ", err)
		}
	})
	return n
}

// Store opens a node of its own and a client to it.
func Store(t testing.TB) eventstore.Store {
	t.Helper()
	return Client(t, Node(t).ConnectionString())
}

// Client opens a client to an event store. It is closed when the test ends.
func Client(t testing.TB, connectionString string) eventstore.Store {
	t.Helper()
	store, err := esdb.Open(context.Background(), connectionString, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal("open the event store: ", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error("close the event store: ", err)
		}
	})
	return store
}
