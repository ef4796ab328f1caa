package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore/node"
)

// TestRestoreBesideAnOldDatabase takes a backup of a server at work, goes on, loses
// the log, and brings it back beside the read models and the index of the lost one.
// They notice; what came after the backup can be sent again.
func TestRestoreBesideAnOldDatabase(t *testing.T) {
	needsPostgres(t)
	data := dataDirectory(t)
	backup := filepath.Join(filepath.Dir(data), "ledger.backup")
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	address := server.server.Server
	succeed(t, "apply", "testdata/terms.yaml", "--server", address)
	kept := file(t, "kept.csv", sales(0, 2_000))
	lost := file(t, "lost.csv", sales(2_000, 1_000))
	settle := func(server, delivery string) int {
		return int(ingestJSON(t, "--source", "testdata/source.yaml", delivery, "--server", server)[0].Report.Counts.Settled)
	}
	require.Equal(t, 2_000, settle(address, kept))

	sent := make(chan string, 1)
	go func() {
		_, out, stderr := jeongsan(t, "ingest", "--source", "testdata/source.yaml", lost, "--server", address)
		sent <- out + stderr
	}()
	succeed(t, "node", "backup", "--data", data, "--to", backup)
	said := <-sent
	require.Zero(t, settle(address, lost), said)
	code, _, stderr := jeongsan(t, "node", "backup", "--data", data, "--to", backup)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "--force")
	succeed(t, "node", "backup", "--data", data, "--to", backup+".late")

	var stats node.Stats
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "node", "stats", "--data", data, "--json")), &stats))
	require.NotNil(t, stats.Running)
	require.GreaterOrEqual(t, stats.Log.Events, uint64(3_000))
	require.NotEmpty(t, stats.Running.Subscriptions, "the read models follow")
	require.Contains(t, succeed(t, "node", "stats", "--data", data, "--storage"), "subscriptions")
	var before struct{ Log struct{ Incarnation int } }
	query(t, address, `{ log { incarnation } }`, &before)
	require.Contains(t, succeed(t, "verify", "--data", data), "no difference")
	server.stop()

	require.Contains(t, succeed(t, "node", "check", "--data", data), "is sound")
	require.Contains(t, succeed(t, "node", "check", "--backup", backup), "is sound")
	require.Contains(t, succeed(t, "node", "stats", "--data", data), "events")
	code, _, stderr = jeongsan(t, "node", "restore", "--data", data, "--from", backup)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "holds a log already")

	require.NoError(t, os.Rename(filepath.Join(data, "node"), filepath.Join(filepath.Dir(data), "lost-node")))
	require.NoError(t, os.MkdirAll(filepath.Join(data, "node.unfinished", "x"), 0o700)) // a restore that was killed
	var restored restored
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "node", "restore", "--data", data, "--from", backup, "--json")), &restored))
	require.Greater(t, restored.Incarnation, before.Log.Incarnation)
	require.NoDirExists(t, filepath.Join(data, "node.unfinished"))

	server = start(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	address = server.server.Server
	require.Zero(t, settle(address, kept), "the index knows what is in the restored log")
	again := settle(address, lost) // and nothing of what is not
	require.LessOrEqual(t, again, 1_000)
	require.Contains(t, succeed(t, "verify", "--data", data), "no difference")
	var after struct{ Log struct{ Incarnation int } }
	query(t, address, `{ log { incarnation } }`, &after)
	require.Equal(t, restored.Incarnation, after.Log.Incarnation)
	server.stop()
	require.Contains(t, succeed(t, "verify", "--index", "--data", data), "no difference")

	// The late backup into an empty place: another incarnation, the same ledger.
	copied := dataDirectory(t)
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "node", "restore", "--data", copied, "--from", backup+".late", "--json")), &restored))
	state := func(data string) (report struct{ State string }) {
		require.NoError(t, json.Unmarshal([]byte(succeed(t, "verify", "--log", "--json", "--data", data)), &report))
		return report
	}
	require.Equal(t, state(data), state(copied))
}

// TestBackupOfASecuredNode: with a certificate the node wants an administrator, as a
// backup is the whole log.
func TestBackupOfASecuredNode(t *testing.T) {
	home := filepath.Dir(dataDirectory(t))
	certs := filepath.Join(home, "certs")
	succeed(t, "node", "certs", "--dir", certs)
	secured := start(t, "node", "--data", filepath.Join(home, "log"), "--listen", "127.0.0.1:0", "--tls-cert", filepath.Join(certs, "node.crt"), "--tls-key", filepath.Join(certs, "node.key"),
		"--admin-password-file", file(t, "admin", "admin-secret"), "--ops-password-file", file(t, "ops", "ops-secret"))
	parsed, err := url.Parse(secured.server.EventStore)
	require.NoError(t, err)
	as := func(user, password string) string {
		u := *parsed
		if user != "" {
			u.User = url.UserPassword(user, password)
		}
		return u.String()
	}
	to := filepath.Join(t.TempDir(), "backup")
	for name, url := range map[string]string{"nobody": as("", ""), "a wrong password": as("admin", "guess"), "an operator": as("ops", "ops-secret")} {
		code, _, stderr := jeongsan(t, "node", "backup", "--eventstore", url, "--to", to)
		require.Equal(t, exitFailed, code, name)
		require.Contains(t, stderr, "$admins", name)
		require.NotContains(t, stderr, "guess", name)
		require.NoFileExists(t, to)
	}
	out := succeed(t, "node", "backup", "--eventstore", as("admin", "admin-secret"), "--to", to)
	require.Contains(t, out, "verified")
	require.Contains(t, succeed(t, "node", "stats", "--eventstore", as("ops", "ops-secret")), "running for")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(to), ".*"))
	require.NoError(t, err)
	require.Empty(t, left, "no unfinished file is left")
	secured.stop()
}

// TestOperatingRefusals checks that what is wrong with a call is named.
func TestOperatingRefusals(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "nothing")
	text := file(t, "text", "this is no backup")
	for name, test := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"check of nothing":         {[]string{"node", "check", "--data", nothing}, exitFailed, []string{nothing, "no event store"}},
		"stats of nothing":         {[]string{"node", "stats", "--data", nothing}, exitFailed, []string{nothing, "--eventstore"}},
		"backup of nothing":        {[]string{"node", "backup", "--data", nothing, "--to", nothing + ".backup"}, exitFailed, []string{nothing, "no event store"}},
		"backup to nowhere":        {[]string{"node", "backup", "--data", nothing}, exitUsage, []string{"--to"}},
		"backup to no folder":      {[]string{"node", "backup", "--data", nothing, "--to", nothing + "/x/y"}, exitFailed, []string{nothing + "/x/y", "cannot be written"}},
		"restore from nowhere":     {[]string{"node", "restore", "--data", nothing}, exitUsage, []string{"--from"}},
		"restore from no file":     {[]string{"node", "restore", "--data", nothing, "--from", nothing + ".backup"}, exitFailed, []string{nothing + ".backup", "cannot be read"}},
		"restore from a text":      {[]string{"node", "restore", "--data", nothing, "--from", text}, exitFailed, []string{text, "no backup"}},
		"check of a text":          {[]string{"node", "check", "--backup", text}, exitFailed, []string{text, "no backup"}},
		"a cluster":                {[]string{"node", "stats", "--eventstore", "esdb://me:hush@one:2113,two:2113"}, exitUsage, []string{"does not name one node"}},
		"a node that is not there": {[]string{"node", "stats", "--eventstore", "esdb://127.0.0.1:1?tls=false"}, exitFailed, []string{"127.0.0.1:1", "does not answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := jeongsan(t, test.args...)
			require.Equal(t, test.code, code, stderr)
			require.Empty(t, stdout)
			for _, want := range test.says {
				require.Contains(t, stderr, want)
			}
			require.NotContains(t, stderr, "hush")
			require.NoFileExists(t, nothing+".backup")
			require.NoDirExists(t, filepath.Join(nothing, "node"))
		})
	}
}

// TestCheckNamesTheFault damages a table of a stopped node.
func TestCheckNamesTheFault(t *testing.T) {
	data := dataDirectory(t)
	process := decider(t, data)
	succeed(t, "apply", "testdata/terms.yaml", "--server", process.server.Server)
	process.kill()
	process = decider(t, data) // what was in the write-ahead log is in a table now
	process.stop()
	tables, err := filepath.Glob(filepath.Join(data, "node", "*.sst"))
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	content, err := os.ReadFile(tables[0])
	require.NoError(t, err)
	content[len(content)/4] ^= 1
	require.NoError(t, os.WriteFile(tables[0], content, 0o600))
	code, stdout, stderr := jeongsan(t, "node", "check", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "position ")
	require.Contains(t, stderr, "the log is damaged")
	require.Contains(t, stderr, "node restore")
	code, stdout, _ = jeongsan(t, "node", "check", "--json", "--data", data)
	require.Equal(t, exitFailed, code)
	var report node.CheckReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.NotEmpty(t, report.Faults)
}
