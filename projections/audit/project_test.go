package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestFoldNumbersNames(t *testing.T) {
	s := newState()
	s.names.remember(subject{ofStream, "book-a"}, 3)
	s.names.last = 7
	at := time.Unix(5, 0)
	e := func(position eventstore.Position, stream domain.StreamID, typ, actor, about string) readmodel.Event {
		event := readmodel.Event{Position: position, Stream: stream, Type: typ, Meta: eventstore.Meta{Actor: actor, RecordedAt: at}}
		if about != "" {
			event.Event = party.PartyRegistered{Party: about}
		}
		return event
	}
	changes := fold(&s, []readmodel.Event{e(10, "party-x", "P", "kim", "x"), e(20, "book-a", "T", "kim", ""), e(30, "party-x", "T", "x", "x")})
	require.Equal(t, []named{
		{8, subject{ofParty, "x"}}, {9, subject{ofStream, "party-x"}}, {10, subject{ofType, "P"}}, {11, subject{ofActor, "kim"}},
		{12, subject{ofType, "T"}}, {13, subject{ofActor, "x"}},
	}, changes.names)
	require.Equal(t, []eventRow{
		{position: 10, stream: 9, typ: 10, actor: 11, recordedAt: at, subjects: []int32{8}},
		{position: 20, stream: 3, typ: 12, actor: 11, recordedAt: at, subjects: []int32{}},
		{position: 30, stream: 9, typ: 12, actor: 13, recordedAt: at, subjects: []int32{8}},
	}, changes.events)
	mentioned := map[int32][]int64{}
	for _, m := range changes.mentions {
		mentioned[m.subject] = append(mentioned[m.subject], m.positions...)
	}
	require.Equal(t, map[int32][]int64{8: {10, 30}, 9: {10, 30}, 10: {10}, 11: {10, 20}, 12: {20, 30}, 13: {30}}, mentioned, "the stream of a book is not listed")
	require.Empty(t, fold(&s, []readmodel.Event{e(40, "party-x", "P", "kim", "x")}).names)
}

// The rows of a subject are full before the next begins, and in order.
func TestFoldCutsMentions(t *testing.T) {
	s := newState()
	var events []readmodel.Event
	for i := range 150 {
		id := fmt.Sprint("p", i%2)
		events = append(events, readmodel.Event{
			Position: eventstore.Position(i + 1), Stream: domain.Stream(party.Category, id), Type: "T", Event: party.PartyRegistered{Party: id},
		})
	}
	var lengths []int
	var last int64
	for _, m := range fold(&s, events).mentions {
		if m.subject != s.names.number(subject{ofType, "T"}) {
			continue
		}
		lengths = append(lengths, len(m.positions))
		require.True(t, slices.IsSorted(m.positions))
		require.Greater(t, m.positions[0], last)
		last = m.positions[len(m.positions)-1]
	}
	require.Equal(t, []int{readmodel.ChunkItems, readmodel.ChunkItems, 150 - 2*readmodel.ChunkItems}, lengths)
}

func TestConcern(t *testing.T) {
	settled := &readmodel.Entry{
		Key: book.Key{Source: "pg", ExternalID: "2"}, Book: "a", Contract: "c", Schedule: "s", Parties: []string{"x", "y"},
		Original: &book.Original{Key: book.Key{Source: "pg", ExternalID: "1"}},
	}
	for _, test := range []struct {
		event                 readmodel.Event
		subjects              []string
		transaction, original string
	}{
		{readmodel.Event{Entry: settled, Event: book.TransactionSettled{}}, []string{"book:a", "contract:c", "party:x", "party:y", "schedule:s", "source:pg"}, "pg/2", "pg/1"},
		{readmodel.Event{Entry: &readmodel.Entry{Kind: readmodel.Settlement, Key: book.Key{Source: "pg", ExternalID: "3"}, Book: "a", Calendars: []string{"jp", "kr"}}},
			[]string{"book:a", "calendar:jp", "calendar:kr", "source:pg"}, "pg/3", ""},
		{readmodel.Event{Entry: &readmodel.Entry{
			Kind: readmodel.Adjustment, Key: book.Key{Source: "desk", ExternalID: "4"}, Book: "a", Parties: []string{"x"},
			Original: &book.Original{Key: book.Key{Source: "pg", ExternalID: "2"}},
		}}, []string{"book:a", "party:x", "source:desk"}, "desk/4", "pg/2"},
		{readmodel.Event{Entry: &readmodel.Entry{Kind: readmodel.Release, Book: "a", Parties: []string{"x", "y"}}}, []string{"book:a", "party:x", "party:y"}, "", ""},
		{readmodel.Event{Entry: &readmodel.Entry{Kind: readmodel.Closing, Book: "a", Contract: "c", Schedule: "s", Parties: []string{"x"}}, Event: book.WindowClosed{}},
			[]string{"book:a", "contract:c", "party:x", "schedule:s"}, "", ""},
		{readmodel.Event{Stream: "book-a", Event: book.BusinessDateAdvanced{}}, []string{"book:a"}, "", ""},
		{readmodel.Event{Stream: "book-a", Event: book.OriginalAwaited{
			Key: book.Key{Source: "pg", ExternalID: "5"}, Awaits: book.Key{Source: "pg", ExternalID: "6"},
			Refund: &book.AwaitingRefund{Transaction: book.Transaction{Parties: map[string]string{"seller": "y", "platform": "x"}}},
		}}, []string{"book:a", "party:x", "party:y", "source:pg"}, "pg/5", "pg/6"},
		{readmodel.Event{Stream: "book-a", Event: book.OriginalAwaited{
			Key: book.Key{Source: "pg", ExternalID: "5"}, Awaits: book.Key{Source: "pg", ExternalID: "6"}, Reversal: &book.ReverseEntry{},
		}}, []string{"book:a", "source:pg"}, "pg/5", "pg/6"},
		{readmodel.Event{Event: calendar.CalendarPublished{Document: calendar.Document{Calendar: "kr"}}}, []string{"calendar:kr"}, "", ""},
		{readmodel.Event{Event: party.PartyRegistered{Party: "x"}}, []string{"party:x"}, "", ""},
		{readmodel.Event{Event: party.PartyDetailsChanged{Party: "x"}}, []string{"party:x"}, "", ""},
		{readmodel.Event{Event: contract.ContractSigned{Terms: contract.Terms{Contract: "c", Book: "a", Schedule: "s", Parties: map[string]string{"seller": "y", "agent": "z", "platform": "x"}}}}, []string{"book:a", "contract:c", "party:x", "party:y", "party:z", "schedule:s"}, "", ""},
		{readmodel.Event{Event: contract.ContractEnded{Contract: "c"}}, []string{"contract:c"}, "", ""},
		{readmodel.Event{Event: schedule.SchedulePublished{Document: fee.Document{Schedule: "s"}}}, []string{"schedule:s"}, "", ""},
		{readmodel.Event{Event: source.SourceDefined{Source: "pg"}}, []string{"source:pg"}, "", ""},
		{readmodel.Event{Event: source.RecordQuarantined{Source: "pg", Record: "9"}}, []string{"source:pg"}, "pg/9", ""},
		{readmodel.Event{Event: source.RecordQuarantined{Source: "pg", Record: "raw:ab/1"}}, []string{"source:pg"}, "", ""},
		{readmodel.Event{Event: source.QuarantineReleased{Source: "pg", Record: "9", Settled: domain.Ref{Stream: "book-a"}}}, []string{"book:a", "source:pg"}, "pg/9", ""},
		{readmodel.Event{Event: source.DeliveryIngested{Source: "pg"}}, []string{"source:pg"}, "", ""},
		{readmodel.Event{Event: eventstore.LogStarted{}}, []string{}, "", ""},
	} {
		c := concern{transaction: "of the event before", original: "of that, too"}
		c.of(&test.event)
		names := []string{}
		for _, s := range c.subjects {
			names = append(names, s.String())
			again, ok := parseSubject(s.String())
			require.True(t, ok)
			require.Equal(t, s, again)
		}
		slices.Sort(names)
		require.Equal(t, test.subjects, names, "%T", test.event.Event)
		require.Equal(t, []string{test.transaction, test.original}, []string{c.transaction, c.original}, "%T", test.event.Event)
	}
}

// Numbers may not depend on the order in which Go goes through a map: two copies
// of the tables would differ.
func TestConcernIsInOneOrder(t *testing.T) {
	e := readmodel.Event{Event: contract.ContractSigned{Terms: contract.Terms{Contract: "c", Parties: map[string]string{"a": "3", "b": "1", "c": "2", "d": "5", "e": "4"}}}}
	var first concern
	first.of(&e)
	for range 50 {
		var again concern
		again.of(&e)
		require.Equal(t, first, again)
	}
}

func unversioned(eventType string) string {
	name, _, _ := strings.Cut(eventType, ".")
	return name
}

// Every event of the catalogue but the log's own concerns something.
func TestConcernCoversTheCatalogue(t *testing.T) {
	covered := map[string]bool{}
	for _, e := range []domain.Event{
		book.TransactionSettled{}, book.EntryReversed{}, book.AdjustmentPosted{}, book.HoldsReleased{}, book.WindowClosed{}, book.BusinessDateAdvanced{},
		book.OriginalAwaited{}, calendar.CalendarPublished{}, party.PartyRegistered{}, party.PartyDetailsChanged{}, contract.ContractSigned{}, contract.ContractEnded{},
		schedule.SchedulePublished{}, source.SourceDefined{}, source.RecordQuarantined{}, source.QuarantineReleased{}, source.DeliveryIngested{}, eventstore.LogStarted{},
	} {
		covered[unversioned(e.EventType())] = true
	}
	for _, name := range eventstore.EventTypes() {
		name = unversioned(name) // an old version is read as the newest
		require.True(t, covered[name], "give %s its cases in concern and its line here", name)
	}
}
