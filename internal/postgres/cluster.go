package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// readMajor returns the major version that a data directory was made by, 0
// where there is none yet.
func readMajor(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data directory of Postgres: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, &domain.Error{
			Code: domain.CodeUnavailable, Field: "data", Value: data, Message: "the data directory of Postgres does not say its version", Err: err,
			Remedy: "move " + filepath.Dir(data) + " away: the read models are then rebuilt from the log",
		}
	}
	return major, nil
}

// initialise makes the data directory, flushed to disk where sync says so. It
// appears under its name only when it is whole.
func (s *Server) initialise(ctx context.Context, sync bool) error {
	unfinished := s.data + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("remove an unfinished data directory of Postgres: %w", err)
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return fmt.Errorf("make the data directory of Postgres: %w", err)
	}
	if err := s.owner.give(unfinished); err != nil {
		return err
	}
	if err := s.owner.canEnter(unfinished); err != nil {
		return err
	}
	arguments := []string{"-D", unfinished, "-U", name, "-E", "UTF8", "--locale=C", "--auth=trust", "--data-checksums"}
	if !sync {
		arguments = append(arguments, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.binaries, "initdb"), arguments...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	s.prepare(cmd, unfinished)
	// The signal for a parent's death is bound to the thread that starts the child.
	runtime.LockOSThread()
	err := cmd.Run()
	runtime.UnlockOSThread()
	if err != nil {
		return &domain.Error{
			Code: domain.CodeUnavailable, Field: "postgres", Value: s.binaries,
			Message: "initdb could not make a database directory: " + strings.TrimSpace(lastLines(output.String(), 12)), Err: err,
			Remedy: "see what initdb says; --database postgres://… uses a server of yours instead",
		}
	}
	if err := os.Rename(unfinished, s.data); err != nil {
		return fmt.Errorf("finish the data directory of Postgres: %w", err)
	}
	return syncDir(s.dir)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// prepare gives a child its environment, its owner and a place to stand.
func (s *Server) prepare(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + s.binaries + ":/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C", "TZ=UTC"}
	if path := os.Getenv("LD_LIBRARY_PATH"); path != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+path)
	}
	cmd.SysProcAttr = s.owner.attributes()
}

const (
	fastPatience      = time.Minute
	immediatePatience = 20 * time.Second
	orphanPoll        = 20 * time.Millisecond
)

// stopOrphan looks for a server that an earlier parent left behind, shuts it down
// and waits until it is gone. It returns the number in the pid file where that
// now is the number of some other process, which the next server has to be told.
func (s *Server) stopOrphan(ctx context.Context) (impostor int, err error) {
	text, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the pid file of Postgres: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 0 || !alive(pid) {
		return 0, nil // stale or half-written: Postgres judges for itself
	}
	if !isPostmaster(pid, s.data) {
		return pid, nil
	}
	s.logger.Warn("a Postgres server was left behind by a process that ended; shutting it down", "pid", pid)
	if err := signal(pid, fastShutdown); err != nil {
		return 0, orphanError(pid, err)
	}
	gone, err := awaitEnd(ctx, pid, s.data, fastPatience)
	if err != nil || gone {
		return 0, err
	}
	s.logger.Warn("the Postgres server left behind does not shut down; stopping it at once", "pid", pid)
	if err := signal(pid, immediateShutdown); err != nil {
		return 0, orphanError(pid, err)
	}
	gone, err = awaitEnd(ctx, pid, s.data, immediatePatience)
	if err == nil && !gone {
		err = orphanError(pid, errors.New("it does not end"))
	}
	return 0, err
}

func orphanError(pid int, err error) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "pid", Value: strconv.Itoa(pid), Message: "a Postgres server left behind still uses the data directory", Err: err,
		Remedy: "end that process and start again",
	}
}

// awaitEnd waits for a process that is not our child, which no signal announces.
func awaitEnd(ctx context.Context, pid int, data string, patience time.Duration) (gone bool, err error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(orphanPoll)
	defer tick.Stop()
	for alive(pid) && isPostmaster(pid, data) {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline.C:
			return false, nil
		case <-tick.C:
		}
	}
	return true, nil
}
