package node

import (
	"errors"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// group is a set of requests that are flushed together: all of them are in one
// Pebble batch, so that what belongs together is on disk together.
//
// What the committer remembers of streams and ids is changed while the group is
// being put together and never taken back: if the flush fails, nothing is decided
// any more.
type group struct {
	committer *committer
	number    uint64
	batch     *pebble.Batch
	next      uint64
	bytes     int
	blocks    []*block
	pending   []answered
}

func (c *committer) newGroup() group {
	c.groups++
	return group{committer: c, number: c.groups, next: c.store.next}
}

// take decides a request and adds it to the group. It returns false where the
// decision depends on the group being on disk first.
func (g *group) take(request *appendRequest) bool {
	answer, ok := g.answer(request)
	if ok {
		// Answers are kept until the group is on disk: even a refusal may rest on an
		// append of the same group.
		g.pending = append(g.pending, answered{request, answer})
	}
	return ok
}

func (g *group) answer(request *appendRequest) (answer appendAnswer, ok bool) {
	state, err := g.committer.state(request.stream)
	if err != nil {
		return appendAnswer{err: err}, true
	}
	decision, err := g.decide(request, state)
	if err != nil {
		return appendAnswer{err: err}, true
	}
	switch decision.verdict {
	case verdictWait:
		return appendAnswer{}, false
	case verdictWrong:
		return appendAnswer{wrong: true, revision: state.last}, true
	case verdictDeleted:
		return appendAnswer{deleted: true}, true
	case verdictRepeated:
		return appendAnswer{revision: decision.revision, position: decision.position}, true
	}
	if request.records.count == 0 {
		return appendAnswer{revision: state.last}, true
	}
	if answer, ok, err = g.write(request, state); err != nil {
		return appendAnswer{err: err}, true
	}
	return answer, ok
}

// write carries out a request that was granted. What it needs to read is read
// before anything is put into the batch. ok is false where that is not on disk yet.
func (g *group) write(request *appendRequest, state streamState) (_ appendAnswer, ok bool, err error) {
	c := g.committer
	switch request.operation {
	case opTombstone:
		b, err := g.put(request.stream, tombstoneRevision, request.records)
		if err != nil {
			return appendAnswer{}, true, err
		}
		return g.written(b), true, nil
	case opDelete:
		about := metadataPrefix + request.stream
		metadata, err := c.state(about)
		if err != nil || metadata.tombstoned() {
			return appendAnswer{deleted: true}, true, err
		}
		b, err := g.put(about, uint64(metadata.last+1), request.records)
		if err != nil {
			return appendAnswer{}, true, err
		}
		state.deleted = true
		g.remember(request.stream, state)
		return g.written(b), true, nil
	}
	then, ok, err := g.consequence(request, state)
	if err != nil || !ok {
		return appendAnswer{}, ok, err
	}
	b, err := g.put(request.stream, uint64(state.last+1), request.records)
	if err == nil && request.expected < noStream {
		err = g.indexIDs(b)
	}
	if err == nil && then.metadata != nil {
		_, err = g.put(then.about, then.revision, then.metadata)
	}
	if err != nil {
		return appendAnswer{}, true, err
	}
	if then.stream != "" {
		g.remember(then.stream, then.state)
	}
	return g.written(b), true, nil
}

// consequence is what an append brings with it beside its own events: for nearly
// all, nothing.
type consequence struct {
	stream   string // whose state changes; "" for none
	state    streamState
	about    string // the stream of its metadata
	revision uint64
	metadata *recordWriter // to be written there at the revision; nil for nothing
}

// consequence finds out what an append brings with it: events on a deleted stream
// bring it back, and so does metadata written to one; in both cases more metadata
// follows, which says where the stream begins now. ok is false where the group
// has to be on disk first.
func (g *group) consequence(request *appendRequest, state streamState) (then consequence, ok bool, err error) {
	c := g.committer
	if original, isMetadata := strings.CutPrefix(request.stream, metadataPrefix); isMetadata {
		if isMetadataStream(original) {
			return then, true, nil // it has none that would count
		}
		before, err := c.state(original)
		if err != nil {
			return then, true, err
		}
		rec, err := request.records.newest()
		if err != nil {
			return then, true, err
		}
		then = consequence{stream: original, state: before, about: request.stream, revision: uint64(state.last+1) + uint64(request.records.count)}
		then.state.deleted = parseMetadata(rec).softDeleted()
		if changed, ok := withTruncateBefore(rec.data, uint64(before.last+1)); ok && before.deleted {
			then.state.deleted = false
			then.metadata = metadataEvent(changed)
		}
		return then, true, nil
	}
	if !state.deleted {
		return then, true, nil
	}
	if state.group == g.number {
		return then, false, nil // the metadata to change is not on disk yet
	}
	about := metadataPrefix + request.stream
	metadata, err := c.state(about)
	if err != nil {
		return then, true, err
	}
	rec, _, err := c.store.newestRecord(about, c.store.tail.end())
	if err != nil {
		return then, true, err
	}
	then = consequence{
		stream: request.stream, state: streamState{last: state.last + int64(request.records.count)},
		about: about, revision: uint64(metadata.last + 1),
	}
	if changed, ok := withTruncateBefore(rec.data, uint64(state.last+1)); ok {
		then.metadata = metadataEvent(changed)
	}
	return then, true, nil
}

// remember notes a stream's state as this group has made it.
func (g *group) remember(stream string, state streamState) {
	state.group = g.number
	g.committer.states.put(stream, state)
}

// put adds a block and its index line to the batch and makes it the end of its
// stream. A batch that is half filled must not be written: where that fails, so
// does the node.
func (g *group) put(stream string, revision uint64, w *recordWriter) (*block, error) {
	created := ticks(g.committer.now())
	b := newBlock(stream, g.next, revision, created, w.records, w.count, w.last)
	if g.batch == nil {
		g.batch = g.committer.store.db.NewBatch()
	}
	line := entry{revision: revision, count: b.count, position: b.position}
	if err := errors.Join(
		g.batch.Set(blockKey(b.position), b.raw, nil),
		g.batch.Set(streamKey(stream, revision), line.value(), nil),
	); err != nil {
		g.committer.fail(err)
		return nil, err
	}
	g.next = b.end()
	g.bytes += len(b.raw)
	g.blocks = append(g.blocks, b)
	g.remember(stream, streamState{last: int64(b.lastRevision())})
	return b, nil
}

func (g *group) written(b *block) appendAnswer {
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
			c.store.writing.Lock()
			err = errors.Join(g.batch.Commit(pebble.Sync), c.store.wal.failure())
			c.store.writing.Unlock()
			if err != nil {
				c.fail(err)
			}
			// Pebble reports the worst failures to its logger only, which called fail.
			err = c.failureOr(nil)
		}
		if err != nil {
			for _, a := range g.pending {
				a.request.answer <- answered{a.request, appendAnswer{err: err}}
			}
			return
		}
		c.store.next = g.next
		c.store.tail.publish(g.blocks)
		c.metrics.committed(g.blocks, g.bytes, c.now().Sub(started))
		if err := g.batch.Close(); err != nil {
			c.fail(err)
		}
	}
	now := time.Now()
	for _, a := range g.pending {
		c.metrics.answer.Observe(now.Sub(a.request.received).Seconds())
		a.request.answer <- a
	}
}
