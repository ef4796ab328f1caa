//go:build unix

package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// asParent names a directory: the test binary then is a process that starts a
// server there, says so, and waits to be killed.
const asParent = "JEONGSAN_TEST_POSTGRES_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asParent); dir != "" {
		server, err := Start(context.Background(), Config{Dir: dir, Logger: quiet(), Settings: map[string]string{"fsync": "off"}})
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println("running:", server.DSN())
		_, err = io.Copy(io.Discard, os.Stdin) // until whoever started us closes it
		if err != nil || server.Stop() != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// openDir is a temporary directory that everybody may enter.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "jeongsan-postgres-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func needBinaries(t testing.TB) {
	t.Helper()
	if _, err := FindBinaries(); err != nil {
		if os.Getenv("JEONGSAN_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func start(t testing.TB, config Config) *Server {
	t.Helper()
	needBinaries(t)
	if config.Logger == nil {
		config.Logger = quiet()
	}
	if config.Settings == nil {
		config.Settings = map[string]string{"fsync": "off"} // flushing is not what most tests are about
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := Start(ctx, config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

func query[T any](t testing.TB, s *Server, statement string) (value T) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	require.NoError(t, conn.QueryRow(ctx, statement).Scan(&value))
	return value
}

func postmaster(t testing.TB, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	return pid
}

// parent is another process that has started a server.
type parent struct {
	cmd   *exec.Cmd
	stdin io.Closer
	dsn   string
}

// startParent runs the test binary as a process that starts a server in dir, as
// another user where a credential is given.
func startParent(t testing.TB, dir string, credential *syscall.Credential) *parent {
	t.Helper()
	needBinaries(t)
	// The directory that go test builds in is closed to other users.
	binary := filepath.Join(openDir(t), "parent")
	self, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, content, 0o755))
	cmd := exec.Command(binary)
	cmd.Dir = filepath.Dir(binary)
	cmd.Env = append(os.Environ(), asParent+"="+dir, "HOME="+cmd.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	dsn, ok := strings.CutPrefix(strings.TrimSpace(line), "running: ")
	require.True(t, ok, line)
	return &parent{cmd, stdin, dsn}
}
