package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/eventstore"
)

const (
	// nodePasses is how often the whole log is read, from a node that has just
	// started each time.
	nodePasses = 3
	// nodeReaders read single events at once.
	nodeReaders = 16
)

// nodeRead reads a log of a node that holds nothing of it in memory: all of it, as
// a subscription that catches up and as a read, and single events.
func (b *bench) nodeRead(ctx context.Context, r *result) (err error) {
	n := b.config.Settlements
	store, err := b.startNode(ctx, "node-read")
	defer func() { err = errors.Join(err, b.discardNode(store)) }()
	if err != nil {
		return err
	}
	w := newWriter(b.config.Seed, nodeBulkCallers)
	if _, err := b.fillNode(ctx, store.Store, w, n); err != nil {
		return err
	}
	b.say("node-read: %d passes over %d events", nodePasses, n)
	var took time.Duration
	var used usage
	for range nodePasses {
		if err := store.restart(ctx); err != nil {
			return err
		}
		m, err := b.measure(store.PID, func() error { return catchUp(ctx, store.Store, eventstore.Start, n) })
		if err != nil {
			return err
		}
		took += m.took
		used.own, used.other = used.own+m.used.own, used.other+m.used.other
	}
	r.add("catch_up_events_per_second", rate(nodePasses*n, took), "/s")
	r.usedByNode(used, nodePasses*n)
	if err := store.restart(ctx); err != nil {
		return err
	}
	m, err := observe(store.PID, func() error { return readWhole(ctx, store.Store, n) })
	if err != nil {
		return err
	}
	r.add("read_events_per_second", rate(n, m.took), "/s")
	b.say("node-read: single events for %s", b.config.Duration/2)
	if err := store.restart(ctx); err != nil {
		return err
	}
	answers := &sample{}
	if m, err = observe(store.PID, func() (err error) {
		answers, err = readSingles(ctx, store.Store, w, nodeReaders, b.config.Duration/2)
		return err
	}); err != nil {
		return err
	}
	r.add("single_reads_per_second", rate(answers.total, m.took), "/s")
	r.percentiles("single_read", answers)
	r.add("peak_memory_node", float64(store.memory())/(1<<20), "MiB")
	return nil
}

// catchUp follows the log after a position until it has seen n events of writers.
func catchUp(ctx context.Context, store eventstore.Store, after eventstore.Position, n int) (err error) {
	follow, err := store.Subscribe(ctx, eventstore.Filter{StreamPrefixes: []string{nodeStreams}}, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, follow.Close()) }()
	for seen := 0; seen < n; {
		message, err := follow.Next(ctx)
		if err != nil {
			return err
		}
		if message.Event != nil {
			seen++
		}
	}
	return nil
}

func readWhole(ctx context.Context, store eventstore.Store, want int) error {
	seen := 0
	for e, err := range store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return err
		}
		if _, ok := number(e.Data); ok {
			seen++
		}
	}
	if seen != want {
		return fmt.Errorf("the log holds %d of %d events", seen, want)
	}
	return nil
}

// readSingles reads events at random places of what a writer has written.
func readSingles(ctx context.Context, store eventstore.Store, w *writer, readers int, long time.Duration) (*sample, error) {
	samples := make([]sample, readers)
	group, ctx := errgroup.WithContext(ctx)
	take := during(long)
	for reader := range readers {
		group.Go(func() error {
			random := rand.New(rand.NewPCG(w.facts.load.seed, uint64(reader))) //nolint:gosec // not for secrets
			for take() > 0 {
				stream := w.streams[random.IntN(len(w.streams))]
				if stream.count == 0 {
					continue
				}
				revision := random.Uint64N(stream.count)
				began, found := time.Now(), false
				for e, err := range store.ReadStream(ctx, stream.name, eventstore.Forwards, revision, 1) {
					if err != nil {
						return err
					}
					found = e.Revision == revision
				}
				if !found {
					return fmt.Errorf("revision %d of %s is not there", revision, stream.name)
				}
				samples[reader].add(time.Since(began), 1)
			}
			return nil
		})
	}
	err := group.Wait()
	all := &sample{}
	for i := range samples {
		all.join(&samples[i])
	}
	return all, err
}

const (
	// liveRate is how many events per second nodeLive appends unless told otherwise.
	liveRate = 10_000
	// liveTick is how often events arrive, all of one tick in one append.
	liveTick = 5 * time.Millisecond
	// liveStreams bounds the appends under way.
	liveStreams = 16
)

// nodeLive lets events arrive at a fixed rate, whether or not those before are
// durable, and measures from when each was due until a subscription has it.
func (b *bench) nodeLive(ctx context.Context, r *result) (err error) {
	store, err := b.startNode(ctx, "node-live")
	defer func() { err = errors.Join(err, b.discardNode(store)) }()
	if err != nil {
		return err
	}
	perSecond := b.config.Rate
	if perSecond == 0 {
		perSecond = liveRate
	}
	w := newWriter(b.config.Seed, liveStreams)
	if _, err := b.fillNode(ctx, store.Store, w, 10*groupEvents); err != nil {
		return err
	}
	follow, err := store.Store.Subscribe(ctx, eventstore.Filter{StreamPrefixes: []string{nodeStreams}}, eventstore.Start)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, follow.Close()) }()
	for caughtUp := false; !caughtUp; {
		message, err := follow.Next(ctx)
		if err != nil {
			return err
		}
		caughtUp = message.CaughtUp
	}
	b.say("node-live: %.0f events per second for %s", perSecond, b.config.Duration)
	l := &live{writer: w, due: map[uint64]time.Time{}, delivered: &sample{}}
	m, err := b.measure(store.PID, func() error { return l.run(ctx, store.Store, follow, perSecond, b.config.Duration) })
	if err != nil {
		return err
	}
	r.add("asked_per_second", perSecond, "/s")
	r.add("events_per_second", rate(l.delivered.total, m.took), "/s")
	r.percentiles("delivered", l.delivered)
	r.usedByNode(m.used, l.delivered.total)
	return nil
}

// live is one run of nodeLive.
type live struct {
	writer *writer

	mu  sync.Mutex
	due map[uint64]time.Time // by the number of an append's first event

	// The receiver's alone until run returns.
	last      time.Time // when the event last received was due
	delivered *sample
}

// run appends for a while and returns when everything has been delivered.
func (l *live) run(ctx context.Context, store eventstore.Store, follow eventstore.Subscription, perSecond float64, long time.Duration) error {
	group, ctx := errgroup.WithContext(ctx)
	total := make(chan int, 1)
	group.Go(func() error {
		n, err := l.arrive(ctx, store, perSecond, long)
		total <- n
		return err
	})
	group.Go(func() error { return l.receive(ctx, follow, total) })
	return group.Wait()
}

// arrive appends at a rate and returns how many events it has appended.
func (l *live) arrive(ctx context.Context, store eventstore.Store, perSecond float64, long time.Duration) (sent int, err error) {
	free := make(chan *written, len(l.writer.streams))
	for i := range l.writer.streams {
		free <- &l.writer.streams[i]
	}
	group, ctx := errgroup.WithContext(ctx)
	beat := time.NewTicker(liveTick)
	defer beat.Stop()
	for started := time.Now(); time.Since(started) < long && ctx.Err() == nil; {
		select {
		case <-beat.C:
		case <-ctx.Done():
			continue
		}
		due := time.Now()
		n := min(groupEvents, int(perSecond*due.Sub(started).Seconds())-sent)
		if n <= 0 {
			continue
		}
		sent += n
		from := uint64(l.writer.next.Add(int64(n))) - uint64(n)
		l.mu.Lock()
		l.due[from] = due
		l.mu.Unlock()
		group.Go(func() error {
			var stream *written
			select {
			case stream = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			defer func() { free <- stream }()
			var events facing
			l.writer.facts.fill(&events, from, n)
			return stream.append(ctx, store, events.events)
		})
	}
	if err := group.Wait(); err != nil {
		return sent, err
	}
	if sent == 0 {
		return 0, errors.New("nothing was appended in time: give a longer --duration or a higher --rate")
	}
	return sent, nil
}

// receive notes when events are delivered, until it has had as many as total says
// in the end.
func (l *live) receive(ctx context.Context, follow eventstore.Subscription, total <-chan int) error {
	for want := -1; want < 0 || l.delivered.total < want; {
		// From time to time it looks whether that was all.
		if err := l.receiveFor(ctx, follow, 50*time.Millisecond); err != nil {
			return err
		}
		select {
		case want = <-total:
		default:
		}
	}
	return nil
}

func (l *live) receiveFor(ctx context.Context, follow eventstore.Subscription, long time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	for {
		message, err := follow.Next(bounded)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && bounded.Err() != nil:
			return nil
		case err != nil:
			return err
		case message.Event == nil:
			continue
		}
		n, ok := number(message.Event.Data)
		if !ok {
			continue
		}
		l.mu.Lock()
		// Events of one append follow each other; the first says when all were due.
		if due, first := l.due[n]; first {
			l.last = due
			delete(l.due, n)
		}
		l.mu.Unlock()
		l.delivered.add(time.Since(l.last), 1)
	}
}
