package esdb

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

const (
	opAppend    = "append"
	opDelete    = "delete stream"
	opTombstone = "tombstone stream"

	// defaultTimeout bounds one append where the connection string says nothing.
	defaultTimeout = 10 * time.Second
	// hangGrace is how long a call may take to notice that its time is over,
	// before it is left behind.
	hangGrace = time.Second
	// cutOffQuestions is how often the reason for a cut-off append is asked for.
	cutOffQuestions = 8
	// closeTimeout bounds how long Close waits for calls to end.
	closeTimeout = 10 * time.Second
)

// Store is an event store behind the official client.
type Store struct {
	config  *esdb.Configuration
	address string // for messages, without password
	logger  *slog.Logger
	timeout time.Duration

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // goroutines of dials, calls and feeds

	mu      sync.Mutex
	current *link
	dialing *dialing
	closed  bool
}

var _ eventstore.Store = (*Store)(nil)

// Open connects to the event store that a connection string names, and waits for
// the first connection no longer than ctx. A string that is not valid gives a
// *domain.Error, a store that does not answer an *eventstore.Error with
// CodeUnavailable.
func Open(ctx context.Context, connectionString string, logger *slog.Logger) (*Store, error) {
	config, err := parse(connectionString, logger)
	if err != nil {
		return nil, err
	}
	s := &Store{config: config, address: withoutPassword(connectionString), logger: logger, timeout: defaultTimeout}
	if config.DefaultDeadline != nil {
		s.timeout = *config.DefaultDeadline
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	l, err := s.acquire(ctx, "connect", "")
	if err != nil {
		s.shut() // without waiting for an attempt that ctx gave up
		return nil, err
	}
	s.release(l)
	return s, nil
}

// call runs one call of the client in a goroutine of its own and waits for it. The
// context that run gets ends with the caller's, with the store, or after limit. A
// call that does not return then is left behind with its link.
func (s *Store) call(ctx context.Context, op string, stream domain.StreamID, limit time.Duration, run func(context.Context, *esdb.Client) error) error {
	if err := ctx.Err(); err != nil {
		return failure(ctx, op, stream, err)
	}
	l, err := s.acquire(ctx, op, stream)
	if err != nil {
		return err
	}
	callCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	result := make(chan error, 1)
	if !s.start(func() {
		defer s.release(l)
		err := guard(func() error { return run(callCtx, l.client) })
		if err != nil && lostConnection(err) {
			s.retire(l)
		}
		result <- err
	}) {
		s.release(l)
		return closedError(op, stream)
	}
	select {
	case err = <-result:
	case <-callCtx.Done():
		grace := time.NewTimer(hangGrace)
		defer grace.Stop()
		select {
		case err = <-result:
		case <-grace.C:
			s.retire(l)
			err = errors.New("the call did not end in time: " + callCtx.Err().Error())
			return failure(ctx, op, stream, &eventstore.Error{Code: eventstore.CodeTimeout, Op: op, Stream: stream, Err: err})
		}
	}
	if err == nil {
		return nil
	}
	if s.ctx.Err() != nil && ctx.Err() == nil {
		// It was under way, so it may have taken effect: not CodeClosed, which is definite.
		return &eventstore.Error{Code: eventstore.CodeCanceled, Op: op, Stream: stream, Err: errors.New("the store was closed meanwhile")}
	}
	return failure(ctx, op, stream, err)
}

// start runs a goroutine that Close waits for; false after Close.
func (s *Store) start(run func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Go(run)
	return true
}

// Append implements eventstore.Store.
func (s *Store) Append(ctx context.Context, stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) (eventstore.Appended, error) {
	if err := eventstore.CheckAppend(stream, expected, events); err != nil {
		return eventstore.Appended{}, err
	}
	proposed := make([]esdb.EventData, len(events))
	for i := range events {
		proposed[i] = esdb.EventData{
			EventID: events[i].ID, EventType: events[i].Type, ContentType: esdb.ContentTypeJson,
			Data: events[i].Data, Metadata: events[i].Metadata,
		}
	}
	return s.appendData(ctx, stream, expected, proposed)
}

func (s *Store) appendData(ctx context.Context, stream domain.StreamID, expected eventstore.Expected, proposed []esdb.EventData) (eventstore.Appended, error) {
	options := esdb.AppendToStreamOptions{ExpectedRevision: expectedRevision(expected), Deadline: &s.timeout}
	results := make(chan *esdb.WriteResult, 1)
	err := s.call(ctx, opAppend, stream, s.timeout, func(ctx context.Context, client *esdb.Client) error {
		result, err := client.AppendToStream(ctx, string(stream), options, proposed...)
		if err != nil && errors.Is(err, io.EOF) {
			err = s.whyCutOff(ctx, client, stream, options, err)
		}
		results <- result
		return err
	})
	if err != nil {
		return eventstore.Appended{}, err
	}
	result := <-results // there is one wherever there is no error
	return eventstore.Appended{Revision: result.NextExpectedVersion, Position: eventstore.Position(result.CommitPosition)}, nil
}

// whyCutOff finds the reason for an append that the server ended while it was
// being sent: the client then reports a bare io.EOF. An append without events asks
// the same question and is short enough to get the answer. Only refusals of the
// caller are taken from it, and that the time is over; anything else leaves the
// outcome unknown, and the caller repeats the append.
func (s *Store) whyCutOff(ctx context.Context, client *esdb.Client, stream domain.StreamID, options esdb.AppendToStreamOptions, cutOff error) error {
	for range cutOffQuestions {
		_, err := client.AppendToStream(ctx, string(stream), options)
		switch {
		case err == nil:
			return cutOff
		case errors.Is(err, io.EOF):
			continue // even that was cut off; the answer may be quicker next time
		}
		switch codeOf(opAppend, err) {
		case eventstore.CodeDenied, eventstore.CodeUnauthenticated, eventstore.CodeUnsupported,
			eventstore.CodeStreamDeleted, eventstore.CodeInvalid, eventstore.CodeUnavailable, eventstore.CodeTimeout:
			return err
		}
		return cutOff
	}
	return cutOff
}

func expectedRevision(expected eventstore.Expected) esdb.ExpectedRevision {
	if revision, ok := expected.Revision(); ok {
		return esdb.Revision(revision)
	}
	return esdb.NoStream{}
}

// LastPosition implements eventstore.Store.
func (s *Store) LastPosition(ctx context.Context) (eventstore.Position, error) {
	// Mostly the last event is one of ours; where the store's own follow, look on.
	for _, count := range []uint64{1, eventstore.Unlimited} {
		found := false
		for event, err := range s.readAll(ctx, "last position", esdb.Backwards, esdb.End{}, count) {
			if err != nil {
				return 0, err
			}
			found = true
			if !eventstore.System(event.Stream) {
				return event.Position, nil
			}
		}
		if !found {
			break
		}
	}
	return eventstore.Start, nil
}

// Close implements eventstore.Store. It waits a bounded time for calls to end.
func (s *Store) Close() error {
	if !s.shut() {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.running.Wait()
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return &eventstore.Error{Code: eventstore.CodeTimeout, Op: "close", Err: errors.New("calls did not end in time and were left behind")}
	}
}

// shut ends everything under way; false where that was done before.
func (s *Store) shut() bool {
	s.mu.Lock()
	again, last := s.closed, s.current
	s.closed = true
	s.mu.Unlock()
	if again {
		return false
	}
	s.cancel()
	if last != nil {
		s.retire(last)
	}
	return true
}
