package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/internal/bench"
)

// benchNode returns how the bench starts a node: as "jeongsan node", a process of
// its own, or inside this process, so that a profile holds both sides.
func (p *program) benchNode(inside bool) bench.StartNode {
	if inside {
		return p.startNodeInside
	}
	return p.startNodeProcess
}

func (p *program) startNodeProcess(ctx context.Context, dir string) (_ *bench.Node, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, benchNodeError("the program does not know its own file", err)
	}
	cmd := exec.Command(self, "node", "--data", dir, "--listen", "127.0.0.1:0", "--json", "--log-level", "error")
	var said bytes.Buffer // what goes wrong; passed on when the process has ended
	cmd.Stderr = &said
	wait := func() error {
		err := cmd.Wait()
		_, writeErr := said.WriteTo(p.stderr)
		return errors.Join(err, writeErr)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, benchNodeError("cannot be started", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, benchNodeError("cannot be started", err)
	}
	kill := func() error { return errors.Join(cmd.Process.Kill(), killed(wait())) }
	defer func() {
		if err != nil {
			err = errors.Join(err, kill())
		}
	}()
	var r running
	unhurried := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // then there is no address to read
	err = json.NewDecoder(out).Decode(&r)
	unhurried()
	if err != nil {
		return nil, benchNodeError("printed no address", errors.Join(ctx.Err(), err))
	}
	store, err := esdb.Open(ctx, r.EventStore, p.log)
	if err != nil {
		return nil, err
	}
	return &bench.Node{
		Store: store, PID: cmd.Process.Pid,
		Stop: func() error {
			err := errors.Join(store.Close(), cmd.Process.Signal(syscall.SIGTERM))
			late := time.AfterFunc(stopWithin, func() { _ = cmd.Process.Kill() }) // Wait then says so
			defer late.Stop()
			if waitErr := wait(); waitErr != nil {
				err = errors.Join(err, benchNodeError("did not stop cleanly", waitErr))
			}
			return err
		},
		Kill: func() error { return errors.Join(kill(), store.Close()) },
	}, nil
}

// killed is nil for the end of a process that was killed.
func killed(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

func (p *program) startNodeInside(ctx context.Context, dir string) (*bench.Node, error) {
	n, err := node.Open(node.Config{Dir: filepath.Join(dir, "node"), Logger: p.log})
	if err != nil {
		return nil, err
	}
	store, err := esdb.Open(ctx, n.ConnectionString(), p.log)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return &bench.Node{Store: store, Stop: func() error { return errors.Join(store.Close(), n.Close()) }}, nil
}

func benchNodeError(what string, err error) error {
	return &domain.Error{Code: domain.CodeUnavailable, Field: "jeongsan node", Message: what, Remedy: "see what it has written to standard error", Err: err}
}
