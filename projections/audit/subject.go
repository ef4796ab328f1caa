package audit

import (
	"maps"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// kind is what a subject is. The order is that in which a query prefers to walk
// the events of one, where they are equally many: those of a late kind concern
// most of the log.
type kind uint8

const (
	ofParty kind = iota
	ofContract
	ofSchedule
	ofStream
	ofSource
	ofActor
	ofType
	ofBook
	ofCalendar
	kinds
)

var kindNames = [kinds]string{
	ofParty: "party", ofContract: "contract", ofSchedule: "schedule", ofStream: "stream", ofSource: "source", ofActor: "actor", ofType: "type", ofBook: "book",
	ofCalendar: "calendar",
}

// ofTransaction is how ids of transactions begin; they are no subjects.
const ofTransaction = "transaction"

// concerned reports whether events have subjects of the kind beside their stream,
// type and actor.
func (k kind) concerned() bool { return k != ofStream && k != ofType && k != ofActor }

// subject is a name before it has a number.
type subject struct {
	kind kind
	id   string
}

// String is how the table writes a subject, as "party:<id>".
func (s subject) String() string { return kindNames[s.kind] + ":" + s.id }

// parseSubject reads what String has written.
func parseSubject(name string) (s subject, ok bool) {
	word, id, ok := strings.Cut(name, ":")
	for k, known := range kindNames {
		if ok && word == known {
			return subject{kind(k), id}, true
		}
	}
	return subject{}, false
}

// dictionary numbers subjects from 1 in the order of their first appearance.
type dictionary struct {
	numbers [kinds]map[string]int32
	size    int // subjects remembered
	last    int32
	added   []named // by the fold under way
}

type named struct {
	number  int32
	subject subject
}

func newDictionary() dictionary {
	var d dictionary
	for k := range d.numbers {
		d.numbers[k] = map[string]int32{}
	}
	return d
}

func (d *dictionary) knows(s subject) bool {
	_, known := d.numbers[s.kind][s.id]
	return known
}

func (d *dictionary) remember(s subject, number int32) {
	d.numbers[s.kind][s.id] = number
	d.size++
	d.last = max(d.last, number)
}

func (d *dictionary) number(s subject) int32 {
	if n, known := d.numbers[s.kind][s.id]; known {
		return n
	}
	s.id = strings.Clone(s.id) // it may be part of a whole event
	d.remember(s, d.last+1)
	d.added = append(d.added, named{d.last, s})
	return d.last
}

// concern is what one event is about.
type concern struct {
	subjects              []subject // in any order, perhaps twice; not its stream, type and actor
	transaction, original string    // as "<source>/<external id>", or empty
}

// of reads what an event is about.
func (c *concern) of(e *readmodel.Event) {
	c.subjects, c.transaction, c.original = c.subjects[:0], "", ""
	if entry := e.Entry; entry != nil {
		for _, id := range entry.Parties {
			c.add(ofParty, id)
		}
		c.add(ofContract, entry.Contract)
		c.add(ofSchedule, entry.Schedule)
		c.add(ofSource, entry.Source)
		c.add(ofBook, entry.Book)
		for _, id := range entry.Calendars {
			c.add(ofCalendar, id)
		}
		if entry.Transaction() {
			c.transaction = transactionName(entry.Key)
		}
		if entry.Original != nil {
			c.original = transactionName(entry.Original.Key)
		}
	}
	switch event := e.Event.(type) {
	case book.OriginalAwaited:
		c.awaiting(e, &event)
	case book.BusinessDateAdvanced:
		c.add(ofBook, bookOf(e))
	case calendar.CalendarPublished:
		c.add(ofCalendar, event.Calendar)
	case party.PartyRegistered:
		c.add(ofParty, event.Party)
	case party.PartyDetailsChanged:
		c.add(ofParty, event.Party)
	case contract.ContractSigned:
		c.add(ofContract, event.Contract)
		c.add(ofBook, event.Book)
		c.add(ofSchedule, event.Schedule)
		for _, id := range slices.Sorted(maps.Values(event.Parties)) {
			c.add(ofParty, id)
		}
	case contract.ContractEnded:
		c.add(ofContract, event.Contract)
	case schedule.SchedulePublished:
		c.add(ofSchedule, event.Schedule)
	case source.SourceDefined:
		c.add(ofSource, event.Source)
	case source.RecordQuarantined:
		c.add(ofSource, event.Source)
		c.record(event.Source, event.Record)
	case source.QuarantineReleased:
		c.add(ofSource, event.Source)
		c.record(event.Source, event.Record)
		if category, id := event.Settled.Stream.Split(); category == book.Category {
			c.add(ofBook, id)
		}
	case source.DeliveryIngested:
		c.add(ofSource, event.Source)
	}
}

func (c *concern) add(k kind, id string) {
	if id != "" {
		c.subjects = append(c.subjects, subject{k, id})
	}
}

// awaiting names what waits as it will be named when its original has come.
func (c *concern) awaiting(e *readmodel.Event, a *book.OriginalAwaited) {
	c.add(ofBook, bookOf(e))
	c.add(ofSource, a.Source)
	if a.Refund != nil {
		for _, id := range slices.Sorted(maps.Values(a.Refund.Transaction.Parties)) {
			c.add(ofParty, id)
		}
	}
	c.transaction, c.original = transactionName(a.Key), transactionName(a.Awaits)
}

func bookOf(e *readmodel.Event) string {
	_, id := e.Stream.Split()
	return id
}

// record names the transaction that a quarantined input would be, where it has
// an external id.
func (c *concern) record(id, record string) {
	if !strings.HasPrefix(record, "raw:") {
		c.transaction = transactionName(book.Key{Source: id, ExternalID: record})
	}
}

func transactionName(key book.Key) string { return key.Source + "/" + key.ExternalID }
