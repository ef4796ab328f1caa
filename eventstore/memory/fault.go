package memory

import (
	"context"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Append is an append that is about to happen, as OnAppend sees it.
type Append struct {
	Stream   domain.StreamID
	Expected eventstore.Expected
	Events   []eventstore.Proposed
}

// Fault is what goes wrong with one append. The zero value lets it pass. Its
// parts combine: an append may be held back and then fail.
type Fault struct {
	// Hold delays the append until the channel is closed. Where the caller's
	// context ends first, the caller gets an unknown outcome and the append still
	// takes effect when the channel is closed: late, and perhaps after others.
	Hold <-chan struct{}
	// Fail makes the append fail with CodeUnavailable and leave no trace.
	Fail error
	// FailPersisted makes an append that took effect answer CodeUnavailable.
	FailPersisted error
}

// OnAppend sets the function that chooses the fault of each append; nil for none.
// It is called before the append, outside of locks, from many goroutines.
func (s *Store) OnAppend(choose func(Append) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onAppend = choose
}

// withFault is the key of a context's fault.
type withFault struct{}

// WithFault returns a context under which appends have a fault of their own: that
// of one caller, where OnAppend's is everybody's. OnAppend is then not asked.
func WithFault(ctx context.Context, fault Fault) context.Context {
	return context.WithValue(ctx, withFault{}, fault)
}

// OnRead sets the function that may fail a read of a stream ("" for reads of the
// whole log, the last position and subscriptions); nil for none. What it returns
// is wrapped in CodeUnavailable.
func (s *Store) OnRead(choose func(domain.StreamID) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRead = choose
}

// DropSubscriptions ends all open subscriptions with CodeUnavailable, as a node
// does that restarts. What they had not delivered yet is lost to them.
func (s *Store) DropSubscriptions(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropWith = err
	close(s.dropped)
	s.dropped = make(chan struct{})
}

func (s *Store) fault(ctx context.Context, append Append) Fault {
	if fault, own := ctx.Value(withFault{}).(Fault); own {
		return fault
	}
	s.mu.Lock()
	choose := s.onAppend
	s.mu.Unlock()
	if choose == nil {
		return Fault{}
	}
	return choose(append)
}

func (s *Store) readable(ctx context.Context, op string, stream domain.StreamID) error {
	if err := s.usable(ctx, op, stream); err != nil {
		return err
	}
	s.mu.Lock()
	choose := s.onRead
	s.mu.Unlock()
	if choose == nil {
		return nil
	}
	if err := choose(stream); err != nil {
		return &eventstore.Error{Code: eventstore.CodeUnavailable, Op: op, Stream: stream, Err: err}
	}
	return nil
}
