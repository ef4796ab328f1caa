package node

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

func TestRestartKeepsEverything(t *testing.T) {
	filesystem := vfs.NewMem()
	var before []eventstore.Recorded
	batches := [][]eventstore.Proposed{events(3), events(1), events(5)}
	for restart := range batches {
		n := openNode(t, "log", inMemory(filesystem))
		s := connect(t, n)
		require.Equal(t, before, readAll(t, s))
		count := uint64(len(readStream(t, s, "book-1")))
		if restart > 0 {
			// A repetition is recognised although the node remembers nothing.
			old := batches[restart-1]
			again := mustAppend(t, s, "book-1", count-uint64(len(old)), old...)
			require.Equal(t, before[len(before)-2].Position, again.Position)
			_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), events(1)...)
			require.Equal(t, eventstore.CodeWrongExpected, eventstore.CodeOf(err))
		}
		appended := mustAppend(t, s, "book-1", count, batches[restart]...)
		if restart > 0 {
			require.Greater(t, appended.Position, before[len(before)-1].Position)
		}
		mustAppend(t, s, domain.StreamID("party-"+strconv.Itoa(restart)), 0, events(1)...)
		before = readAll(t, s)
		require.NoError(t, s.Close())
		require.NoError(t, n.Close())
		require.NoError(t, n.Wait())
	}
	require.Len(t, before, 12)
}

func TestOpenRefuses(t *testing.T) {
	requireRefused := func(t *testing.T, config Config, code domain.Code, field string) {
		t.Helper()
		config.Logger = silent
		_, err := Open(config)
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, code, refusal.Code, "%v", err)
		require.Equal(t, field, refusal.Field, "%v", err)
		require.NotEmpty(t, refusal.Remedy)
	}
	t.Run("a directory in use by this process", func(t *testing.T) {
		dir := t.TempDir()
		openNode(t, dir, defaultTuning())
		requireRefused(t, Config{Dir: dir}, domain.CodeConflict, "dir")
	})
	t.Run("a directory in use by another process", func(t *testing.T) {
		child := startChild(t, t.TempDir())
		requireRefused(t, Config{Dir: child.dir}, domain.CodeConflict, "dir")
	})
	t.Run("a newer format", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, openNode(t, dir, defaultTuning()).Close())
		db, err := pebble.Open(dir, &pebble.Options{Logger: pebbleLogger{logger: silent}})
		require.NoError(t, err)
		require.NoError(t, db.Set(formatKey, []byte(strconv.Itoa(formatVersion+1)), pebble.Sync))
		require.NoError(t, db.Close())
		requireRefused(t, Config{Dir: dir}, domain.CodeInvalid, "dir")
	})
	t.Run("a file instead of a directory", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		requireRefused(t, Config{Dir: file}, domain.CodeUnavailable, "dir")
	})
	t.Run("a port that is taken", func(t *testing.T) {
		n := openNode(t, t.TempDir(), defaultTuning())
		requireRefused(t, Config{Dir: t.TempDir(), Listen: n.Addr()}, domain.CodeUnavailable, "listen")
	})
	t.Run("an address that others can reach", func(t *testing.T) {
		requireRefused(t, Config{Dir: t.TempDir(), Listen: "0.0.0.0:0"}, domain.CodeInvalid, "listen")
		requireRefused(t, Config{Dir: t.TempDir(), Listen: ":0"}, domain.CodeInvalid, "listen")
		requireRefused(t, Config{Dir: t.TempDir(), Listen: "192.0.2.1:0"}, domain.CodeInvalid, "listen")
	})
	t.Run("what is no address", func(t *testing.T) {
		requireRefused(t, Config{Dir: t.TempDir(), Listen: "2113"}, domain.CodeInvalid, "listen")
		requireRefused(t, Config{Dir: t.TempDir(), Listen: "[::1"}, domain.CodeInvalid, "listen")
	})
	t.Run("a failed open leaves nothing behind", func(t *testing.T) {
		dir := t.TempDir()
		busy, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		requireRefused(t, Config{Dir: dir, Listen: busy.Addr().String()}, domain.CodeUnavailable, "listen")
		require.NoError(t, busy.Close())
		openNode(t, dir, defaultTuning())
	})
}

func TestOpenOnAnyAddress(t *testing.T) {
	n, err := open(Config{Dir: "log", Listen: "0.0.0.0:0", Insecure: true, Logger: silent}, inMemory(vfs.NewMem()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	require.Contains(t, n.ConnectionString(), "127.0.0.1")
	mustAppend(t, connect(t, n), "book-1", 0, events(1)...)
}

func TestMetricsMayBeRegisteredAgain(t *testing.T) {
	registry := prometheus.NewRegistry()
	for range 2 {
		n, err := open(Config{Dir: "log", Logger: silent, Registerer: registry}, inMemory(vfs.NewMem()))
		require.NoError(t, err)
		mustAppend(t, connect(t, n), "book-1", 0, events(7)...)
		families, err := registry.Gather()
		require.NoError(t, err)
		values := make(map[string]float64)
		for _, family := range families {
			values[family.GetName()] = family.GetMetric()[0].GetCounter().GetValue()
		}
		require.Equal(t, 1.0, values["jeongsan_node_appends_total"])
		require.Equal(t, 7.0, values["jeongsan_node_events_total"])
		require.NoError(t, n.Close())
	}
}

func TestCloseEndsSubscriptionsAndRefusesAppends(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	s := connect(t, n)
	mustAppend(t, s, "book-1", 0, events(1)...)
	sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Close()) }()
	for caughtUp := false; !caughtUp; {
		message, err := sub.Next(t.Context())
		require.NoError(t, err)
		caughtUp = message.CaughtUp
	}
	require.NoError(t, n.Close())
	_, err = sub.Next(t.Context())
	require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
	_, err = s.Append(t.Context(), "book-1", eventstore.At(0), events(1)...)
	require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
	<-n.Done()
	require.NoError(t, n.Wait())
}
