package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/eventstore/node/certificate"
	"github.com/jeongsan/jeongsan/internal/datadir"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

// writeLog makes a small log of Jeongsan's with some streams, or adds to one.
func writeLog(t *testing.T, connectionString string, streams int) {
	t.Helper()
	store := testkit.Client(t, connectionString)
	_, err := eventstore.Identify(t.Context(), store)
	require.NoError(t, err)
	for i := range streams {
		stream := domain.Stream("book", fmt.Sprint(i))
		for revision := range uint64(3) {
			_, err := store.Append(t.Context(), stream, eventstore.After(revision),
				eventstore.Proposed{ID: eventstore.EventID(stream, fmt.Sprint(revision), nil), Type: "Tested.v1", Data: []byte(`{}`)})
			require.NoError(t, err)
		}
	}
}

// copied is what "log copy --json" prints.
type copied struct {
	Present, Copied uint64
	Grown, Equal    bool
	Incarnation     int
	Proof           struct {
		Source, Target struct{ Streams, Events uint64 }
	}
	Streams []struct{ Stream string }
}

func logCopy(t *testing.T, args ...string) (c copied) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(succeed(t, append([]string{"log", "copy", "--json"}, args...)...)), &c))
	return c
}

// TestLogCopy carries a log from a data directory to a server and back into another
// directory.
func TestLogCopy(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	dir, err := datadir.Open(data, datadir.Options{Command: "test"})
	require.NoError(t, err)
	n, err := node.Open(node.Config{Dir: dir.Node(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	writeLog(t, n.ConnectionString(), 50)
	code, _, stderr := jeongsan(t, "log", "copy", "--from-data", data, "--to-data", filepath.Join(t.TempDir(), "other"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "in use")
	require.NoError(t, n.Close())
	require.NoError(t, dir.Close())

	server := testkit.Node(t).ConnectionString()
	first := logCopy(t, "--from-data", data, "--to", server)
	require.True(t, first.Equal)
	require.EqualValues(t, 151, first.Copied)
	require.EqualValues(t, 51, first.Proof.Target.Streams)
	require.Greater(t, first.Incarnation, 1)
	require.Empty(t, first.Streams)

	back := filepath.Join(t.TempDir(), "back")
	out := succeed(t, "log", "copy", "--from", server, "--to-data", back)
	require.Contains(t, out, "copied 152 events")
	require.Contains(t, out, "and 11 more; --streams prints them all")
	out = succeed(t, "log", "copy", "--from", server, "--to-data", back, "--streams")
	require.Contains(t, out, "continued: 152 events were there already")
	require.Equal(t, 50, strings.Count(out, "book-"))
	require.Len(t, logCopy(t, "--from-data", data, "--to-data", back, "--verify-only", "--streams").Streams, 51, "a copy of a copy")

	writeLog(t, server, 51)
	code, stdout, stderr := jeongsan(t, "log", "copy", "--from", server, "--to-data", back, "--verify-only")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "book-50")
	require.Contains(t, stderr, "1 streams differ, the first with 0 events against 3")
}

// TestLogCopyOfALedger moves a ledger that has settled: it has the same state in the
// new place, and goes on there.
func TestLogCopyOfALedger(t *testing.T) {
	needsPostgres(t)
	data, moved := dataDirectory(t), dataDirectory(t)
	succeed(t, "apply", "testdata/terms.yaml", "--data", data)
	ingestJSON(t, "--source", "testdata/source.yaml", file(t, "till.csv", sales(0, 200)), "--data", data)
	require.True(t, logCopy(t, "--from-data", data, "--to-data", moved).Equal)
	state := func(data string) (report struct{ State string }) {
		require.NoError(t, json.Unmarshal([]byte(succeed(t, "verify", "--data", data, "--json")), &report))
		require.NotEmpty(t, report.State)
		return report
	}
	require.Equal(t, state(data), state(moved))
	again := ingestJSON(t, "--source", "testdata/source.yaml", file(t, "till.csv", sales(0, 250)), "--data", moved)[0].Report
	require.EqualValues(t, 200, again.Counts.Replayed)
	require.EqualValues(t, 50, again.Counts.Settled)
}

// TestLogCopyNamesFaults checks what is said about event stores that cannot be used.
func TestLogCopyNamesFaults(t *testing.T) {
	server, other := testkit.Node(t).ConnectionString(), testkit.Node(t).ConnectionString()
	writeLog(t, server, 1)
	writeLog(t, other, 1)
	empty := t.TempDir()
	for _, test := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"nothing", nil, exitUsage, []string{"--from", "--to-data"}},
		{"two sources", []string{"--from", server, "--from-data", empty, "--to", other}, exitUsage, []string{"two event stores to copy from"}},
		{"no URL", []string{"--from", "localhost:2113", "--to", other}, exitUsage, []string{"localhost:2113", "esdb://"}},
		{"no log there", []string{"--from-data", empty, "--to", other}, exitFailed, []string{empty, "no embedded event store"}},
		{"source out of reach", []string{"--from", "esdb://kim:secret@127.0.0.1:1?maxDiscoverAttempts=1", "--to", other}, exitFailed, []string{"from", "127.0.0.1:1", "does not answer"}},
		{"target out of reach", []string{"--from", server, "--to", "esdb://127.0.0.1:1?tls=false&maxDiscoverAttempts=1"}, exitFailed, []string{"to", "127.0.0.1:1", "does not answer"}},
		{"target in use", []string{"--from", server, "--to", other}, exitFailed, []string{"log-identity@0", "empty"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := jeongsan(t, append([]string{"log", "copy"}, test.args...)...)
			require.Equal(t, test.code, code, stderr)
			require.Empty(t, stdout)
			for _, want := range test.says {
				require.Contains(t, stderr, want)
			}
			require.NotContains(t, stderr, "secret")
		})
	}
}

// TestLogCopyWithCredentials copies into a secure node, and is told what is wrong
// with other users.
func TestLogCopyWithCredentials(t *testing.T) {
	certs, err := certificate.Issue(certificate.Request{Dir: filepath.Join(t.TempDir(), "certs"), Days: 2, Now: time.Now()})
	require.NoError(t, err)
	n, err := node.Open(node.Config{
		Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), TLS: &node.TLS{CertFile: certs.CertFile, KeyFile: certs.KeyFile},
		AdminPassword: "admins secret 1", OpsPassword: "ops secret 2",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	source := testkit.Node(t).ConnectionString()
	writeLog(t, source, 2)
	as := func(user, password string) string {
		return "esdb://" + url.UserPassword(user, password).String() + "@" + n.Addr() + "?tlsCAFile=" + url.QueryEscape(certs.CAFile)
	}
	require.True(t, logCopy(t, "--from", source, "--to", as("admin", "admins secret 1")).Equal)
	require.True(t, logCopy(t, "--from", as("admin", "admins secret 1"), "--to", testkit.Node(t).ConnectionString()).Equal)
	for secret, user := range map[string]struct{ name, says string }{
		"admins secret 2": {"admin", "does not accept this user and password"},
		"ops secret 2":    {"ops", "may not read the whole log"},
	} {
		for _, args := range [][]string{{"--from", source, "--to", as(user.name, secret)}, {"--from", as(user.name, secret), "--to", source}} {
			code, _, stderr := jeongsan(t, append([]string{"log", "copy"}, args...)...)
			require.Equal(t, exitFailed, code)
			require.Contains(t, stderr, user.says)
			require.NotContains(t, stderr, "secret")
		}
	}
}
