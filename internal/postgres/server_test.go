//go:build unix

package postgres

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/domain"
)

func TestLife(t *testing.T) {
	needBinaries(t)
	before := goleak.IgnoreCurrent()
	dir := filepath.Join(openDir(t), "pg")
	s := start(t, Config{Dir: dir, Settings: map[string]string{}})
	require.Equal(t, "on", query[string](t, s, "SHOW fsync"))
	require.Equal(t, "on", query[string](t, s, "SHOW data_checksums"))
	require.Equal(t, "minimal", query[string](t, s, "SHOW wal_level"))
	require.Empty(t, query[string](t, s, "SHOW listen_addresses"))
	require.Equal(t, "UTF8", query[string](t, s, "SHOW server_encoding"))
	require.Equal(t, 7, query[int](t, s, "WITH made AS (SELECT 7 AS x) SELECT x FROM made"))
	require.Equal(t, "4711", query[string](t, s, "SELECT lo_create(4711)::text"))
	if os.Geteuid() == 0 {
		uid, _, err := ownerOf(filepath.Join(dir, "data"))
		require.NoError(t, err)
		require.NotZero(t, uid)
	}

	// One supervisor at a time.
	_, err := Start(context.Background(), Config{Dir: dir, Logger: quiet()})
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
	require.ErrorContains(t, err, "another process")
	require.Equal(t, 1, query[int](t, s, "SELECT 1")) // and the first one goes on

	socket := s.socket
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop())
	require.NoDirExists(t, socket)
	require.NoFileExists(t, filepath.Join(dir, "data", "postmaster.pid"))

	again := start(t, Config{Dir: dir})
	require.Equal(t, "4711", query[string](t, again, "SELECT oid::text FROM pg_largeobject_metadata"))
	require.NoError(t, again.Stop())
	goleak.VerifyNone(t, before)
}

func TestServerThatDiesComesBack(t *testing.T) {
	dir := filepath.Join(openDir(t), "pg")
	s := start(t, Config{Dir: dir})
	require.Equal(t, "4711", query[string](t, s, "SELECT lo_create(4711)::text"))
	dsn := s.DSN()
	for range 2 {
		pid := postmaster(t, dir)
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		require.Eventually(t, func() bool {
			pool, err := Connect(context.Background(), dsn)
			if err != nil {
				return false
			}
			pool.Close()
			return true
		}, time.Minute, 20*time.Millisecond)
		require.NotEqual(t, pid, postmaster(t, dir))
		require.Equal(t, dsn, s.DSN())
		require.Equal(t, "4711", query[string](t, s, "SELECT oid::text FROM pg_largeobject_metadata"))
	}
}

// Where these tests run as root, Postgres as an ordinary user is tested by a
// process of one; root then opens the directory which that user has made.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("all tests of this package run as an ordinary user here")
		return
	}
	open := openDir(t)
	require.NoError(t, os.Chmod(open, 0o777))
	dir := filepath.Join(open, "pg")
	p := startParent(t, dir, &syscall.Credential{Uid: nobody, Gid: nobody})
	uid, _, err := ownerOf(filepath.Join(dir, "data"))
	require.NoError(t, err)
	require.Equal(t, nobody, uid)
	pool, err := Connect(context.Background(), p.dsn)
	require.NoError(t, err)
	pool.Close()
	require.NoError(t, p.stdin.Close())
	require.NoError(t, p.cmd.Wait())

	s := start(t, Config{Dir: dir})
	require.Equal(t, 1, query[int](t, s, "SELECT 1"))
	uid, _, err = ownerOf(filepath.Join("/proc", strconv.Itoa(postmaster(t, dir))))
	if err == nil { // no /proc elsewhere
		require.Equal(t, nobody, uid)
	}
}

func TestChildOfKilledParentIsStoppedAndAwaited(t *testing.T) {
	dir := filepath.Join(openDir(t), "pg")
	p := startParent(t, dir, nil)
	pid := postmaster(t, dir)
	old := p.dsn
	require.NoError(t, p.cmd.Process.Kill())
	require.Error(t, p.cmd.Wait())
	s := start(t, Config{Dir: dir})
	require.NotEqual(t, pid, postmaster(t, dir))
	require.Equal(t, 1, query[int](t, s, "SELECT 1"))
	require.NotEqual(t, old, s.DSN())
	sockets, err := filepath.Glob(filepath.Join(os.TempDir(), socketPrefix+"*"))
	require.NoError(t, err)
	for _, socket := range sockets { // that of the killed process is gone
		require.NotContains(t, old, filepath.Base(socket))
	}
}

// A server that really was left behind: started by nobody who is still there.
func TestOrphanIsStoppedAndAwaited(t *testing.T) {
	dir := filepath.Join(openDir(t), "pg")
	s := start(t, Config{Dir: dir})
	require.NoError(t, s.Stop())
	socket := openDir(t)
	require.NoError(t, s.owner.give(socket))
	orphan := exec.Command(filepath.Join(s.binaries, "postgres"), "-D", s.data, "-k", socket, "-c", "listen_addresses=")
	s.prepare(orphan, s.data)
	orphan.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner.credential()}
	log := &serverLog{logger: quiet(), ready: make(chan struct{})}
	orphan.Stderr = log
	require.NoError(t, orphan.Start())
	<-log.ready
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()

	again := start(t, Config{Dir: dir})
	require.NoError(t, <-ended)
	require.Contains(t, log.tail(), "shut down")
	require.Equal(t, 1, query[int](t, again, "SELECT 1"))
}

// The number in a stale pid file may be that of some other process by now: it is
// left alone, and is no obstacle.
func TestStalePidFile(t *testing.T) {
	dir := filepath.Join(openDir(t), "pg")
	s := start(t, Config{Dir: dir})
	pidFile := filepath.Join(dir, "data", "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	require.NoError(t, s.Stop())

	bystander := exec.Command("sleep", "600")
	bystander.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner.credential()}
	bystander.Dir = "/"
	require.NoError(t, bystander.Start())
	ended := make(chan error, 1)
	go func() { ended <- bystander.Wait() }()
	_, rest, _ := strings.Cut(string(text), "\n")
	for _, pid := range []int{bystander.Process.Pid, os.Getpid(), 1 << 30} {
		require.NoError(t, os.WriteFile(pidFile, []byte(strconv.Itoa(pid)+"\n"+rest), 0o600))
		require.NoError(t, s.owner.give(pidFile))
		again := start(t, Config{Dir: dir})
		require.Equal(t, 1, query[int](t, again, "SELECT 1"))
		require.NoError(t, again.Stop())
	}
	select {
	case err := <-ended:
		t.Fatal("the bystander was ended: ", err)
	default:
	}
	require.NoError(t, bystander.Process.Kill())
	require.Error(t, <-ended)
}

func TestStartFailures(t *testing.T) {
	needBinaries(t)
	ctx := context.Background()
	fail := func(config Config, mentions ...string) {
		t.Helper()
		config.Logger = quiet()
		_, err := Start(ctx, config)
		require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err), "%v", err)
		for _, m := range mentions {
			require.ErrorContains(t, err, m)
		}
	}
	open := openDir(t)

	t.Run("no binaries", func(t *testing.T) {
		before := installed
		installed = nil
		defer func() { installed = before }()
		t.Setenv("PATH", open)
		fail(Config{Dir: filepath.Join(open, "a")}, "postgresql", "--database", BinariesVariable)
		t.Setenv(BinariesVariable, open)
		fail(Config{Dir: filepath.Join(open, "a")}, open, "initdb")
	})
	t.Run("missing parent", func(t *testing.T) {
		fail(Config{Dir: filepath.Join(open, "b", "c")}, "cannot make")
	})
	t.Run("setting that Postgres refuses", func(t *testing.T) {
		fail(Config{Dir: filepath.Join(open, "d"), Settings: map[string]string{"fsync": "off", "shared_buffers": "nonsense"}}, "shared_buffers", "nonsense")
		// An earlier failure is no obstacle.
		require.NoError(t, start(t, Config{Dir: filepath.Join(open, "d")}).Stop())
	})
	t.Run("other major version", func(t *testing.T) {
		data := filepath.Join(open, "e", "data")
		require.NoError(t, os.MkdirAll(data, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600))
		fail(Config{Dir: filepath.Join(open, "e")}, "Postgres 9", "postgresql-9")
		require.NoError(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("x\n"), 0o600))
		fail(Config{Dir: filepath.Join(open, "e")}, "does not say its version")
	})
	t.Run("half-made data directory", func(t *testing.T) {
		half := filepath.Join(open, "f", "data.new")
		require.NoError(t, os.MkdirAll(half, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("1\n"), 0o600))
		start(t, Config{Dir: filepath.Join(open, "f")})
		require.NoDirExists(t, half)
	})
	t.Run("directory that Postgres may not enter", func(t *testing.T) {
		if os.Geteuid() != 0 {
			return // only root gives its rights up
		}
		closed := filepath.Join(open, "closed")
		require.NoError(t, os.Mkdir(closed, 0o700))
		fail(Config{Dir: filepath.Join(closed, "pg")}, closed, "chmod o+x")
	})
	t.Run("context that ends", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err := Start(ended, Config{Dir: filepath.Join(open, "d"), Logger: quiet()})
		require.Error(t, err)
		require.NoError(t, start(t, Config{Dir: filepath.Join(open, "d")}).Stop())
	})
	t.Run("long temporary directory", func(t *testing.T) {
		long := filepath.Join(open, strings.Repeat("l", 90))
		require.NoError(t, os.Mkdir(long, 0o777))
		t.Setenv("TMPDIR", long)
		start(t, Config{Dir: filepath.Join(open, "d")})
	})
}
