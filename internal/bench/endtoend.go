package bench

import (
	"context"
	"errors"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/eventstore"
)

// endToEnd settles mapped input until the last is visible, under the throttle
// that intake has. The ledger is kept for the scenarios that read.
func (b *bench) endToEnd(ctx context.Context, r *result) error {
	l, err := b.open(ctx, "end-to-end", Need{Projections: true, HTTP: true}, b.load())
	if err != nil {
		return err
	}
	b.filled = l // closed by release
	return b.fill(ctx, l, r, b.config.Settlements)
}

// fill settles n transactions on a fresh ledger and reports everything about it.
func (b *bench) fill(ctx context.Context, l *ledger, r *result, n int) error {
	if b.report.Machine.Postgres == nil {
		settings, err := readSettings(ctx, l.Pool)
		if err != nil {
			return err
		}
		b.report.Machine.Postgres = settings
	}
	before, err := l.stored(ctx)
	if err != nil {
		return err
	}
	b.say("%s: %d settlements, durable and visible", b.now, n)
	stop := l.tap.start(l.Runner)
	m, err := b.measure(postmaster(l.Postgres), func() error {
		return l.during(ctx, func(ctx context.Context) error {
			position, err := l.feed(ctx, 0, n, b.callers(1), l.Throttle)
			if err != nil {
				return err
			}
			return l.Runner.Await(ctx, position)
		})
	})
	stop()
	if err != nil {
		return err
	}
	after, err := l.stored(ctx)
	if err != nil {
		return err
	}
	r.add("settlements_per_second", rate(n, m.took), "/s")
	first, second := l.tap.halves(m.started)
	r.add("first_half", first, "/s")
	r.add("second_half", second, "/s")
	r.percentiles("durable_to_visible", l.tap.spread())
	r.used(m.used, n, true)
	l.input(r)
	r.peak(m.peak, true)
	after.report(r, before, n, true)
	return l.relations(ctx, r, n)
}

// input adds what of the CPU time is the bench's own: making the mapped input,
// which a source would bring.
func (l *ledger) input(r *result) {
	if !measurable {
		return
	}
	const batches = 10
	requests := l.requests(nil, 0, batchSize)
	before := ownCPU()
	for i := range batches {
		requests = l.requests(requests[:0], i*batchSize, batchSize)
	}
	r.add("cpu_own_making_input", float64((ownCPU()-before).Nanoseconds())/1000/(batches*batchSize), "µs/settlement")
}

// durable settles mapped input with nobody following the log.
func (b *bench) durable(ctx context.Context, r *result) (err error) {
	l, err := b.open(ctx, "durable", Need{}, b.load())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	n := b.config.Settlements
	before, err := l.stored(ctx)
	if err != nil {
		return err
	}
	b.say("durable: %d settlements", n)
	m, err := b.measure(0, func() error {
		return l.during(ctx, func(ctx context.Context) error {
			position, err := l.feed(ctx, 0, n, b.callers(1), collect.Unlimited{})
			if err == nil && position == eventstore.Start {
				err = errors.New("nothing was settled")
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	after, err := l.stored(ctx)
	if err != nil {
		return err
	}
	r.add("settlements_per_second", rate(n, m.took), "/s")
	r.used(m.used, n, false)
	l.input(r)
	r.peak(m.peak, false)
	after.report(r, before, n, false)
	return nil
}
