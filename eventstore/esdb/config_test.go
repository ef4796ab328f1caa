package esdb_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

func TestOpenRefusesWrongConnectionStrings(t *testing.T) {
	for connectionString, named := range map[string]string{
		"":                                     "",
		"localhost:2113":                       "localhost:2113",
		"http://localhost:2113":                "http://localhost:2113",
		"esdb://":                              "esdb://",
		"esdb://localhost:port":                "esdb://localhost:port",
		"esdb://localhost/path":                "esdb://localhost/path",
		"esdb://localhost?tsl=false":           "tsl",
		"esdb://localhost?tls=maybe":           "tls",
		"esdb://localhost?defaultDeadline=10s": "10s",
		"esdb://localhost?defaultDeadline=0":   "0",
		"esdb://localhost?tls=false&nodePreference=best": "best",
		"esdb://localhost?userCertFile=/nowhere":         "userKeyFile",
	} {
		_, err := esdb.Open(t.Context(), connectionString, slog.New(slog.DiscardHandler))
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal, connectionString)
		require.Equal(t, domain.CodeInvalid, refusal.Code)
		require.Contains(t, err.Error(), named)
		require.NotEmpty(t, refusal.Remedy)
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	for connectionString, named := range map[string]string{
		"esdb://kim:secret@localhost:port": `invalid port ":port"`,
		"esdb://kim:secret@local host":     "in host name",
		"esdb://kim:%secret@localhost":     "must be written as %XX",
		"esdb://kim:?secret@localhost":     "must be written as %XX",
		"esdb://kim:/secret@localhost":     "must be written as %XX",
		"kim:secret@localhost":             "scheme",
	} {
		_, err := esdb.Open(t.Context(), connectionString, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, "kim:***@local")
		require.ErrorContains(t, err, named)
		require.NotContains(t, err.Error(), "secret")
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	}

	// Without TLS they are not sent either, which is said.
	var log strings.Builder
	n := openNode(t, t.TempDir())
	s, err := esdb.Open(t.Context(), strings.Replace(n.ConnectionString(), "esdb://", "esdb://kim:secret@", 1),
		slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Contains(t, log.String(), "no user and password")
	require.NotContains(t, log.String(), "secret")
}

func TestOpenWhereNobodyListens(t *testing.T) {
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	_, err = esdb.Open(t.Context(), "esdb://"+free.Addr().String()+"?tls=false&maxDiscoverAttempts=2&discoveryInterval=1", slog.New(slog.DiscardHandler))
	require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
}
