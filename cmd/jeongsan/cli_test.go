package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/internal/datadir"
)

// TestBadInput checks that what is wrong with a call is named: the field, the
// value and what to do.
func TestBadInput(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	newer := filepath.Join(t.TempDir(), "newer")
	require.NoError(t, os.MkdirAll(newer, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(newer, "VERSION"), []byte(`{"format":99,"created_by":"jeongsan"}`), 0o600))
	foreign := filepath.Dir(file(t, "family-photos.txt", "x"))
	badSource := file(t, "source.yaml", "source: till\nformat: { csv: { colums: [id] } }\n")
	badTerms := file(t, "terms.yaml", "parties:\n  - { party: Shop, kind: operator }\n")

	for _, test := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"unknown command", []string{"serv"}, exitUsage, []string{"serv", "serve"}},
		{"unknown flag", []string{"serve", "--port", "1"}, exitUsage, []string{"--port", "--help"}},
		{"stray argument", []string{"verify", "everything"}, exitUsage, []string{"everything", "takes no arguments"}},
		{"mistyped command", []string{"schedule", "valdate"}, exitUsage, []string{"valdate", "no such command", "did you mean validate?"}},
		{"no source", []string{"ingest", "x.csv"}, exitUsage, []string{"--source"}},
		{"no data file", []string{"ingest", "--source", "testdata/source.yaml"}, exitUsage, []string{"data file"}},
		{"missing source", []string{"ingest", "--source", "nowhere.yaml", "x.csv"}, exitFailed, []string{"nowhere.yaml", "cannot be read"}},
		{"invalid source", []string{"ingest", "--source", badSource, "x.csv"}, exitFailed, []string{"source.yaml:2:", "colums"}},
		{"invalid terms", []string{"apply", badTerms}, exitFailed, []string{"terms.yaml:2:", "Shop"}},
		{"port taken", []string{"serve", "--listen", taken.Addr().String(), "--data", newer}, exitFailed, []string{taken.Addr().String(), "--listen"}},
		{"newer directory", []string{"verify", "--data", newer}, exitFailed, []string{newer, "99"}},
		{"foreign directory", []string{"verify", "--data", foreign}, exitFailed, []string{foreign}},
		{"missing parent", []string{"verify", "--data", "/nowhere/data"}, exitFailed, []string{"/nowhere"}},
		{"bad moment", []string{"replay", "--until", "yesterday", "--data", t.TempDir()}, exitUsage, []string{"yesterday", "2026-11-22T09:00:00Z"}},
		{"node for others", []string{"node", "--listen", "0.0.0.0:2113"}, exitUsage, []string{"0.0.0.0:2113", "loopback"}},
		{"node with another's store", []string{"node", "--eventstore", "esdb://127.0.0.1:1?tls=false"}, exitUsage, []string{"esdb://127.0.0.1:1", "serve"}},
		{"no quarantine source", []string{"quarantine", "list"}, exitUsage, []string{"--source"}},
		{"unknown read model", []string{"projections", "rebuild", "ledger"}, exitUsage, []string{"ledger", "account"}},
		{"store out of reach", []string{"replay", "--eventstore", "esdb://127.0.0.1:1?tls=false"}, exitFailed, []string{"127.0.0.1:1", "does not answer", "connection string"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := jeongsan(t, test.args...)
			require.Equal(t, test.code, code, stderr)
			require.Empty(t, stdout, "results only on standard output")
			for _, want := range test.says {
				require.Contains(t, stderr, want)
			}
			require.NotContains(t, stderr, "panic")
		})
	}
}

// TestNothingIsBegunByLooking: a mistyped --data is not an empty ledger without faults.
func TestNothingIsBegunByLooking(t *testing.T) {
	period := []string{"--book", "shop", "--from", "2026-05-01", "--to", "2026-05-31"}
	draft := file(t, "draft.yaml", onePercent)
	for _, command := range [][]string{
		{"verify"}, {"verify", "--log"}, {"replay"}, {"export", "--format", "jsonl"}, {"explain", "till", "A-1"}, {"explain", "shop@1"}, {"calendar", "list"},
		{"schedule", "history", "shop"}, {"quarantine", "list", "--source", "till"}, {"quarantine", "retry", "--source", "till"}, {"projections", "status"},
		{"advance", "--book", "shop"}, append([]string{"rerate", "--preview"}, period...), append([]string{"rerate", "--reason", "x"}, period...),
		append([]string{"schedule", "whatif", draft}, period...),
	} {
		data := filepath.Join(t.TempDir(), "mistyped")
		code, stdout, stderr := jeongsan(t, append(command, "--data", data)...)
		require.Equal(t, exitFailed, code, command)
		require.Empty(t, stdout)
		for _, want := range []string{"no ledger", data, "--data"} {
			require.Contains(t, stderr, want, command)
		}
		require.NoDirExists(t, data, command)
	}
}

const onePercent = `schedule: shop
version: 1
effective_from: 2026-01-01
funds: { role: gateway }
rules:
  - { id: fee, to: { role: platform }, percent: 1 }
  - { id: net, to: { role: seller }, rest: true }
`

func TestDirectoryInUse(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	held, err := datadir.Open(data, datadir.Options{Command: "serve"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, held.Close()) })
	code, _, stderr := jeongsan(t, "replay", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, data)
	require.Contains(t, stderr, "serve")
}

func TestMissingPostgresIsNamed(t *testing.T) {
	t.Setenv("JEONGSAN_POSTGRES_BIN", t.TempDir()) // hides what the machine has
	code, _, stderr := jeongsan(t, "migrate", "--data", filepath.Join(t.TempDir(), "data"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "JEONGSAN_POSTGRES_BIN")
	require.Contains(t, stderr, "postgres and initdb")
}

func TestHelpTeaches(t *testing.T) {
	for _, command := range []string{"demo", "serve", "apply", "schedule", "calendar", "advance", "rerate", "adjust", "ingest", "quarantine", "projections", "verify", "replay", "export", "explain", "migrate", "node", "log", "version"} {
		help := succeed(t, command, "--help")
		require.Contains(t, help, "Usage:", command)
		require.Greater(t, strings.Count(help, "\n"), 8, command)
	}
	require.Contains(t, succeed(t, "version"), "rating engine 2")
}

// TestDemo runs what a newcomer runs first.
func TestDemo(t *testing.T) {
	needsPostgres(t)
	temporary := filepath.Dir(dataDirectory(t))
	t.Setenv("TMPDIR", temporary)
	out := succeed(t, "demo", "--exit", "--listen", "127.0.0.1:0")
	for _, want := range []string{"arcade-orders.csv", "market-payments.ndjson", "seller-jeju", "studio_share", "no difference", "subscription {"} {
		require.Contains(t, out, want)
	}
	left, err := filepath.Glob(filepath.Join(temporary, "jeongsan-demo-*"))
	require.NoError(t, err)
	require.Empty(t, left, "the demo cleans up")
}

// TestQuarantine follows a record into quarantine and out of it again.
func TestQuarantine(t *testing.T) {
	needsPostgres(t)
	data := dataDirectory(t)
	succeed(t, "apply", "testdata/terms.yaml", "--data", data)
	delivery := file(t, "till.csv", "id,at,kind,amount,currency,maker,refund_of\nA1,2026-03-01 09:00,sale,10.00,USD,stranger,\nA2,2026-03-01 09:00,sale,20.00,USD,maker,\n")

	first := ingestJSON(t, "--source", "testdata/source.yaml", delivery, "--data", data)[0].Report
	require.EqualValues(t, 1, first.Counts.Settled)
	require.EqualValues(t, 1, first.Counts.Quarantined)
	require.Equal(t, "10.00", first.Totals[0].Quarantined)
	list := succeed(t, "quarantine", "list", "--source", "till", "--raw", "--data", data)
	require.Contains(t, list, "unknown_party")
	require.Contains(t, list, "A1,2026-03-01 09:00,sale,10.00,USD,stranger,")

	again := ingestJSON(t, "--source", "testdata/source.yaml", delivery, "--data", data)[0].Report
	require.EqualValues(t, 2, again.Counts.Replayed, "quarantined once, a replay ever after")

	require.Contains(t, succeed(t, "quarantine", "retry", "--source", "till", "--data", data), "1 remain")
	succeed(t, "apply", file(t, "more.yaml", "parties:\n  - { party: stranger, kind: provider }\n"), "--data", data)
	require.Contains(t, succeed(t, "quarantine", "retry", "--source", "till", "--data", data), "1 settled")
	require.Contains(t, succeed(t, "quarantine", "list", "--source", "till", "--data", data), "nothing in quarantine")
	require.Contains(t, succeed(t, "verify", "--data", data), "no difference")
	require.Contains(t, succeed(t, "projections", "rebuild", "--data", data), "equal at position")
}
