package command

import (
	"errors"
	"fmt"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

// readAhead is how many events that commands rest on are read from the log at once.
const readAhead = 8

// group is what the members of one append were decided to be.
type group struct {
	first    uint64 // revision of the first event
	replies  []Reply
	proposed []eventstore.Proposed
	events   []domain.Event
	metas    []*eventstore.Meta // as they came with the commands
	size     int
	// doubtful says that a member was refused because of what is in the book or
	// is not, which another writer may just have changed.
	doubtful bool
}

// serve carries out a group, however often another writer is faster, and answers
// its members. Members that did not fit go back to the front of the queue.
func (w *bookWriter) serve(members []member) {
	checked := false // that nothing was written since the state was read
	for race := 0; ; race++ {
		err := w.prepare(members)
		if race < lostRaces && w.rebuild(err) {
			continue
		}
		if err == nil && race >= lostRaces {
			err = &domain.Error{Code: domain.CodeUnavailable, Field: "stream", Value: string(w.stream), Message: "too many writers at once", Remedy: "send the command again"}
		}
		if err != nil {
			refuseAll(members, err)
			return
		}
		w.state.Mark()
		g := w.decide(members)
		if err := w.state.Err(); err != nil {
			w.forget()
			refuseAll(members, err)
			return
		}
		if len(g.proposed) == 0 {
			if g.doubtful && !checked {
				checked = true
				before := w.state.Count()
				err := w.readOn()
				if w.rebuild(err) || err == nil && w.state.Count() > before {
					continue
				}
				if err != nil {
					w.forget()
					refuseAll(members, err)
					return
				}
			}
			w.finish(members, g)
			return
		}
		appended, err := w.append(w.ctx, w.stop, w.stream, eventstore.After(g.first), g.proposed)
		if err == nil {
			w.lastID, w.position = g.proposed[len(g.proposed)-1].ID, appended.Position
			w.finish(members, g)
			return
		}
		w.state.Rollback()
		switch {
		case eventstore.CodeOf(err) == eventstore.CodeWrongExpected:
			w.lost(w.stream)
			before := w.state.Count()
			if err := w.readOn(); err != nil && !w.rebuild(err) || err == nil && w.state.Count() == before {
				// The log is not what the state was read from.
				w.forget()
			}
		case eventstore.OutcomeUnknown(err):
			w.forget()
			refuseAll(members[:len(g.replies)], unknownOutcome(err))
			w.giveBack(members[len(g.replies):])
			return
		default:
			w.forget()
			refuseAll(members[:len(g.replies)], storeError(err))
			w.giveBack(members[len(g.replies):])
			return
		}
	}
}

// finish answers the members that were decided.
func (w *bookWriter) finish(members []member, g *group) {
	for i, reply := range g.replies {
		if reply.Err == nil {
			reply.Position = w.position
		}
		members[i].answer(members[i].at, reply)
	}
	w.giveBack(members[len(g.replies):])
}

// prepare opens the book and loads what deciding the members needs: the records
// of their keys, the targets of reversals, and the originals of refunds.
func (w *bookWriter) prepare(members []member) error {
	if err := w.open(); err != nil {
		return err
	}
	if err := w.load(members); err != nil {
		return err
	}
	if w.readEarlier(members) {
		return w.load(members) // the originals that the targets name, and what waits
	}
	return nil
}

func (w *bookWriter) load(members []member) error {
	keys := make([]book.Key, 0, len(members)+len(members)/4)
	for _, m := range members {
		it := m.item()
		keys = append(keys, book.Keys(it.command())...)
		if it.found != nil && it.found.waiting.event != nil {
			keys = append(keys, book.Keys(it.found.waiting.event.command())...)
		}
	}
	return w.loadKeys(keys)
}

// decide takes members in order until the group is full, evolving the state with
// each event.
func (w *bookWriter) decide(members []member) *group {
	g := &group{
		first: w.state.Count(), replies: make([]Reply, 0, len(members)),
		proposed: make([]eventstore.Proposed, 0, len(members)), events: make([]domain.Event, 0, len(members)), metas: make([]*eventstore.Meta, 0, len(members)),
	}
	now := w.now()
	for _, m := range members {
		it := m.item()
		revision, replay, err := book.Lookup(w.state, it.command())
		if err == nil && replay {
			// That it still waits is so until its original comes, which another writer
			// may just have settled.
			g.doubtful = g.doubtful || w.stillWaits(it)
			g.replies = append(g.replies, Reply{Outcome: Replayed, Ref: domain.Ref{Stream: w.stream, Revision: revision}})
			continue
		}
		var event domain.Event
		var proposed eventstore.Proposed
		var waiting *waiter
		if err == nil {
			event, proposed, err = w.decideOne(it, g, now)
		}
		if err == nil {
			waiting, err = w.waitingFor(it, g, event)
		}
		if err != nil {
			g.doubtful = g.doubtful || dependsOnState(err)
			g.replies = append(g.replies, Reply{Err: err})
			continue
		}
		room, most := groupBytes, mostEvents
		if waiting != nil {
			room, most = room/2, most-1 // what waits goes with it
		}
		if len(g.proposed) > 0 && (g.size+proposed.Size() > room || len(g.proposed) >= most) {
			break
		}
		_, awaiting := event.(book.OriginalAwaited)
		g.replies = append(g.replies, Reply{Outcome: Applied, Ref: domain.Ref{Stream: w.stream, Revision: w.state.Count()}, Awaiting: awaiting})
		w.take(g, event, proposed, &it.meta)
		if waiting != nil {
			w.carryOut(waiting, g, now)
		}
	}
	return g
}

// take adds an event to the group and to the state.
func (w *bookWriter) take(g *group, event domain.Event, proposed eventstore.Proposed, meta *eventstore.Meta) {
	w.state = book.Decider.Evolve(w.state, event)
	g.proposed, g.events, g.metas, g.size = append(g.proposed, proposed), append(g.events, event), append(g.metas, meta), g.size+proposed.Size()
}

// waitingFor is what waits for a transaction that has just been decided; nil where
// nothing does. Its error says that this cannot be told now.
func (w *bookWriter) waitingFor(it *item, g *group, event domain.Event) (*waiter, error) {
	settled, ok := event.(book.TransactionSettled)
	if !ok || settled.Awaited == nil {
		return nil, nil
	}
	var waiting *waiter
	var err error
	if revision := settled.Awaited.Revision; revision >= g.first {
		awaited, ok := g.events[revision-g.first].(book.OriginalAwaited)
		if !ok {
			return nil, notHeld()
		}
		waiting, err = waits(&awaited, *g.metas[revision-g.first])
	} else if it.found != nil && it.found.waiting.known(revision) {
		waiting, err = it.found.waiting.event, it.found.waiting.err
	} else {
		err = notHeld()
	}
	if err == nil && settled.Engine == fee.Engine1 {
		err = w.heldTerms(w.ctx, waiting)
	}
	if err != nil {
		return nil, err
	}
	return waiting, nil
}

// carryOut decides what has waited for the group's last event, in the same append.
// What cannot be carried out goes on waiting; who sends it again learns why.
func (w *bookWriter) carryOut(waiting *waiter, g *group, now time.Time) {
	original := w.state.Count() - 1
	waiting.meta.Causation = fmt.Sprintf("%s@%d", w.stream, original)
	event, proposed, err := w.decideOne(&waiting.item, g, now)
	if err == nil && g.size+proposed.Size() > groupBytes {
		err = tooLarge(g.size + proposed.Size())
	}
	if err != nil {
		w.logger.Info("what has waited for a transaction cannot be carried out; it goes on waiting", "stream", w.stream, "revision", original, "error", err)
		return
	}
	w.take(g, event, proposed, &waiting.meta)
}

// stillWaits reports whether what was sent again waits for its original, as far as
// the book has been read.
func (w *bookWriter) stillWaits(it *item) bool {
	keys := book.Keys(it.command())
	if len(keys) == 0 {
		return false
	}
	record, found, _ := w.state.Record(keys[0])
	return found && record.Kind == book.KindAwaiting
}

// dependsOnState reports whether a refusal may turn out otherwise once more of the
// stream is known.
func dependsOnState(err error) bool {
	switch domain.CodeOf(err) {
	case domain.CodeMissingOriginal, domain.CodeExceedsOriginal, domain.CodeConflict:
		return true
	}
	return false
}

// decideOne decides a command whose key is new and encodes its event.
func (w *bookWriter) decideOne(it *item, g *group, now time.Time) (event domain.Event, proposed eventstore.Proposed, err error) {
	switch {
	case it.settle != nil:
		c := it.settle
		c.RecordedAt = now
		if own, original := c.Terms, c.Original; c.Transaction.OriginalID != "" {
			// After a lost race what it gives back of may turn out otherwise.
			defer func() { c.Terms, c.Original = own, original }()
		}
		err = w.fillRefund(it, g)
	case it.reverse != nil:
		c := it.reverse
		c.RecordedAt = now
		original := c.Reversed
		defer func() { c.Reversed = original }()
		err = w.fillReversal(it, g)
	case it.adjust != nil:
		it.adjust.RecordedAt = now
		err = it.missing
	default:
		_, id := w.stream.Split()
		it.advance.RecordedAt, it.advance.Close = now, w.view.closer(w.ctx, id)
	}
	if err != nil {
		return nil, proposed, err
	}
	events, err := book.Decider.Decide(w.state, it.command())
	if err != nil {
		return nil, proposed, it.because(err)
	}
	if len(events) != 1 {
		return nil, proposed, &domain.Error{Code: domain.CodeInternal, Field: "command", Value: it.command().CommandType(), Message: "a book decided other than one event"}
	}
	key, recorded := eventKey(events[0], w.state.Count())
	if proposed, err = propose(w.stream, key, events[0], it.meta, recorded); err != nil {
		return nil, proposed, err
	}
	if size := proposed.Size(); size > groupBytes {
		return nil, proposed, tooLarge(size)
	}
	return events[0], proposed, nil
}

// rebuild reports whether err says that the index cannot be trusted. It then has
// emptied it and forgotten the state, so that opening the book builds both anew.
func (w *bookWriter) rebuild(err error) bool {
	switch {
	case errors.Is(err, index.ErrReset):
	case errors.Is(err, index.ErrDamaged):
		if err := w.index.Reset(err); err != nil {
			w.logger.Error("the local index cannot be rebuilt", "error", err)
			return false
		}
	default:
		return false
	}
	w.forget()
	return true
}
