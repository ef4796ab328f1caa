package restatement

import (
	"context"
	"iter"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/eventstore"
)

const (
	// pageEvents are read at once, mostPages of them held: business order is nearly
	// the order of the book, or that of several feeds side by side.
	pageEvents = 256
	mostPages  = 64
)

// bookLog is rerating.Log over a store. It belongs to one goroutine.
type bookLog struct {
	ctx    context.Context
	store  eventstore.Store
	stream domain.StreamID
	end    uint64 // events
	pages  map[uint64]*page
	turn   uint64
	step   func() // after each event that was asked for
}

type page struct {
	events []eventstore.Recorded
	used   uint64
}

var _ rerating.Log = (*bookLog)(nil)

// openLog finds the end of a book: CodeNotFound where it has no event.
func openLog(ctx context.Context, store eventstore.Store, id string, step func()) (*bookLog, error) {
	l := &bookLog{ctx: ctx, store: store, stream: domain.Stream(book.Category, id), pages: map[uint64]*page{}, step: step}
	var err error
	l.end, err = l.count()
	if err == nil && l.end == 0 {
		err = &domain.Error{Code: domain.CodeNotFound, Field: "book", Value: id, Message: "nothing has been settled in such a book", Remedy: "check its id"}
	}
	return l, err
}

// count is how many events the book has now.
func (l *bookLog) count() (uint64, error) {
	for recorded, err := range l.store.ReadStream(l.ctx, l.stream, eventstore.Backwards, eventstore.End, 1) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return recorded.Revision + 1, nil
	}
	return 0, nil
}

// All implements rerating.Log.
func (l *bookLog) All() iter.Seq2[domain.Event, error] {
	return func(yield func(domain.Event, error) bool) {
		next := uint64(0)
		for recorded, err := range l.store.ReadStream(l.ctx, l.stream, eventstore.Forwards, 0, l.end) {
			var event domain.Event
			if err == nil {
				event, err = eventstore.Decode(recorded)
			}
			if err == nil && recorded.Revision != next {
				err = l.gap(next)
			}
			if !yield(event, err) || err != nil {
				return
			}
			next++
			l.step()
		}
		if next != l.end {
			yield(nil, l.gap(next))
		}
	}
}

// At implements rerating.Log.
func (l *bookLog) At(revision uint64) (domain.Event, error) {
	number := revision / pageEvents
	p := l.pages[number]
	if p == nil {
		var err error
		if p, err = l.read(number); err != nil {
			return nil, err
		}
	}
	l.turn++
	p.used = l.turn
	at := revision % pageEvents
	if at >= uint64(len(p.events)) || p.events[at].Revision != revision {
		return nil, l.gap(revision)
	}
	l.step()
	return eventstore.Decode(p.events[at])
}

// read takes in a page, and drops the one that was asked for least lately.
func (l *bookLog) read(number uint64) (*page, error) {
	if len(l.pages) >= mostPages {
		oldest := number
		for n, p := range l.pages {
			if held := l.pages[oldest]; held == nil || p.used < held.used {
				oldest = n
			}
		}
		delete(l.pages, oldest)
	}
	p := &page{events: make([]eventstore.Recorded, 0, pageEvents)}
	for recorded, err := range l.store.ReadStream(l.ctx, l.stream, eventstore.Forwards, number*pageEvents, min(pageEvents, l.end-number*pageEvents)) {
		if err != nil {
			return nil, err
		}
		p.events = append(p.events, recorded)
	}
	l.pages[number] = p
	return p, nil
}

func (l *bookLog) gap(revision uint64) error {
	return &domain.Error{Code: domain.CodeInternal, Field: "revision", Value: strconv.FormatUint(revision, 10), Message: "the log has not this event of " + string(l.stream), Remedy: "run verify"}
}

// readTerms folds all contracts, schedules and calendars of the log.
func readTerms(ctx context.Context, store eventstore.Store, draft *fee.Document) (_ *rerating.Reference, err error) {
	reference := rerating.NewReference(draft)
	var filter eventstore.Filter
	for _, category := range rerating.Categories {
		filter.StreamPrefixes = append(filter.StreamPrefixes, category+"-")
	}
	subscription, err := store.Subscribe(ctx, filter, eventstore.Start)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := subscription.Close(); err == nil {
			err = closing
		}
	}()
	for {
		message, err := subscription.Next(ctx)
		if err != nil {
			return nil, err
		}
		if message.CaughtUp {
			return reference, nil
		}
		if message.Event == nil {
			continue
		}
		event, err := eventstore.Decode(*message.Event)
		if err != nil {
			return nil, err
		}
		reference.Fold(message.Event.Stream, message.Event.Revision, event)
	}
}
