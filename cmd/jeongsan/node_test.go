package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
)

// TestNodeAlone runs the event store as a process of its own, with a server beside it.
func TestNodeAlone(t *testing.T) {
	log := filepath.Join(filepath.Dir(dataDirectory(t)), "log")
	node := start(t, "node", "--data", log, "--listen", "127.0.0.1:0")
	url := node.server.EventStore
	identity, err := eventstore.Identify(patience(t), connect(t, url))
	require.NoError(t, err)

	code, _, stderr := jeongsan(t, "ingest", "--source", "testdata/source.yaml", file(t, "till.csv", sales(0, 1)), "--data", log)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "--eventstore '"+url+"'", "a writer is told how to use it")
	code, _, stderr = jeongsan(t, "serve", "--data", log)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "(node)")

	process := decider(t, dataDirectory(t), "--eventstore", url)
	succeed(t, "apply", "testdata/terms.yaml", "--server", process.server.Server)
	require.NoError(t, send(t, process.server.Server, shopSale("S1", 1_000))[0].Err)
	var replayed struct {
		Balances []struct{ Account, Credits string }
	}
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "replay", "--json", "--data", log, "--owner", "maker")), &replayed))
	require.Len(t, replayed.Balances, 1, "a reader of its directory attaches to it")
	process.stop()
	node.stop()

	// It is the same log after a restart, and for a command that opens it itself.
	node = start(t, "node", "--data", log, "--listen", "127.0.0.1:0")
	again, err := eventstore.Identify(patience(t), connect(t, node.server.EventStore))
	require.NoError(t, err)
	require.Equal(t, identity, again)
	node.stop()
	require.Contains(t, succeed(t, "replay", "--data", log), "maker/payable/USD")
}

// TestVerifyIndex compares the local index with the log on demand, when its process
// has stopped.
func TestVerifyIndex(t *testing.T) {
	needsPostgres(t)
	data := dataDirectory(t)
	process := decider(t, data)
	succeed(t, "apply", "testdata/terms.yaml", "--server", process.server.Server)
	require.NoError(t, send(t, process.server.Server, shopSale("S1", 1_000), shopSale("S2", 2_000))[0].Err)
	code, _, stderr := jeongsan(t, "verify", "--index", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "in use")
	process.stop()
	out := succeed(t, "verify", "--index", "--data", data)
	require.Contains(t, out, "local index of book shop: 2 keys and 5 accounts agree with the log at revision 1")
	require.Contains(t, out, "no difference")
}
