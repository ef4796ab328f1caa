package bench

import (
	"context"
	"errors"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

const (
	// largeLog is how many events node-large fills a log with where nothing else is said.
	largeLog = 10_000_000
	// smallLog is what a node holds whose appends are compared with those of the
	// large one, and largeRound how many both append in turn, largeRounds times.
	smallLog    = 100_000
	largeRound  = 50_000
	largeRounds = 8
	// largeStreams is how many streams the large log has.
	largeStreams = 1000
	// largeStarts is how often the node is started over the large log.
	largeStarts = 3
)

// nodeLarge fills a log, starts a node over it, lets it serve reads and appends,
// and compares its appends with those of a small one, in turns.
func (b *bench) nodeLarge(ctx context.Context, r *result) (err error) {
	n := b.config.LargeLog
	large, err := b.startNode(ctx, "node-large")
	defer func() { err = errors.Join(err, b.discardNode(large)) }()
	if err != nil {
		return err
	}
	w := newWriter(b.config.Seed, min(largeStreams, n/groupEvents+nodeBulkCallers))
	took, err := b.fillLarge(ctx, large, w, n)
	if err != nil {
		return err
	}
	r.add("events", float64(n), "")
	r.add("fill_events_per_second", rate(n, took), "/s")
	r.add("peak_memory_filling", float64(large.memory())/(1<<20), "MiB")
	if err := b.startLarge(ctx, r, large); err != nil {
		return err
	}
	size, _, err := directorySize(large.dir)
	if err != nil {
		return err
	}
	r.add("bytes_node", float64(size)/float64(n), "B/event")

	part := min(n, 10*smallLog)
	b.say("node-large: reading %d events, and single ones for %s", part, b.config.Duration/2)
	m, err := b.measure(large.PID, func() error { return catchUp(ctx, large.Store, eventstore.Start, part) })
	if err != nil {
		return err
	}
	r.add("catch_up_events_per_second", rate(part, m.took), "/s")
	answers := &sample{}
	if m, err = observe(large.PID, func() (err error) {
		answers, err = readSingles(ctx, large.Store, w, nodeReaders, b.config.Duration/2)
		return err
	}); err != nil {
		return err
	}
	r.add("single_reads_per_second", rate(answers.total, m.took), "/s")
	r.percentiles("single_read", answers)
	if err := b.compareWithSmall(ctx, r, large, w); err != nil {
		return err
	}
	r.add("peak_memory_serving", float64(large.memory())/(1<<20), "MiB")
	return nil
}

// fillLarge fills the log in tenths, and tells how far it is.
func (b *bench) fillLarge(ctx context.Context, large *node, w *writer, n int) (took time.Duration, err error) {
	const tenths = 10
	for i := range tenths {
		b.say("node-large: %d of %d events", n/tenths*i, n)
		part := n / tenths
		if i == tenths-1 {
			part = n - part*i
		}
		more, err := b.fillNode(ctx, large.Store, w, part)
		if err != nil {
			return 0, err
		}
		took += more
	}
	return took, nil
}

// startLarge measures starts after an orderly stop, and one after a kill.
func (b *bench) startLarge(ctx context.Context, r *result, large *node) error {
	var longest time.Duration
	for range largeStarts {
		if err := large.restart(ctx); err != nil {
			return err
		}
		longest = max(longest, large.took)
	}
	r.add("start", longest.Seconds(), "s")
	if large.Kill != nil {
		running := large.Node
		large.Node = nil
		if err := errors.Join(running.Kill(), large.open(ctx)); err != nil {
			return err
		}
		r.add("start_after_kill", large.took.Seconds(), "s")
	}
	return nil
}

// compareWithSmall lets the large node and a small one append in turns.
func (b *bench) compareWithSmall(ctx context.Context, r *result, large *node, w *writer) (err error) {
	small, err := b.startNode(ctx, "node-small")
	defer func() { err = errors.Join(err, b.discardNode(small)) }()
	if err != nil {
		return err
	}
	few := newWriter(b.config.Seed, len(w.streams))
	if _, err := b.fillNode(ctx, small.Store, few, min(smallLog, b.config.LargeLog)); err != nil {
		return err
	}
	// Both begin alike: just started, and with nothing of what filled them still on
	// its way to the disk.
	if err := errors.Join(small.restart(ctx), large.restart(ctx)); err != nil {
		return err
	}
	settleDisk()
	round := min(largeRound, b.config.LargeLog)
	b.say("node-large: %d rounds of %d events, beside a node of %d", largeRounds, round, min(smallLog, b.config.LargeLog))
	var inLarge, inSmall rounds
	for range largeRounds {
		if err := b.round(ctx, &inSmall, small, few, round); err != nil {
			return err
		}
		if err := b.round(ctx, &inLarge, large, w, round); err != nil {
			return err
		}
	}
	r.add("append_events_per_second", rate(inLarge.events, inLarge.took), "/s")
	r.add("small_append_events_per_second", rate(inSmall.events, inSmall.took), "/s")
	r.add("append_by_small", inSmall.took.Seconds()/max(inLarge.took.Seconds(), 1e-9), "")
	if measurable {
		r.add("append_cpu_node", inLarge.cpu(), "µs/event")
		r.add("small_append_cpu_node", inSmall.cpu(), "µs/event")
	}
	return nil
}

// rounds is what appends to one of two nodes have taken, in turns with the other.
type rounds struct {
	events int
	took   time.Duration
	used   usage
}

func (b *bench) round(ctx context.Context, sum *rounds, n *node, w *writer, events int) error {
	m, err := observe(n.PID, func() error {
		_, err := b.fillNode(ctx, n.Store, w, events)
		return err
	})
	sum.events += events
	sum.took += m.took
	sum.used.other += m.used.other
	return err
}

// cpu is the CPU time of the node for an event, in microseconds.
func (r *rounds) cpu() float64 { return float64(r.used.other.Microseconds()) / float64(r.events) }
