package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/node/certificate"
	"github.com/jeongsan/jeongsan/eventstore/node/login"
)

// TestNodeSecure runs the event store with TLS and passwords as a process of its
// own, with a server that uses it.
func TestNodeSecure(t *testing.T) {
	home := filepath.Dir(dataDirectory(t))
	log, certs := filepath.Join(home, "log"), filepath.Join(home, "certs")
	require.Contains(t, succeed(t, "node", "certs", "--dir", certs, "--host", "ledger.example"), "tlsCAFile="+filepath.Join(certs, "ca.crt"))
	secure := []string{
		"node", "--data", log, "--listen", "127.0.0.1:0", "--tls-cert", filepath.Join(certs, "node.crt"), "--tls-key", filepath.Join(certs, "node.key"),
		"--admin-password-file", file(t, "admin.txt", "admin's secret\n"),
	}
	t.Setenv(opsPasswordVariable, "ops' secret")
	node := start(t, secure...)
	parsed, err := url.Parse(node.server.EventStore)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(certs, "ca.crt"), parsed.Query().Get("tlsCAFile"), "it says what clients must trust")
	as := func(user, password string) string {
		u := *parsed
		u.User = url.UserPassword(user, password)
		return u.String()
	}

	process := decider(t, dataDirectory(t), "--eventstore", as("admin", "admin's secret"))
	succeed(t, "apply", "testdata/terms.yaml", "--server", process.server.Server)
	require.NoError(t, send(t, process.server.Server, shopSale("S1", 1_000))[0].Err)
	process.stop()
	require.Contains(t, succeed(t, "replay", "--eventstore", as("admin", "admin's secret")), "maker/payable/USD")

	stranger := filepath.Join(t.TempDir(), "certs")
	succeed(t, "node", "certs", "--dir", stranger)
	plain := "esdb://" + parsed.Host
	for name, test := range map[string]struct {
		url  string
		says []string
	}{
		"wrong password":    {as("admin", "not it"), []string{"refuses user or password"}},
		"unknown user":      {as("nobody", "not it"), []string{"refuses user or password"}},
		"nobody":            {node.server.EventStore, []string{"denies access", "user:password"}},
		"an operator":       {as("ops", "ops' secret"), []string{`user "ops" may not read "$all"`}},
		"unknown authority": {plain, []string{"authority that is not trusted", "tlsCAFile"}},
		"another authority": {plain + "?tlsCAFile=" + filepath.Join(stranger, certificate.CAFile), []string{"authority that is not trusted", "tlsCAFile"}},
		"no TLS":            {plain + "?tls=false", []string{"does not answer", "check the address, tls"}},
		"no such file":      {plain + "?tlsCAFile=nowhere.crt", []string{"nowhere.crt", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := jeongsan(t, "replay", "--eventstore", test.url)
			require.Equal(t, exitFailed, code)
			for _, want := range test.says {
				require.Contains(t, stderr, want)
			}
			require.NotContains(t, stderr, "not it")
			require.NotContains(t, stderr, "secret")
		})
	}

	// Users are managed beside the running node.
	reader := as("reader", "reads only")
	code, _, _ := jeongsan(t, "replay", "--eventstore", reader)
	require.Equal(t, exitFailed, code)
	require.Contains(t, succeed(t, "node", "users", "add", "reader", "--group", login.Admins, "--data", log, "--password-file", file(t, "p", "reads only\r\nand nothing else")), "reader is added")
	require.Contains(t, succeed(t, "replay", "--eventstore", reader), "maker/payable/USD")
	require.Contains(t, succeed(t, "node", "users", "disable", "reader", "--data", log), "shut out")
	code, _, stderr := jeongsan(t, "replay", "--eventstore", reader)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "refuses user or password")

	// A server needs no administrator, but one who may read the whole log.
	succeed(t, "node", "users", "add", "ledger", "--data", log, "--password-file", file(t, "p", "settles"))
	code, _, stderr = jeongsan(t, "replay", "--eventstore", as("ledger", "settles"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, `user "ledger" may not read "$all"`)
	_, err = connect(t, as("admin", "admin's secret")).RawAppend(patience(t), "$$$all", eventstore.NoStream(), esdb.Raw{JSON: true, Recorded: eventstore.Recorded{
		ID: uuid.New(), Type: "$metadata", Data: []byte(`{"$acl":{"$r":"ledger"}}`)}})
	require.NoError(t, err)
	process = decider(t, dataDirectory(t), "--eventstore", as("ledger", "settles"))
	require.NoError(t, send(t, process.server.Server, shopSale("S2", 2_000))[0].Err)
	process.stop()
	require.Contains(t, succeed(t, "replay", "--eventstore", as("ledger", "settles")), "maker/payable/USD")

	node.stop()
	require.NotContains(t, node.stderr(), "secret")

	// The first passwords are not looked at again.
	t.Setenv(adminPasswordVariable, "another secret")
	node = start(t, secure...)
	parsed, err = url.Parse(node.server.EventStore)
	require.NoError(t, err)
	require.Contains(t, succeed(t, "replay", "--eventstore", as("admin", "admin's secret")), "maker/payable/USD")
	node.stop()

	// Without a certificate it is the same log, and asks nobody.
	node = start(t, "node", "--data", log, "--listen", "127.0.0.1:0")
	require.Contains(t, succeed(t, "replay", "--eventstore", node.server.EventStore), "maker/payable/USD")
	node.stop()
}

// TestNodeRefusals checks what is said before anything is opened.
func TestNodeRefusals(t *testing.T) {
	certs := filepath.Join(t.TempDir(), "certs")
	succeed(t, "node", "certs", "--dir", certs)
	cert, key := filepath.Join(certs, "node.crt"), filepath.Join(certs, "node.key")
	for name, test := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"others without TLS":     {[]string{"--listen", "0.0.0.0:0"}, exitUsage, []string{"0.0.0.0:0", "loopback", "node certs", "--insecure"}},
		"no passwords":           {[]string{"--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key}, exitFailed, []string{adminPasswordVariable, "--ops-password-file"}},
		"half a certificate":     {[]string{"--tls-cert", cert}, exitUsage, []string{"--tls-key"}},
		"another's key":          {[]string{"--tls-cert", cert, "--tls-key", filepath.Join(certs, "ca.key")}, exitUsage, []string{"node.crt", "private key does not match"}},
		"TLS and insecure":       {[]string{"--tls-cert", cert, "--tls-key", key, "--insecure"}, exitUsage, []string{"--insecure"}},
		"a password for nothing": {[]string{"--admin-password-file", file(t, "p", "secret")}, exitUsage, []string{"admin-password-file", "--tls-cert"}},
		"no such password":       {[]string{"--tls-cert", cert, "--tls-key", key, "--admin-password-file", "nowhere.txt"}, exitUsage, []string{"nowhere.txt"}},
		"an empty password":      {[]string{"--tls-cert", cert, "--tls-key", key, "--ops-password-file", file(t, "p", "\nsecret")}, exitUsage, []string{"holds no password"}},
		"not an address":         {[]string{"--listen", "2113"}, exitUsage, []string{"2113", "127.0.0.1:2113"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := jeongsan(t, append([]string{"node", "--data", filepath.Join(t.TempDir(), "data")}, test.args...)...)
			require.Equal(t, test.code, code, stderr)
			require.Empty(t, stdout)
			for _, want := range test.says {
				require.Contains(t, stderr, want)
			}
			require.NotContains(t, stderr, "secret")
		})
	}
	for _, args := range [][]string{
		{"certs", "--dir", certs, "--days", "0"}, {"certs", "--dir", certs, "--host", "a b"}, {"certs", "--dir", certs}, {"certs", "--dir", certs, "--name", "ca", "--force"},
	} {
		code, _, _ := jeongsan(t, append([]string{"node"}, args...)...)
		require.Equal(t, exitFailed, code, args)
	}
	succeed(t, "node", "certs", "--dir", certs, "--force")
}

// TestNodeUsers edits the users of a node that does not run.
func TestNodeUsers(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	code, _, stderr := jeongsan(t, "node", "users", "list", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "--tls-cert")
	require.NoError(t, os.MkdirAll(filepath.Join(data, "node"), 0o700))
	_, err := login.Create(filepath.Join(data, "node"), "first", "first")
	require.NoError(t, err)
	users := func(stdin string, args ...string) (int, string) {
		var out bytes.Buffer
		code := run(context.Background(), append([]string{"node", "users", "--data", data}, args...), strings.NewReader(stdin), &out, &out)
		return code, out.String()
	}
	for _, step := range []struct {
		stdin string
		args  []string
		code  int
		says  string
	}{
		{"secret\n", []string{"add", "kim", "--group", "readers,writers"}, exitOK, "kim is added"},
		{"secret\n", []string{"add", "kim"}, exitFailed, "the user exists"},
		{"", []string{"add", "lee"}, exitFailed, "holds no password"},
		{"secret", []string{"add", "$admins"}, exitFailed, "does not begin with $"},
		{"other", []string{"password", "kim"}, exitOK, "new password"},
		{"other", []string{"password", "lee"}, exitFailed, "no such user"},
		{"", []string{"password"}, exitUsage, "takes one argument"},
		{"", []string{"password", "kim", "other"}, exitUsage, "takes one argument"},
		{"", []string{"disable", "kim"}, exitOK, "shut out"},
		{"", []string{"list"}, exitOK, "readers, writers"},
		{"", []string{"list"}, exitOK, "disabled"},
		{"", []string{"enable", "kim"}, exitOK, "may log in"},
		{"", []string{"disable", "admin"}, exitFailed, "another administrator"},
		{"", []string{"remove", "kim"}, exitOK, "removed"},
	} {
		code, out := users(step.stdin, step.args...)
		require.Equal(t, step.code, code, "%s: %s", step.args, out)
		require.Contains(t, out, step.says)
		require.NotContains(t, out, "secret")
	}
	code, out := users("", "list", "--json")
	require.Zero(t, code)
	var listed []login.User
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.Equal(t, []login.User{{Name: "admin", Groups: []string{login.Admins}}, {Name: "ops", Groups: []string{login.Ops}}}, listed)
	require.NotContains(t, out, "argon2")
}
