package bench

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// memoryMark is after how many settlements memory is looked at first.
const memoryMark = 100_000

// memory compares what the process holds resident after the first settlements
// and at the end: state must not grow with history.
func (b *bench) memory(ctx context.Context, r *result) (err error) {
	l, err := b.open(ctx, "memory", Need{Projections: true, HTTP: true}, b.load())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	n := b.config.Settlements
	mark := min(memoryMark, n/2)
	b.say("memory: %d settlements", mark)
	early, err := b.residentAfter(ctx, l, 0, mark)
	if err != nil {
		return err
	}
	b.say("memory: %d more", n-mark)
	late, err := b.residentAfter(ctx, l, mark, n-mark)
	if err != nil {
		return err
	}
	const mebi = 1 << 20
	r.add("settlements_at_mark", float64(mark), "")
	r.add("settlements_at_end", float64(n), "")
	for _, at := range []struct {
		when string
		held
	}{{"mark", early}, {"end", late}} {
		r.add("busy_at_"+at.when, float64(at.busy)/mebi, "MiB")
		r.add("quiet_at_"+at.when, float64(at.quiet)/mebi, "MiB")
		r.add("live_heap_at_"+at.when, float64(at.heap)/mebi, "MiB")
	}
	r.add("growth", float64(late.quiet-early.quiet)/mebi, "MiB")
	r.add("growth_of_live_heap", float64(late.heap-early.heap)/mebi, "MiB")
	return nil
}

// held is what the process holds: highest under load, resident once it is quiet,
// and live on the Go heap.
type held struct{ busy, quiet, heap int64 }

func (b *bench) residentAfter(ctx context.Context, l *ledger, from, n int) (h held, err error) {
	m, err := b.measure(0, func() error {
		return l.during(ctx, func(ctx context.Context) error {
			position, err := l.feed(ctx, from, n, b.callers(1), l.Throttle)
			if err != nil {
				return err
			}
			return l.Runner.Await(ctx, position)
		})
	})
	if err != nil {
		return h, err
	}
	h.busy = m.peak.own
	h.quiet, err = quietMemory(ctx, min(3*time.Second, b.config.Duration))
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	h.heap = int64(stats.HeapAlloc)
	return h, err
}

const (
	quietTicks   = 6  // without a fall, and the process is quiet
	longestQuiet = 60 // ticks to wait at most
	quietFall    = 1 << 20
)

// quietMemory waits until the resident memory has not fallen for a window and
// returns it. The collections stand for those that the runtime makes of a quiet
// process every two minutes; giving memory back is left to the runtime's pace.
func quietMemory(ctx context.Context, window time.Duration) (int64, error) {
	runtime.GC()
	runtime.GC()
	beat := time.NewTicker(window / quietTicks)
	defer beat.Stop()
	lowest, still := ownMemory(), 0
	for range longestQuiet {
		select {
		case <-beat.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		now := ownMemory()
		if still++; now < lowest-quietFall {
			still = 0
		}
		lowest = min(lowest, now)
		if still == quietTicks {
			break
		}
	}
	return ownMemory(), nil
}
