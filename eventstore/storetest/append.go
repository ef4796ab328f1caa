package storetest

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

func appendNew(s *suite) {
	written := events(3)
	appended := s.append(s.stream("a"), eventstore.NoStream(), written...)
	require.Equal(s, uint64(2), appended.Revision)
	require.Positive(s, appended.Position)
	s.requireStream(s.stream("a"), written...)
	got := s.readStream(s.stream("a"))
	require.Equal(s, appended.Position, got[2].Position)
}

func appendAtRevision(s *suite) {
	written := events(5)
	s.append(s.stream("a"), eventstore.NoStream(), written[:2]...)
	s.append(s.stream("a"), eventstore.At(1), written[2])
	appended := s.append(s.stream("a"), eventstore.After(3), written[3:]...)
	require.Equal(s, uint64(4), appended.Revision)
	s.requireStream(s.stream("a"), written...)
}

func appendWrongExpected(s *suite) {
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(0), events(1)...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(7), events(1)...)
	written := events(3)
	s.append(s.stream("a"), eventstore.NoStream(), written...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.NoStream(), events(1)...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(0), events(1)...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(1), events(1)...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(3), events(1)...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(1<<40), events(1)...)
	s.requireStream(s.stream("a"), written...)
}

func appendInvalid(s *suite) {
	stream := s.stream("a")
	noID, noType := events(2), events(2)
	noID[1].ID, noType[1].Type = uuid.Nil, ""
	s.refused(eventstore.CodeInvalid, stream, eventstore.Expected{}, events(1)...)
	s.refused(eventstore.CodeInvalid, stream, eventstore.At(1<<63), events(1)...)
	s.refused(eventstore.CodeInvalid, stream, eventstore.NoStream())
	s.refused(eventstore.CodeInvalid, stream, eventstore.NoStream(), noID...)
	s.refused(eventstore.CodeInvalid, stream, eventstore.NoStream(), noType...)
	s.refused(eventstore.CodeInvalid, "", eventstore.NoStream(), events(1)...)
	s.refused(eventstore.CodeInvalid, "$"+stream, eventstore.NoStream(), events(1)...)
	for _, err := range s.store.ReadStream(s.ctx, stream, eventstore.Forwards, 0, 1) {
		s.requireCode(eventstore.CodeStreamNotFound, err)
	}
}

func repeatWhole(s *suite) {
	written := events(6)
	first := s.append(s.stream("a"), eventstore.NoStream(), written[:3]...)
	require.Equal(s, first, s.append(s.stream("a"), eventstore.NoStream(), written[:3]...))
	second := s.append(s.stream("a"), eventstore.At(2), written[3:]...)
	// The same again, at any age: other appends have come in between.
	require.Equal(s, first, s.append(s.stream("a"), eventstore.NoStream(), written[:3]...))
	require.Equal(s, second, s.append(s.stream("a"), eventstore.At(2), written[3:]...))
	s.requireStream(s.stream("a"), written...)
}

func repeatSuffix(s *suite) {
	written := events(6)
	s.append(s.stream("a"), eventstore.NoStream(), written[:4]...)
	last := s.append(s.stream("a"), eventstore.At(3), written[4:]...)
	got := s.readStream(s.stream("a"))
	// Parts of appends, and one part that spans two of them.
	require.Equal(s, eventstore.Appended{Revision: 1, Position: got[1].Position},
		s.append(s.stream("a"), eventstore.NoStream(), written[:2]...))
	require.Equal(s, eventstore.Appended{Revision: 3, Position: got[3].Position},
		s.append(s.stream("a"), eventstore.At(1), written[2:4]...))
	require.Equal(s, last, s.append(s.stream("a"), eventstore.At(2), written[3:]...))
	s.requireStream(s.stream("a"), written...)
}

func repeatOtherID(s *suite) {
	written := events(4)
	s.append(s.stream("a"), eventstore.NoStream(), written...)
	firstOther, lastOther := slices.Clone(written), slices.Clone(written)
	firstOther[0].ID, lastOther[3].ID = uuid.New(), uuid.New()
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.NoStream(), firstOther...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.NoStream(), lastOther...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(0), written[0])
	s.requireStream(s.stream("a"), written...)
	// Ids are compared within a stream only.
	s.append(s.stream("b"), eventstore.NoStream(), written...)
	s.requireStream(s.stream("b"), written...)
}

func repeatBeyond(s *suite) {
	written := events(4)
	s.append(s.stream("a"), eventstore.NoStream(), written[:3]...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.NoStream(), written...)
	s.refused(eventstore.CodeWrongExpected, s.stream("a"), eventstore.At(1), written[2:]...)
	s.requireStream(s.stream("a"), written[:3]...)
}

func appendAtomic(s *suite) {
	const writers, size, rounds = 4, 50, 5
	var wg sync.WaitGroup
	// Many writers fight for one stream with appends that each name themselves:
	// in the end every append is there whole and in one piece.
	for w := range writers {
		wg.Go(func() {
			for range rounds {
				batch := events(size)
				for i := range batch {
					batch[i].Data = []byte{'"', byte('a' + w), '"'}
				}
				for {
					count := uint64(0)
					for last, err := range s.store.ReadStream(s.ctx, s.stream("a"), eventstore.Backwards, eventstore.End, 1) {
						if err == nil {
							count = last.Revision + 1
						}
					}
					_, err := s.store.Append(s.ctx, s.stream("a"), eventstore.After(count), batch...)
					if err == nil {
						break
					}
					if eventstore.CodeOf(err) != eventstore.CodeWrongExpected {
						s.Errorf("append: %v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	got := s.readStream(s.stream("a"))
	require.Len(s, got, writers*rounds*size)
	for i := 0; i < len(got); i += size {
		for _, event := range got[i : i+size] {
			require.Equal(s, string(got[i].Data), string(event.Data), "revision %d", event.Revision)
		}
	}
}

func appendSizeLimit(s *suite) {
	fill := func(total int) []eventstore.Proposed {
		batch := events(2)
		batch[0].Metadata = []byte(`{}`)
		batch[1].Data = []byte(`"` + string(bytes.Repeat([]byte{'x'}, total-batch[0].Size()-len(batch[1].Metadata)-2*len(batch[1].Type)-2)) + `"`)
		require.Equal(s, total, batch[0].Size()+batch[1].Size())
		return batch
	}
	exact := fill(eventstore.MaxAppendBytes)
	s.append(s.stream("a"), eventstore.NoStream(), exact...)
	s.requireStream(s.stream("a"), exact...)
	s.refused(eventstore.CodeTooLarge, s.stream("a"), eventstore.At(1), fill(eventstore.MaxAppendBytes+1)...)
	s.refused(eventstore.CodeTooLarge, s.stream("b"), eventstore.NoStream(), fill(8*eventstore.MaxAppendBytes)...)
	s.requireStream(s.stream("a"), exact...)
}

func appendPositions(s *suite) {
	last := s.last()
	for i := range uint64(10) {
		a := s.append(s.stream("a"), eventstore.After(2*i), events(2)...)
		b := s.append(s.stream("b"), eventstore.After(i), events(1)...)
		require.Greater(s, a.Position, last)
		require.Greater(s, b.Position, a.Position)
		last = b.Position
	}
}

func appendConcurrent(s *suite) {
	const writers, each = 8, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	winners := make(map[uint64]uuid.UUID)
	for range writers {
		wg.Go(func() {
			next := uint64(0)
			for done := 0; done < each; {
				event := events(1)
				appended, err := s.store.Append(s.ctx, s.stream("a"), eventstore.After(next), event...)
				switch eventstore.CodeOf(err) {
				case "":
					mu.Lock()
					if _, taken := winners[appended.Revision]; taken {
						s.Errorf("revision %d was given out twice", appended.Revision)
					}
					winners[appended.Revision] = event[0].ID
					mu.Unlock()
					done++
					next = appended.Revision + 1
				case eventstore.CodeWrongExpected:
					next++
				default:
					s.Errorf("append: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	got := s.readStream(s.stream("a"))
	require.Len(s, got, writers*each)
	for i, event := range got {
		require.Equal(s, uint64(i), event.Revision)
		require.Equal(s, winners[event.Revision], event.ID)
	}
}

func appendCanceled(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.store.Append(ctx, s.stream("a"), eventstore.NoStream(), events(1)...)
	s.requireCode(eventstore.CodeCanceled, err)
	require.ErrorIs(s, err, context.Canceled)
	require.True(s, eventstore.OutcomeUnknown(err))
}

func appendMany(s *suite) {
	written := events(10_000)
	appended := s.append(s.stream("a"), eventstore.NoStream(), written...)
	require.EqualValues(s, len(written)-1, appended.Revision)
	s.requireStream(s.stream("a"), written...)
	require.Equal(s, appended, s.append(s.stream("a"), eventstore.NoStream(), written...))
}

func roundTrip(s *suite) {
	written := []eventstore.Proposed{
		{ID: uuid.New(), Type: "Tested.v1", Data: []byte(`{"금액":"1.00"}`), Metadata: []byte(`{"a":"ü"}`)},
		{ID: uuid.New(), Type: "정산됨.v1", Data: []byte(`{}`)},
		{ID: uuid.MustParse("00000000-0000-0000-0000-000000000001"), Type: "T", Data: []byte(`"` + string(bytes.Repeat([]byte("long "), 20_000)) + `"`)},
		{ID: uuid.MustParse("ffffffff-ffff-ffff-ffff-ffffffffffff"), Type: "T", Data: []byte(`null`), Metadata: []byte(`null`)},
		{ID: uuid.New(), Type: "Empty"},
	}
	for _, stream := range []domain.StreamID{s.stream("with-dashes-and.dots_"), s.stream("한글"), s.stream("a b/c?d%20'\"")} {
		s.append(stream, eventstore.NoStream(), written...)
		s.requireStream(stream, written...)
		// What was read belongs to the reader.
		for _, event := range s.readStream(stream) {
			clear(event.Data)
			clear(event.Metadata)
		}
		s.requireStream(stream, written...)
	}
}
