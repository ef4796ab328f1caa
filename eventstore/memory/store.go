package memory

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Store is a log in memory. The zero value is not usable; see New.
type Store struct {
	mu       sync.Mutex
	log      []eventstore.Recorded
	streams  map[domain.StreamID][]int // indexes into log, by revision
	next     eventstore.Position
	changed  chan struct{} // closed and replaced at each append
	dropped  chan struct{} // closed and replaced by DropSubscriptions
	dropWith error
	onAppend func(Append) Fault
	onRead   func(domain.StreamID) error

	closeOnce sync.Once
	closed    chan struct{}
	late      sync.WaitGroup
}

var _ eventstore.Store = (*Store)(nil)

// New returns an empty log.
func New() *Store {
	return &Store{
		streams: make(map[domain.StreamID][]int),
		next:    1,
		changed: make(chan struct{}),
		dropped: make(chan struct{}),
		closed:  make(chan struct{}),
	}
}

// Append implements eventstore.Store, with the fault that OnAppend chose.
func (s *Store) Append(ctx context.Context, stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) (eventstore.Appended, error) {
	const op = "append"
	if err := eventstore.CheckAppend(stream, expected, events); err != nil {
		return eventstore.Appended{}, err
	}
	if err := s.usable(ctx, op, stream); err != nil {
		return eventstore.Appended{}, err
	}
	fault := s.fault(ctx, Append{Stream: stream, Expected: expected, Events: events})
	if fault.Hold != nil {
		select {
		case <-fault.Hold:
		case <-ctx.Done():
			s.applyLate(fault.Hold, stream, expected, events)
			return eventstore.Appended{}, contextError(op, stream, ctx.Err())
		case <-s.closed:
			return eventstore.Appended{}, closedError(op, stream)
		}
	}
	if fault.Fail != nil {
		return eventstore.Appended{}, &eventstore.Error{Code: eventstore.CodeUnavailable, Op: op, Stream: stream, Err: fault.Fail}
	}
	appended, err := s.apply(stream, expected, events)
	if err == nil && fault.FailPersisted != nil {
		return eventstore.Appended{}, &eventstore.Error{Code: eventstore.CodeUnavailable, Op: op, Stream: stream, Err: fault.FailPersisted}
	}
	return appended, err
}

// applyLate lets an append take effect after its caller has given up, as a
// request does that was under way when the connection broke.
func (s *Store) applyLate(hold <-chan struct{}, stream domain.StreamID, expected eventstore.Expected, events []eventstore.Proposed) {
	events = slices.Clone(events)
	for i := range events {
		events[i].Data = bytes.Clone(events[i].Data)
		events[i].Metadata = bytes.Clone(events[i].Metadata)
	}
	s.late.Go(func() {
		select {
		case <-hold:
			// Nobody is left to tell whether it was refused.
			_, _ = s.apply(stream, expected, events)
		case <-s.closed:
		}
	})
}

func (s *Store) apply(stream domain.StreamID, expected eventstore.Expected, events []eventstore.Proposed) (eventstore.Appended, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	indexes := s.streams[stream]
	count, first := uint64(len(indexes)), expected.Next()
	if first != count {
		if s.repeated(indexes, first, events) {
			last := &s.log[indexes[first+uint64(len(events))-1]]
			return eventstore.Appended{Revision: last.Revision, Position: last.Position}, nil
		}
		current := eventstore.After(count)
		return eventstore.Appended{}, &eventstore.Error{Code: eventstore.CodeWrongExpected, Op: "append", Stream: stream,
			Err: errors.New("expected " + expected.String() + ", found " + current.String())}
	}
	for i := range events {
		event := &events[i]
		// Positions have gaps, as they have on a real node, so that nobody counts on them.
		s.next += eventstore.Position(event.Size()%97 + 3)
		s.log = append(s.log, eventstore.Recorded{
			ID: event.ID, Type: event.Type, Stream: stream,
			Revision: count + uint64(i), Position: s.next,
			Data: bytes.Clone(event.Data), Metadata: bytes.Clone(event.Metadata),
			Created: time.Unix(0, 0).UTC().Add(time.Duration(len(s.log)) * time.Microsecond),
		})
		indexes = append(indexes, len(s.log)-1)
	}
	s.streams[stream] = indexes
	close(s.changed)
	s.changed = make(chan struct{})
	return eventstore.Appended{Revision: count + uint64(len(events)) - 1, Position: s.next}, nil
}

// repeated reports whether all events stand in the stream already, from a revision on.
func (s *Store) repeated(indexes []int, first uint64, events []eventstore.Proposed) bool {
	if first+uint64(len(events)) > uint64(len(indexes)) {
		return false
	}
	for i := range events {
		if s.log[indexes[first+uint64(i)]].ID != events[i].ID {
			return false
		}
	}
	return true
}

// ReadStream implements eventstore.Store.
func (s *Store) ReadStream(ctx context.Context, stream domain.StreamID, direction eventstore.Direction, from, limit uint64) iter.Seq2[eventstore.Recorded, error] {
	const op = "read stream"
	return func(yield func(eventstore.Recorded, error) bool) {
		if err := eventstore.CheckRead(stream, direction, from); err != nil {
			yield(eventstore.Recorded{}, err)
			return
		}
		if err := s.readable(ctx, op, stream); err != nil {
			yield(eventstore.Recorded{}, err)
			return
		}
		s.mu.Lock()
		indexes := s.streams[stream]
		s.mu.Unlock()
		count := uint64(len(indexes))
		if count == 0 {
			yield(eventstore.Recorded{}, &eventstore.Error{Code: eventstore.CodeStreamNotFound, Op: op, Stream: stream})
			return
		}
		revision := from
		if direction == eventstore.Backwards {
			revision = min(from, count-1)
		}
		for ; limit > 0 && revision < count; limit-- {
			if err := s.usable(ctx, op, stream); err != nil {
				yield(eventstore.Recorded{}, err)
				return
			}
			if !yield(s.at(indexes[revision]), nil) {
				return
			}
			if direction == eventstore.Backwards {
				revision-- // below 0 it wraps around and ends the loop
			} else {
				revision++
			}
		}
	}
}

// ReadAll implements eventstore.Store.
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	const op = "read all"
	return func(yield func(eventstore.Recorded, error) bool) {
		if err := s.readable(ctx, op, ""); err != nil {
			yield(eventstore.Recorded{}, err)
			return
		}
		for index := s.indexAfter(after); ; index++ {
			if err := s.usable(ctx, op, ""); err != nil {
				yield(eventstore.Recorded{}, err)
				return
			}
			s.mu.Lock()
			end := index >= len(s.log)
			s.mu.Unlock()
			if end || !yield(s.at(index), nil) {
				return
			}
		}
	}
}

// LastPosition implements eventstore.Store.
func (s *Store) LastPosition(ctx context.Context) (eventstore.Position, error) {
	if err := s.readable(ctx, "last position", ""); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) == 0 {
		return eventstore.Start, nil
	}
	return s.log[len(s.log)-1].Position, nil
}

// Close implements eventstore.Store. Appends still held back never take effect.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	s.late.Wait()
	return nil
}

// at returns a copy of the event at an index, whose bytes belong to the caller.
func (s *Store) at(index int) eventstore.Recorded {
	s.mu.Lock()
	event := s.log[index]
	s.mu.Unlock()
	event.Data, event.Metadata = bytes.Clone(event.Data), bytes.Clone(event.Metadata)
	return event
}

func (s *Store) indexAfter(after eventstore.Position) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	index, _ := slices.BinarySearchFunc(s.log, after+1, func(event eventstore.Recorded, position eventstore.Position) int {
		switch {
		case event.Position < position:
			return -1
		case event.Position > position:
			return 1
		}
		return 0
	})
	return index
}

func (s *Store) usable(ctx context.Context, op string, stream domain.StreamID) error {
	select {
	case <-s.closed:
		return closedError(op, stream)
	default:
	}
	if err := ctx.Err(); err != nil {
		return contextError(op, stream, err)
	}
	return nil
}

func closedError(op string, stream domain.StreamID) error {
	return &eventstore.Error{Code: eventstore.CodeClosed, Op: op, Stream: stream, Err: errors.New("the store was closed")}
}

func contextError(op string, stream domain.StreamID, err error) error {
	code := eventstore.CodeCanceled
	if errors.Is(err, context.DeadlineExceeded) {
		code = eventstore.CodeTimeout
	}
	return &eventstore.Error{Code: code, Op: op, Stream: stream, Err: err}
}
