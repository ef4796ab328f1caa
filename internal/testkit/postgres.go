package testkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/migrations"
)

// shared is the server of this test binary.
var shared struct {
	start    sync.Once
	dir      string
	server   *postgres.Server
	err      error
	template func() error
	number   atomic.Int64
}

const (
	dirPrefix    = "jeongsan-test-"
	template     = "jeongsan_template"
	startTimeout = time.Minute
	// leftoverAge keeps the sweep away from a directory that is being made.
	leftoverAge = time.Minute
)

// Main runs the tests of a package, stops the shared Postgres server and removes
// its files. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func stop() error {
	if shared.server == nil {
		return nil
	}
	return errors.Join(shared.server.Stop(), os.RemoveAll(shared.dir))
}

// settings are those of a server whose data nobody misses.
func settings() map[string]string {
	return map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB", "max_connections": "300"}
}

func server(t testing.TB) *postgres.Server {
	t.Helper()
	requireBinaries(t)
	shared.start.Do(func() {
		sweep()
		if shared.dir, shared.err = makeDir(); shared.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		shared.server, shared.err = postgres.Start(ctx, postgres.Config{
			Dir: filepath.Join(shared.dir, "postgres"), Logger: slog.New(slog.DiscardHandler), Settings: settings(),
		})
		shared.template = sync.OnceValue(makeTemplate)
	})
	if shared.err != nil {
		t.Fatal("start the Postgres server of the tests: ", shared.err)
	}
	return shared.server
}

// makeDir makes a temporary directory that an unprivileged Postgres may enter;
// t.TempDir is closed to others.
func makeDir() (string, error) {
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// sweep removes what test binaries that were killed have left.
func sweep() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < leftoverAge {
			continue
		}
		lock := flock.New(filepath.Join(dir, "postgres", "lock"))
		if free, err := lock.TryLock(); err == nil && free {
			if err := errors.Join(postgres.RemoveSocket(filepath.Join(dir, "postgres")), os.RemoveAll(dir), lock.Close()); err != nil {
				fmt.Fprintln(os.Stderr, "testkit: remove what an earlier run left:", err)
			}
		}
	}
}

func requireBinaries(t testing.TB) {
	t.Helper()
	if _, err := postgres.FindBinaries(); err != nil {
		Skip(t, "Postgres", err.Error())
	}
}

// Server starts a private Postgres server for one test, which may kill it. It is
// stopped when the test ends.
func Server(t testing.TB) (s *postgres.Server, dir string) {
	t.Helper()
	requireBinaries(t)
	parent, err := makeDir()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	dir = filepath.Join(parent, "postgres")
	s, err = postgres.Start(ctx, postgres.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler), Settings: settings()})
	if err != nil {
		t.Fatal("start a Postgres server: ", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(), os.RemoveAll(parent)); err != nil {
			t.Error("stop the Postgres server: ", err)
		}
	})
	return s, dir
}

// Postgres makes an empty database for the test and returns its connection
// string. The database goes when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

// Migrated makes a database that migrations.Up has brought up to date and
// returns its connection string.
func Migrated(t testing.TB) string {
	t.Helper()
	server(t)
	if err := shared.template(); err != nil {
		t.Fatal("make the template database: ", err)
	}
	return create(t, template)
}

// Database makes a migrated database and returns a pool over it.
func Database(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Pool(t, Migrated(t))
}

// Pool opens a pool that is closed when the test ends.
func Pool(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func create(t testing.TB, from string) string {
	t.Helper()
	s := server(t)
	name := fmt.Sprintf("test_%d", shared.number.Add(1))
	if err := admin(s, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, from)); err != nil {
		t.Fatal("make a database: ", err)
	}
	t.Cleanup(func() {
		if err := admin(s, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Error("drop the database: ", err)
		}
	})
	return database(s, name)
}

func makeTemplate() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := admin(shared.server, "CREATE DATABASE "+template); err != nil {
		return err
	}
	return migrations.Up(ctx, database(shared.server, template))
}

// database returns the connection string of another database of the server.
func database(s *postgres.Server, name string) string {
	dsn, err := url.Parse(s.DSN())
	if err != nil {
		panic(err) // the server made it
	}
	dsn.Path = "/" + name
	return dsn.String()
}

// administration lets one database be made at a time: a template must have no
// connection while it is copied.
var administration sync.Mutex

func admin(s *postgres.Server, statement string) (err error) {
	administration.Lock()
	defer administration.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}
