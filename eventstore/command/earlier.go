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
	if c.Reversed == nil {
		record, found, _ := w.state.Record(c.Target)
		if !found || record.Kind != book.KindSettlement {
			return nil // Decide says so
		}
		settled, err := g.settled(record.Revision, it.unread)
		if settled == nil || err != nil {
			return err
		}
		c.Reversed = settled
	}
	on, err := w.view.effectiveOn(w.ctx, c.Reversed.Contract, c.OccurredAt)
	c.EffectiveOn = on
	return err
}

// fillRefund gives a transaction that is rated as its original the event of that
// one, and its terms.
func (w *bookWriter) fillRefund(it *item, g *group) error {
	c := it.settle
	if !w.state.AsOriginal(&c.Transaction) {
		return nil
	}
	if c.Original == nil {
		record, _, _ := w.state.Record(book.Key{Source: c.Transaction.Source, ExternalID: c.Transaction.OriginalID})
		if record.Kind != book.KindSettlement {
			return nil // Decide says so
		}
		settled, err := g.settled(record.Revision, it.unread)
		if settled == nil || err != nil {
			return err
		}
		c.Original = settled
	}
	terms, err := w.view.bind(w.ctx, c.Original, c.Transaction.OccurredAt)
	c.Terms = terms
	return err
}

// settled returns the settlement of this group at a revision. One from before the
// group should have been read from the log: unread says why it was not.
func (g *group) settled(revision uint64, unread error) (*book.TransactionSettled, error) {
	if revision < g.first {
		return nil, unread
	}
	settled, ok := g.events[revision-g.first].(book.TransactionSettled)
	if !ok {
		return nil, nil
	}
	return &settled, nil
}

// readEarlier reads the events that members rest on, several at once: what
// reversals take back, and what refunds are rated as. It reports whether it read
// any; what cannot be read is noted on the item.
func (w *bookWriter) readEarlier(members []member) (read bool) {
	var reads errgroup.Group
	reads.SetLimit(readAhead)
	for _, m := range members {
		it := m.item()
		key, into := it.earlier()
		if into == nil || *into != nil || it.settle != nil && !w.state.AsOriginal(&it.settle.Transaction) {
			continue
		}
		if _, replay, err := book.Lookup(w.state, it.command()); replay || err != nil {
			continue
		}
		record, found, _ := w.state.Record(key)
		if !found || record.Kind != book.KindSettlement {
			continue
		}
		read = true
		reads.Go(func() error {
			*into, it.unread = w.readSettled(w.ctx, record.Revision)
			return nil
		})
	}
	_ = reads.Wait() // each read notes its own error
	return read
}

// readSettled reads one settlement of the book from the log.
func (w *bookWriter) readSettled(ctx context.Context, revision uint64) (*book.TransactionSettled, error) {
	for r, err := range w.store.ReadStream(ctx, w.stream, eventstore.Forwards, revision, 1) {
		if err != nil {
			return nil, readError(err)
		}
		event, err := eventstore.Decode(r)
		if err != nil {
			return nil, err
		}
		if settled, ok := event.(book.TransactionSettled); ok && r.Revision == revision {
			return &settled, nil
		}
		break
	}
	return nil, &domain.Error{Code: domain.CodeInternal, Field: "target", Message: "the log does not hold the transaction where the index says", Remedy: "delete the index; it is rebuilt from the log"}
}
