package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rebuildConns is how many connections of the pool a rebuild holds at once: that
// of its snapshot, that of the checkpoint in use and that of the new tables.
const rebuildConns = 3

// RebuildAll rebuilds read models as Rebuild does one, most of the way in one pass
// over the log. config.Model is not used; config.Progress is called from several
// goroutines. The answers stand in the order of the models. One that fails does
// not touch the others; its error is part of the one returned.
func RebuildAll(ctx context.Context, config RebuildConfig, models []Model) ([]Comparison, error) {
	rebuilds := make([]*rebuild, len(models))
	comparisons, errs := make([]Comparison, len(models)), make([]error, len(models))
	for i, model := range models {
		one := config
		one.Model = model
		rebuilds[i] = newRebuild(one)
		errs[i] = rebuilds[i].open(ctx)
	}
	var opened []*rebuild
	for i, r := range rebuilds {
		if errs[i] == nil {
			opened = append(opened, r)
		}
	}
	defer func() {
		for _, r := range opened {
			r.close()
		}
	}()
	if err := together(ctx, opened); err != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = errors.Join(err, rebuilds[i].discard())
			}
		}
	} else {
		var group errgroup.Group
		group.SetLimit(max(1, int(config.Pool.Config().MaxConns)/(2*rebuildConns))) // the other half is a runner's
		for i, r := range rebuilds {
			if errs[i] == nil {
				group.Go(func() error {
					comparisons[i], errs[i] = r.finish(ctx)
					return nil
				})
			}
		}
		_ = group.Wait() // each has its own error
	}
	for i := range errs {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("rebuild %s: %w", rebuilds[i].definition.Name, errs[i])
		}
	}
	return comparisons, errors.Join(errs...)
}

// together builds up to where the first of the tables in use stands. Those that
// have stopped on the way are left out, since theirs may stand far back.
func together(ctx context.Context, rebuilds []*rebuild) error {
	if len(rebuilds) < 2 {
		return nil
	}
	target, err := rebuilds[0].Store.LastPosition(ctx)
	if err != nil {
		return err
	}
	var moving []*rebuild
	for _, r := range rebuilds {
		live, err := r.live(ctx, r.Pool)
		if err != nil {
			return err
		}
		switch {
		case live.Version != r.definition.Version:
		case live.Parked != nil:
			continue
		default:
			target = min(target, live.Position)
		}
		moving = append(moving, r)
	}
	return build(ctx, moving, target)
}

// build projects the log up to a position into the new tables of several read
// models. One that cannot take an event is told so when it is finished.
func build(ctx context.Context, rebuilds []*rebuild, target eventstore.Position) error {
	from := target
	for _, r := range rebuilds {
		from = min(from, r.next.status.Position)
	}
	if from >= target {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan batch, 1)
	group.Go(func() error {
		defer close(batches)
		return decode(ctx, rebuilds[0].Store, from, target, batches)
	})
	group.Go(func() error {
		for b := range batches {
			errs := make([]error, len(rebuilds))
			var wg sync.WaitGroup
			for i, r := range rebuilds {
				wg.Go(func() { errs[i] = r.apply(ctx, b, target) })
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// decode reads the log after a position up to another one, in batches.
func decode(ctx context.Context, store eventstore.Store, from, target eventstore.Position, to chan<- batch) error {
	hand := func(b batch) error {
		select {
		case to <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var b batch
	var decoder readmodel.Decoder
	for record, err := range store.ReadAll(ctx, from) {
		if err != nil {
			return err
		}
		if record.Position > target {
			break
		}
		if !ours(record.Stream) {
			continue
		}
		b.events = append(b.events, decoder.Decode(record))
		b.bytes += len(record.Data) + len(record.Metadata)
		b.position = record.Position
		if b.full() {
			if err := hand(b); err != nil {
				return err
			}
			b = batch{events: make([]readmodel.Event, 0, len(b.events))}
		}
	}
	b.position = target
	return hand(b)
}
