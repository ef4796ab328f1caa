package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/domain"
)

// name is the superuser of the private server, and the name of its database.
const name = "jeongsan"

// Config says where and how a private server runs.
type Config struct {
	// Dir holds everything of the server. It is made where it is missing; its
	// parent must exist.
	Dir    string
	Logger *slog.Logger // slog.Default where nil
	// Settings override parameters of the server, as {"fsync": "off"} in tests.
	Settings map[string]string
}

// Server is a private Postgres server. It is safe for concurrent use.
type Server struct {
	dir, data, socket string
	binaries          string
	owner             owner
	settings          map[string]string
	logger            *slog.Logger
	lock              *flock.Flock

	stopping chan struct{}
	stopped  chan struct{} // closed after stopErr is set
	stopErr  error
	stopOnce sync.Once
}

// Start brings the server up, made anew where Dir holds none, and returns once
// it takes connections. It restarts a server that dies, for as long as it takes,
// with the same connection string. ctx bounds the start only; Stop ends it.
//
// Errors are *domain.Error of CodeUnavailable: no binaries, another major
// version's directory, a directory that Postgres may not enter or that another
// process uses, or a server that does not start, with the tail of its log.
func Start(ctx context.Context, config Config) (*Server, error) {
	if !supported {
		return nil, &domain.Error{
			Code: domain.CodeUnavailable, Field: "postgres", Message: "a private Postgres server is not supported on this operating system",
			Remedy: "use a server of yours with --database postgres://…",
		}
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the directory of Postgres: %w", err)
	}
	s := &Server{
		dir: dir, data: filepath.Join(dir, "data"), logger: config.Logger,
		stopping: make(chan struct{}), stopped: make(chan struct{}),
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	if err := s.open(ctx, config.Settings); err != nil {
		return nil, errors.Join(err, s.release())
	}
	first, err := s.bringUp(ctx)
	if err != nil {
		return nil, errors.Join(err, s.release())
	}
	if err := s.createDatabase(ctx); err != nil {
		return nil, errors.Join(err, first.end(), s.release())
	}
	go s.supervise(first)
	return s, nil
}

// open takes the directory into possession and makes sure that it is complete.
func (s *Server) open(ctx context.Context, overrides map[string]string) error {
	if err := os.Mkdir(s.dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return &domain.Error{
			Code: domain.CodeUnavailable, Field: "data", Value: s.dir, Message: "cannot make the directory of Postgres", Err: err,
			Remedy: "choose a --data directory that is writable",
		}
	}
	lock := flock.New(filepath.Join(s.dir, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return &domain.Error{
			Code: domain.CodeUnavailable, Field: "data", Value: s.dir, Message: "cannot lock the directory of Postgres", Err: err,
			Remedy: "run as the user who made it, or choose another --data",
		}
	}
	if !locked {
		return &domain.Error{
			Code: domain.CodeUnavailable, Field: "data", Value: s.dir, Message: "another process uses the directory of Postgres",
			Remedy: "stop the other process, or choose another --data",
		}
	}
	s.lock = lock
	major, err := readMajor(s.data)
	if err != nil {
		return err
	}
	if s.binaries, err = choose(ctx, major, s.data); err != nil {
		return err
	}
	if s.owner, err = ownerFor(s.data); err != nil {
		return err
	}
	if s.owner.switched {
		// It is all the server's, and the server has to pass.
		if err := os.Chmod(s.dir, 0o711); err != nil {
			return fmt.Errorf("open the directory of Postgres: %w", err)
		}
	}
	if major == 0 {
		if err := s.initialise(ctx, overrides["fsync"] != "off"); err != nil {
			return err
		}
	} else if err := s.owner.canEnter(s.data); err != nil {
		return err
	}
	if err := s.makeSocketDir(); err != nil {
		return err
	}
	s.settings = settings(s.socket)
	maps.Copy(s.settings, overrides)
	return nil
}

func settings(socket string) map[string]string {
	return map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": socket,
		"unix_socket_permissions": "0700",
		"max_connections":         "200",
		"shared_buffers":          "256MB",
		"work_mem":                "16MB",
		"maintenance_work_mem":    "128MB",
		// One machine, no replicas: the log is the copy.
		"wal_level":       "minimal",
		"max_wal_senders": "0",
		"max_wal_size":    "2GB",
		// Many small statements and few cores.
		"jit":                             "off",
		"max_parallel_workers_per_gather": "0",
		"random_page_cost":                "1.1",
		"timezone":                        "UTC",
		"log_timezone":                    "UTC",
		"log_checkpoints":                 "off",
	}
}

// longestSocketDir keeps the path of the socket within the 107 bytes that an
// address of a Unix socket has.
const longestSocketDir = 107 - len("/.s.PGSQL.5432.lock")

const (
	socketPrefix = "jeongsan-pg-"
	socketNote   = "socket"
)

// RemoveSocket removes the socket directory that a server over dir has left
// behind when it and its parent were killed. Start does so by itself.
func RemoveSocket(dir string) error {
	old, err := os.ReadFile(filepath.Join(dir, socketNote))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read where an old socket is: %w", err)
	}
	path := strings.TrimSpace(string(old))
	if !strings.HasPrefix(filepath.Base(path), socketPrefix) {
		return nil
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("remove an old socket: %w", err)
	}
	return nil
}

// makeSocketDir makes a short directory for the socket. Its path is noted in
// Dir, so that one left by a process that was killed is removed by the next.
func (s *Server) makeSocketDir() error {
	if err := RemoveSocket(s.dir); err != nil {
		s.logger.Warn("an old socket directory stays", "error", err)
	}
	parent := os.TempDir()
	if len(parent) > longestSocketDir-len("/"+socketPrefix+"0123456789") {
		parent = "/tmp"
	}
	path, err := os.MkdirTemp(parent, socketPrefix)
	if err != nil {
		return fmt.Errorf("make a directory for the socket of Postgres: %w", err)
	}
	s.socket = path
	if err := os.WriteFile(filepath.Join(s.dir, socketNote), []byte(path+"\n"), 0o600); err != nil {
		return fmt.Errorf("note the socket directory: %w", err)
	}
	if err := s.owner.give(path); err != nil {
		return err
	}
	return s.owner.canEnter(path)
}

// DSN is the connection string of the server's database, the same for its whole life.
func (s *Server) DSN() string { return s.dsn(name) }

func (s *Server) dsn(database string) string {
	dsn := url.URL{
		Scheme: "postgres", User: url.User(name), Path: "/" + database,
		RawQuery: url.Values{"host": {s.socket}, "sslmode": {"disable"}}.Encode(),
	}
	return dsn.String()
}

func (s *Server) createDatabase(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private Postgres server: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
	// startAttempts bounds the first start, whose failure is reported. A server
	// may be refused for a moment while processes of a killed one end.
	startAttempts = 4
	// readyPatience bounds one start, crash recovery included.
	readyPatience = 5 * time.Minute
)

// bringUp starts a server and waits until it is ready, a few times.
func (s *Server) bringUp(ctx context.Context) (*child, error) {
	pause := shortestPause
	for attempt := 1; ; attempt++ {
		c, tail, err := s.tryUp(ctx)
		if err == nil && c != nil {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		if attempt == startAttempts || !strings.Contains(tail, "shared memory block") {
			return nil, &domain.Error{
				Code: domain.CodeUnavailable, Field: "postgres", Value: s.data, Message: "the private Postgres server does not start; it says: " + tail,
				Remedy: "see what it says; --database postgres://… uses a server of yours instead",
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.stopping:
			return nil, errors.New("stopped")
		case <-time.After(pause):
			pause *= 4
		}
	}
}

// tryUp starts a server once. It returns no child but the tail of the log where
// the server ended instead of becoming ready.
func (s *Server) tryUp(ctx context.Context) (c *child, tail string, err error) {
	impostor, err := s.stopOrphan(ctx)
	if err != nil {
		return nil, "", err
	}
	if c, err = s.launch(impostor); err != nil {
		return nil, "", &domain.Error{
			Code: domain.CodeUnavailable, Field: "postgres", Value: s.binaries, Message: "the private Postgres server cannot be started", Err: err,
			Remedy: "check the permissions; --database postgres://… uses a server of yours instead",
		}
	}
	waiting, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	go func() {
		select {
		case <-s.stopping:
			cancel()
		case <-waiting.Done():
		}
	}()
	exited, err := c.awaitReady(waiting)
	switch {
	case err != nil:
		return nil, "", errors.Join(fmt.Errorf("wait for Postgres: %w", err), c.end())
	case exited:
		return nil, c.log.tail(), nil
	}
	return c, "", nil
}

// supervise restarts a server that ends by itself, until Stop.
func (s *Server) supervise(c *child) {
	defer close(s.stopped)
	pause := shortestPause
	for {
		since := time.Now()
		select {
		case <-s.stopping:
			s.stopErr = c.end()
			return
		case <-c.exited:
		}
		if time.Since(since) > longestPause {
			pause = shortestPause
		}
		s.logger.Error("the private Postgres server ended; starting it again", "error", c.err, "log", c.log.tail(), "pause", pause)
		for c = nil; c == nil; pause = min(2*pause, longestPause) {
			select {
			case <-s.stopping:
				return
			case <-time.After(pause):
			}
			up, tail, err := s.tryUp(context.Background())
			if up == nil {
				s.logger.Error("the private Postgres server does not start", "error", err, "log", tail)
			}
			c = up
		}
		s.logger.Info("the private Postgres server runs again", "pid", c.pid)
	}
}

// Stop shuts the server down, waits for it and gives the directory free. It is
// idempotent.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		close(s.stopping)
		<-s.stopped
		s.stopErr = errors.Join(s.stopErr, s.release())
	})
	return s.stopErr
}

func (s *Server) release() error {
	var errs []error
	if s.socket != "" {
		errs = append(errs, os.RemoveAll(s.socket), os.Remove(filepath.Join(s.dir, socketNote)))
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}
