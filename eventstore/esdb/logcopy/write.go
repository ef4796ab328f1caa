package logcopy

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

// groupEvents bounds the events of one append, beside eventstore.MaxAppendBytes.
const groupEvents = 4096

// writer puts events into the target, one append at a time. Events of one stream
// that follow each other share an append.
type writer struct {
	target  log
	group   []esdb.Raw
	size    int
	written func(events []esdb.Raw)
}

// put takes the next event of the source. What it has taken is written when flush
// returns.
func (w *writer) put(ctx context.Context, e esdb.Raw) error {
	size := (&eventstore.Proposed{Type: e.Type, Data: e.Data, Metadata: e.Metadata}).Size()
	alone := isTombstone(e) || isMetadata(e.Stream)
	if n := len(w.group); n > 0 {
		last := w.group[n-1]
		if alone || last.Stream != e.Stream || last.Revision+1 != e.Revision || n >= groupEvents || w.size+size > eventstore.MaxAppendBytes {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
	if alone {
		if err := w.alone(ctx, e); err != nil {
			return err
		}
		w.written([]esdb.Raw{e})
		return nil
	}
	w.group = append(w.group, e)
	w.size += size
	return nil
}

// flush writes what put has taken.
func (w *writer) flush(ctx context.Context) error {
	if len(w.group) == 0 {
		return nil
	}
	if err := w.append(ctx, w.group...); err != nil {
		return err
	}
	w.written(w.group)
	w.group, w.size = w.group[:0], 0
	return nil
}

func (w *writer) append(ctx context.Context, events ...esdb.Raw) error {
	first := events[0]
	err := w.target.retry(ctx, func() error {
		_, err := w.target.RawAppend(ctx, first.Stream, eventstore.After(first.Revision), events...)
		return err
	})
	switch eventstore.CodeOf(err) {
	case eventstore.CodeWrongExpected:
		return w.conflict(ctx, first)
	case eventstore.CodeInvalid, eventstore.CodeTooLarge:
		return &domain.Error{
			Code: domain.CodeInvalid, Field: "to", Value: describe(first), Err: err,
			Message: fmt.Sprintf("the target does not take this append of %d events", len(events)),
			Remedy:  "raise the target's limits to those of the source (MaxAppendSize of EventStoreDB)",
		}
	}
	return err
}

// alone writes an event that the target may bring about in its own way.
func (w *writer) alone(ctx context.Context, e esdb.Raw) error {
	if isTombstone(e) {
		err := w.target.retry(ctx, func() error { return w.target.Tombstone(ctx, e.Stream) })
		if eventstore.CodeOf(err) == eventstore.CodeStreamDeleted {
			return nil // by an attempt that got no answer
		}
		return err
	}
	found, ok, err := w.target.newest(ctx, e.Stream)
	if err != nil {
		return err
	}
	next := uint64(0)
	if ok {
		next = found.Revision + 1
	}
	switch {
	case next == e.Revision+1 && same(esdb.Raw{Recorded: found}, e):
		return nil // written by the target itself: the stream was made again
	case next > e.Revision:
		return w.conflict(ctx, e)
	case next < e.Revision:
		if err := w.fill(ctx, e, next); err != nil {
			return err
		}
	case ok && isDeletion(e) && isDeletion(esdb.Raw{Recorded: found}):
		return w.deleteAgain(ctx, e)
	}
	return w.append(ctx, e)
}

// fill writes empty metadata for revisions that the source has no longer, so that
// the newest gets its own. Readers see only the newest.
func (w *writer) fill(ctx context.Context, e esdb.Raw, next uint64) error {
	for next < e.Revision {
		count := min(e.Revision-next, groupEvents)
		filling := make([]esdb.Raw, count)
		for i := range filling {
			revision := next + uint64(i)
			filling[i] = esdb.Raw{JSON: true, Recorded: eventstore.Recorded{
				ID: uuid.NewSHA1(e.ID, fmt.Append(nil, revision)), Type: e.Type, Stream: e.Stream, Revision: revision, Data: []byte("{}"),
			}}
		}
		if err := w.append(ctx, filling...); err != nil {
			return err
		}
		next += count
	}
	return nil
}

// deleteAgain repeats the deletion of a stream that is deleted already. Written as
// an event, it would make the target bring the stream back.
func (w *writer) deleteAgain(ctx context.Context, e esdb.Raw) error {
	stream, _ := metadataOf(e.Stream)
	return w.target.retry(ctx, func() error {
		found, _, err := w.target.newest(ctx, e.Stream)
		if err != nil || found.Revision == e.Revision { // by an attempt that got no answer
			return err
		}
		return w.target.Delete(ctx, stream)
	})
}

// conflict says why an event does not fit where it belongs.
func (w *writer) conflict(ctx context.Context, e esdb.Raw) error {
	found, ok, err := w.target.newest(ctx, e.Stream)
	if err != nil {
		return err
	}
	next := uint64(0)
	if ok {
		next = found.Revision + 1
	}
	if next < e.Revision {
		return &domain.Error{
			Code: domain.CodeConflict, Field: "from", Value: string(e.Stream),
			Message: fmt.Sprintf("the source has no longer revisions %d to %d of this stream, so its revisions cannot be kept", next, e.Revision-1),
			Remedy:  "copy from a backup of before the scavenge",
		}
	}
	holds := "other events there"
	if ok {
		holds = describe(esdb.Raw{Recorded: found})
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: "to", Value: string(e.Stream),
		Message: fmt.Sprintf("another writer is at work in the target: %s does not fit, it holds %s", describe(e), holds),
		Remedy:  "stop whatever writes to the target, and copy into an empty one",
	}
}

func describe(e esdb.Raw) string {
	return fmt.Sprintf("%s@%d (%s, id %s)", e.Stream, e.Revision, e.Type, e.ID)
}
