package command

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

// foldChunk is how many events of the tail are folded at once.
const foldChunk = 1000

// forget drops the state; the next command opens the book again.
func (w *bookWriter) forget() {
	w.state, w.rows = nil, nil
	w.covered, w.loaded = 0, 0
}

// open makes the state of the book from its index and the rest of the stream, or
// from the stream alone where the index does not fit the log.
func (w *bookWriter) open() error {
	if w.state != nil {
		return nil
	}
	_, id := w.stream.Split()
	w.rows = w.index.Book(id)
	state, header, found, err := restore(w.rows)
	if err != nil {
		w.forget()
		return indexError(err)
	}
	if found {
		misfit, err := w.check(header)
		if err != nil {
			w.forget()
			return err
		}
		if misfit != nil {
			w.logger.Warn("the local index of a book is rebuilt from the log", "stream", w.stream, "cause", misfit)
			if err := w.rows.Clear(); err != nil {
				w.forget()
				return indexError(err)
			}
			found, header = false, index.Header{}
		}
	}
	if found {
		w.covered = header.Revision + 1
	} else {
		state = book.Restore(book.Snapshot{})
		w.covered, w.lastID, w.position = 0, uuid.Nil, eventstore.Start
	}
	w.state, w.stored, w.loaded, w.flushed = state, header, 0, time.Now()
	if err := w.readOn(); err != nil {
		unfit := w.state != nil && w.state.Err() != nil
		w.forget()
		if found && unfit {
			// A record that the events rest on is missing: the index lies.
			return fmt.Errorf("%w: %w", index.ErrDamaged, err)
		}
		return err
	}
	return nil
}

// check compares a header with the log. A misfit is why the index cannot be used.
func (w *bookWriter) check(header index.Header) (misfit, err error) {
	if header.Identity != w.identity {
		return fmt.Errorf("it belongs to the log %s, not to %s", header.Identity, w.identity), nil
	}
	for r, err := range w.store.ReadStream(w.ctx, w.stream, eventstore.Forwards, header.Revision, 1) {
		switch {
		case eventstore.CodeOf(err) == eventstore.CodeStreamNotFound:
			return errors.New("the log has no such stream"), nil
		case err != nil:
			return nil, readError(err)
		case r.Revision != header.Revision || r.ID != header.EventID:
			return fmt.Errorf("event %s stands where it knows %s", r.ID, header.EventID), nil
		}
		w.lastID, w.position = r.ID, r.Position
		return nil, nil
	}
	return fmt.Errorf("it is ahead of the log: revision %d", header.Revision), nil
}

// readOn folds what the stream has beyond the state.
func (w *bookWriter) readOn() error {
	chunk := make([]eventstore.Recorded, 0, foldChunk)
	for r, err := range w.store.ReadStream(w.ctx, w.stream, eventstore.Forwards, w.state.Count(), eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound && w.state.Count() == 0 {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		chunk = append(chunk, r)
		if len(chunk) < foldChunk {
			continue
		}
		if err := w.fold(chunk); err != nil {
			return err
		}
		chunk = chunk[:0]
		select {
		case <-w.stop:
			return closed()
		default:
		}
	}
	return w.fold(chunk)
}

// fold takes recorded events into the state.
func (w *bookWriter) fold(records []eventstore.Recorded) error {
	if len(records) == 0 {
		return nil
	}
	events := make([]domain.Event, len(records))
	var keys []book.Key
	for i, r := range records {
		if want := w.state.Count() + uint64(i); r.Revision != want {
			return &domain.Error{Code: domain.CodeInternal, Field: "stream", Value: string(w.stream), Message: fmt.Sprintf("revision %d stands where %d is due", r.Revision, want), Remedy: "run verify"}
		}
		event, err := eventstore.Decode(r)
		if err != nil {
			return err
		}
		events[i] = event
		keys = append(keys, book.EventKeys(event)...)
	}
	if err := w.loadKeys(keys); err != nil {
		return err
	}
	for i, event := range events {
		w.state = book.Decider.Evolve(w.state, event)
		if err := w.state.Err(); err != nil {
			return err
		}
		w.lastID, w.position = records[i].ID, records[i].Position
	}
	if w.full() {
		return w.flushOrFail()
	}
	return nil
}

func (w *bookWriter) loadKeys(keys []book.Key) error {
	loaded, err := loadKeys(w.rows, w.state, keys)
	w.loaded += loaded
	return indexError(err)
}

// unflushed is the number of events that the index does not cover.
func (w *bookWriter) unflushed() uint64 {
	if w.state == nil {
		return 0
	}
	return w.state.Count() - w.covered
}

// full reports that the index should be moved on, so that memory stays bounded.
func (w *bookWriter) full() bool {
	return w.unflushed() >= flushEvents || w.state != nil && w.loaded >= mostLoaded
}

// flush moves the index on. Where it fails the index is emptied and the book
// opened again by the next command: nothing that was acknowledged rests on it.
func (w *bookWriter) flush() {
	if err := w.flushOrFail(); err != nil && !w.rebuild(err) {
		w.logger.Error("the local index could not be written", "stream", w.stream, "error", err)
		w.forget()
	}
}

func (w *bookWriter) flushOrFail() error {
	w.flushed = time.Now()
	if w.state == nil {
		return nil
	}
	if w.unflushed() > 0 {
		changes := w.state.Commit()
		header := index.Header{
			Identity: w.identity, Revision: changes.Count - 1, EventID: w.lastID, Keys: w.stored.Keys, LastRecorded: changes.Recorded,
			BusinessDate: changes.BusinessDate, DateRevision: changes.DateRevision,
		}
		for i := range changes.Keys {
			if changes.Keys[i].New {
				header.Keys++
			}
		}
		for range w.state.Balances() {
			header.Accounts++
		}
		for range w.state.Counters() {
			header.Counters++
		}
		for range w.state.Holds() {
			header.Holds++
		}
		hash := w.state.Hash()
		header.Hash = hash[:]
		if err := store(w.rows, header, &changes); err != nil {
			return indexError(err)
		}
		w.stored, w.covered = header, changes.Count
	}
	w.state.Drop()
	w.loaded = 0
	return nil
}

// indexError passes on what rebuild understands and dresses up the rest.
func indexError(err error) error {
	if err == nil || errors.Is(err, index.ErrDamaged) || errors.Is(err, index.ErrReset) {
		return err
	}
	return &domain.Error{Code: domain.CodeUnavailable, Field: "index", Message: "the local index does not answer", Remedy: "send the command again", Err: err}
}
