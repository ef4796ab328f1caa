package command

import (
	"context"
	"fmt"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

// item is one command for a book on its way through the writer. Exactly one of the
// first four is set.
type item struct {
	settle  *book.SettleTransaction
	reverse *book.ReverseEntry
	adjust  *book.PostAdjustment
	advance *book.AdvanceBusinessDate
	meta    eventstore.Meta
	// missing is why the reference view has no terms, or does not know a party of an
	// adjustment. It matters only if the book would otherwise carry the command out: a
	// replay needs nothing.
	missing error
	// unknown is why a command that needs no terms may not begin a book: no contract
	// names it.
	unknown error

	found *findings // nil where nothing was read
}

// findings are what a command rests on, as read from the log: the settlement of the
// transaction that it names, what restates this one, and what waits for the
// transaction itself.
type findings struct {
	earlier  read[book.TransactionSettled]
	restated read[book.AdjustmentPosted]
	waiting  read[waiter]
}

// log is what was read, to be added to.
func (i *item) log() *findings {
	if i.found == nil {
		i.found = &findings{}
	}
	return i.found
}

// read is an event of the book as it was read from the log, or why it was not.
type read[E any] struct {
	revision uint64
	event    *E
	err      error
	wanted   bool // it is to be read
}

// want notes that the event of a revision must be read, unless it has been.
func (r *read[E]) want(revision uint64) bool {
	if r.known(revision) && r.err == nil {
		return false
	}
	*r = read[E]{revision: revision, wanted: true}
	return true
}

// known reports whether the event of a revision was read, or tried to be.
func (r *read[E]) known(revision uint64) bool {
	return r.revision == revision && !r.wanted && (r.event != nil || r.err != nil)
}

// waiter is a refund or a reversal that waits, as an item to be carried out.
type waiter struct{ item }

func (i *item) command() domain.Command {
	switch {
	case i.settle != nil:
		return i.settle
	case i.reverse != nil:
		return i.reverse
	case i.adjust != nil:
		return i.adjust
	}
	return i.advance
}

// names is the key of the transaction that the command rests on, and where the event
// that settled it goes; nil where the command names none.
func (i *item) names() (key book.Key, into **book.TransactionSettled) {
	switch {
	case i.reverse != nil:
		return i.reverse.Target, &i.reverse.Reversed
	case i.settle != nil && i.settle.Transaction.OriginalID != "":
		return book.Key{Source: i.settle.Transaction.Source, ExternalID: i.settle.Transaction.OriginalID}, &i.settle.Original
	}
	return key, nil
}

// idle reports whether the command could not begin a book.
func (i *item) idle() bool {
	switch {
	case i.settle != nil:
		return i.missing != nil
	case i.reverse != nil:
		return !i.reverse.Policy.Await || i.unknown != nil
	}
	return i.unknown != nil
}

// because gives the reason for an error of Decide: where the book asked for terms
// that the item has not, it is why there are none.
func (i *item) because(err error) error {
	if err != nil && i.missing != nil && i.settle != nil && i.settle.Terms == nil && domain.CodeOf(err) == domain.CodeInternal {
		return i.missing
	}
	return err
}

// take copies a command of a book: the door fills it in. It returns the book's id; ok
// is false for any other command.
func (i *item) take(command domain.Command) (bookID string, ok bool) {
	switch c := command.(type) {
	case book.ReverseEntry:
		c.Reversed, c.EffectiveOn = nil, ""
		i.reverse = &c
		return c.Book, true
	case book.PostAdjustment:
		i.adjust = &c
		return c.Book, true
	case book.AdvanceBusinessDate:
		c.Close = nil
		i.advance = &c
		return c.Book, true
	}
	return "", false
}

// know notes on each item that needs no terms what the reference view does not know.
func (v *view) know(ctx context.Context, bookID string, items []item) {
	asked := false
	var unknown error
	for i := range items {
		it := &items[i]
		if it.settle != nil || it.reverse != nil && !it.reverse.Policy.Await {
			continue
		}
		if !asked {
			asked, unknown = true, v.bookKnown(ctx, bookID)
		}
		it.unknown = unknown
		if it.adjust != nil {
			it.missing = v.ownersKnown(ctx, it.adjust)
		}
	}
}

// ownersKnown makes sure that the owners of an adjustment's accounts are registered.
func (v *view) ownersKnown(ctx context.Context, c *book.PostAdjustment) error {
	missing := func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		for i := range c.Postings {
			owner, _, _, ok := c.Postings[i].Account.Parts()
			if ok && v.parties[owner] == nil { // Decide says what is no account
				err := &domain.Error{
					Code: domain.CodeUnknownParty, Field: fmt.Sprintf("postings[%d].account", i), Value: owner, Message: "the party is not registered",
					Remedy: "register it, then send this again",
				}
				return err
			}
		}
		return nil
	}
	if missing() == nil {
		return nil
	}
	if err := v.sync(ctx); err != nil {
		return err
	}
	return missing()
}

// eventKey is the command key that the id of an event is made of, and recorded its
// recorded time. count is the revision that it is decided for: a step towards a date
// has no other name.
func eventKey(event domain.Event, count uint64) (key string, recorded time.Time) {
	named := func(k book.Key) string { return k.Source + "/" + k.ExternalID }
	step := func(date domain.Date) string { return fmt.Sprintf("advance/%s/%d", date, count) }
	switch e := event.(type) {
	case book.TransactionSettled:
		return named(e.Key), e.RecordedAt
	case book.EntryReversed:
		return named(e.Key), e.RecordedAt
	case book.AdjustmentPosted:
		return named(e.Key), e.RecordedAt
	case book.OriginalAwaited:
		return named(e.Key), e.RecordedAt
	case book.HoldsReleased:
		return step(e.BusinessDate), e.RecordedAt
	case book.WindowClosed:
		return step(e.BusinessDate), e.RecordedAt
	case book.BusinessDateAdvanced:
		return step(e.To), e.RecordedAt
	}
	return "", recorded
}
