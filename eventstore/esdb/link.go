package esdb

import (
	"context"
	"errors"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// link is one client for as long as its connection lasts. The client itself would
// rediscover after a lost connection, which it does badly (see interrupt); so a
// link is retired at the first loss and the next call dials another. A retired
// link is closed when its last call or subscription has ended.
type link struct {
	client  *esdb.Client
	users   int // guarded by Store.mu, like retired
	retired bool
}

// dialing is an attempt to build a link that many callers may wait for.
type dialing struct {
	done chan struct{}
	err  error // set before done is closed
}

// acquire returns the current link, after dialling one if there is none. Every
// acquired link must be released.
func (s *Store) acquire(ctx context.Context, op string, stream domain.StreamID) (*link, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, closedError(op, stream)
		}
		if s.current != nil {
			l := s.current
			l.users++
			s.mu.Unlock()
			return l, nil
		}
		if s.dialing == nil {
			s.dialing = &dialing{done: make(chan struct{})}
			s.running.Add(1)
			go s.dial(s.dialing)
		}
		attempt := s.dialing
		s.mu.Unlock()
		select {
		case <-attempt.done:
			if attempt.err != nil {
				return nil, failure(ctx, op, stream, attempt.err)
			}
		case <-ctx.Done():
			return nil, failure(ctx, op, stream, ctx.Err())
		case <-s.ctx.Done():
			return nil, closedError(op, stream)
		}
	}
}

// dial builds a link. Asking for the server's version makes the client discover a
// node and connect, which it would otherwise do during the first call.
func (s *Store) dial(attempt *dialing) {
	defer s.running.Done()
	defer close(attempt.done)
	config := *s.config
	client, err := esdb.NewClient(&config)
	if err == nil {
		if _, err = client.GetServerVersion(); err != nil {
			err = errors.Join(err, client.Close())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialing = nil
	switch {
	case err != nil:
		attempt.err = &eventstore.Error{Code: dialCode(err), Op: "connect", Err: err}
		s.logger.Warn("event store does not answer", "eventstore", s.address, "error", err)
	case s.closed:
		attempt.err = closedError("connect", "")
		s.closeClient(client)
	default:
		s.current = &link{client: client}
		s.logger.Debug("event store is connected", "eventstore", s.address)
	}
}

// dialCode is codeOf where nothing was asked yet: what is not a refusal of this
// caller may be different at the next attempt.
func dialCode(err error) eventstore.Code {
	switch code := codeOf("connect", err); code {
	case eventstore.CodeUnauthenticated, eventstore.CodeDenied, eventstore.CodeUnsupported:
		return code
	}
	return eventstore.CodeUnavailable
}

func (s *Store) release(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.users--
	s.closeUnused(l)
}

// retire takes a link out of use. Calls that hold it come to their own end.
func (s *Store) retire(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.retired {
		return
	}
	l.retired = true
	if s.current == l {
		s.current = nil
	}
	s.closeUnused(l)
}

// closeUnused closes a retired link that nobody uses. A link in use must not be
// closed: the client panics where a call meets its closing.
func (s *Store) closeUnused(l *link) {
	if l.retired && l.users == 0 && l.client != nil {
		s.closeClient(l.client)
		l.client = nil
	}
}

func (s *Store) closeClient(client *esdb.Client) {
	if err := client.Close(); err != nil {
		s.logger.Warn("event store connection could not be closed", "error", err)
	}
}

func closedError(op string, stream domain.StreamID) error {
	return &eventstore.Error{Code: eventstore.CodeClosed, Op: op, Stream: stream, Err: errors.New("the store was closed")}
}
