package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/collect"
)

// pacedTick is how often transactions arrive, all of one tick together.
const pacedTick = 10 * time.Millisecond

// pacedInFlight is how many ticks may wait for their answers at a time.
const pacedInFlight = 64

// paced settles at a fixed rate, half of the highest unless one is given, and
// measures how long it takes until each can be seen.
func (b *bench) paced(ctx context.Context, r *result) (err error) {
	l, err := b.open(ctx, "paced", Need{Projections: true}, b.load())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	perSecond, from, err := b.pace(ctx, l)
	if err != nil {
		return err
	}
	before, err := l.stored(ctx)
	if err != nil {
		return err
	}
	b.say("paced: %.0f settlements per second for %s", perSecond, b.config.Duration)
	stop := l.tap.start(l.Runner)
	var answers *sample
	m, err := b.measure(postmaster(l.Postgres), func() error {
		return l.during(ctx, func(ctx context.Context) (err error) {
			answers, err = l.arrive(ctx, from, perSecond, b.config.Duration)
			return err
		})
	})
	if err == nil {
		err = l.catchUp(ctx)
	}
	stop()
	if err != nil {
		return err
	}
	after, err := l.stored(ctx)
	if err != nil {
		return err
	}
	r.add("asked_per_second", perSecond, "/s")
	r.add("settlements_per_second", rate(answers.total, m.took), "/s")
	r.percentiles("arrived_to_durable", answers)
	r.percentiles("durable_to_visible", l.tap.spread())
	r.used(m.used, answers.total, true)
	after.report(r, before, answers.total, true)
	return nil
}

// pace is the rate to keep, and the first transaction that is still free.
func (b *bench) pace(ctx context.Context, l *ledger) (perSecond float64, from int, err error) {
	if b.config.Rate > 0 {
		return b.config.Rate, 0, nil
	}
	if highest, found := b.report.find("end-to-end", "settlements_per_second"); found {
		return highest / 2, 0, nil
	}
	n := max(1, b.config.Settlements/2)
	b.say("paced: %d settlements to find the highest rate", n)
	started := time.Now()
	err = l.during(ctx, func(ctx context.Context) error {
		position, err := l.feed(ctx, 0, n, b.callers(1), l.Throttle)
		if err != nil {
			return err
		}
		return l.Runner.Await(ctx, position)
	})
	return rate(n, time.Since(started)) / 2, n, err
}

// arrive lets transactions arrive at a rate, whether or not those before are
// settled. The sample holds how long each took from the moment it was due until
// it was durable and answered: one that had to wait for its turn waited.
func (l *ledger) arrive(ctx context.Context, from int, perSecond float64, during time.Duration) (*sample, error) {
	answers := &sample{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(pacedInFlight)
	started := time.Now()
	beat := time.NewTicker(pacedTick)
	defer beat.Stop()
	sent := 0
	for time.Since(started) < during && ctx.Err() == nil {
		select {
		case <-beat.C:
		case <-ctx.Done():
			continue
		}
		due := time.Now()
		n := int(perSecond*due.Sub(started).Seconds()) - sent
		if n <= 0 {
			continue
		}
		requests := l.requests(nil, from+sent, n)
		sent += n
		group.Go(func() error {
			if _, err := l.settle(ctx, requests, collect.Unlimited{}); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			answers.add(time.Since(due), n)
			return nil
		})
	}
	err := group.Wait()
	if err == nil && answers.total == 0 {
		err = errors.New("nothing was settled in time: give a longer --duration or a higher --rate")
	}
	return answers, err
}
