package graph

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/vikstrous/dataloadgen"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/directory"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// loaders gather what the fields of one answer look up, so that a page of
// transactions reads its events and parties at once and not one by one. They
// live as long as one answer, or one message of a subscription.
type loaders struct {
	horizon
	events       *dataloadgen.Loader[domain.Ref, logged]
	transactions *dataloadgen.Loader[eventstore.Position, *generated.Transaction]
	steps        *dataloadgen.Loader[eventstore.Position, *generated.Step]
	parties      *dataloadgen.Loader[string, *generated.Party]
	contracts    *dataloadgen.Loader[string, *generated.Contract]
	schedules    *dataloadgen.Loader[directory.Version, *generated.Schedule]
}

// logged is an event of the log, as stored and decoded. Where it cannot be
// decoded its bytes can still be shown, and undecoded says why.
type logged struct {
	recorded  eventstore.Recorded
	event     domain.Event
	undecoded error
}

const (
	gather     = time.Millisecond // how long a look-up waits for others
	mostAtOnce = 500
	readers    = 4  // concurrent reads of the event store per look-up
	widestGap  = 16 // events read for nothing where that saves a read
	longestRun = 512
)

func (r *Resolver) newLoaders() *loaders {
	options := []dataloadgen.Option{dataloadgen.WithWait(gather), dataloadgen.WithBatchCapacity(mostAtOnce)}
	return &loaders{
		events: dataloadgen.NewLoader(r.fetchEvents, options...),
		transactions: dataloadgen.NewMappedLoader(func(ctx context.Context, keys []eventstore.Position) (map[eventstore.Position]*generated.Transaction, error) {
			if err := r.also(ctx, transactionModel); err != nil {
				return nil, err
			}
			rows, err := transaction.At(ctx, r.pool, keys)
			return shown(rows, r.transactionFromRow), err
		}, options...),
		steps: dataloadgen.NewMappedLoader(func(ctx context.Context, keys []eventstore.Position) (map[eventstore.Position]*generated.Step, error) {
			if err := r.also(ctx, transactionModel); err != nil {
				return nil, err
			}
			rows, err := transaction.StepsAt(ctx, r.pool, keys)
			return shown(rows, r.stepFromRow), err
		}, options...),
		parties: dataloadgen.NewMappedLoader(func(ctx context.Context, keys []string) (map[string]*generated.Party, error) {
			if err := r.also(ctx, directoryModel); err != nil {
				return nil, err
			}
			rows, err := directory.PartiesByID(ctx, r.pool, keys)
			return shown(rows, partyFromRow), err
		}, options...),
		contracts: dataloadgen.NewMappedLoader(func(ctx context.Context, keys []string) (map[string]*generated.Contract, error) {
			if err := r.also(ctx, directoryModel); err != nil {
				return nil, err
			}
			rows, err := directory.ContractsByID(ctx, r.pool, keys)
			return shown(rows, r.contractFromRow), err
		}, options...),
		schedules: dataloadgen.NewMappedLoader(func(ctx context.Context, keys []directory.Version) (map[directory.Version]*generated.Schedule, error) {
			if err := r.also(ctx, directoryModel); err != nil {
				return nil, err
			}
			rows, err := directory.SchedulesByVersion(ctx, r.pool, keys)
			return shown(rows, r.scheduleFromRow), err
		}, options...),
	}
}

type loadersKey struct{}

func (r *Resolver) withLoaders(ctx context.Context) context.Context {
	return context.WithValue(ctx, loadersKey{}, r.newLoaders())
}

// loadersOf returns the loaders of the answer that is being made.
func loadersOf(ctx context.Context) *loaders { return ctx.Value(loadersKey{}).(*loaders) }

// load returns nil where there is nothing under the key.
func load[K comparable, V any](ctx context.Context, loader *dataloadgen.Loader[K, *V], key K) (*V, error) {
	v, err := loader.Load(ctx, key)
	if isNotFound(err) {
		return nil, nil
	}
	return v, err
}

func isNotFound(err error) bool {
	return errors.Is(err, dataloadgen.ErrNotFound) || domain.CodeOf(err) == domain.CodeNotFound || eventstore.CodeOf(err) == eventstore.CodeStreamNotFound
}

// shown turns rows into GraphQL objects.
func shown[K comparable, A, B any](rows map[K]A, show func(A) B) map[K]B {
	objects := make(map[K]B, len(rows))
	for key, row := range rows {
		objects[key] = show(row)
	}
	return objects
}

// keep saves reading an event again that is at hand.
func (l *loaders) keep(recorded eventstore.Recorded) {
	l.events.Prime(domain.Ref{Stream: recorded.Stream, Revision: recorded.Revision}, newLogged(recorded))
}

func newLogged(recorded eventstore.Recorded) logged {
	event, err := eventstore.Decode(recorded)
	return logged{recorded, event, err}
}

// fetchEvents reads events from the log, neighbours together.
func (r *Resolver) fetchEvents(ctx context.Context, refs []domain.Ref) ([]logged, []error) {
	found, errs := make([]logged, len(refs)), make([]error, len(refs))
	order := make([]int, len(refs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(refs[a].Stream, refs[b].Stream), cmp.Compare(refs[a].Revision, refs[b].Revision))
	})
	var reading sync.WaitGroup
	slots := make(chan struct{}, readers)
	for len(order) > 0 {
		n := run(refs, order)
		members := order[:n]
		order = order[n:]
		slots <- struct{}{}
		reading.Go(func() {
			defer func() { <-slots }()
			r.readRun(ctx, refs, members, found, errs)
		})
	}
	reading.Wait()
	return found, errs
}

// run returns how many of the sorted events are near enough for one read.
func run(refs []domain.Ref, order []int) int {
	first := refs[order[0]]
	for n := 1; n < len(order); n++ {
		last, next := refs[order[n-1]], refs[order[n]]
		if next.Stream != first.Stream || next.Revision-last.Revision > widestGap || next.Revision-first.Revision >= longestRun {
			return n
		}
	}
	return len(order)
}

// readRun reads the events of one run and puts each in its place.
func (r *Resolver) readRun(ctx context.Context, refs []domain.Ref, members []int, found []logged, errs []error) {
	first, last := refs[members[0]], refs[members[len(members)-1]]
	byRevision := make(map[uint64]logged, len(members))
	var failed error
	for recorded, err := range r.store.ReadStream(ctx, first.Stream, eventstore.Forwards, first.Revision, last.Revision-first.Revision+1) {
		if err != nil {
			failed = err
			break
		}
		byRevision[recorded.Revision] = newLogged(recorded)
	}
	for _, i := range members {
		l, ok := byRevision[refs[i].Revision]
		switch {
		case ok:
			found[i] = l
		case failed != nil:
			errs[i] = failed
		default:
			errs[i] = &domain.Error{Code: domain.CodeNotFound, Field: "event", Value: eventID(refs[i].Stream, refs[i].Revision), Message: "there is no such event"}
		}
	}
}
