package node

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errShutdown ends subscriptions of a node on its way down.
var errShutdown = status.Error(codes.Unavailable, "the node is shutting down")

// subscriber is one subscription. First it catches up, out of the log on disk or
// the index of its stream, then it is live: it takes blocks from the tail as they
// are published. Where it is too slow for the tail it catches up again: it never
// holds up a writer or anybody else, and misses nothing.
type subscriber struct {
	*server
	request  *readRequest
	out      *output
	progress *progress
	rules    string // the stream whose events may change who reads this
	live     bool   // caught-up has been said
}

func (s *server) subscribe(r *readRequest, out *output) error {
	progress, end := s.metrics.subscribe(r)
	defer end()
	f := &subscriber{server: s, request: r, out: out, progress: progress, rules: metadataPrefix + r.target()}
	if isMetadataStream(r.stream) {
		f.rules = r.stream
	}
	if r.stream != "" {
		return f.followStream()
	}
	return f.followAll()
}

// followAll is a subscription to the whole log.
func (f *subscriber) followAll() error {
	end := f.store.tail.end()
	after := f.request.from.at // 0 from the start
	if f.request.from.isEnd {
		after = end
	}
	if after > end {
		return status.Errorf(codes.InvalidArgument,
			"position %d lies beyond the end of this log at %d: it was taken from another log", after, end)
	}
	if err := f.out.confirm(); err != nil {
		return err
	}
	marks := checkpoints{filter: f.request.filter, last: after}
	pages := newLogPages(f.store, after)
	defer pages.close()
	for {
		page, err := pages.next()
		if err != nil {
			return err
		}
		if len(page.blocks) == 0 {
			if err := f.caughtUp(&marks); err != nil {
				return err
			}
			if err := f.wait(page.changed); err != nil {
				return err
			}
			continue
		}
		if page.fromDisk {
			f.fellBehind()
			if err := f.mayRead(); err != nil {
				return err
			}
		}
		for _, b := range page.blocks {
			if err := f.before(b); err != nil {
				return err
			}
			if err := f.examine(b, after, &marks); err != nil {
				return err
			}
		}
		after = pages.after
	}
}

// examine sends what is selected of a block's records after a position, and
// checkpoints where they are due.
func (f *subscriber) examine(b *block, after uint64, marks *checkpoints) error {
	selected := marks.filter.ofBlock(b)
	if selected == selectNone && marks.filter == nil {
		return nil
	}
	for records := b.walk(); ; {
		rec, ok, err := records.next()
		if err != nil || !ok {
			return err
		}
		if rec.position <= after {
			continue
		}
		if selected == selectAll || selected == selectByType && marks.filter.matches(rec.kind) {
			if err := f.out.sendEvent(b, rec); err != nil {
				return err
			}
		}
		if marks.examined(rec.position) {
			if err := f.out.checkpoint(marks.take()); err != nil {
				return err
			}
		}
	}
}

// followStream is a subscription to one stream. Live it looks at the tail of the
// whole log for blocks of the stream, so that many quiet subscriptions cost little.
func (f *subscriber) followStream() error {
	stream := f.request.stream
	v, err := f.store.visible(stream, f.committer.now())
	if err != nil {
		return err
	}
	if v.tombstoned {
		return streamDeleted(stream)
	}
	if err := f.out.confirm(); err != nil {
		return err
	}
	next := uint64(0) // the lowest revision to send
	switch {
	case f.request.from.given:
		next = f.request.from.at + 1
	case f.request.from.isEnd:
		next = v.next
	}
	after := v.end // the position up to which the log has been looked at
	for behind := !f.request.from.isEnd; ; {
		if behind {
			if next, after, err = f.catchUp(next); err != nil {
				return err
			}
		}
		var blocks []*block
		var changed <-chan struct{}
		if blocks, behind, changed = f.store.tail.after(after, pageBytes); behind {
			continue
		}
		for _, b := range blocks {
			if err := f.before(b); err != nil {
				return err
			}
			if b.stream == stream && b.position > after {
				if next, err = f.sendBlock(b, next); err != nil {
					return err
				}
			}
		}
		if len(blocks) > 0 {
			after = blocks[len(blocks)-1].lastPosition()
			continue
		}
		if err := f.caughtUp(nil); err != nil {
			return err
		}
		if err := f.wait(changed); err != nil {
			return err
		}
	}
}

// catchUp sends what may be seen of the stream from a revision on. It returns the
// revision that comes next, and the position up to which the log holds no more.
func (f *subscriber) catchUp(from uint64) (next, end uint64, err error) {
	stream := f.request.stream
	visit := func(b *block, rec record) error {
		f.fellBehind()
		return f.send(b, rec)
	}
	for more := true; more; {
		if err := f.mayRead(); err != nil {
			return from, 0, err
		}
		v, err := f.store.visible(stream, f.committer.now())
		if err != nil {
			return from, 0, err
		}
		end = v.end
		switch {
		case v.tombstoned:
			from = max(from, tombstoneRevision) // there is nothing else to see any more
		case v.empty():
			return max(from, v.next), end, nil
		default:
			from = max(from, v.first)
		}
		if from, more, err = f.store.page(stream, from, end, pageLines, visit); err != nil {
			return from, 0, err
		}
		if v.tombstoned { // of a metadata stream whose stream is deleted
			return from, 0, streamDeleted(stream)
		}
	}
	return from, end, nil
}

// sendBlock sends a block's events from a revision on and returns the next one.
func (f *subscriber) sendBlock(b *block, from uint64) (next uint64, err error) {
	for records := b.walk(); ; {
		rec, ok, err := records.next()
		if err != nil || !ok {
			return from, err
		}
		if rec.revision < from {
			continue
		}
		if err := f.send(b, rec); err != nil {
			return from, err
		}
		from = rec.revision + 1
	}
}

// send sends an event of the stream; a tombstone is the last one.
func (f *subscriber) send(b *block, rec record) error {
	if f.draining() {
		return errShutdown
	}
	f.progress.reached(b.position)
	if err := f.out.sendEvent(b, rec); err != nil {
		return err
	}
	if rec.revision == tombstoneRevision {
		return streamDeleted(b.stream)
	}
	return nil
}

// before is to be called before anything of a block is sent: the call may have to
// end, and the block may change who may read.
func (f *subscriber) before(b *block) error {
	if f.draining() {
		return errShutdown
	}
	f.progress.reached(b.position)
	if err := f.out.stream.Context().Err(); err != nil {
		return err // nothing is sent where nothing matches
	}
	if b.stream == f.rules || b.stream == settingsStream {
		return f.mayRead()
	}
	return nil
}

// mayRead asks again whether the caller may read what it follows.
func (f *subscriber) mayRead() error {
	return f.allow(f.out.stream.Context(), actionRead, f.request.target())
}

// fellBehind notes that the subscriber was too slow for the tail.
func (f *subscriber) fellBehind() {
	if f.live {
		f.metrics.fellBehind.Inc()
	}
	f.live = false
}

// caughtUp says so to a subscriber that has reached the end, after its last checkpoint.
func (f *subscriber) caughtUp(marks *checkpoints) error {
	if f.live {
		return nil
	}
	f.live = true
	if marks != nil && marks.pending() {
		if err := f.out.checkpoint(marks.take()); err != nil {
			return err
		}
	}
	return f.out.caughtUp()
}

// wait returns when the log has grown, or with an error when the call must end.
func (f *subscriber) wait(changed <-chan struct{}) error {
	f.progress.reached(f.store.tail.end())
	select {
	case <-changed:
		return nil
	case <-f.drain:
		return errShutdown
	case <-f.out.stream.Context().Done():
		return f.out.stream.Context().Err()
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
