package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

const (
	// nodeBulkCallers append at once where appends are large.
	nodeBulkCallers = 8
	// nodeSingleCallers append at once where appends are single events.
	nodeSingleCallers = 64
)

// nodeAppend appends in groups of 500, and writes the same bytes to Pebble alone
// and to a plain file before and after, so that drift of the machine counts for both.
func (b *bench) nodeAppend(ctx context.Context, r *result) (err error) {
	n, callers := b.config.Settlements, b.callers(nodeBulkCallers)
	store, err := b.startNode(ctx, "node-append")
	defer func() { err = errors.Join(err, b.discardNode(store)) }()
	if err != nil {
		return err
	}
	w := newWriter(b.config.Seed, callers)
	// A node that has just started answers its first appends slowly.
	if _, err := w.append(ctx, store.Store, callers, budget(max(groupEvents, n/10), groupEvents)); err != nil {
		return err
	}
	before, err := b.alone(ctx, n)
	if err != nil {
		return err
	}
	small, _, err := directorySize(store.dir)
	if err != nil {
		return err
	}
	b.say("node-append: %d events, %d callers", n, callers)
	var answers *sample
	bulk, err := b.measure(store.PID, func() (err error) {
		answers, err = w.append(ctx, store.Store, callers, budget(n, groupEvents))
		return err
	})
	if err != nil {
		return err
	}
	large, wal, err := directorySize(store.dir)
	if err != nil {
		return err
	}
	b.say("node-append: %d events, one caller", n)
	var oneAnswers *sample
	one, err := observe(store.PID, func() (err error) {
		oneAnswers, err = w.append(ctx, store.Store, 1, budget(n, groupEvents))
		return err
	})
	if err != nil {
		return err
	}
	after, err := b.alone(ctx, n)
	if err != nil {
		return err
	}
	pebble, plain := rate(2*n, before.pebble+after.pebble), rate(2*n, before.plain+after.plain)
	r.add("callers", float64(callers), "")
	r.add("events_per_second", rate(n, bulk.took), "/s")
	r.percentiles("append", answers)
	r.usedByNode(bulk.used, n)
	r.add("one_caller_events_per_second", rate(n, one.took), "/s")
	r.percentiles("one_caller_append", oneAnswers)
	r.add("pebble_alone_events_per_second", pebble, "/s")
	r.add("plain_file_events_per_second", plain, "/s")
	r.add("by_pebble_alone", rate(n, bulk.took)/pebble, "")
	r.add("by_plain_file", rate(n, bulk.took)/plain, "")
	r.add("bytes_node", float64(large-small)/float64(n), "B/event")
	r.add("bytes_node_wal_at_end", float64(wal)/(1<<20), "MiB")
	r.add("peak_memory_node", float64(store.memory())/(1<<20), "MiB")
	return nil
}

// alone is how long the same bytes took in groups of 500, each flushed, in Pebble
// and in a file.
type alone struct{ pebble, plain time.Duration }

func (b *bench) alone(ctx context.Context, n int) (a alone, err error) {
	facts := newFacts(b.config.Seed)
	write := func(set func([]byte) error) (took time.Duration, err error) {
		var events facing
		var bytes []byte
		started := time.Now()
		for from := 0; from < n; from += groupEvents {
			facts.fill(&events, uint64(from), min(groupEvents, n-from))
			bytes = value(bytes[:0], events.events)
			if err := errors.Join(set(bytes), ctx.Err()); err != nil {
				return 0, err
			}
		}
		return time.Since(started), nil
	}
	if err := b.inPebble(func(set func([]byte) error) (err error) {
		a.pebble, err = write(set)
		return err
	}); err != nil {
		return a, err
	}
	f, err := os.CreateTemp(b.config.Dir, "plain-")
	if err != nil {
		return a, fmt.Errorf("write a plain file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	a.plain, err = write(func(bytes []byte) error {
		_, err := f.Write(bytes)
		return errors.Join(err, flushFile(f))
	})
	return a, err
}

// nodeSingle appends single events: with many callers, then with one, and measures
// flushes before and after the latter.
func (b *bench) nodeSingle(ctx context.Context, r *result) (err error) {
	callers := b.callers(nodeSingleCallers)
	store, err := b.startNode(ctx, "node-single")
	defer func() { err = errors.Join(err, b.discardNode(store)) }()
	if err != nil {
		return err
	}
	w := newWriter(b.config.Seed, callers)
	if _, err := w.append(ctx, store.Store, callers, during(b.config.Duration/10)); err != nil {
		return err
	}
	b.say("node-single: %d callers for %s", callers, b.config.Duration/2)
	var answers *sample
	m, err := b.measure(store.PID, func() (err error) {
		answers, err = w.append(ctx, store.Store, callers, during(b.config.Duration/2))
		return err
	})
	if err != nil {
		return err
	}
	r.add("callers", float64(callers), "")
	r.add("events_per_second", rate(answers.total, m.took), "/s")
	r.percentiles("append", answers)
	r.usedByNode(m.used, answers.total)

	b.say("node-single: one caller for %s", b.config.Duration/2)
	flush, err := flushes(b.config.Dir, b.flushTime())
	if err != nil {
		return err
	}
	one := &sample{}
	m, err = observe(store.PID, func() (err error) {
		one, err = w.append(ctx, store.Store, 1, during(b.config.Duration/2))
		return err
	})
	if err != nil {
		return err
	}
	again, err := flushes(b.config.Dir, b.flushTime())
	if err != nil {
		return err
	}
	flush.join(again)
	r.add("one_caller_events_per_second", rate(one.total, m.took), "/s")
	r.percentiles("one_caller_append", one)
	r.add("flush_p50", milliseconds(flush.at(0.5)), "ms")
	r.add("one_caller_less_flush_p50", milliseconds(one.at(0.5)-flush.at(0.5)), "ms")
	return nil
}

// fillNode appends so many events in groups of 500.
func (b *bench) fillNode(ctx context.Context, store eventstore.Store, w *writer, n int) (time.Duration, error) {
	started := time.Now()
	_, err := w.append(ctx, store, min(nodeBulkCallers, len(w.streams)), budget(n, groupEvents))
	return time.Since(started), err
}
