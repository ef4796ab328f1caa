package sim

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// link is the connection of one life of a process to the log. Every operation
// parks at the gate; a dead link answers nothing any more.
type link struct {
	*memory.Store
	gate  *gate
	owner string
	dead  atomic.Bool
	// tamper changes what is appended; it plants the bugs that the auditor must
	// find, and is nil otherwise.
	tamper func(domain.StreamID, []eventstore.Proposed) []eventstore.Proposed

	subscriptions atomic.Int32
}

var errFault = errors.New("a simulated fault")

func broken(operation string, stream domain.StreamID, cause error) error {
	return &eventstore.Error{Code: eventstore.CodeUnavailable, Op: operation, Stream: stream, Err: cause}
}

// ended is the error of an operation whose context ended while it was parked: it
// has no effect, but its caller cannot know.
func ended(operation string, stream domain.StreamID, cause error) error {
	code := eventstore.CodeCanceled
	if errors.Is(cause, context.DeadlineExceeded) {
		code = eventstore.CodeTimeout
	}
	return &eventstore.Error{Code: code, Op: operation, Stream: stream, Err: cause}
}

// park waits at the gate and gives the error of an operation that does not pass.
func (l *link) park(ctx context.Context, o *op, operation string, stream domain.StreamID) (verdict, error) {
	if l.dead.Load() {
		return cut, broken(operation, stream, errCut)
	}
	o.owner = l.owner
	if o.kind == subscribing || o.kind == receiving || o.kind == reading && stream == "" {
		_, o.sync = ctx.Deadline() // who follows the log has none
	}
	v, err := l.gate.pass(ctx, o)
	switch {
	case v == cutLate:
		return v, nil
	case v == cut && err == nil || l.dead.Load():
		return cut, broken(operation, stream, errCut)
	case err != nil:
		return cut, ended(operation, stream, err)
	case v == fail:
		return v, broken(operation, stream, errFault)
	}
	return v, nil
}

// Append implements eventstore.Store.
func (l *link) Append(ctx context.Context, stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) (eventstore.Appended, error) {
	hold := make(chan struct{})
	o := &op{kind: appending, key: fmt.Sprintf("append %s %s +%d %.8s", stream, expected, len(events), events[0].ID), hold: hold}
	v, err := l.park(ctx, o, "append", stream)
	if l.tamper != nil {
		events = l.tamper(stream, events)
	}
	var fault memory.Fault
	switch v {
	case fail:
		fault.Fail = errFault
	case persist:
		fault.FailPersisted = errFault
	case late:
		fault.Hold = hold
	case cutLate:
		_, err := l.Store.Append(memory.WithFault(context.WithoutCancel(ctx), fault), stream, expected, events...)
		return eventstore.Appended{}, broken("append", stream, errors.Join(errCut, err))
	case cut:
		return eventstore.Appended{}, err
	}
	return l.Store.Append(memory.WithFault(ctx, fault), stream, expected, events...)
}

// ReadStream implements eventstore.Store.
func (l *link) ReadStream(ctx context.Context, stream domain.StreamID, direction eventstore.Direction, from, limit uint64) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		const operation = "read stream"
		v, err := l.park(ctx, &op{kind: reading, key: fmt.Sprintf("read %s %d+%d", stream, from, limit)}, operation, stream)
		if err != nil {
			yield(eventstore.Recorded{}, err)
			return
		}
		left := 2
		for r, err := range l.Store.ReadStream(ctx, stream, direction, from, limit) {
			if v == breakOff && err == nil {
				if left == 0 {
					yield(eventstore.Recorded{}, broken(operation, stream, errFault))
					return
				}
				left--
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// LastPosition implements eventstore.Store.
func (l *link) LastPosition(ctx context.Context) (eventstore.Position, error) {
	if _, err := l.park(ctx, &op{kind: reading, key: "last position"}, "last position", ""); err != nil {
		return 0, err
	}
	return l.Store.LastPosition(ctx)
}

// Subscribe implements eventstore.Store.
func (l *link) Subscribe(ctx context.Context, filter eventstore.Filter, after eventstore.Position) (eventstore.Subscription, error) {
	if _, err := l.park(ctx, &op{kind: subscribing, key: fmt.Sprintf("subscribe after %d", after)}, "subscribe", ""); err != nil {
		return nil, err
	}
	s, err := l.Store.Subscribe(ctx, filter, after)
	if err != nil {
		return nil, err
	}
	return &feed{Subscription: s, link: l, number: l.subscriptions.Add(1)}, nil
}

// feed is a subscription whose every message parks before it is delivered.
type feed struct {
	eventstore.Subscription
	link   *link
	number int32
}

// Next implements eventstore.Subscription.
func (f *feed) Next(ctx context.Context) (eventstore.Message, error) {
	m, err := f.Subscription.Next(ctx)
	if err != nil {
		return m, err
	}
	key := fmt.Sprintf("receive #%d %d caught up %t", f.number, m.Position, m.CaughtUp)
	if _, err := f.link.park(ctx, &op{kind: receiving, key: key}, "subscription", ""); err != nil {
		return eventstore.Message{}, err
	}
	return m, nil
}
