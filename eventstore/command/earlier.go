package command

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

// fillReversal gives a reversal the event that it takes back, from the group
// itself or as read from the log, and its date as the contract reads it.
func (w *bookWriter) fillReversal(it *item, g *group) error {
	c := it.reverse
	settled, err := w.standing(it, g, c.Target)
	if settled == nil || err != nil {
		return err // Decide says what is wrong with the target
	}
	c.Reversed = settled
	c.EffectiveOn, err = w.view.effectiveOn(w.ctx, settled.Contract, c.OccurredAt)
	return err
}

// fillRefund gives a transaction that needs it the event of its original, and its
// terms where it is rated as that one.
func (w *bookWriter) fillRefund(it *item, g *group) error {
	c := it.settle
	if !w.state.NeedsOriginal(&c.Transaction) {
		return nil
	}
	key, _ := it.names()
	settled, err := w.standing(it, g, key)
	if settled == nil || err != nil {
		return err // Decide says what is wrong with the original
	}
	c.Original = settled
	if w.state.AsOriginal(&c.Transaction) {
		c.Terms, err = w.view.bind(w.ctx, settled, c.Transaction.OccurredAt)
	}
	return err
}

// standing is how the transaction that an item names stands now: as it was settled,
// or as it was restated since. It is nil where the book has no such transaction.
func (w *bookWriter) standing(it *item, g *group, key book.Key) (*book.TransactionSettled, error) {
	record, found, _ := w.state.Record(key)
	if !found || record.Kind != book.KindSettlement {
		return nil, nil
	}
	log := it.log()
	settled, err := at(w, g, record.Revision, &log.earlier)
	if err != nil || record.RestatedBy == 0 {
		return settled, err
	}
	by, err := at(w, g, record.RestatedBy, &log.restated)
	if err != nil {
		return nil, err
	}
	return book.Restated(settled, by), nil
}

// at returns the event of a revision: of this group, as it was read from the log, or
// read now where it was not known to be needed.
func at[E domain.Event](w *bookWriter, g *group, revision uint64, held *read[E]) (*E, error) {
	switch {
	case revision >= g.first:
		event, ok := g.events[revision-g.first].(E)
		if !ok {
			return nil, notHeld()
		}
		return &event, nil
	case held.known(revision):
		return held.event, held.err
	}
	return readEvent[E](w, revision, nil)
}

// readEarlier reads the events that members rest on, several at once: what
// reversals take back, what refunds give back of, and what waits for a transaction.
// It reports whether it read any; what cannot be read is noted on the item.
func (w *bookWriter) readEarlier(members []member) (some bool) {
	var reads errgroup.Group
	reads.SetLimit(readAhead)
	for _, m := range members {
		it := m.item()
		if !it.rests(w.state) {
			continue
		}
		if _, replay, err := book.Lookup(w.state, it.command()); replay || err != nil {
			continue
		}
		some = true
		reads.Go(func() error {
			w.readFor(it)
			return nil
		})
	}
	_ = reads.Wait() // each read notes its own error
	return some
}

// rests reports whether there is anything to read for an item, and sets what it wants.
func (i *item) rests(state *book.State) bool {
	wanted := false
	if key, into := i.names(); into != nil && (i.reverse != nil || state.NeedsOriginal(&i.settle.Transaction)) {
		if record, found, _ := state.Record(key); found && record.Kind == book.KindSettlement {
			wanted = i.log().earlier.want(record.Revision)
			if record.RestatedBy != 0 {
				wanted = i.log().restated.want(record.RestatedBy) || wanted
			}
		}
	}
	if i.settle != nil {
		if record, found, _ := state.Record(i.settle.Transaction.Key); found && record.Kind == book.KindAwaited {
			wanted = i.log().waiting.want(record.Revision) || wanted
		}
	}
	return wanted
}

// readFor reads what an item wants.
func (w *bookWriter) readFor(it *item) {
	if r := &it.found.earlier; r.wanted {
		r.event, r.err = readEvent[book.TransactionSettled](w, r.revision, nil)
		if _, into := it.names(); r.err == nil {
			*into = r.event // it names keys that must be loaded
		}
		r.wanted = false
	}
	if r := &it.found.restated; r.wanted {
		r.event, r.err = readEvent[book.AdjustmentPosted](w, r.revision, nil)
		r.wanted = false
	}
	if r := &it.found.waiting; r.wanted {
		var meta eventstore.Meta
		event, err := readEvent[book.OriginalAwaited](w, r.revision, &meta)
		if err == nil {
			r.event, err = waits(event, meta)
		}
		r.err, r.wanted = err, false
	}
}

// readEvent reads one event of the book from the log, with its metadata where meta is
// not nil.
func readEvent[E domain.Event](w *bookWriter, revision uint64, meta *eventstore.Meta) (*E, error) {
	for r, err := range w.store.ReadStream(w.ctx, w.stream, eventstore.Forwards, revision, 1) {
		if err != nil {
			return nil, readError(err)
		}
		event, err := eventstore.Decode(r)
		if err != nil {
			return nil, err
		}
		wanted, ok := event.(E)
		if !ok || r.Revision != revision {
			break
		}
		if meta != nil {
			if *meta, err = eventstore.DecodeMeta(r); err != nil {
				return nil, err
			}
		}
		return &wanted, nil
	}
	return nil, notHeld()
}

func notHeld() error {
	return &domain.Error{Code: domain.CodeInternal, Field: "target", Message: "the log does not hold the transaction where the index says", Remedy: "delete the index; it is rebuilt from the log"}
}

// waits makes an item of what waits.
func waits(event *book.OriginalAwaited, meta eventstore.Meta) (*waiter, error) {
	w := &waiter{item{meta: meta}}
	switch c := event.Command().(type) {
	case *book.SettleTransaction:
		w.settle = c
	case *book.ReverseEntry:
		w.reverse = c
	default:
		return nil, &domain.Error{Code: domain.CodeInternal, Field: "event", Value: event.EventType(), Message: "nothing waits in the event", Remedy: "run verify"}
	}
	return w, nil
}

// heldTerms fills in the terms of a refund that waits, where it is not rated as its
// original. Why there are none matters only if it cannot be told now.
func (w *bookWriter) heldTerms(ctx context.Context, waiting *waiter) error {
	if waiting.settle == nil || waiting.settle.Terms != nil {
		return nil
	}
	items := []item{waiting.item}
	w.view.fill(ctx, items)
	waiting.item = items[0]
	if domain.CodeOf(waiting.missing) == domain.CodeUnavailable {
		return waiting.missing
	}
	return nil
}
