package storetest

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// tenEvents writes ten events to a stream in appends of three, four, one and two.
func (s *suite) tenEvents(stream domain.StreamID) []eventstore.Proposed {
	written := events(10)
	s.append(stream, eventstore.NoStream(), written[:3]...)
	s.append(s.stream("other"), eventstore.NoStream(), events(3)...)
	s.append(stream, eventstore.At(2), written[3:7]...)
	s.append(stream, eventstore.At(6), written[7])
	s.append(s.stream("other"), eventstore.At(2), events(1)...)
	s.append(stream, eventstore.At(7), written[8:]...)
	return written
}

func readForwards(s *suite) {
	stream := s.stream("a")
	written := s.tenEvents(stream)
	for _, from := range []uint64{0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 1 << 40} {
		for _, limit := range []uint64{0, 1, 2, 3, 9, 10, 11, eventstore.Unlimited} {
			want := written[min(from, 10):]
			want = want[:min(limit, uint64(len(want)))]
			got := s.collect(s.store.ReadStream(s.ctx, stream, eventstore.Forwards, from, limit))
			s.requireEvents(got, stream, from, want...)
		}
	}
	for _, err := range s.store.ReadStream(s.ctx, stream, eventstore.Forwards, eventstore.End, 1) {
		s.requireCode(eventstore.CodeInvalid, err)
	}
}

func readBackwards(s *suite) {
	stream := s.stream("a")
	written := s.tenEvents(stream)
	for _, from := range []uint64{0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 1 << 40, eventstore.End} {
		for _, limit := range []uint64{0, 1, 2, 3, 9, 10, 11, eventstore.Unlimited} {
			want := written[:min(from, 9)+1]
			want = want[uint64(len(want))-min(limit, uint64(len(want))):]
			got := s.collect(s.store.ReadStream(s.ctx, stream, eventstore.Backwards, from, limit))
			slices.Reverse(got)
			s.requireEvents(got, stream, min(from, 9)+1-uint64(len(want)), want...)
		}
	}
}

func readMissing(s *suite) {
	s.append(s.stream("a"), eventstore.NoStream(), events(1)...)
	for _, stream := range []domain.StreamID{s.stream("b"), s.stream(""), s.stream("aa")} {
		for _, direction := range []eventstore.Direction{eventstore.Forwards, eventstore.Backwards} {
			yields := 0
			for event, err := range s.store.ReadStream(s.ctx, stream, direction, 0, 5) {
				s.requireCode(eventstore.CodeStreamNotFound, err)
				require.Zero(s, event)
				yields++
			}
			require.Equal(s, 1, yields)
		}
	}
	for _, err := range s.store.ReadStream(s.ctx, "", eventstore.Forwards, 0, 1) {
		s.requireCode(eventstore.CodeInvalid, err)
	}
}

func readStop(s *suite) {
	s.append(s.stream("a"), eventstore.NoStream(), events(100)...)
	for range 20 {
		for event, err := range s.store.ReadStream(s.ctx, s.stream("a"), eventstore.Forwards, 0, eventstore.Unlimited) {
			require.NoError(s, err)
			if event.Revision == 3 {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(s.ctx)
	var last error
	for event, err := range s.store.ReadStream(ctx, s.stream("a"), eventstore.Forwards, 0, eventstore.Unlimited) {
		if last = err; err == nil && event.Revision == 3 {
			cancel()
		}
	}
	cancel()
	if last != nil { // what had been fetched ahead may be delivered first
		s.requireCode(eventstore.CodeCanceled, last)
	}
}

func readAll(s *suite) {
	start := s.last()
	streams := []domain.StreamID{s.stream("a"), s.stream("b"), s.stream("c")}
	var want []eventstore.Proposed
	next := make(map[domain.StreamID]uint64)
	for round := range 30 {
		stream := streams[round%len(streams)]
		batch := events(round%4 + 1)
		s.append(stream, eventstore.After(next[stream]), batch...)
		next[stream] += uint64(len(batch))
		want = append(want, batch...)
	}
	var got []eventstore.Recorded
	for _, event := range s.collect(s.store.ReadAll(s.ctx, start)) {
		require.Greater(s, event.Position, start)
		if slices.Contains(streams, event.Stream) {
			got = append(got, event)
		}
	}
	require.Len(s, got, len(want))
	for i := range got {
		require.Equal(s, want[i].ID, got[i].ID, "event %d", i)
		if i > 0 {
			require.Greater(s, got[i].Position, got[i-1].Position)
		}
	}
	// From any event's position on, without that event.
	for i, event := range got {
		for following, err := range s.store.ReadAll(s.ctx, event.Position) {
			require.NoError(s, err)
			if !slices.Contains(streams, following.Stream) {
				continue
			}
			require.Less(s, i+1, len(got))
			require.Equal(s, got[i+1].ID, following.ID)
			break
		}
	}
}

func lastPosition(s *suite) {
	appended := s.append(s.stream("a"), eventstore.NoStream(), events(3)...)
	require.GreaterOrEqual(s, s.last(), appended.Position)
	appended = s.append(s.stream("b"), eventstore.NoStream(), events(1)...)
	require.GreaterOrEqual(s, s.last(), appended.Position)
}

func readCanceled(s *suite) {
	s.append(s.stream("a"), eventstore.NoStream(), events(1)...)
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	for _, err := range s.store.ReadStream(ended, s.stream("a"), eventstore.Forwards, 0, 1) {
		s.requireCode(eventstore.CodeCanceled, err)
	}
	for _, err := range s.store.ReadAll(ended, eventstore.Start) {
		s.requireCode(eventstore.CodeCanceled, err)
	}
	_, err := s.store.LastPosition(ended)
	s.requireCode(eventstore.CodeCanceled, err)
	_, err = s.store.Subscribe(ended, s.filter(), eventstore.Start)
	s.requireCode(eventstore.CodeCanceled, err)
	require.ErrorIs(s, err, context.Canceled)
}
