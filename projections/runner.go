package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Config says what a runner connects.
type Config struct {
	Store    eventstore.Store
	Pool     *pgxpool.Pool
	Identity eventstore.Identity
	Models   []Model // Models() where nil
	Logger   *slog.Logger
	// Registerer takes the runner's metrics; it may be nil.
	Registerer prometheus.Registerer
}

// Runner keeps read models up with the log. Run is called once; everything else
// is safe for concurrent use.
type Runner struct {
	config  Config
	logger  *slog.Logger
	metrics *metrics
	// parked holds the models that this run has parked, by name, with the
	// generation of their tables: they are tried again when that has changed, and
	// by the next run. It belongs to Run.
	parked map[string]int64
	pace   pace

	mu      sync.Mutex
	visible eventstore.Position
	health  error
	changed chan struct{} // closed and replaced when visible or health changes
}

// NewRunner makes a runner; it does nothing until Run.
func NewRunner(config Config) *Runner {
	if config.Models == nil {
		config.Models = Models()
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return &Runner{
		config: config, logger: config.Logger, metrics: newMetrics(config.Registerer), parked: map[string]int64{}, changed: make(chan struct{}),
		health: &domain.Error{Code: domain.CodeUnavailable, Message: "the projections have not started yet", Remedy: "wait a moment"},
	}
}

const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
	tickEvery     = time.Second
)

// Run follows the log until ctx ends and then returns nil. It stands by while
// another runner works on the same database. What fails is tried again with
// growing pauses, from the checkpoints: Run does not return for it, and Health
// tells.
func (r *Runner) Run(ctx context.Context) error {
	for pause := shortestPause; ; {
		started := time.Now()
		err := r.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > longestPause {
			pause = shortestPause
		}
		r.setHealth(err)
		r.metrics.failures.Inc()
		r.logger.Warn("the projections stopped and will go on", "error", err, "pause", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

// errReload asks for the checkpoints to be read again, at once.
var errReload = errors.New("the read models to feed have changed")

// session is one try: become the one that works, see that the read models belong
// to the log, follow it.
func (r *Runner) session(ctx context.Context) error {
	lead, err := r.takeLead(ctx)
	if err != nil {
		return err
	}
	defer lead.close()
	for {
		if err := lead.check(ctx); err != nil {
			return err
		}
		workers, err := r.prepare(ctx)
		if err != nil {
			return err
		}
		err = r.follow(ctx, lead, workers)
		if !errors.Is(err, errReload) && !errors.Is(err, errFenced) {
			return err
		}
		r.logger.Info("reading the checkpoints again", "reason", err)
	}
}

// follow feeds the workers from one subscription.
func (r *Runner) follow(ctx context.Context, lead *heldLock, workers []*worker) error {
	from := behind(workers)
	subscription, err := r.config.Store.Subscribe(ctx, eventstore.Filter{StreamPrefixes: prefixes}, from)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		if err := subscription.Close(); err != nil {
			r.logger.Warn("closing the subscription", "error", err)
		}
	}()
	r.publish(workers)
	items, batches := make(chan item, decodedAhead), make(chan batch)
	rebuilt := r.rebuildOutdated(ctx, group, workers)
	group.Go(func() error { return receive(ctx, subscription, items) })
	group.Go(func() error { cut(ctx, items, batches, &r.pace); return nil })
	group.Go(func() error { return r.feed(ctx, lead, workers, batches, rebuilt) })
	return group.Wait()
}

// behind is the position of the worker that is furthest behind.
func behind(workers []*worker) eventstore.Position {
	var from eventstore.Position
	first := true
	for _, w := range workers {
		if !w.parked && (first || w.status.Position < from) {
			from, first = w.status.Position, false
		}
	}
	if first { // all are parked: there is nothing to read before one is not
		for _, w := range workers {
			from = max(from, w.status.Position)
		}
	}
	return from
}

// feed applies batches, and looks after the rest once a second.
func (r *Runner) feed(ctx context.Context, lead *heldLock, workers []*worker, batches <-chan batch, rebuilt <-chan struct{}) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-rebuilt:
			return errReload
		case <-tick.C:
			if err := lead.check(ctx); err != nil {
				return err
			}
			if err := r.revived(ctx, workers); err != nil {
				return err
			}
		case b := <-batches:
			if err := r.apply(ctx, workers, b); err != nil {
				return err
			}
		}
	}
}

// apply brings every worker up to the end of a batch, side by side.
func (r *Runner) apply(ctx context.Context, workers []*worker, b batch) error {
	started := time.Now()
	parked := countParked(workers)
	// Not errgroup's context: one that fails must not undo what another commits.
	errs := make([]error, len(workers))
	var wg sync.WaitGroup
	for i, w := range workers {
		wg.Go(func() { errs[i] = w.apply(ctx, b.events, b.position) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.pace.took(time.Since(started))
	r.publish(workers)
	r.metrics.batch(b, started)
	if countParked(workers) == parked {
		return nil
	}
	for _, w := range workers {
		if w.parked && w.status.Parked != nil && r.parked[w.status.Name] != w.status.Generation {
			r.parked[w.status.Name] = w.status.Generation
			r.logger.Error("a read model is parked at an event that it cannot take; the others go on",
				"read_model", w.status.Name, "event", fmt.Sprintf("%s@%d", w.status.Parked.Ref.Stream, w.status.Parked.Ref.Revision), "position", w.status.Parked.Position, "reason", w.status.Parked.Reason)
		}
	}
	if behind(workers) > b.position {
		return errReload // the one that held the others back is out of the way
	}
	return nil
}

func countParked(workers []*worker) int {
	n := 0
	for _, w := range workers {
		if w.parked {
			n++
		}
	}
	return n
}

// revived looks whether a rebuild has replaced the tables of a parked model, in
// this process or another.
func (r *Runner) revived(ctx context.Context, workers []*worker) error {
	if countParked(workers) == 0 {
		return nil
	}
	all, err := readCheckpoints(ctx, r.config.Pool)
	if err != nil {
		return err
	}
	for _, w := range workers {
		if w.parked && all[w.status.Name].Generation != w.status.Generation {
			return errReload
		}
	}
	return nil
}

// publish makes known how far the read models are.
func (r *Runner) publish(workers []*worker) {
	var err error
	for _, w := range workers {
		r.metrics.worker(w)
		switch {
		case w.parked && w.status.Parked != nil:
			err = w.status.parkedError()
		case w.parked:
			err = outdatedError(w)
		}
	}
	r.set(behind(workers), err)
}

func (r *Runner) set(visible eventstore.Position, health error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.visible == visible && r.health == nil && health == nil {
		return
	}
	r.visible, r.health = visible, health
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Runner) setHealth(err error) {
	r.mu.Lock()
	visible := r.visible
	r.mu.Unlock()
	r.set(visible, err)
}

// Visible is the position up to which every read model that is not parked holds
// the log.
func (r *Runner) Visible() eventstore.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.visible
}

// Health is nil while every read model follows the log, here or in the runner
// that this one stands by for.
func (r *Runner) Health() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.health
}

// Await waits until Visible has reached a position. It ends with ctx, whose
// error it returns.
func (r *Runner) Await(ctx context.Context, position eventstore.Position) error {
	for {
		r.mu.Lock()
		visible, changed := r.visible, r.changed
		r.mu.Unlock()
		if visible >= position {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
