package audit

import (
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// state is what the fold remembers between batches: at least those subjects of
// the next batch that have a number.
type state struct {
	names   dictionary
	concern concern // of the event at hand
}

func newState() state { return state{names: newDictionary()} }

type eventRow struct {
	position              eventstore.Position
	revision              uint64
	recordedAt            time.Time
	stream, typ, actor    int32
	subjects              []int32 // ascending
	transaction, original string
}

// run is a row of the events of one subject.
type run struct {
	subject   int32
	positions []int64
}

// changeSet is what a batch adds to the tables.
type changeSet struct {
	names    []named
	events   []eventRow
	mentions []run // those of one subject in order
}

// fold turns the events of a batch into rows.
func fold(s *state, events []readmodel.Event) changeSet {
	s.names.added = nil
	rows := make([]eventRow, len(events))
	runs := collector{open: map[int32]int{}}
	numbers := make([]int32, 0, 10*len(events)) // of all rows
	for i := range events {
		e := &events[i]
		s.concern.of(e)
		from := len(numbers)
		for _, subject := range s.concern.subjects {
			numbers = append(numbers, s.names.number(subject))
		}
		own := numbers[from:]
		slices.Sort(own)
		own = slices.Compact(own)
		numbers = numbers[:from+len(own)]
		row := eventRow{
			position: e.Position, revision: e.Revision, recordedAt: e.Meta.RecordedAt,
			stream: s.names.number(streamOf(e)), typ: s.names.number(typeOf(e)), actor: s.names.number(actorOf(e)),
			subjects: slices.Clip(own), transaction: s.concern.transaction, original: s.concern.original,
		}
		for _, number := range own {
			runs.add(number, e.Position)
		}
		if e.Category() != book.Category {
			runs.add(row.stream, e.Position)
		}
		runs.add(row.typ, e.Position)
		runs.add(row.actor, e.Position)
		rows[i] = row
	}
	return changeSet{s.names.added, rows, runs.rows}
}

func streamOf(e *readmodel.Event) subject { return subject{ofStream, string(e.Stream)} }
func typeOf(e *readmodel.Event) subject   { return subject{ofType, e.Type} }
func actorOf(e *readmodel.Event) subject  { return subject{ofActor, e.Meta.Actor} }

// collector makes runs.
type collector struct {
	rows []run
	open map[int32]int // index in rows of the subject's newest
}

func (c *collector) add(subject int32, position eventstore.Position) {
	index, known := c.open[subject]
	if !known || len(c.rows[index].positions) == readmodel.ChunkItems {
		index = len(c.rows)
		c.open[subject] = index
		c.rows = append(c.rows, run{subject: subject})
	}
	c.rows[index].positions = append(c.rows[index].positions, int64(position))
}
