package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/jeongsan/jeongsan/domain"
)

// running is what a process that uses a data directory tells the others: where
// its embedded parts can be reached while it holds the directory.
type running struct {
	PID        int    `json:"pid"`
	EventStore string `json:"eventstore"`
	Database   string `json:"database,omitempty"`
	Server     string `json:"server,omitempty"` // URL of its HTTP listener
}

func runningFile(data string) string { return filepath.Join(data, "running.json") }

// announce writes the file that attach reads; it is removed at close.
func (o *parts) announce(config Config, server string) error {
	if o.dir == nil {
		return nil
	}
	r := running{PID: os.Getpid(), EventStore: config.EventStore, Database: o.database, Server: server}
	if o.node != nil {
		r.EventStore = o.node.ConnectionString()
	}
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := runningFile(config.Data)
	if err := renameio.WriteFile(path, content, 0o600); err != nil {
		return &domain.Error{Code: domain.CodeUnavailable, Field: "data", Value: path, Message: "cannot be written", Remedy: "make the data directory writable", Err: err}
	}
	o.later("announcement", func() error { return os.Remove(path) })
	return nil
}

// attach lets a command that only reads work beside a running server: where
// another process holds --data and has announced itself, its embedded parts are
// used over their connection strings. It reports whether it did.
func (p *program) attach() (bool, error) {
	r, found, err := p.runningServer()
	if err != nil || !found {
		return false, err
	}
	if p.config.EventStore == "" {
		p.config.EventStore = r.EventStore
	}
	if p.config.Database == "" {
		p.config.Database = r.Database
	}
	if p.config.Keys == "" {
		p.config.Keys = filepath.Join(p.config.Data, "keys")
	}
	return true, nil
}

// runningServer reads what the process that uses --data has announced. What a
// killed process left behind does not count.
func (p *program) runningServer() (r running, found bool, err error) {
	path := runningFile(p.config.Data)
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, false, nil
	case err != nil:
		return r, false, &domain.Error{Code: domain.CodeUnavailable, Field: "data", Value: path, Message: "cannot be read", Remedy: "run as the user that owns the data directory", Err: err}
	}
	if err := json.Unmarshal(content, &r); err != nil {
		return r, false, &domain.Error{Code: domain.CodeInvalid, Field: "data", Value: path, Message: "is damaged", Remedy: "delete the file if no server is running", Err: err}
	}
	return r, alive(r.PID), nil
}
