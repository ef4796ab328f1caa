package audit

import (
	"slices"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// dictionary numbers names from 1 in the order of their first appearance.
type dictionary struct {
	numbers map[string]int32
	last    int32
	added   []named // by the fold under way
}

type named struct {
	number int32
	name   string
}

func newDictionary() dictionary { return dictionary{numbers: map[string]int32{}} }

func (d *dictionary) number(name string) int32 {
	if n, known := d.numbers[name]; known {
		return n
	}
	d.last++
	d.numbers[name] = d.last
	d.added = append(d.added, named{d.last, name})
	return d.last
}

// state is what the fold remembers between batches. The dictionaries hold at
// least those names of the next batch that have a number.
type state struct{ streams, types, actors dictionary }

type eventRow struct {
	position   eventstore.Position
	stream     int32
	revision   uint64
	typ        int32
	actor      int32
	recordedAt time.Time
	ids        []string
}

// changeSet is what a batch adds to the tables.
type changeSet struct {
	streams, types, actors []named
	events                 []eventRow
}

func fold(s *state, events []readmodel.Event) changeSet {
	s.streams.added, s.types.added, s.actors.added = nil, nil, nil
	rows := make([]eventRow, len(events))
	for i := range events {
		e := &events[i]
		rows[i] = eventRow{
			position: e.Position, revision: e.Revision, recordedAt: e.Meta.RecordedAt,
			stream: s.streams.number(string(e.Stream)), typ: s.types.number(e.Type), actor: s.actors.number(e.Meta.Actor),
			ids: concerns(e),
		}
	}
	return changeSet{s.streams.added, s.types.added, s.actors.added, rows}
}

// concerns lists the ids of what an event is about, sorted.
func concerns(e *readmodel.Event) []string {
	ids := make([]string, 0, 12)
	add := func(kind, id string) {
		if id != "" {
			ids = append(ids, kind+":"+id)
		}
	}
	transaction := func(key book.Key) { add("transaction", key.Source+"/"+key.ExternalID) }
	if entry := e.Entry; entry != nil {
		add("book", entry.Book)
		add("source", entry.Source)
		add("contract", entry.Contract)
		add("schedule", entry.Schedule)
		transaction(entry.Key)
		for _, id := range entry.Parties {
			add("party", id)
		}
		if entry.Original != nil {
			transaction(entry.Original.Key)
		}
	}
	switch event := e.Event.(type) {
	case party.PartyRegistered:
		add("party", event.Party)
	case party.PartyDetailsChanged:
		add("party", event.Party)
	case contract.ContractSigned:
		add("contract", event.Contract)
		add("book", event.Book)
		add("schedule", event.Schedule)
		for _, id := range event.Parties {
			add("party", id)
		}
	case contract.ContractEnded:
		add("contract", event.Contract)
	case schedule.SchedulePublished:
		add("schedule", event.Schedule)
	case source.SourceDefined:
		add("source", event.Source)
	case source.RecordQuarantined:
		add("source", event.Source)
		record(event.Source, event.Record, transaction)
	case source.QuarantineReleased:
		add("source", event.Source)
		record(event.Source, event.Record, transaction)
		add("book", bookOf(event.Settled.Stream))
	case source.DeliveryIngested:
		add("source", event.Source)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// record names the transaction that a quarantined input would be, where it has
// an external id.
func record(id, record string, transaction func(book.Key)) {
	if !strings.HasPrefix(record, "raw:") {
		transaction(book.Key{Source: id, ExternalID: record})
	}
}

func bookOf(stream domain.StreamID) string {
	if category, id := stream.Split(); category == book.Category {
		return id
	}
	return ""
}
