package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// groupBytes and groupAppends bound what shares one flush.
	groupBytes   = 4 << 20
	groupAppends = 1024
)

// What a writer may expect of a stream instead of a revision.
const (
	noStream     = int64(-1) // also the revision of a stream that has no event
	anyRevision  = int64(-2)
	streamExists = int64(-4)
)

// operation is what a request does to its stream.
type operation uint8

const (
	opAppend    operation = iota
	opDelete              // until somebody appends again
	opTombstone           // for good
)

// appendRequest is one append, deletion or tombstone on its way through the commit
// loop. Its records belong to the loop until the answer has been given.
type appendRequest struct {
	stream    string
	expected  int64 // a revision, noStream, anyRevision or streamExists
	operation operation
	records   *recordWriter
	answer    chan<- answered // must have room for the answer
	received  time.Time       // whole
}

// answered is a request with what became of it.
type answered struct {
	request *appendRequest
	appendAnswer
}

// appendAnswer is what became of a request. With err nil it is a success or, where
// wrong or deleted is set, a refusal because the stream was at revision or deleted.
type appendAnswer struct {
	err      error
	wrong    bool
	deleted  bool
	revision int64  // of the stream's last event, noStream possible
	position uint64 // of the request's last event, 0 where none was written or can be seen
}

// committer is the one writer of the log. Every append passes through its loop,
// one after the other, which is what makes decisions about revisions and the
// order of positions safe without locks.
type committer struct {
	store    *store
	requests chan *appendRequest
	states   stateCache
	recent   recentIDs
	groups   uint64 // number of the newest group, from 1
	now      func() time.Time
	metrics  *metrics

	stopOnce sync.Once
	stop     chan struct{}
	stopped  chan struct{}

	failOnce sync.Once
	failed   chan struct{}
	failure  error
}

func newCommitter(s *store, m *metrics) *committer {
	return &committer{
		store: s, metrics: m, now: time.Now,
		requests: make(chan *appendRequest, groupAppends),
		stop:     make(chan struct{}), stopped: make(chan struct{}), failed: make(chan struct{}),
	}
}

// errStopped answers appends that reach a node on its way down.
var errStopped = errors.New("the node is shutting down")

// errTimeout answers an append that was not on disk in time. It may still get there.
var errTimeout = errors.New("operation timed out")

// submit passes a request to the loop and waits for its answer, which comes
// through answers, the request's own channel. It stops waiting at the caller's
// deadline with errTimeout, or with the context's error where the caller has gone.
// abandoned says that the request's records still belong to the loop.
func (c *committer) submit(ctx context.Context, request *appendRequest, answers <-chan answered) (answer appendAnswer, abandoned bool) {
	gone := func() appendAnswer {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return appendAnswer{err: errTimeout}
		}
		return appendAnswer{err: ctx.Err()}
	}
	request.received = time.Now()
	select {
	case c.requests <- request:
	case <-ctx.Done():
		return gone(), false
	case <-c.stopped:
		return appendAnswer{err: errStopped}, false
	}
	select {
	case a := <-answers:
		return a.appendAnswer, false
	case <-ctx.Done():
		return gone(), true
	case <-c.stopped:
		// The loop answers before it stops; what it left in the queue is refused.
		select {
		case a := <-answers:
			return a.appendAnswer, false
		default:
			return appendAnswer{err: errStopped}, false
		}
	}
}

// fail stops all writing for good: nobody knows any more what is on disk.
func (c *committer) fail(err error) {
	c.failOnce.Do(func() {
		c.failure = err
		close(c.failed)
	})
}

// failureOr returns why writing has stopped, or err where it has not.
func (c *committer) failureOr(err error) error {
	select {
	case <-c.failed:
		return fmt.Errorf("the node takes no more writes since one failed: %w", c.failure)
	default:
		return err
	}
}

// run is the loop. It ends after shutdown, when what was queued has been answered.
func (c *committer) run() {
	defer close(c.stopped)
	for {
		select {
		case request := <-c.requests:
			c.gather(request)
		case <-c.stop:
			for {
				select {
				case request := <-c.requests:
					c.gather(request)
				default:
					return
				}
			}
		}
	}
}

// shutdown ends the loop after what is queued and waits for it.
func (c *committer) shutdown() {
	c.stopOnce.Do(func() { close(c.stop) })
	<-c.stopped
}

// gather commits a request together with others that are waiting.
func (c *committer) gather(request *appendRequest) {
	g := c.newGroup()
	for {
		if err := c.failureOr(nil); err != nil {
			request.answer <- answered{request, appendAnswer{err: err}}
		} else if !g.take(request) {
			// It depends on what the group is about to write: it begins the next one.
			g.commit()
			g = c.newGroup()
			continue
		}
		if g.bytes >= groupBytes || len(g.pending) >= groupAppends {
			break
		}
		select {
		case request = <-c.requests:
			continue
		default:
		}
		break
	}
	g.commit()
}
