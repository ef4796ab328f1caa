package readmodel

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Event is an event of the log, decoded once for all read models. They share it
// and may not change it.
type Event struct {
	Position eventstore.Position
	Stream   domain.StreamID
	Revision uint64
	Type     string
	Meta     eventstore.Meta
	// Entry is set for the events that book an entry, Event for all others and, since
	// an entry says little of it, for the end of a window.
	Entry *Entry
	Event domain.Event
	// Err says why the event could not be decoded; the fields above it but the
	// first four are then empty. A read model that it concerns stops there.
	Err error
}

// Decoder decodes the events of one subscription or read. It shares the strings
// that come again between them. It belongs to one goroutine.
type Decoder struct{ summaries eventstore.Summaries }

// Decode decodes a record. It never fails: what cannot be decoded is in Err.
func (d *Decoder) Decode(r eventstore.Recorded) Event {
	e := Event{Position: r.Position, Stream: r.Stream, Revision: r.Revision, Type: r.Type}
	if e.Meta, e.Err = d.summaries.Meta(r); e.Err != nil {
		return e
	}
	if summary, ok := d.summaries.Read(r); ok {
		e.Entry = settlement(&e, &summary.TransactionSettled, summary.Named)
		return e
	}
	event, err := eventstore.Decode(r)
	if err != nil {
		e.Err = err
		return e
	}
	switch event := event.(type) {
	case book.TransactionSettled:
		e.Entry = settlement(&e, &event, holders(event.Parties))
	case book.EntryReversed:
		e.Entry = reversal(&e, &event)
	case book.AdjustmentPosted:
		e.Entry, e.Err = adjustment(&e, &event)
	case book.HoldsReleased:
		e.Entry = release(&e, &event)
	case book.WindowClosed:
		e.Entry, e.Event = closing(&e, &event), event
	default:
		e.Event = event
	}
	return e
}

// Category is the category of the event's stream.
func (e Event) Category() string {
	category, _ := e.Stream.Split()
	return category
}
