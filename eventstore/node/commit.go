package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// groupBytes and groupAppends bound what shares one flush.
	groupBytes   = 4 << 20
	groupAppends = 1024
	// rememberedHeads bounds the number of streams whose last revision is remembered.
	rememberedHeads = 1 << 16
)

// noStream is the revision of a stream that has no event.
const noStream = int64(-1)

// appendRequest is one append on its way through the commit loop. Its records
// belong to the loop until the answer has been given.
type appendRequest struct {
	stream   string
	expected int64 // noStream or a revision
	records  *recordWriter
	answer   chan appendAnswer // has room for the one answer
}

// appendAnswer is what became of an append. With err nil it is a success or,
// where wrong is set, a refusal because the stream was at revision.
type appendAnswer struct {
	err      error
	wrong    bool
	revision int64  // of the stream's last event, noStream possible
	position uint64 // of the append's last event, 0 where nothing was written
}

// committer is the one writer of the log. Every append passes through its loop,
// one after the other, which is what makes decisions about revisions and the
// order of positions safe without locks.
type committer struct {
	store    *store
	requests chan *appendRequest
	heads    headCache
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

// submit passes an append to the loop and waits for its answer. It waits even
// where the caller has gone, because the loop uses the caller's records.
func (c *committer) submit(ctx context.Context, request *appendRequest) appendAnswer {
	select {
	case c.requests <- request:
	case <-ctx.Done():
		return appendAnswer{err: ctx.Err()}
	case <-c.stopped:
		return appendAnswer{err: errStopped}
	}
	select {
	case answer := <-request.answer:
		return answer
	case <-c.stopped:
		// The loop answers before it stops; what it left in the queue is refused.
		select {
		case answer := <-request.answer:
			return answer
		default:
			return appendAnswer{err: errStopped}
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
	g := group{committer: c, next: c.store.next}
	for {
		if err := c.failureOr(nil); err != nil {
			request.answer <- appendAnswer{err: err}
		} else if !g.take(request) {
			// It depends on what the group is about to write: it begins the next one.
			g.commit()
			g = group{committer: c, next: c.store.next}
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

// head returns the revision of a stream's last durable event.
func (c *committer) head(stream string) (int64, error) {
	if revision, ok := c.heads.get(stream); ok {
		return revision, nil
	}
	revision, ok, err := c.store.head(stream)
	if err != nil {
		return 0, err
	}
	head := noStream
	if ok {
		head = int64(revision)
	}
	c.heads.put(stream, head)
	return head, nil
}

// repeated looks for a request's events in the stream from the expected revision
// on. Where every one stands at its place, it returns the position of the last.
func (c *committer) repeated(request *appendRequest, last int64) (position uint64, ok bool, err error) {
	revision := uint64(request.expected + 1)
	if request.expected+int64(request.records.count) > last {
		return 0, false, nil
	}
	var records cursor
	more := false
	for id := range request.records.ids {
		var found record
		if more {
			if found, more, err = records.next(); err != nil {
				return 0, false, err
			}
		}
		if !more {
			lines, err := c.store.index(request.stream, revision, false, 1)
			if err != nil {
				return 0, false, err
			}
			if len(lines) == 0 {
				return 0, false, fmt.Errorf("revision %d of stream %q is not in the index", revision, request.stream)
			}
			b, err := c.store.at(lines[0].position)
			if err != nil {
				return 0, false, err
			}
			records = b.walk()
			for {
				if found, more, err = records.next(); err != nil {
					return 0, false, err
				}
				if !more {
					return 0, false, &damaged{b.position, fmt.Sprintf("the block lacks revision %d", revision)}
				}
				if found.revision == revision {
					break
				}
			}
		}
		if !bytes.Equal(found.id, id) {
			return 0, false, nil
		}
		position = found.position
		revision++
	}
	return position, true, nil
}

// group is a set of appends that are flushed together.
type group struct {
	committer *committer
	batch     *pebble.Batch
	next      uint64
	bytes     int
	blocks    []*block
	touched   map[string]int64 // streams written by this group: their new last revision
	pending   []pendingAnswer
}

type pendingAnswer struct {
	request *appendRequest
	answer  appendAnswer
}

// take decides one append and adds it to the group. It returns false where the
// decision depends on the group being on disk first.
func (g *group) take(request *appendRequest) bool {
	last, touched := g.touched[request.stream]
	if !touched {
		var err error
		if last, err = g.committer.head(request.stream); err != nil {
			g.settle(request, appendAnswer{err: err})
			return true
		}
	}
	switch {
	case request.expected == last && request.records.count == 0:
		g.settle(request, appendAnswer{revision: last})
	case request.expected == last:
		g.settle(request, g.write(request, uint64(last+1)))
	case request.expected > last || request.records.count == 0:
		g.settle(request, appendAnswer{wrong: true, revision: last})
	case touched:
		return false
	default:
		position, ok, err := g.committer.repeated(request, last)
		switch {
		case err != nil:
			g.settle(request, appendAnswer{err: err})
		case ok:
			g.settle(request, appendAnswer{revision: request.expected + int64(request.records.count), position: position})
		default:
			g.settle(request, appendAnswer{wrong: true, revision: last})
		}
	}
	return true
}

// settle keeps an answer until the group is on disk: even a refusal may rest on
// an append of the same group.
func (g *group) settle(request *appendRequest, answer appendAnswer) {
	g.pending = append(g.pending, pendingAnswer{request, answer})
}

// write adds an append's block and its index line to the batch.
func (g *group) write(request *appendRequest, revision uint64) appendAnswer {
	w := request.records
	created := g.committer.now().UnixNano() / 100
	b := newBlock(request.stream, g.next, revision, created, w.records, w.count, w.last)
	if g.batch == nil {
		g.batch = g.committer.store.db.NewBatch()
	}
	line := entry{revision: revision, count: b.count, position: b.position}
	if err := errors.Join(
		g.batch.Set(blockKey(b.position), b.raw, nil),
		g.batch.Set(streamKey(request.stream, revision), line.value(), nil),
	); err != nil {
		// A batch that is half filled must not be written.
		g.committer.fail(err)
		return appendAnswer{err: err}
	}
	g.next = b.end()
	g.bytes += len(b.raw)
	g.blocks = append(g.blocks, b)
	if g.touched == nil {
		g.touched = make(map[string]int64)
	}
	g.touched[request.stream] = int64(b.lastRevision())
	return appendAnswer{revision: int64(b.lastRevision()), position: b.lastPosition()}
}

// commit flushes the group, makes it visible and answers its callers. Where the
// flush fails, every caller is told so and the node stops writing.
func (g *group) commit() {
	c := g.committer
	if g.batch != nil {
		started := c.now()
		err := c.failureOr(nil)
		if err == nil {
			if err = g.batch.Commit(pebble.Sync); err != nil {
				c.fail(err)
			}
			// Pebble reports the worst failures to its logger only, which called fail.
			err = c.failureOr(nil)
		}
		if err != nil {
			for _, p := range g.pending {
				p.request.answer <- appendAnswer{err: err}
			}
			return
		}
		c.store.next = g.next
		c.store.tail.publish(g.blocks)
		for stream, revision := range g.touched {
			c.heads.put(stream, revision)
		}
		c.metrics.committed(g.blocks, g.bytes, c.now().Sub(started))
		if err := g.batch.Close(); err != nil {
			c.fail(err)
		}
	}
	for _, p := range g.pending {
		p.request.answer <- p.answer
	}
}

// headCache remembers the last revisions of streams used recently, in two
// generations: when the younger is full, the older is forgotten.
type headCache struct {
	young, old map[string]int64
}

func (h *headCache) get(stream string) (int64, bool) {
	if revision, ok := h.young[stream]; ok {
		return revision, true
	}
	revision, ok := h.old[stream]
	if ok {
		h.put(stream, revision)
	}
	return revision, ok
}

func (h *headCache) put(stream string, revision int64) {
	if h.young == nil || len(h.young) >= rememberedHeads/2 {
		h.old, h.young = h.young, make(map[string]int64)
	}
	h.young[stream] = revision
}
