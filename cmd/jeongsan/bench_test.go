package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/internal/bench"
)

// runBench runs scenarios small, for real, and returns the figures by scenario.
func runBench(t *testing.T, args ...string) (bench.Report, map[string]map[string]float64) {
	t.Helper()
	args = append([]string{"bench", "--json", "--settlements", "1500", "--accounts", "50", "--duration", "300ms"}, args...)
	var report bench.Report
	require.NoError(t, json.Unmarshal([]byte(succeed(t, args...)), &report))
	figures := map[string]map[string]float64{}
	for _, result := range report.Results {
		figures[result.Name] = map[string]float64{}
		for _, f := range result.Figures {
			figures[result.Name][f.Name] = f.Value
		}
	}
	return report, figures
}

// TestBench runs scenarios for real: every figure is of settlements that the
// scenario itself has seen durable, visible, equal or in balance.
func TestBench(t *testing.T) {
	needsPostgres(t)
	data := filepath.Join(filepath.Dir(dataDirectory(t)), "bench")
	profile := filepath.Join(t.TempDir(), "cpu.pprof")
	report, figures := runBench(t, "calibrate", "end-to-end", "verify", "query", "rebuild", "durable", "graphql", "--data", data, "--cpuprofile", profile)
	for _, name := range []string{"storage", "yardstick", "bare", "end-to-end", "rebuild", "durable", "graphql"} {
		require.Positive(t, figures[name]["settlements_per_second"], name)
	}
	require.EqualValues(t, 3, figures["end-to-end"]["flushes"], "1,500 settlements in groups of 500")
	require.Greater(t, figures["end-to-end"]["bytes_both_stores"], 500.0)
	require.Positive(t, figures["end-to-end"]["durable_to_visible_p99"])
	require.Positive(t, figures["verify"]["fold_events_per_second"])
	require.Positive(t, figures["query"]["balance_p50"])
	require.Positive(t, figures["graphql"]["one_caller_answer_p50"])
	require.NotEmpty(t, report.Machine.Postgres["shared_buffers"])
	require.NotEmpty(t, report.Ratios)
	left, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Empty(t, left, "the ledgers are removed")
	require.FileExists(t, filepath.Join(filepath.Dir(profile), "cpu.end-to-end.pprof"))
}

// TestBenchOtherScenarios runs the others, with JEONGSAN_LONG also those that take
// long.
func TestBenchOtherScenarios(t *testing.T) {
	needsPostgres(t)
	scenarios, long := []string{"ingest"}, os.Getenv("JEONGSAN_LONG") != ""
	if long {
		scenarios = append(scenarios, "paced", "hot", "wide", "rules", "memory")
	}
	_, figures := runBench(t, append(scenarios, "--rate", "500", "--ids", "uuid")...)
	require.Positive(t, figures["ingest"]["settlements_per_second"])
	if !long {
		return
	}
	require.Positive(t, figures["paced"]["durable_to_visible_p99"])
	require.InDelta(t, 500, figures["paced"]["settlements_per_second"], 150)
	require.Positive(t, figures["hot"]["one_by_thousand"])
	require.Positive(t, figures["wide"]["short_of_wide_by_thousand"])
	require.Positive(t, figures["rules"]["ten_by_four"])
	require.EqualValues(t, 5, figures["rules"]["four_postings_per_settlement"])
	require.InDelta(t, 7.1, figures["rules"]["ten_postings_per_settlement"], 0.2)
	require.Greater(t, figures["rules"]["ten_bytes_both_stores"], figures["rules"]["four_bytes_both_stores"])
	require.Positive(t, figures["memory"]["quiet_at_end"])
}

// TestBenchNode measures a node of its own process, and one inside, small.
func TestBenchNode(t *testing.T) {
	t.Setenv(asProgram, "1") // what it starts is this binary
	_, figures := runBench(t, "node", "node-large", "--large-log", "5000")
	require.Positive(t, figures["node-append"]["events_per_second"])
	require.Positive(t, figures["node-append"]["by_pebble_alone"])
	require.Greater(t, figures["node-append"]["bytes_node"], 100.0)
	require.Positive(t, figures["node-single"]["one_caller_append_p50"])
	require.Positive(t, figures["node-read"]["catch_up_events_per_second"])
	require.Positive(t, figures["node-read"]["single_reads_per_second"])
	require.Positive(t, figures["node-live"]["delivered_p99"])
	require.EqualValues(t, 5000, figures["node-large"]["events"])
	require.Positive(t, figures["node-large"]["start"])
	require.Positive(t, figures["node-large"]["start_after_kill"])
	require.Positive(t, figures["node-large"]["append_by_small"])
	if runtime.GOOS == "linux" {
		require.Greater(t, figures["node-large"]["peak_memory_serving"], 10.0)
	}

	profile := filepath.Join(t.TempDir(), "node.pprof")
	_, figures = runBench(t, "node-read", "--node-inside", "--cpuprofile", profile)
	require.Positive(t, figures["node-read"]["catch_up_events_per_second"])
	require.FileExists(t, profile)
}

func TestBenchRefuses(t *testing.T) {
	used := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(used, "ledger"), nil, 0o600))
	for reason, args := range map[string][]string{
		"not empty":        {"flush", "--data", used},
		"embedded parts":   {"flush", "--database", "postgres://ledger@db/ledger"},
		"no such scenario": {"warp"},
	} {
		code, stdout, stderr := jeongsan(t, append([]string{"bench"}, args...)...)
		require.Equal(t, exitUsage, code, stderr)
		require.Contains(t, stderr, reason)
		require.Empty(t, stdout)
	}
	require.FileExists(t, filepath.Join(used, "ledger"))
}
