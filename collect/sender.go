package collect

import (
	"context"
	"errors"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// sender brings commands to the door until each has a definite answer.
type sender struct {
	door     command.Door
	patience time.Duration
	jitter   func(time.Duration) time.Duration
	meta     eventstore.Meta
	// uncertain is set once an answer was unknown at first: what is then said to
	// be replayed may be this run's own doing.
	uncertain bool
}

func (p *Pipeline) sender(sourceID string) *sender {
	meta := p.config.Meta
	if meta.Actor == "" {
		meta.Actor = "source:" + sourceID
	}
	return &sender{door: p.config.Door, patience: p.config.Patience, jitter: p.config.Jitter, meta: meta}
}

func (s *sender) request(c domain.Command, offset uint64) command.Request {
	meta := s.meta
	meta.Offset = offset
	return command.Request{Command: c, Meta: meta}
}

// one sends a single command; a refusal is the error.
func (s *sender) one(ctx context.Context, c domain.Command) (command.Reply, error) {
	replies, err := s.send(ctx, []command.Request{s.request(c, 0)})
	if err != nil {
		return command.Reply{}, err
	}
	return replies[0], replies[0].Err
}

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// undecided reports whether an answer is not definite: the same command with the
// same key has to be sent again.
func undecided(err error) bool {
	code := domain.CodeOf(err)
	return code == domain.CodeOutcomeUnknown || code == domain.CodeUnavailable
}

// send returns a definite reply for every request. While any answer is
// undecided, all that have not succeeded are sent again in their order: a refund
// may have been refused only because its original was not through. The error
// says that patience or the context ended first; it is a *domain.Error.
func (s *sender) send(ctx context.Context, requests []command.Request) ([]command.Reply, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	replies := make([]command.Reply, len(requests))
	pending := make([]int, len(requests))
	for i := range pending {
		pending[i] = i
	}
	again := requests
	pause, deadline := firstPause, time.Now().Add(s.patience)
	for {
		var last error
		var left []int
		for j, reply := range s.door.Do(ctx, again...) {
			replies[pending[j]] = reply
			if reply.Err != nil {
				left = append(left, pending[j])
				if undecided(reply.Err) {
					last = reply.Err
				}
			}
		}
		if last == nil {
			return replies, nil
		}
		if domain.CodeOf(last) == domain.CodeOutcomeUnknown {
			s.uncertain = true
		}
		if len(left) < len(pending) {
			pause, deadline = firstPause, time.Now().Add(s.patience)
		}
		if ctx.Err() != nil {
			return nil, stopped(ctx)
		}
		if time.Now().After(deadline) {
			return nil, gaveUp(last)
		}
		pending, again = left, make([]command.Request, 0, len(left))
		for _, i := range left {
			again = append(again, requests[i])
		}
		timer := time.NewTimer(s.jitter(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, stopped(ctx)
		}
		pause = min(2*pause, lastPause)
	}
}

func gaveUp(last error) error {
	e := &domain.Error{Code: domain.CodeUnavailable, Field: "ledger", Message: "the ledger does not answer definitely", Remedy: "run it again once the ledger answers: what has settled is recognised and the rest goes on", Err: last}
	var cause *domain.Error
	if errors.As(last, &cause) {
		e.Code = cause.Code
	}
	return e
}
