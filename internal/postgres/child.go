package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// child is one run of the postmaster.
type child struct {
	pid    int
	log    *serverLog
	exited chan struct{} // closed after err is set
	err    error
}

// pipePatience bounds the wait for backends that outlive a killed postmaster
// and hold its log open.
const pipePatience = 5 * time.Second

// launch starts the postmaster. Where the number in its pid file is that of some
// other process, it is told to take no notice of that one.
func (s *Server) launch(impostor int) (*child, error) {
	arguments := []string{"-D", s.data}
	for _, key := range slices.Sorted(maps.Keys(s.settings)) {
		arguments = append(arguments, "-c", key+"="+s.settings[key])
	}
	cmd := exec.Command(filepath.Join(s.binaries, "postgres"), arguments...)
	s.prepare(cmd, s.data)
	if impostor > 0 {
		// Postgres takes a running process of this number for none of its own.
		cmd.Env = append(cmd.Env, "PG_GRANDPARENT_PID="+strconv.Itoa(impostor))
	}
	c := &child{log: &serverLog{logger: s.logger, ready: make(chan struct{})}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = c.log, c.log
	cmd.WaitDelay = pipePatience
	started := make(chan error, 1)
	go func() {
		// The signal for a parent's death is sent when the thread that started
		// the child ends, so this one stays until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		c.pid = cmd.Process.Pid
		started <- nil
		c.err = cmd.Wait()
		close(c.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return c, nil
}

// awaitReady waits until the server takes connections. exited is true where it
// ended instead.
func (c *child) awaitReady(ctx context.Context) (exited bool, err error) {
	select {
	case <-c.log.ready:
		return false, nil
	case <-c.exited:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// end shuts the server down and waits for it.
func (c *child) end() error {
	for _, step := range []struct {
		send     func() error
		patience time.Duration
	}{
		{func() error { return signal(c.pid, fastShutdown) }, fastPatience},
		{func() error { return signal(c.pid, immediateShutdown) }, immediatePatience},
	} {
		if err := step.send(); err != nil {
			return fmt.Errorf("shut Postgres down: %w", err)
		}
		patience := time.NewTimer(step.patience)
		select {
		case <-c.exited:
			patience.Stop()
			return nil
		case <-patience.C:
		}
	}
	return fmt.Errorf("shut Postgres down: process %d does not end", c.pid)
}

const (
	keptLines = 30
	readyLine = "database system is ready to accept connections"
	panicMark = "PANIC: "
)

// serverLog takes what the server writes: it keeps the last lines for error
// messages, hands all to the logger, and notices when the server is ready.
type serverLog struct {
	logger *slog.Logger
	ready  chan struct{}

	mu      sync.Mutex
	isReady bool
	partial string
	lines   []string
}

// Write implements io.Writer.
func (l *serverLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.partial + string(b)
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			break
		}
		text = rest
		l.line(line)
	}
	l.partial = text
	return len(b), nil
}

func (l *serverLog) line(line string) {
	if len(l.lines) == keptLines {
		l.lines = slices.Delete(l.lines, 0, 1)
	}
	l.lines = append(l.lines, line)
	if !l.isReady && strings.Contains(line, readyLine) {
		l.isReady = true
		close(l.ready)
	}
	level := slog.LevelDebug
	if strings.Contains(line, panicMark) {
		level = slog.LevelError
	}
	l.logger.Log(context.Background(), level, "postgres: "+line)
}

// tail returns the last lines.
func (l *serverLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(strings.Join(append(slices.Clone(l.lines), l.partial), "\n"))
}
