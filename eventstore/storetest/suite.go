package storetest

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// patience bounds every case; one that needs it has failed.
const patience = 30 * time.Second

// Run runs the suite. open gives each case a store, which may be the same for
// all, and closes it at the end of the test it is given.
func Run(t *testing.T, open func(t *testing.T) eventstore.Store) {
	cases := []struct {
		name string
		run  func(*suite)
	}{
		{"append to a new stream", appendNew},
		{"append at a revision", appendAtRevision},
		{"append refuses a wrong expectation", appendWrongExpected},
		{"append refuses what it cannot take", appendInvalid},
		{"append repeated whole", repeatWhole},
		{"append repeated in part", repeatSuffix},
		{"append repeated with other ids", repeatOtherID},
		{"append repeated beyond the end", repeatBeyond},
		{"append is atomic", appendAtomic},
		{"append up to the size limit", appendSizeLimit},
		{"append returns ascending positions", appendPositions},
		{"appends to one stream from many goroutines", appendConcurrent},
		{"append with an ended context", appendCanceled},
		{"append very many events at once", appendMany},
		{"events come back as they were written", roundTrip},
		{"read a stream forwards", readForwards},
		{"read a stream backwards", readBackwards},
		{"read a stream that is not there", readMissing},
		{"stop reading early", readStop},
		{"read the whole log", readAll},
		{"last position", lastPosition},
		{"read with an ended context", readCanceled},
		{"subscribe from a position", subscribeFromPosition},
		{"subscribe from the start", subscribeFromStart},
		{"subscribe from the end", subscribeFromEnd},
		{"subscribe with a filter", subscribeFilter},
		{"subscribe with a filter and get checkpoints", subscribeCheckpoints},
		{"subscribe while events arrive", subscribeLive},
		{"a slow subscriber misses nothing", subscribeSlow},
		{"all subscribers see one order", subscribeAgree},
		{"an ended context leaves a subscription usable", subscribeCancel},
		{"close a subscription", subscribeClose},
		{"close a store", closeStore},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(newSuite(t, open(t))) })
	}
}

// Deleter is a store that can delete streams. The contract has no such method, as
// Jeongsan deletes nothing, but says how a stream looks that somebody else deleted.
type Deleter interface {
	eventstore.Store
	// Delete deletes a stream so that it can be made again.
	Delete(ctx context.Context, stream domain.StreamID) error
	// Tombstone deletes a stream for good.
	Tombstone(ctx context.Context, stream domain.StreamID) error
}

// RunDeletion runs the cases about deleted streams, for stores that have them.
func RunDeletion(t *testing.T, open func(t *testing.T) Deleter) {
	cases := []struct {
		name string
		run  func(*suite, Deleter)
	}{
		{"a deleted stream is not found and made again", deleteAndAppend},
		{"a deleted stream goes on at its last revision", deleteAndContinue},
		{"a repeated append to a deleted stream", deleteAndRepeat},
		{"delete a stream that is not there", deleteMissing},
		{"a stream deleted for good stays so", tombstone},
		{"a stream that never was is deleted for good", tombstoneMissing},
		{"subscribe to a log with deleted streams", deleteAndSubscribe},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := open(t)
			c.run(newSuite(t, store), store)
		})
	}
}

func newSuite(t *testing.T, store eventstore.Store) *suite {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &suite{T: t, ctx: ctx, store: store, prefix: "t" + uuid.NewString()[:13] + "."}
}

// suite is one case at work.
type suite struct {
	*testing.T
	ctx    context.Context
	store  eventstore.Store
	prefix string // of every stream name in the case
}

func (s *suite) stream(name string) domain.StreamID { return domain.StreamID(s.prefix + name) }

// filter selects the case's own streams.
func (s *suite) filter(names ...string) eventstore.Filter {
	if len(names) == 0 {
		return eventstore.Filter{StreamPrefixes: []string{s.prefix}}
	}
	f := eventstore.Filter{}
	for _, name := range names {
		f.StreamPrefixes = append(f.StreamPrefixes, s.prefix+name)
	}
	return f
}

// events makes n events that tell apart.
func events(n int) []eventstore.Proposed {
	made := make([]eventstore.Proposed, n)
	for i := range made {
		made[i] = eventstore.Proposed{
			ID: uuid.New(), Type: "Tested.v1",
			Data:     fmt.Appendf(nil, `{"n":%d}`, i),
			Metadata: fmt.Appendf(nil, `{"meta":%d}`, i),
		}
	}
	return made
}

func (s *suite) append(stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) eventstore.Appended {
	s.Helper()
	appended, err := s.store.Append(s.ctx, stream, expected, events...)
	require.NoError(s, err)
	return appended
}

// refused requires that an append fails with a code.
func (s *suite) refused(code eventstore.Code, stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) {
	s.Helper()
	_, err := s.store.Append(s.ctx, stream, expected, events...)
	s.requireCode(code, err)
}

func (s *suite) requireCode(code eventstore.Code, err error) {
	s.Helper()
	require.Error(s, err)
	require.Equal(s, code, eventstore.CodeOf(err), "%v", err)
}

func (s *suite) collect(events iter.Seq2[eventstore.Recorded, error]) []eventstore.Recorded {
	s.Helper()
	var all []eventstore.Recorded
	for event, err := range events {
		require.NoError(s, err)
		all = append(all, event)
	}
	return all
}

func (s *suite) readStream(stream domain.StreamID) []eventstore.Recorded {
	s.Helper()
	return s.collect(s.store.ReadStream(s.ctx, stream, eventstore.Forwards, 0, eventstore.Unlimited))
}

// requireStream requires that a stream holds exactly these events.
func (s *suite) requireStream(stream domain.StreamID, want ...eventstore.Proposed) {
	s.Helper()
	s.requireEvents(s.readStream(stream), stream, 0, want...)
}

// requireEvents compares events of one stream, which must begin at a revision.
func (s *suite) requireEvents(got []eventstore.Recorded, stream domain.StreamID, first uint64, want ...eventstore.Proposed) {
	s.Helper()
	require.Len(s, got, len(want))
	for i, event := range got {
		require.Equal(s, stream, event.Stream)
		require.Equal(s, first+uint64(i), event.Revision)
		require.Equal(s, want[i].ID, event.ID, "event %d", i)
		require.Equal(s, want[i].Type, event.Type)
		require.Equal(s, string(want[i].Data), string(event.Data))
		require.Equal(s, string(want[i].Metadata), string(event.Metadata))
		if i > 0 {
			require.Greater(s, event.Position, got[i-1].Position)
		}
	}
}

func (s *suite) last() eventstore.Position {
	s.Helper()
	position, err := s.store.LastPosition(s.ctx)
	require.NoError(s, err)
	return position
}

func (s *suite) subscribe(filter eventstore.Filter, after eventstore.Position) *follower {
	s.Helper()
	subscription, err := s.store.Subscribe(s.ctx, filter, after)
	require.NoError(s, err)
	s.Cleanup(func() { require.NoError(s, subscription.Close()) })
	return &follower{suite: s, subscription: subscription, last: after}
}

// follower reads a subscription and checks what holds for every one: positions
// never go back.
type follower struct {
	*suite
	subscription eventstore.Subscription
	last         eventstore.Position
	caughtUp     int
	checkpoints  []eventstore.Position
}

func (f *follower) next() eventstore.Message {
	f.Helper()
	message, err := f.subscription.Next(f.ctx)
	require.NoError(f, err)
	switch {
	case message.CaughtUp:
		require.Nil(f, message.Event)
		f.caughtUp++
	case message.Event != nil:
		require.Equal(f, message.Event.Position, message.Position)
		require.Greater(f, message.Position, f.last, "an event twice or out of order")
		f.last = message.Position
	default:
		require.GreaterOrEqual(f, message.Position, f.last, "a checkpoint goes back")
		f.last = message.Position
		f.checkpoints = append(f.checkpoints, message.Position)
	}
	return message
}

// events reads n events and notes what comes between.
func (f *follower) events(n int) []eventstore.Recorded {
	f.Helper()
	var got []eventstore.Recorded
	for len(got) < n {
		if message := f.next(); message.Event != nil {
			got = append(got, *message.Event)
		}
	}
	return got
}

// untilCaughtUp reads up to the next caught-up message and returns the events before it.
func (f *follower) untilCaughtUp() []eventstore.Recorded {
	f.Helper()
	var got []eventstore.Recorded
	for {
		message := f.next()
		if message.CaughtUp {
			return got
		}
		if message.Event != nil {
			got = append(got, *message.Event)
		}
	}
}
