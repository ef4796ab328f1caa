package command

import (
	"errors"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
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
		return w.load(members) // the originals that the targets name
	}
	return nil
}

func (w *bookWriter) load(members []member) error {
	keys := make([]book.Key, 0, len(members)+len(members)/4)
	for _, m := range members {
		keys = append(keys, book.Keys(m.item().command())...)
	}
	return w.loadKeys(keys)
}

// decide takes members in order until the group is full, evolving the state with
// each event.
func (w *bookWriter) decide(members []member) *group {
	g := &group{first: w.state.Count(), replies: make([]Reply, 0, len(members)), proposed: make([]eventstore.Proposed, 0, len(members)), events: make([]domain.Event, 0, len(members))}
	now := w.now()
	for _, m := range members {
		it := m.item()
		revision, replay, err := book.Lookup(w.state, it.command())
		if err == nil && replay {
			g.replies = append(g.replies, Reply{Outcome: Replayed, Ref: domain.Ref{Stream: w.stream, Revision: revision}})
			continue
		}
		var event domain.Event
		var proposed eventstore.Proposed
		if err == nil {
			if event, err = w.decideOne(it, g, now); err == nil {
				proposed, err = w.propose(it, event)
			}
		}
		size := proposed.Size()
		if err == nil && size > groupBytes {
			err = tooLarge(size)
		}
		if err != nil {
			g.doubtful = g.doubtful || dependsOnState(err)
			g.replies = append(g.replies, Reply{Err: err})
			continue
		}
		if g.size+size > groupBytes {
			break
		}
		g.replies = append(g.replies, Reply{Outcome: Applied, Ref: domain.Ref{Stream: w.stream, Revision: w.state.Count()}})
		w.state = book.Decider.Evolve(w.state, event)
		g.proposed, g.events, g.size = append(g.proposed, proposed), append(g.events, event), g.size+size
	}
	return g
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

// decideOne decides a command whose key is new.
func (w *bookWriter) decideOne(it *item, g *group, now time.Time) (domain.Event, error) {
	if it.settle != nil {
		it.settle.RecordedAt = now
		if own, original := it.settle.Terms, it.settle.Original; it.settle.Transaction.OriginalID != "" {
			// After a lost race what it gives back of may turn out otherwise.
			defer func() { it.settle.Terms, it.settle.Original = own, original }()
		}
		if err := w.fillRefund(it, g); err != nil {
			return nil, err
		}
	} else {
		it.reverse.RecordedAt = now
		if it.reverse.Reversed == nil {
			// From this group, it seems. After a lost race it is found anew.
			defer func() { it.reverse.Reversed = nil }()
		}
		if err := w.fillReversal(it, g); err != nil {
			return nil, err
		}
	}
	events, err := book.Decider.Decide(w.state, it.command())
	if err != nil {
		return nil, it.because(err)
	}
	if len(events) != 1 {
		return nil, &domain.Error{Code: domain.CodeInternal, Field: "command", Value: it.command().CommandType(), Message: "a book decided other than one event"}
	}
	return events[0], nil
}

// propose encodes an event of the book.
func (w *bookWriter) propose(it *item, event domain.Event) (eventstore.Proposed, error) {
	key := it.key()
	var recorded time.Time
	switch e := event.(type) {
	case book.TransactionSettled:
		recorded = e.RecordedAt
	case book.EntryReversed:
		recorded = e.RecordedAt
	}
	return propose(w.stream, key.Source+"/"+key.ExternalID, event, it.meta, recorded)
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
