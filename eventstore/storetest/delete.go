package storetest

import (
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// requireGone requires that a stream answers reads in both directions with a code.
func (s *suite) requireGone(code eventstore.Code, stream domain.StreamID) {
	s.Helper()
	for direction, from := range map[eventstore.Direction]uint64{eventstore.Forwards: 0, eventstore.Backwards: eventstore.End} {
		yields := 0
		for _, err := range s.store.ReadStream(s.ctx, stream, direction, from, 5) {
			s.requireCode(code, err)
			yields++
		}
		require.Equal(s, 1, yields)
	}
}

func deleteAndAppend(s *suite, store Deleter) {
	stream, written, again := s.stream("a"), events(3), events(2)
	s.append(stream, eventstore.NoStream(), written...)
	require.NoError(s, store.Delete(s.ctx, stream))
	s.requireGone(eventstore.CodeStreamNotFound, stream)
	require.NoError(s, store.Delete(s.ctx, stream), "deleted again")
	s.requireGone(eventstore.CodeStreamNotFound, stream)
	// Revisions are never given out twice, and what was deleted stays out of sight.
	appended := s.append(stream, eventstore.NoStream(), again...)
	require.EqualValues(s, 4, appended.Revision)
	s.requireEvents(s.readStream(stream), stream, 3, again...)
	s.append(stream, eventstore.At(4), events(1)...)
	require.Len(s, s.readStream(stream), 3)
}

func deleteAndContinue(s *suite, store Deleter) {
	stream, again := s.stream("a"), events(2)
	s.append(stream, eventstore.NoStream(), events(3)...)
	require.NoError(s, store.Delete(s.ctx, stream))
	s.refused(eventstore.CodeWrongExpected, stream, eventstore.At(1), events(1)...)
	s.refused(eventstore.CodeWrongExpected, stream, eventstore.At(3), events(1)...)
	s.requireGone(eventstore.CodeStreamNotFound, stream)
	appended := s.append(stream, eventstore.At(2), again...)
	require.EqualValues(s, 4, appended.Revision)
	s.requireEvents(s.readStream(stream), stream, 3, again...)
}

func deleteAndRepeat(s *suite, store Deleter) {
	stream, written, again := s.stream("a"), events(3), events(2)
	s.append(stream, eventstore.NoStream(), written...)
	require.NoError(s, store.Delete(s.ctx, stream))
	// The events are still known by their place: a late repetition adds nothing.
	require.EqualValues(s, 2, s.append(stream, eventstore.NoStream(), written...).Revision)
	s.requireGone(eventstore.CodeStreamNotFound, stream)
	first := s.append(stream, eventstore.At(2), again...)
	require.Equal(s, first, s.append(stream, eventstore.At(2), again...))
	s.requireEvents(s.readStream(stream), stream, 3, again...)
}

func deleteMissing(s *suite, store Deleter) {
	s.requireCode(eventstore.CodeWrongExpected, store.Delete(s.ctx, s.stream("a")))
	s.requireGone(eventstore.CodeStreamNotFound, s.stream("a"))
	s.append(s.stream("a"), eventstore.NoStream(), events(1)...)
}

func tombstone(s *suite, store Deleter) {
	stream := s.stream("a")
	s.append(stream, eventstore.NoStream(), events(3)...)
	require.NoError(s, store.Tombstone(s.ctx, stream))
	s.requireGone(eventstore.CodeStreamDeleted, stream)
	for _, expected := range []eventstore.Expected{eventstore.NoStream(), eventstore.At(2), eventstore.At(9)} {
		s.refused(eventstore.CodeStreamDeleted, stream, expected, events(1)...)
	}
	s.requireCode(eventstore.CodeStreamDeleted, store.Delete(s.ctx, stream))
	s.requireCode(eventstore.CodeStreamDeleted, store.Tombstone(s.ctx, stream))
	// One that was deleted before can be buried as well.
	s.append(s.stream("b"), eventstore.NoStream(), events(1)...)
	require.NoError(s, store.Delete(s.ctx, s.stream("b")))
	require.NoError(s, store.Tombstone(s.ctx, s.stream("b")))
	s.requireGone(eventstore.CodeStreamDeleted, s.stream("b"))
}

func tombstoneMissing(s *suite, store Deleter) {
	require.NoError(s, store.Tombstone(s.ctx, s.stream("a")))
	s.requireGone(eventstore.CodeStreamDeleted, s.stream("a"))
	s.refused(eventstore.CodeStreamDeleted, s.stream("a"), eventstore.NoStream(), events(1)...)
}

// deleteAndSubscribe follows the whole log, which keeps what was deleted.
func deleteAndSubscribe(s *suite, store Deleter) {
	start := s.last()
	live := s.subscribe(s.filter(), start)
	require.Empty(s, live.untilCaughtUp())
	written, again := events(2), events(1)
	s.append(s.stream("a"), eventstore.NoStream(), written...)
	require.NoError(s, store.Delete(s.ctx, s.stream("a")))
	s.append(s.stream("a"), eventstore.NoStream(), again...)
	s.append(s.stream("b"), eventstore.NoStream(), events(1)...)
	require.NoError(s, store.Tombstone(s.ctx, s.stream("b")))
	last := s.append(s.stream("c"), eventstore.NoStream(), events(1)...)
	caughtUp := s.subscribe(s.filter(), start).untilCaughtUp()
	for _, got := range [][]eventstore.Recorded{live.events(6), caughtUp} {
		require.Len(s, got, 6)
		s.requireEvents(got[:2], s.stream("a"), 0, written...)
		s.requireEvents(got[2:3], s.stream("a"), 2, again...)
		require.Equal(s, s.stream("b"), got[4].Stream, "the tombstone is an event of the stream")
		require.Equal(s, last.Position, got[5].Position)
	}
}
