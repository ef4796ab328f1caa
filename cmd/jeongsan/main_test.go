package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

// asProgram makes the test binary behave as the program: real processes are
// started from it, and killed.
const asProgram = "JEONGSAN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		signal.Ignore(syscall.SIGXFSZ) // a limit on files is met as an error, like a full disk
		main()
	}
	testkit.Main(m)
}

// needsPostgres skips where no embedded Postgres can run.
func needsPostgres(t *testing.T) {
	t.Helper()
	if _, err := postgres.FindBinaries(); err != nil {
		testkit.Skip(t, "commands with an embedded Postgres", err.Error())
	}
}

// dataDirectory is one that the embedded Postgres may enter as another user.
func dataDirectory(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "jeongsan-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(directory, 0o711)) //nolint:gosec // searchable for the database's user
	data := filepath.Join(directory, "data")
	t.Cleanup(func() {
		require.NoError(t, postgres.RemoveSocket(filepath.Join(data, "postgres"))) // of a server that was killed
		require.NoError(t, os.RemoveAll(directory))
	})
	return data
}

// jeongsan runs a command in this process and returns what it printed.
func jeongsan(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	code = run(ctx, append(args, "--log-level", "warn"), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// succeed runs a command that must exit with 0 and returns its standard output.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := jeongsan(t, args...)
	require.Zero(t, code, "jeongsan %s\n%s%s", strings.Join(args, " "), stdout, stderr)
	return stdout
}

// file writes a file for a test and returns its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// sales is a delivery of n sales for testdata/source.yaml.
func sales(from, n int) string {
	var b strings.Builder
	b.WriteString("id,at,kind,amount,currency,maker,refund_of\n")
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, "T%06d,2026-03-%02d 12:00,sale,%d.%02d,USD,maker,\n", i, i%28+1, i%90+1, i%100)
	}
	return b.String()
}

// process is the program as a process of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	server running
	exited chan struct{} // closed after err is set
	err    error

	mu  sync.Mutex
	log bytes.Buffer
}

// start runs the program until it has printed what it serves.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith is start for a process that is prepared before it runs.
func startWith(t *testing.T, prepare func(*process), args ...string) *process {
	t.Helper()
	p := launch(t, append(args, "--json")...)
	if prepare != nil {
		prepare(p)
	}
	require.NoError(t, json.NewDecoder(bufio.NewReader(p.stdout(t))).Decode(&p.server), "the process printed no address: %s", p.stderr())
	return p
}

// launch runs the program.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{t: t, cmd: exec.Command(self, args...), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = p
	return p
}

// stdout starts the process and returns its standard output.
func (p *process) stdout(t *testing.T) io.Reader {
	t.Helper()
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	read, write := io.Pipe()
	go func() {
		_, err := io.Copy(write, out)
		p.err = p.cmd.Wait()
		close(p.exited)
		_ = write.CloseWithError(err) // a pipe's CloseWithError never fails
	}()
	t.Cleanup(p.kill)
	return read
}

// begin starts the process, whose standard output nobody reads.
func (p *process) begin(t *testing.T) {
	t.Helper()
	out := p.stdout(t)
	go func() { _, _ = io.Copy(io.Discard, out) }() // it ends with the process
}

// Write collects the log of the process.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.exited
}

// stop asks the process to end and waits until it has.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.exited:
		require.NoError(p.t, p.err, "the process did not stop cleanly: %s", p.stderr())
	case <-time.After(time.Minute):
		p.t.Fatalf("the process did not stop: %s", p.stderr())
	}
}

// query asks the server of a process by GraphQL and decodes the data.
func query(t *testing.T, server, text string, into any) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": text})
	require.NoError(t, err)
	response, err := http.Post(server+"/graphql", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	var answer struct {
		Data   json.RawMessage
		Errors []json.RawMessage
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Empty(t, answer.Errors, text)
	require.NoError(t, json.Unmarshal(answer.Data, into))
}
