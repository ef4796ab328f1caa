package esdb

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// ReadStream implements eventstore.Store.
func (s *Store) ReadStream(ctx context.Context, stream domain.StreamID, direction eventstore.Direction, from, limit uint64) iter.Seq2[eventstore.Recorded, error] {
	const op = "read stream"
	if err := eventstore.CheckRead(stream, direction, from); err != nil {
		return func(yield func(eventstore.Recorded, error) bool) { yield(eventstore.Recorded{}, err) }
	}
	options := esdb.ReadStreamOptions{Direction: esdb.Forwards, From: esdb.Revision(from)}
	if direction == eventstore.Backwards {
		options.Direction = esdb.Backwards
		if from == eventstore.End {
			options.From = esdb.End{}
		}
	}
	if limit == 0 {
		return func(func(eventstore.Recorded, error) bool) {}
	}
	return func(yield func(eventstore.Recorded, error) bool) {
		for event, err := range s.read(ctx, op, stream, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
			return client.ReadStream(ctx, string(stream), options, limit)
		}) {
			if !yield(event.Recorded, err) {
				return
			}
		}
	}
}

// ReadAll implements eventstore.Store.
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	var from esdb.AllPosition = esdb.Start{}
	if after != eventstore.Start {
		from = allPosition(after)
	}
	return func(yield func(eventstore.Recorded, error) bool) {
		for event, err := range s.readAll(ctx, "read all", esdb.Forwards, from, eventstore.Unlimited) {
			if err == nil && (event.Position <= after || eventstore.System(event.Stream)) {
				continue // the server includes the position that a read names
			}
			if !yield(event.Recorded, err) {
				return
			}
		}
	}
}

func (s *Store) readAll(ctx context.Context, op string, direction esdb.Direction, from esdb.AllPosition, count uint64) iter.Seq2[Raw, error] {
	return s.read(ctx, op, "", func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
		return client.ReadAll(ctx, esdb.ReadAllOptions{Direction: direction, From: from}, count)
	})
}

// read opens a read and yields its events; a feed decodes ahead of the caller.
func (s *Store) read(ctx context.Context, op string, stream domain.StreamID, open func(context.Context, *esdb.Client) (*esdb.ReadStream, error)) iter.Seq2[Raw, error] {
	return func(yield func(Raw, error) bool) {
		readCtx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		events := newFeed(readCtx.Done())
		if err := s.pump(ctx, readCtx, op, stream, events, func(ctx context.Context, client *esdb.Client) (receiver, error) {
			opened, err := open(ctx, client)
			if err != nil {
				return nil, err
			}
			return reading{opened}, nil
		}); err != nil {
			yield(Raw{}, err)
			return
		}
		for {
			message, err := events.next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Raw{}, s.ended(ctx, op, stream, err))
				return
			}
			if !yield(Raw{Recorded: *message.Event, JSON: message.json, Prepare: message.prepare}, nil) {
				return
			}
		}
	}
}

// receiver is a read or a subscription of the client.
type receiver interface {
	// receive waits for a message; ok is false for one that is of no interest.
	receive() (message received, ok bool, err error)
	// close releases it. The client frees its context only there.
	close()
}

// pump opens a receiver, waiting no longer than ctx, and feeds what it receives
// until life ends, when it closes it.
func (s *Store) pump(ctx, life context.Context, op string, stream domain.StreamID, into *feed, open func(context.Context, *esdb.Client) (receiver, error)) error {
	if err := ctx.Err(); err != nil {
		return failure(ctx, op, stream, err)
	}
	l, err := s.acquire(ctx, op, stream)
	if err != nil {
		return err
	}
	opened := make(chan error, 1)
	if !s.start(func() {
		defer s.release(l)
		var from receiver
		err := guard(func() (err error) { from, err = open(life, l.client); return err })
		opened <- err
		if err == nil {
			err = guard(func() error { return receiveAll(from, into) })
			from.close()
		}
		if lostConnection(err) {
			s.retire(l)
		}
		into.end(err)
	}) {
		s.release(l)
		return closedError(op, stream)
	}
	select {
	case err = <-opened:
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.ctx.Done():
		err = closedError(op, stream)
	}
	if err != nil {
		return s.ended(ctx, op, stream, err)
	}
	return nil
}

// receiveAll feeds what a receiver receives until it fails or nobody wants more.
func receiveAll(from receiver, into *feed) error {
	for {
		message, ok, err := from.receive()
		if err != nil {
			return err
		}
		if ok && !into.put(message) {
			return context.Canceled
		}
	}
}

// ended is failure for whatever ends a read or a subscription: closing the store
// shows as a cancelled call.
func (s *Store) ended(ctx context.Context, op string, stream domain.StreamID, err error) error {
	if s.ctx.Err() != nil && ctx.Err() == nil {
		return closedError(op, stream)
	}
	return failure(ctx, op, stream, err)
}

// reading receives from a read.
type reading struct{ stream *esdb.ReadStream }

func (r reading) receive() (received, bool, error) {
	event, err := r.stream.Recv()
	if err != nil {
		return received{}, false, err
	}
	return eventMessage(event), true, nil
}

func (r reading) close() { r.stream.Close() }

// following receives from a subscription.
type following struct{ subscription *esdb.Subscription }

func (f following) receive() (received, bool, error) {
	switch event := f.subscription.Recv(); {
	case event.EventAppeared != nil:
		return eventMessage(event.EventAppeared), true, nil
	case event.CheckPointReached != nil:
		return received{Message: eventstore.Message{Position: eventstore.Position(event.CheckPointReached.Commit)}}, true, nil
	case event.CaughtUp != nil:
		return received{Message: eventstore.Message{CaughtUp: true}}, true, nil
	case event.SubscriptionDropped != nil:
		return received{}, false, dropReason(event.SubscriptionDropped.Error)
	}
	return received{}, false, nil
}

// dropReason is why a subscription was dropped. A server that ends one without an
// error is on its way down.
func dropReason(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return &eventstore.Error{Code: eventstore.CodeUnavailable, Op: "subscription", Err: errors.New("the server ended the subscription")}
	}
	return err
}

func (f following) close() {
	// The client's Close only cancels a context and has no error to give.
	_ = f.subscription.Close()
}

func eventMessage(resolved *esdb.ResolvedEvent) received {
	event := resolved.OriginalEvent()
	position := eventstore.Position(event.Position.Commit)
	return received{
		json: event.ContentType == contentJSON, prepare: eventstore.Position(event.Position.Prepare),
		Message: eventstore.Message{Position: position, Event: &eventstore.Recorded{
			ID: event.EventID, Type: event.EventType, Stream: domain.StreamID(event.StreamID),
			Revision: event.EventNumber, Position: position,
			Data: event.Data, Metadata: event.UserMetadata, Created: event.CreatedDate,
		}},
	}
}

func allPosition(position eventstore.Position) esdb.Position {
	return esdb.Position{Commit: uint64(position), Prepare: uint64(position)}
}

// window and interval say how often a filtered subscription tells its position:
// every window × interval events that it has looked at.
const (
	window   = 32
	interval = 16
)

// Subscribe implements eventstore.Store.
func (s *Store) Subscribe(ctx context.Context, filter eventstore.Filter, after eventstore.Position) (eventstore.Subscription, error) {
	const op = "subscribe"
	options := esdb.SubscribeToAllOptions{
		From: esdb.Start{}, MaxSearchWindow: window, CheckpointInterval: interval,
		Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Regex: `^[^\$]`},
	}
	if after != eventstore.Start {
		options.From = allPosition(after)
	}
	if len(filter.StreamPrefixes) > 0 {
		options.Filter = &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: filter.StreamPrefixes}
	}
	life, cancel := context.WithCancel(s.ctx)
	sub := &subscription{store: s, life: life, cancel: cancel, feed: newFeed(life.Done())}
	if err := s.pump(ctx, life, op, "", sub.feed, func(ctx context.Context, client *esdb.Client) (receiver, error) {
		opened, err := client.SubscribeToAll(ctx, options)
		if err != nil {
			return nil, err
		}
		return following{opened}, nil
	}); err != nil {
		cancel()
		return nil, err
	}
	return sub, nil
}

type subscription struct {
	store  *Store
	life   context.Context
	cancel context.CancelFunc
	feed   *feed
	once   sync.Once
}

// Next implements eventstore.Subscription.
func (s *subscription) Next(ctx context.Context) (eventstore.Message, error) {
	const op = "subscription"
	if s.life.Err() != nil {
		return eventstore.Message{}, s.closedError()
	}
	if err := ctx.Err(); err != nil {
		return eventstore.Message{}, failure(ctx, op, "", err)
	}
	message, err := s.feed.next(ctx)
	switch {
	case err == nil:
		return message.Message, nil
	case s.life.Err() != nil && ctx.Err() == nil:
		return eventstore.Message{}, s.closedError()
	}
	return eventstore.Message{}, failure(ctx, op, "", err)
}

func (s *subscription) closedError() error {
	return &eventstore.Error{Code: eventstore.CodeClosed, Op: "subscription", Err: errors.New("the subscription was closed")}
}

// Close implements eventstore.Subscription.
func (s *subscription) Close() error {
	s.once.Do(s.cancel)
	return nil
}
