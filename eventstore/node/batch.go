package node

import (
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// batchesPerCall bounds the batches of one call that have no answer yet.
	batchesPerCall = 1024
	// batchHold times the limit of one append is how many bytes of records one call
	// may hold before no more is read from it. A record takes at most 14 times what its
	// event counts towards that limit, so that every single batch has room.
	batchHold = 16
)

// batch is one append on its way in.
type batch struct {
	id       correlation
	stream   *shared.StreamIdentifier
	request  *appendRequest
	deadline time.Time
	late     bool // its deadline has passed and been answered
}

// batchCall is one BatchAppend call. All of it belongs to the call's own goroutine
// but for the receiver, which hands over one message after the other.
//
// What a call holds is bounded: while it has too many batches without an answer, or
// too many bytes of them, it takes no message, and gRPC's flow control holds the
// sender back. Every batch leaves at its deadline at the latest, so that this cannot
// last.
type batchCall struct {
	server    *server
	stream    streams.Streams_BatchAppendServer
	message   batchMessage
	open      map[uuid.UUID]*batch      // unfinished
	committed map[*appendRequest]*batch // finished, and in the committer's hands or about to be
	queue     []*appendRequest          // what the committer has not taken yet
	answers   chan answered
	bytes     int // of all their records
	waiting   int // batches without an answer
	ended     bool
	timer     *time.Timer
	wake      time.Time // when the timer rings; zero where it does not
}

// writerPool has the writers of batches.
var writerPool = sync.Pool{New: func() any { return new(recordWriter) }}

// received is what the receiver hands over.
type received struct {
	frame *frame
	err   error
}

// BatchAppend takes any number of appends, which may be in flight together, and
// answers each when it is on disk. An error in one of them does not end the call.
func (s *server) BatchAppend(stream streams.Streams_BatchAppendServer) error {
	c := &batchCall{
		server: s, stream: stream,
		open: make(map[uuid.UUID]*batch), committed: make(map[*appendRequest]*batch),
		answers: make(chan answered, batchesPerCall), timer: time.NewTimer(time.Hour),
	}
	c.timer.Stop()
	defer c.timer.Stop()
	done := make(chan struct{})
	defer close(done)
	incoming, free := make(chan received), make(chan *frame, 2)
	free <- new(frame)
	free <- new(frame)
	go receiveBatches(stream, incoming, free, done)
	return c.run(incoming, free)
}

// receiveBatches reads a call's messages until it ends.
func receiveBatches(stream streams.Streams_BatchAppendServer, incoming chan<- received, free <-chan *frame, done <-chan struct{}) {
	for {
		var f *frame
		select {
		case f = <-free:
		case <-done:
			return
		}
		err := stream.RecvMsg(f)
		select {
		case incoming <- received{f, err}:
		case <-done:
			return
		}
		if err != nil {
			return
		}
	}
}

func (c *batchCall) run(incoming <-chan received, free chan<- *frame) error {
	committer, drain := c.server.committer, c.server.drain
	var leaving error
	for {
		if c.waiting == 0 && (c.ended || leaving != nil) {
			return leaving
		}
		ready := incoming
		if c.ended || leaving != nil || len(c.queue) > 0 ||
			len(c.open)+len(c.committed) >= batchesPerCall || c.bytes >= batchHold*c.server.limits.appendBytes {
			ready = nil
		}
		var requests chan<- *appendRequest
		var first *appendRequest
		if len(c.queue) > 0 {
			requests, first = committer.requests, c.queue[0]
		}
		var err error
		select {
		case m := <-ready:
			if err = c.receive(m); err == nil && !c.ended {
				if cap(m.frame.data) > keepBytes {
					m.frame = new(frame)
				}
				free <- m.frame
			}
		case requests <- first:
			c.queue = slices.Delete(c.queue, 0, 1)
		case a := <-c.answers:
			err = c.answer(a)
		case <-c.timer.C:
			err = c.expire(time.Now())
		case <-drain:
			// What is in flight is answered; what is unfinished never will be.
			drain, leaving = nil, errShutdown
			for _, b := range c.open {
				c.drop(b)
			}
		case <-committer.stopped:
			return errShutdown
		case <-c.stream.Context().Done():
			return c.stream.Context().Err()
		}
		if err != nil {
			return err
		}
	}
}

func (c *batchCall) receive(m received) error {
	if errors.Is(m.err, io.EOF) {
		c.ended = true
		return nil
	}
	if m.err != nil {
		return m.err
	}
	if err := c.message.parse(m.frame.data); err != nil {
		return err
	}
	b := c.open[c.message.id.id]
	if b == nil && c.message.options != nil {
		var err error
		if b, err = c.begin(); err != nil {
			return err
		}
	}
	if b == nil {
		return nil // the rest of a batch that has been refused
	}
	w := b.request.records
	for _, event := range c.message.events {
		size, held := w.size, len(w.records)
		err := parseEvent(event, w)
		c.bytes += len(w.records) - held
		if err == nil {
			err = c.server.limits.check(w, size)
		}
		if err != nil {
			c.drop(b)
			return c.refuse(b, err)
		}
	}
	if !c.message.final {
		return nil
	}
	b.request.received = time.Now()
	delete(c.open, b.id.id)
	c.committed[b.request] = b
	select {
	case c.server.committer.requests <- b.request: // nothing is queued here, or it would not have been taken in
	default:
		c.queue = append(c.queue, b.request)
	}
	return nil
}

// begin opens a batch with the options of its first message. It returns nil where
// the batch has been refused.
func (c *batchCall) begin() (*batch, error) {
	if err := c.server.accepting(); err != nil {
		return nil, err
	}
	options := c.message.options
	b := &batch{id: c.message.id, stream: options.GetStreamIdentifier()}
	if b.stream == nil {
		b.stream = new(shared.StreamIdentifier) // clients look into it
	}
	stream, expected, err := parseBatchOptions(options)
	if err == nil {
		err = c.server.allow(c.stream.Context(), actionWrite, stream)
	}
	if err != nil {
		return nil, c.refuse(b, err)
	}
	now := time.Now()
	left := batchTime(options, now, c.server.limits.batch)
	if left <= 0 {
		return nil, c.timeout(b)
	}
	b.deadline = now.Add(left)
	b.request = &appendRequest{stream: stream, expected: expected, records: writerPool.Get().(*recordWriter), answer: c.answers}
	c.open[b.id.id] = b
	c.waiting++
	c.ring(b.deadline)
	return b, nil
}

// answer passes on what the committer says.
func (c *batchCall) answer(a answered) error {
	b := c.committed[a.request]
	c.release(b)
	if b.late {
		return nil
	}
	c.waiting--
	if failure := c.server.committer.failureOr(nil); a.err != nil && failure != nil {
		return appendError(failure) // no later batch would fare better
	}
	if a.err != nil { // the protocol has no room for it in the answer
		c.server.logger.Error("event store node: a batch failed", "stream", a.request.stream, "error", a.err)
	}
	response := b.response()
	if err := batchAnswer(response, a.request, a.appendAnswer); err != nil {
		return err
	}
	return c.stream.Send(response)
}

// expire answers the batches whose deadline has passed. Those that the committer
// has may still get into the log.
func (c *batchCall) expire(now time.Time) error {
	c.wake = time.Time{}
	for _, b := range c.open {
		if !now.Before(b.deadline) {
			c.drop(b)
			if err := c.timeout(b); err != nil {
				return err
			}
			continue
		}
		c.ring(b.deadline)
	}
	for _, b := range c.committed {
		switch {
		case b.late:
		case now.Before(b.deadline):
			c.ring(b.deadline)
		default:
			b.late = true
			c.waiting--
			if at := slices.Index(c.queue, b.request); at >= 0 {
				c.queue = slices.Delete(c.queue, at, at+1)
				c.release(b)
			}
			if err := c.timeout(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// ring sets the timer to a deadline if it would ring later.
func (c *batchCall) ring(deadline time.Time) {
	if c.wake.IsZero() || deadline.Before(c.wake) {
		c.wake = deadline
		c.timer.Reset(time.Until(deadline))
	}
}

// drop forgets an unfinished batch.
func (c *batchCall) drop(b *batch) {
	delete(c.open, b.id.id)
	c.waiting--
	c.release(b)
}

// release forgets a batch's records.
func (c *batchCall) release(b *batch) {
	delete(c.committed, b.request)
	w := b.request.records
	c.bytes -= len(w.records)
	if cap(w.records) <= keepBytes {
		w.reset()
		writerPool.Put(w)
	}
}

func (b *batch) response() *streams.BatchAppendResp {
	return &streams.BatchAppendResp{CorrelationId: b.id.wire(), StreamIdentifier: b.stream}
}

func (c *batchCall) refuse(b *batch, reason error) error {
	if code := status.Code(reason); code != codes.InvalidArgument && code != codes.PermissionDenied {
		c.server.logger.Error("event store node: a batch failed", "stream", string(b.stream.GetStreamName()), "error", reason)
	}
	response := b.response()
	if err := batchRefusal(response, c.server.limits.appendBytes, reason); err != nil {
		return err
	}
	return c.stream.Send(response)
}

func (c *batchCall) timeout(b *batch) error {
	response := b.response()
	if err := batchFailure(response, codes.DeadlineExceeded, &shared.Timeout{}); err != nil {
		return err
	}
	return c.stream.Send(response)
}
