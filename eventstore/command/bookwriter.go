package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

// When the index is moved on: after so many events, after so long, or after so
// many keys were looked up that turned out to need no change.
const (
	flushEvents = 20_000
	flushAfter  = 3 * time.Second
	mostLoaded  = 50_000
)

// bookWriter is the resident writer of one book: one goroutine that owns the
// book's state. Callers queue tickets; see the package comment for its cycle.
type bookWriter struct {
	*appender
	stream   domain.StreamID
	identity eventstore.Identity
	index    *index.Index
	view     *view
	now      func() time.Time
	// ctx ends when an append in flight must be given up; stop is closed before
	// that, when nothing new is begun.
	ctx  context.Context
	stop <-chan struct{}

	queue chan *ticket  // unbuffered: what was sent has been received
	done  chan struct{} // closed when run has returned

	// Owned by run.
	waiting  []*ticket
	rows     *index.Book
	state    *book.State         // nil where the book must be opened first
	stored   index.Header        // what the index stands at
	covered  uint64              // number of events that the index covers
	lastID   uuid.UUID           // of the event before state.Count()
	position eventstore.Position // of that event
	loaded   int                 // keys since the state was last emptied of them
	flushed  time.Time
}

// member is one item of a group.
type member struct {
	*ticket
	at int
}

func (m member) item() *item { return &m.items[m.at] }

// submit queues a ticket. It fails only if the writer stops or ctx ends first:
// then nothing of the ticket was tried.
func (w *bookWriter) submit(ctx context.Context, t *ticket) error {
	select {
	case w.queue <- t:
		return nil
	case <-w.stop:
		return closed()
	case <-ctx.Done():
		return notTried(context.Cause(ctx))
	}
}

// run serves tickets until stop is closed, then moves the index on and returns.
func (w *bookWriter) run() {
	defer close(w.done)
	for w.next() {
		members := w.gather()
		if len(members) > 0 {
			w.serve(members)
		}
		if w.full() || w.unflushed() > 0 && time.Since(w.flushed) > flushAfter {
			w.flush()
		}
	}
	for _, t := range w.waiting {
		t.refuse(closed())
	}
	w.flush()
}

// next waits until there is a ticket, or returns false when the writer stops.
// While it waits, it moves the index on.
func (w *bookWriter) next() bool {
	select {
	case <-w.stop:
		return false
	default:
	}
	if len(w.waiting) > 0 {
		return true
	}
	var idle <-chan time.Time
	if w.unflushed() > 0 {
		timer := time.NewTimer(flushAfter)
		defer timer.Stop()
		idle = timer.C
	}
	for {
		select {
		case t := <-w.queue:
			w.waiting = append(w.waiting, t)
			return true
		case <-idle:
			w.flush()
			idle = nil
		case <-w.stop:
			return false
		}
	}
}

// gather takes the items of the next group from the waiting tickets, in order,
// and more tickets while there is room.
func (w *bookWriter) gather() []member {
	var members []member
	for len(members) < mostEvents {
		if len(w.waiting) == 0 {
			select {
			case t := <-w.queue:
				w.waiting = append(w.waiting, t)
				continue
			default:
				return members
			}
		}
		t := w.waiting[0]
		from, to := t.take(mostEvents - len(members))
		for i := from; i < to; i++ {
			members = append(members, member{t, i})
		}
		if t.over() {
			w.waiting = w.waiting[1:]
		}
	}
	return members
}

// giveBack returns the last members of a group to the front of the queue.
func (w *bookWriter) giveBack(members []member) {
	for i := len(members) - 1; i >= 0; i-- {
		t := members[i].ticket
		t.giveBack(1)
		if len(w.waiting) == 0 || w.waiting[0] != t {
			w.waiting = append([]*ticket{t}, w.waiting...)
		}
	}
}

// refuseAll gives all members the same error.
func refuseAll(members []member, err error) {
	for _, m := range members {
		m.answer(m.at, Reply{Err: err})
	}
}
