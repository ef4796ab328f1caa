package bench

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/projections"
)

// Need says what a scenario wants opened beside event store and door.
type Need struct {
	Projections bool // Postgres, and every read model kept up to date
	HTTP        bool // the server's listener; wants Projections
}

// Ledger is a fresh installation, opened by the program's own wiring.
type Ledger struct {
	Store    eventstore.Store // as the wiring wrapped it
	Identity eventstore.Identity
	Door     command.Door
	Metrics  prometheus.Gatherer
	// Of Need.Projections:
	Pool     *pgxpool.Pool
	Runner   *projections.Runner
	Throttle collect.Throttle // as the pipeline has one
	Pipeline *collect.Pipeline
	// URL is where the server listens, with Need.HTTP.
	URL string
	// The directories of the parts, all in that of the ledger.
	Node, Index, Postgres string
	// Failed receives the first fault that a part cannot recover from.
	Failed <-chan error
	Close  func() error
}

// Open opens a ledger in a directory that does not exist yet. The door and
// everything else work through wrap(store).
type Open func(ctx context.Context, dir string, need Need, wrap func(eventstore.Store) eventstore.Store) (*Ledger, error)

// ledger is one with its instruments.
type ledger struct {
	*Ledger
	dir  string
	tap  *tap
	load *load
}

// open opens a fresh ledger and registers who takes part in a load.
func (b *bench) open(ctx context.Context, name string, need Need, load *load) (*ledger, error) {
	dir, err := b.directory(name)
	if err != nil {
		return nil, err
	}
	b.say("%s: opening a ledger", name)
	t := &tap{}
	opened, err := b.config.Open(ctx, dir, need, func(store eventstore.Store) eventstore.Store { return tapped{store, t} })
	if err != nil {
		return nil, err
	}
	l := &ledger{Ledger: opened, dir: dir, tap: t, load: load}
	if err := l.register(ctx); err != nil {
		return nil, errors.Join(err, b.discard(l))
	}
	return l, nil
}

// discard closes a ledger and removes it, unless it is to be kept.
func (b *bench) discard(l *ledger) error {
	return errors.Join(l.Close(), b.remove(l.dir))
}

const registerAtOnce = 2000

// register applies the terms of the load and waits until everybody knows them.
func (l *ledger) register(ctx context.Context) error {
	parties, terms := l.load.terms()
	var position eventstore.Position
	apply := func(commands []domain.Command) error {
		requests := make([]command.Request, len(commands))
		for i, c := range commands {
			requests[i] = command.Request{Command: c, Meta: eventstore.Meta{Actor: "bench", Authenticated: "none"}}
		}
		for _, reply := range l.Door.Do(ctx, requests...) {
			if reply.Err != nil {
				return reply.Err
			}
			position = max(position, reply.Position)
		}
		return nil
	}
	for from := 0; from < len(parties); from += registerAtOnce {
		if err := apply(parties[from:min(from+registerAtOnce, len(parties))]); err != nil {
			return err
		}
	}
	for _, c := range terms { // a contract is checked against the schedule before it
		if err := apply([]domain.Command{c}); err != nil {
			return err
		}
	}
	if l.Runner == nil {
		return nil
	}
	return l.await(ctx, position)
}

// await waits until a position can be seen in every read model.
func (l *ledger) await(ctx context.Context, position eventstore.Position) error {
	return l.during(ctx, func(ctx context.Context) error { return l.Runner.Await(ctx, position) })
}

// during runs something that ends early where a part fails.
func (l *ledger) during(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case err := <-l.Failed:
			cancel(err)
		case <-done:
		}
	}()
	err := do(ctx)
	close(done)
	<-watched
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
