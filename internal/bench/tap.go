package bench

import (
	"context"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

// durable is an append to a book that has returned: its events are on disk.
type durable struct {
	position eventstore.Position // of the last of them
	events   int
	at       time.Time
}

// lag is how long events took from durable to visible.
type lag struct {
	took    time.Duration
	events  int
	visible time.Time
}

// tap notes when settlements became durable, and when visible. It is safe for
// concurrent use; between start and stop it keeps some 60 bytes per append.
type tap struct {
	mu      sync.Mutex
	on      bool
	waiting []durable // not yet known to be visible, in order
	wake    chan struct{}
	lags    []lag
	appends int
	events  int
}

// tapped is a store that tells its tap of appends to books.
type tapped struct {
	eventstore.Store

	tap *tap
}

// Append implements eventstore.Store.
func (t tapped) Append(ctx context.Context, stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) (eventstore.Appended, error) {
	appended, err := t.Store.Append(ctx, stream, expected, events...)
	if err == nil {
		if category, _ := stream.Split(); category == book.Category {
			t.tap.note(durable{appended.Position, len(events), time.Now()})
		}
	}
	return appended, err
}

func (t *tap) note(d durable) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		return
	}
	t.appends++
	t.events += d.events
	if t.wake == nil { // nobody follows
		return
	}
	t.waiting = append(t.waiting, d)
	select {
	case t.wake <- struct{}{}:
	default: // it is awake
	}
}

// visibility is how far the read models are; a runner is one.
type visibility interface {
	Visible() eventstore.Position
	Await(ctx context.Context, position eventstore.Position) error
}

// start begins to note, forgetting what was noted before. With a visibility, it
// also follows what becomes visible until stop, which must be called.
func (t *tap) start(of visibility) (stop func()) {
	t.mu.Lock()
	t.on, t.waiting, t.lags, t.appends, t.events, t.wake = true, nil, nil, 0, 0, nil
	if of != nil {
		t.wake = make(chan struct{}, 1)
	}
	wake := t.wake
	t.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	if of != nil {
		following.Go(func() { t.follow(ctx, of, wake) })
	}
	return func() {
		cancel()
		following.Wait()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.on = false
	}
}

func (t *tap) follow(ctx context.Context, of visibility, wake <-chan struct{}) {
	for {
		t.mu.Lock()
		var next eventstore.Position
		if len(t.waiting) > 0 {
			next = t.waiting[0].position
		}
		t.mu.Unlock()
		if next == eventstore.Start {
			select {
			case <-wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if of.Await(ctx, next) != nil {
			return
		}
		t.seen(of.Visible(), time.Now())
	}
}

func (t *tap) seen(visible eventstore.Position, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.waiting) && t.waiting[n].position <= visible {
		d := t.waiting[n]
		// It may be seen before the append has returned to us.
		t.lags = append(t.lags, lag{max(0, now.Sub(d.at)), d.events, now})
		n++
	}
	t.waiting = t.waiting[n:]
}

// spread returns the lags of what became visible, one sample per append.
func (t *tap) spread() *sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &sample{}
	for _, l := range t.lags {
		s.add(l.took, l.events)
	}
	return s
}

// halves returns the rates, in settlements per second, at which the first and the
// second half became visible since a moment: a sustained rate has equal halves.
func (t *tap) halves(since time.Time) (first, second float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for _, l := range t.lags {
		total += l.events
	}
	seen := 0
	for i, l := range t.lags {
		if seen += l.events; seen >= total/2 {
			end := t.lags[len(t.lags)-1].visible
			return rate(seen, l.visible.Sub(since)), rate(total-seen, end.Sub(t.lags[i].visible))
		}
	}
	return 0, 0
}
