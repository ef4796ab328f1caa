package command

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// job is one command for a rare aggregate, with everything filled in.
type job struct {
	command  domain.Command
	key      string // of the command, for event ids
	meta     eventstore.Meta
	recorded time.Time
}

// handler carries out the jobs of one stream, in order.
type handler interface {
	do(ctx context.Context, stream domain.StreamID, jobs []job) []Reply
}

// lostRaces is how often in a row another writer may be faster before a caller is
// told to come back.
const lostRaces = 32

// aggregate is the generic handler: read the stream, fold, decide, append with
// the exact expected revision; after a lost race read on and decide again. The
// jobs of one call are appended in groups. Safe for concurrent use.
type aggregate[S any] struct {
	*appender
	stop    <-chan struct{}
	decider domain.Decider[S, domain.Command]
	lookup  func(S, domain.Command) (revision uint64, replay bool, err error)
	// learned hears of appended events; may be nil.
	learned func(stream domain.StreamID, first uint64, events []domain.Event)

	// resident keeps folded states from call to call, for streams that are long
	// and few. Others are read each time.
	resident bool
	mu       sync.Mutex
	streams  map[domain.StreamID]*stream[S]
}

// stream is a folded stream.
type stream[S any] struct {
	turn     chan struct{} // held by who uses the rest
	id       domain.StreamID
	state    S
	count    uint64              // events folded
	position eventstore.Position // of the last of them
}

func (a *aggregate[S]) forget(s *stream[S]) {
	s.state, s.count, s.position = a.decider.Initial(), 0, eventstore.Start
}

func (a *aggregate[S]) open(id domain.StreamID) *stream[S] {
	if a.resident {
		a.mu.Lock()
		defer a.mu.Unlock()
		if s := a.streams[id]; s != nil {
			return s
		}
	}
	s := &stream[S]{turn: make(chan struct{}, 1), id: id}
	a.forget(s)
	if a.resident {
		if a.streams == nil {
			a.streams = map[domain.StreamID]*stream[S]{}
		}
		a.streams[id] = s
	}
	return s
}

// letGo lets go of a stream that turned out to have no events: names are the
// callers', and there is no end of them. Whoever waits for it goes on with it.
func (a *aggregate[S]) letGo(s *stream[S]) {
	if !a.resident || s.count > 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams[s.id] == s {
		delete(a.streams, s.id)
	}
}

// do implements handler.
func (a *aggregate[S]) do(ctx context.Context, id domain.StreamID, jobs []job) []Reply {
	s := a.open(id)
	replies := make([]Reply, len(jobs))
	select {
	case s.turn <- struct{}{}:
		defer func() {
			a.letGo(s)
			<-s.turn
		}()
	case <-ctx.Done():
		refuse(replies, notTried(context.Cause(ctx)))
		return replies
	}
	for from := 0; from < len(jobs); {
		from += a.group(ctx, s, jobs[from:], replies[from:])
	}
	return replies
}

// group carries out the first jobs, as many as fit in one append, and returns how
// many that were.
func (a *aggregate[S]) group(ctx context.Context, s *stream[S], jobs []job, replies []Reply) int {
	for race := 0; ; race++ {
		err := a.readOn(ctx, s)
		if err == nil && race == lostRaces {
			err = &domain.Error{Code: domain.CodeUnavailable, Field: "stream", Value: string(s.id), Message: "too many writers at once", Remedy: "send the command again"}
		}
		if err != nil {
			a.forget(s)
			return refuse(replies, err)
		}
		first := s.count
		n, proposed, events := a.decide(s, jobs, replies)
		if len(proposed) == 0 {
			return n
		}
		appended, err := a.append(ctx, a.stop, s.id, eventstore.After(first), proposed)
		if err == nil {
			s.position = appended.Position
			for i := range replies[:n] {
				if replies[i].Err == nil {
					replies[i].Position = s.position
				}
			}
			if a.learned != nil {
				a.learned(s.id, first, events)
			}
			return n
		}
		a.forget(s)
		switch {
		case eventstore.CodeOf(err) == eventstore.CodeWrongExpected:
			a.lost(s.id)
		case eventstore.OutcomeUnknown(err):
			return refuse(replies[:n], unknownOutcome(err))
		default:
			return refuse(replies[:n], storeError(err))
		}
	}
}

// decide takes jobs until the group is full, evolving the state with each event.
func (a *aggregate[S]) decide(s *stream[S], jobs []job, replies []Reply) (n int, proposed []eventstore.Proposed, decided []domain.Event) {
	size := 0
	for ; n < len(jobs); n++ {
		j := &jobs[n]
		replies[n] = Reply{Position: s.position}
		revision, replay, err := a.lookup(s.state, j.command)
		if replay && err == nil {
			replies[n].Outcome, replies[n].Ref = Replayed, domain.Ref{Stream: s.id, Revision: revision}
			continue
		}
		var events []domain.Event
		if err == nil {
			events, err = a.decider.Decide(s.state, j.command)
		}
		var group []eventstore.Proposed
		var bytes int
		for _, event := range events {
			p, failed := propose(s.id, j.key, event, j.meta, j.recorded)
			if failed != nil {
				err = failed
				break
			}
			group, bytes = append(group, p), bytes+p.Size()
		}
		if err == nil && bytes > groupBytes {
			err = tooLarge(bytes)
		}
		if err != nil {
			replies[n] = Reply{Err: err}
			continue
		}
		if len(proposed)+len(group) > mostEvents || size+bytes > groupBytes {
			return n, proposed, decided
		}
		replies[n].Outcome, replies[n].Ref = Applied, domain.Ref{Stream: s.id, Revision: s.count}
		for _, event := range events {
			s.state = a.decider.Evolve(s.state, event)
			s.count++
		}
		proposed, decided, size = append(proposed, group...), append(decided, events...), size+bytes
	}
	return n, proposed, decided
}

// readOn folds what the stream has beyond the state.
func (a *aggregate[S]) readOn(ctx context.Context, s *stream[S]) error {
	for r, err := range a.store.ReadStream(ctx, s.id, eventstore.Forwards, s.count, eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound && s.count == 0 {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		if r.Revision != s.count {
			return &domain.Error{Code: domain.CodeInternal, Field: "stream", Value: string(s.id), Message: fmt.Sprintf("revision %d follows %d events", r.Revision, s.count), Remedy: "run verify"}
		}
		event, err := eventstore.Decode(r)
		if err != nil {
			return err
		}
		s.state = a.decider.Evolve(s.state, event)
		s.count, s.position = s.count+1, r.Position
	}
	return nil
}

func refuse(replies []Reply, err error) int {
	for i := range replies {
		replies[i] = Reply{Err: err}
	}
	return len(replies)
}

func tooLarge(bytes int) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "command", Value: strconv.Itoa(bytes) + " bytes", Message: "the event would be too large for the log",
		Remedy: fmt.Sprintf("keep it under %d bytes", groupBytes),
	}
}
