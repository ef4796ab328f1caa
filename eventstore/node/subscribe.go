package node

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errShutdown ends subscriptions of a node on its way down.
var errShutdown = status.Error(codes.Unavailable, "the node is shutting down")

func (s *server) subscribe(r *readRequest, out *output) error {
	s.metrics.subscriptions.Inc()
	defer s.metrics.subscriptions.Dec()
	if r.stream != "" {
		return readStatus(s.followStream(r, out))
	}
	return readStatus(s.followAll(r, out))
}

// followAll is a subscription to the whole log. It takes blocks from the tail as
// long as it keeps up, and from disk where it does not: a slow subscriber never
// holds up anybody else, and misses nothing.
func (s *server) followAll(r *readRequest, out *output) error {
	end := s.store.tail.end()
	after := r.from.at // 0 from the start
	if r.from.isEnd {
		after = end
	}
	if after > end {
		return status.Errorf(codes.InvalidArgument,
			"position %d lies beyond the end of this log at %d: it was taken from another log", after, end)
	}
	if err := out.confirm(); err != nil {
		return err
	}
	marks := checkpoints{filter: r.filter, last: after}
	visit := func(b *block, rec record) error {
		if r.filter.matches(b, &rec) {
			if err := out.sendEvent(b, rec); err != nil {
				return err
			}
		}
		if marks.examined(rec.position) {
			return out.checkpoint(marks.take())
		}
		return nil
	}
	for live := false; ; {
		blocks, behind, changed := s.store.tail.after(after, pageBytes)
		if behind {
			if live {
				s.metrics.fellBehind.Inc()
			}
			live = false
			var err error
			if blocks, err = s.store.after(after, pageBytes); err != nil {
				return err
			}
		}
		for _, b := range blocks {
			if s.draining() {
				return errShutdown
			}
			if err := b.visitAfter(after, visit); err != nil {
				return err
			}
			after = b.lastPosition()
		}
		if len(blocks) > 0 {
			continue
		}
		if !live {
			if marks.pending() {
				if err := out.checkpoint(marks.take()); err != nil {
					return err
				}
			}
			if err := out.caughtUp(); err != nil {
				return err
			}
			live = true
		}
		if err := s.wait(out, changed); err != nil {
			return err
		}
	}
}

// followStream is a subscription to one stream.
func (s *server) followStream(r *readRequest, out *output) error {
	next := uint64(0)
	switch {
	case r.from.isEnd:
		if head, ok, err := s.visibleHead(r.stream); err != nil {
			return err
		} else if ok {
			next = head + 1
		}
	case r.from.given:
		next = r.from.at + 1
	}
	if err := out.confirm(); err != nil {
		return err
	}
	for live := false; ; {
		changed := s.store.tail.watch() // before reading, so that nothing slips through
		var err error
		if next, err = s.streamForwards(r.stream, next, func(b *block, rec record) error {
			if s.draining() {
				return errShutdown
			}
			return out.sendEvent(b, rec)
		}); err != nil {
			return err
		}
		if !live {
			if err := out.caughtUp(); err != nil {
				return err
			}
			live = true
		}
		if err := s.wait(out, changed); err != nil {
			return err
		}
	}
}

// wait returns when the log has grown, or with an error when the call must end.
func (s *server) wait(out *output, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-s.drain:
		return errShutdown
	case <-out.stream.Context().Done():
		return status.FromContextError(out.stream.Context().Err()).Err()
	}
}

// checkpoints decides when a filtered subscription tells its position although
// nothing matched.
type checkpoints struct {
	filter   *filter
	last     uint64 // the last checkpoint, or where the subscription began
	position uint64 // of the last record examined
	count    int    // records examined since the last checkpoint
}

// examined notes a record and reports whether a checkpoint is due.
func (c *checkpoints) examined(position uint64) bool {
	if c.filter == nil {
		return false
	}
	c.position = position
	c.count++
	return c.count >= c.filter.interval
}

// pending reports whether there is something to tell.
func (c *checkpoints) pending() bool { return c.filter != nil && c.position > c.last }

func (c *checkpoints) take() uint64 {
	c.last, c.count = c.position, 0
	return c.position
}

func (o *output) confirm() error {
	return o.stream.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{
		Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}}})
}

func (o *output) caughtUp() error {
	return o.stream.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}

func (o *output) checkpoint(position uint64) error {
	return o.stream.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
		Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: position, PreparePosition: position}}})
}
