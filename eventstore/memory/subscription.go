package memory

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// checkpointInterval is how many events a filter may look at before a checkpoint.
const checkpointInterval = 32

type subscription struct {
	store   *Store
	filter  eventstore.Filter
	dropped <-chan struct{}

	// Used by Next alone.
	index      int // of the next event to look at
	position   eventstore.Position
	checkpoint eventstore.Position // of the last message that carried a position
	examined   int                 // since the last checkpoint
	caughtUp   bool

	closeOnce sync.Once
	closed    chan struct{}
}

// Subscribe implements eventstore.Store. A position beyond the end of the log
// belongs to another log and is refused with CodeInvalid.
func (s *Store) Subscribe(ctx context.Context, filter eventstore.Filter, after eventstore.Position) (eventstore.Subscription, error) {
	const op = "subscribe"
	last, err := s.LastPosition(ctx)
	if err != nil {
		return nil, err
	}
	if after > last {
		return nil, &eventstore.Error{Code: eventstore.CodeInvalid, Op: op, Err: errors.New("the position lies beyond the end of this log")}
	}
	s.mu.Lock()
	dropped := s.dropped
	s.mu.Unlock()
	return &subscription{
		store: s, filter: filter, dropped: dropped,
		index: s.indexAfter(after), position: after, checkpoint: after,
		closed: make(chan struct{}),
	}, nil
}

// Next implements eventstore.Subscription.
func (s *subscription) Next(ctx context.Context) (eventstore.Message, error) {
	for {
		if err := s.usable(ctx); err != nil {
			return eventstore.Message{}, err
		}
		s.store.mu.Lock()
		end, changed := s.index >= len(s.store.log), s.store.changed
		s.store.mu.Unlock()
		if !end {
			if message, ok := s.step(); ok {
				return message, nil
			}
			continue
		}
		if !s.caughtUp {
			if s.position > s.checkpoint {
				return s.mark(), nil
			}
			s.caughtUp = true
			return eventstore.Message{CaughtUp: true}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-s.dropped:
		case <-s.closed:
		case <-s.store.closed:
		}
	}
}

// step looks at one event and returns the message it leads to, if any.
func (s *subscription) step() (eventstore.Message, bool) {
	if s.examined >= checkpointInterval && s.position > s.checkpoint {
		return s.mark(), true
	}
	event := s.store.at(s.index)
	s.index++
	s.examined++
	s.position = event.Position
	if !s.matches(event.Stream) {
		return eventstore.Message{}, false
	}
	s.checkpoint = event.Position
	return eventstore.Message{Event: &event, Position: event.Position}, true
}

func (s *subscription) mark() eventstore.Message {
	s.checkpoint, s.examined = s.position, 0
	return eventstore.Message{Position: s.position}
}

func (s *subscription) matches(stream domain.StreamID) bool {
	if len(s.filter.StreamPrefixes) == 0 {
		return true
	}
	for _, prefix := range s.filter.StreamPrefixes {
		if strings.HasPrefix(string(stream), prefix) {
			return true
		}
	}
	return false
}

func (s *subscription) usable(ctx context.Context) error {
	const op = "subscription"
	select {
	case <-s.closed:
		return &eventstore.Error{Code: eventstore.CodeClosed, Op: op, Err: errors.New("the subscription was closed")}
	case <-s.dropped:
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		return &eventstore.Error{Code: eventstore.CodeUnavailable, Op: op, Err: s.store.dropWith}
	default:
	}
	return s.store.usable(ctx, op, "")
}

// Close implements eventstore.Subscription.
func (s *subscription) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	return nil
}
