package audit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestFoldNumbersNames(t *testing.T) {
	s := &state{newDictionary(), newDictionary(), newDictionary()}
	s.streams.numbers["book-a"], s.streams.last = 3, 7
	at := time.Unix(5, 0)
	e := func(stream domain.StreamID, typ, actor string) readmodel.Event {
		return readmodel.Event{Stream: stream, Type: typ, Meta: eventstore.Meta{Actor: actor, RecordedAt: at}}
	}
	changes := fold(s, []readmodel.Event{e("party-x", "P", "kim"), e("book-a", "T", "kim"), e("party-x", "T", "lee")})
	require.Equal(t, []named{{8, "party-x"}}, changes.streams)
	require.Equal(t, []named{{1, "P"}, {2, "T"}}, changes.types)
	require.Equal(t, []named{{1, "kim"}, {2, "lee"}}, changes.actors)
	require.Equal(t, eventRow{stream: 3, typ: 2, actor: 1, recordedAt: at, ids: []string{}}, changes.events[1])
	require.Equal(t, int32(8), changes.events[2].stream)
	changes = fold(s, []readmodel.Event{e("party-x", "P", "kim")})
	require.Empty(t, changes.streams)
	require.Empty(t, changes.types)
	require.Empty(t, changes.actors)
}

func TestConcerns(t *testing.T) {
	settled := &readmodel.Entry{
		Key: book.Key{Source: "pg", ExternalID: "2"}, Book: "a", Contract: "c", Schedule: "s", Parties: []string{"x", "y"},
		Original: &book.Original{Key: book.Key{Source: "pg", ExternalID: "1"}},
	}
	for _, test := range []struct {
		event readmodel.Event
		want  []string
	}{
		{readmodel.Event{Entry: settled, Event: book.TransactionSettled{}}, []string{"book:a", "contract:c", "party:x", "party:y", "schedule:s", "source:pg", "transaction:pg/1", "transaction:pg/2"}},
		{readmodel.Event{Event: party.PartyRegistered{Party: "x"}}, []string{"party:x"}},
		{readmodel.Event{Event: party.PartyDetailsChanged{Party: "x"}}, []string{"party:x"}},
		{readmodel.Event{Event: contract.ContractSigned{Terms: contract.Terms{Contract: "c", Book: "a", Schedule: "s", Parties: map[string]string{"seller": "x", "platform": "x"}}}}, []string{"book:a", "contract:c", "party:x", "schedule:s"}},
		{readmodel.Event{Event: contract.ContractEnded{Contract: "c"}}, []string{"contract:c"}},
		{readmodel.Event{Event: schedule.SchedulePublished{Document: fee.Document{Schedule: "s"}}}, []string{"schedule:s"}},
		{readmodel.Event{Event: source.SourceDefined{Source: "pg"}}, []string{"source:pg"}},
		{readmodel.Event{Event: source.RecordQuarantined{Source: "pg", Record: "9"}}, []string{"source:pg", "transaction:pg/9"}},
		{readmodel.Event{Event: source.RecordQuarantined{Source: "pg", Record: "raw:ab/1"}}, []string{"source:pg"}},
		{readmodel.Event{Event: source.QuarantineReleased{Source: "pg", Record: "9", Settled: domain.Ref{Stream: "book-a"}}}, []string{"book:a", "source:pg", "transaction:pg/9"}},
		{readmodel.Event{Event: source.DeliveryIngested{Source: "pg"}}, []string{"source:pg"}},
		{readmodel.Event{Event: eventstore.LogStarted{}}, []string{}},
	} {
		require.Equal(t, test.want, concerns(&test.event), "%T", test.event.Event)
	}
}

// Every event of the catalogue but the log's own concerns something.
func TestConcernsCoversTheCatalogue(t *testing.T) {
	covered := map[string]bool{}
	for _, e := range []domain.Event{
		book.TransactionSettled{}, book.EntryReversed{}, party.PartyRegistered{}, party.PartyDetailsChanged{}, contract.ContractSigned{}, contract.ContractEnded{},
		schedule.SchedulePublished{}, source.SourceDefined{}, source.RecordQuarantined{}, source.QuarantineReleased{}, source.DeliveryIngested{}, eventstore.LogStarted{},
	} {
		covered[e.EventType()] = true
	}
	for _, name := range eventstore.EventTypes() {
		require.True(t, covered[name], "give %s its cases in concerns and its line here", name)
	}
}
