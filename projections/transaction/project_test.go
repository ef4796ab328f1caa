package transaction

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func event(position eventstore.Position, parties ...string) readmodel.Event {
	return readmodel.Event{Position: position, Entry: &readmodel.Entry{Position: position, Parties: parties}}
}

func TestFold(t *testing.T) {
	refund := event(12, "a")
	refund.Entry.Original, refund.Entry.Link = &book.Original{Ref: domain.Ref{Stream: "book-other-1", Revision: 9}}, readmodel.LinkRefund
	changes := fold([]readmodel.Event{event(10, "a", "b"), {Position: 11}, refund, event(13)})
	require.Len(t, changes.Transactions, 3)
	require.Equal(t, []run{{"a", []int64{10, 12}}, {"b", []int64{10}}}, changes.Parties)
	require.Equal(t, []link{{"other-1", 9, 12, readmodel.LinkRefund}}, changes.Links)
}

func TestFoldBreaksLongRows(t *testing.T) {
	var events []readmodel.Event
	for i := range 2*readmodel.ChunkItems + 1 {
		events = append(events, event(eventstore.Position(i+1), "a"))
	}
	changes := fold(events)
	require.Len(t, changes.Parties, 3)
	require.Len(t, changes.Parties[0].Positions, readmodel.ChunkItems)
	require.Equal(t, int64(readmodel.ChunkItems+1), changes.Parties[1].Positions[0])
	require.Equal(t, []int64{2*readmodel.ChunkItems + 1}, changes.Parties[2].Positions)
}
