package main

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/internal/datadir"
	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections"
)

// stopWithin bounds an orderly shutdown, all parts together.
const stopWithin = 30 * time.Second

// parts are the opened pieces of an installation, wired by hand. What a command
// did not ask for is nil.
type parts struct {
	dir      *datadir.Dir
	node     *node.Node
	store    eventstore.Store
	identity eventstore.Identity
	database string
	pool     *pgxpool.Pool
	keys     *keyring.Keyring
	door     command.Door
	runner   *projections.Runner
	registry *prometheus.Registry
	// scheduler moves the books' business dates; nil where this process does not.
	scheduler *businessday.Scheduler

	// failed receives the first fault that a part cannot recover from.
	failed  chan error
	closers []closer
	log     *slog.Logger
}

type closer struct {
	name  string
	close func() error
}

// need says what a command wants opened beside the event store, which all want.
type need struct {
	database    bool // Postgres, migrated
	keys        bool
	door        bool // the command door in this process
	projections bool // read models kept up to date by this process
	existing    bool // an embedded event store that is there already: none is begun
	command     string
}

// open opens the parts in order of dependency. Whatever happens, call close.
func (p *program) open(ctx context.Context, want need) (_ *parts, err error) {
	o := &parts{log: p.log, registry: prometheus.NewRegistry(), failed: make(chan error, 8)}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	config := p.config
	if config.EventStore == "" || (want.database && config.Database == "") || want.door || (want.keys && config.Keys == "") {
		if o.dir, err = datadir.Open(config.Data, datadir.Options{Command: want.command, Existing: want.existing && config.EventStore == ""}); err != nil {
			return o, err
		}
		o.later("data directory", o.dir.Close)
	}
	if err := o.openStore(ctx, config); err != nil {
		return o, err
	}
	if want.keys || want.door {
		directory := config.Keys
		if directory == "" {
			directory = o.dir.Keys()
		}
		if o.keys, err = keyring.Open(directory); err != nil {
			return o, err
		}
	}
	if want.database {
		if err := o.openDatabase(ctx, config); err != nil {
			return o, err
		}
	}
	if want.door {
		local, err := command.Open(ctx, command.Config{
			Store: o.store, Identity: o.identity, Keys: o.keys, IndexDir: o.dir.Index(), Now: time.Now, Logger: p.log,
			Observer: newAppendMetrics(o.registry),
		})
		if err != nil {
			return o, err
		}
		o.door = local
		o.later("command door", local.Close)
	}
	if want.projections {
		o.startProjections()
	}
	return o, nil
}

func (o *parts) openStore(ctx context.Context, config Config) (err error) {
	url := config.EventStore
	if url == "" {
		if err := o.openNode(node.Config{Listen: config.NodeListen}); err != nil {
			return err
		}
		url = o.node.ConnectionString()
	}
	store, err := esdb.Open(ctx, url, o.log)
	if err != nil {
		return unreachableStore(url, err)
	}
	o.store = store
	o.later("event store client", store.Close)
	if o.identity, err = eventstore.Identify(ctx, store); err != nil {
		return unreachableStore(url, err)
	}
	return nil
}

// openNode opens the embedded node in the data directory.
func (o *parts) openNode(settings node.Config) (err error) {
	settings.Dir, settings.Logger, settings.Registerer = o.dir.Node(), o.log, o.registry
	if o.node, err = node.Open(settings); err != nil {
		return err
	}
	o.later("event store node", o.node.Close)
	o.watch("event store node", o.node.Wait)
	return nil
}

// unreachableStore says what to do about an event store that does not answer, or
// not to this user.
func unreachableStore(url string, err error) error {
	if domain.CodeOf(err) == domain.CodeInvalid {
		return err // the connection string itself is wrong
	}
	fault := &domain.Error{
		Code: domain.CodeUnavailable, Field: "eventstore", Value: redactURL(url), Message: "the event store does not answer", Err: err,
		Remedy: "check the address, tls and credentials in the connection string, and that the server runs",
	}
	switch eventstore.CodeOf(err) {
	case eventstore.CodeUnauthenticated:
		fault.Code, fault.Message = domain.CodeInvalid, "the event store refuses user or password"
		fault.Remedy = "correct them in the connection string, esdb://user:password@host:2113; special characters are written as %XX"
	case eventstore.CodeDenied:
		fault.Code, fault.Message = domain.CodeInvalid, "the event store denies access"
		fault.Remedy = "give user and password in the connection string, esdb://user:password@host:2113, of an administrator or of one whom access lists let in"
	}
	if errors.As(err, new(x509.UnknownAuthorityError)) || strings.Contains(err.Error(), "certificate signed by unknown authority") {
		fault.Code, fault.Message = domain.CodeInvalid, "the event store's certificate is of an authority that is not trusted here"
		fault.Remedy = "name the file of its authority in the connection string: tlsCAFile=ca.crt"
	}
	return fault
}

func (o *parts) openDatabase(ctx context.Context, config Config) (err error) {
	o.database = config.Database
	if o.database == "" {
		server, err := postgres.Start(ctx, postgres.Config{Dir: o.dir.Postgres(), Logger: o.log})
		if err != nil {
			return err
		}
		o.later("postgres", server.Stop)
		o.database = server.DSN()
	}
	if err := migrations.Up(ctx, o.database); err != nil {
		return err
	}
	if o.pool, err = postgres.Connect(ctx, o.database); err != nil {
		return err
	}
	o.later("database pool", func() error { o.pool.Close(); return nil })
	return nil
}

// startProjections keeps the read models up to date until close.
func (o *parts) startProjections() {
	o.runner = projections.NewRunner(projections.Config{
		Store: o.store, Pool: o.pool, Identity: o.identity, Models: projections.Models(), Logger: o.log, Registerer: o.registry,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := o.runner.Run(ctx)
		if ctx.Err() != nil {
			err = nil
		}
		if err != nil {
			o.fail("projections", err)
		}
		done <- err
	}()
	o.later("projections", func() error {
		cancel()
		return <-done
	})
}

// standstill is how long read models may be faulty and not move before waiting
// for them is given up.
const standstill = time.Minute

// awaitVisible waits until the read models show everything up to a position. It
// gives up where they are faulty and do not move: what has settled is durable
// all the same.
func (o *parts) awaitVisible(ctx context.Context, position eventstore.Position) error {
	seen, since := o.runner.Visible(), time.Now()
	for {
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		err := o.runner.Await(bounded, position)
		cancel()
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		health, visible := o.runner.Health(), o.runner.Visible()
		if health == nil || visible != seen {
			seen, since = visible, time.Now()
		} else if time.Since(since) > standstill {
			return &domain.Error{
				Code: domain.CodeUnavailable, Field: "read models", Message: "do not follow the log; what has settled is durable and will be shown once they do",
				Remedy: "see jeongsan projections status", Err: health,
			}
		}
	}
}

// watch reports a part that ends by itself.
func (o *parts) watch(name string, wait func() error) {
	go func() {
		if err := wait(); err != nil {
			o.fail(name, err)
		}
	}()
}

func (o *parts) fail(name string, err error) {
	fault := &domain.Error{Code: domain.CodeUnavailable, Field: name, Message: "stopped working", Remedy: "mend the cause and start again; nothing acknowledged is lost", Err: err}
	select {
	case o.failed <- fault:
	default: // enough faults are waiting to be read
	}
}

func (o *parts) later(name string, close func() error) {
	o.closers = append(o.closers, closer{name, close})
}

// close stops the parts in the reverse order of opening, within one deadline for all.
func (o *parts) close() error {
	done := make(chan error, 1)
	go func() {
		var errs []error
		for i := len(o.closers) - 1; i >= 0; i-- {
			o.log.Debug("stopping", "part", o.closers[i].name)
			if err := o.closers[i].close(); err != nil {
				errs = append(errs, &domain.Error{Code: domain.CodeInternal, Field: o.closers[i].name, Message: "did not stop cleanly", Err: err})
			}
		}
		done <- errors.Join(errs...)
	}()
	select {
	case err := <-done:
		o.closers = nil
		return err
	case <-time.After(stopWithin):
		return &domain.Error{Code: domain.CodeUnavailable, Message: "parts did not stop in time", Remedy: "nothing acknowledged is lost; see the log for the part that hangs"}
	}
}
