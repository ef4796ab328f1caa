package directory

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

type partyRow struct {
	registered   bool // in this batch; else only personal and position count
	party        string
	kind         string
	country      string
	personal     *string // JSON
	registeredAt time.Time
	position     eventstore.Position
}

type contractRow struct {
	signed     bool // in this batch; else only validUntil and position count
	contract   string
	book       string
	schedule   string
	terms      string // JSON
	validFrom  domain.Date
	validUntil *domain.Date
	position   eventstore.Position
}

type scheduleRow struct {
	schedule      string
	version       int
	effectiveFrom domain.Date
	document      string // JSON
	position      eventstore.Position
}

type calendarRow struct {
	calendar string
	version  int
	document string // JSON
	position eventstore.Position
}

type sourceRow struct {
	source      string
	defined     bool // in this batch
	version     int
	hash        string
	definition  string
	quarantined int64 // change of the number that is open
	position    eventstore.Position
}

// quarantineKey names one input in quarantine.
type quarantineKey struct{ source, record, hash string }

type quarantineRow struct {
	source.RecordQuarantined
	position eventstore.Position
}

// changeSet is what a batch adds and changes, each thing once, in the order of
// first appearance.
type changeSet struct {
	parties     []*partyRow
	contracts   []*contractRow
	schedules   []scheduleRow
	calendars   []calendarRow
	sources     []*sourceRow
	quarantined []quarantineRow // and still open at the end of the batch
	released    []quarantineKey // open before the batch
}

// folding is a fold under way.
type folding struct {
	changeSet
	partyOf    map[string]*partyRow
	contractOf map[string]*contractRow
	sourceOf   map[string]*sourceRow
	// open and added hold, by source and record, the hashes of what is open from
	// before the batch and from the batch itself, whose rows are in entered.
	open, added map[quarantineKey][]string
	entered     map[quarantineKey]quarantineRow
	order       []quarantineKey // of entered
}

// fold brings a batch down to the rows that it adds or changes. open lists what
// was open in quarantine before it, of the records that the batch releases.
func fold(events []readmodel.Event, open []quarantineKey) (changeSet, error) {
	f := &folding{
		partyOf: map[string]*partyRow{}, contractOf: map[string]*contractRow{}, sourceOf: map[string]*sourceRow{},
		open: map[quarantineKey][]string{}, added: map[quarantineKey][]string{}, entered: map[quarantineKey]quarantineRow{},
	}
	for _, key := range open {
		record := quarantineKey{source: key.source, record: key.record}
		f.open[record] = append(f.open[record], key.hash)
	}
	for i := range events {
		if err := f.take(&events[i]); err != nil {
			return changeSet{}, fmt.Errorf("%s@%d: %w", events[i].Stream, events[i].Revision, err)
		}
	}
	for _, key := range f.order {
		if row, still := f.entered[key]; still {
			f.quarantined = append(f.quarantined, row)
		}
	}
	return f.changeSet, nil
}

func (f *folding) take(e *readmodel.Event) error {
	switch event := e.Event.(type) {
	case party.PartyRegistered:
		personal, err := envelope(event.Personal)
		if err != nil {
			return err
		}
		row := f.party(event.Party, e.Position)
		row.registered, row.kind, row.country, row.personal, row.registeredAt = true, string(event.Kind), event.Country, personal, event.RecordedAt
	case party.PartyDetailsChanged:
		personal, err := envelope(event.Personal)
		if err != nil {
			return err
		}
		f.party(event.Party, e.Position).personal = personal
	case contract.ContractSigned:
		terms, err := json.Marshal(event.Terms)
		if err != nil {
			return err
		}
		row := f.contract(event.Contract, e.Position)
		row.signed, row.book, row.schedule, row.terms, row.validFrom = true, event.Book, event.Schedule, string(terms), event.From
		if event.Until != "" {
			row.validUntil = &event.Until
		}
	case contract.ContractEnded:
		f.contract(event.Contract, e.Position).validUntil = &event.Until
	case schedule.SchedulePublished:
		document, err := json.Marshal(event.Document)
		if err != nil {
			return err
		}
		f.schedules = append(f.schedules, scheduleRow{event.Schedule, event.Version, event.EffectiveFrom, string(document), e.Position})
	case calendar.CalendarPublished:
		document, err := json.Marshal(event.Document)
		if err != nil {
			return err
		}
		f.calendars = append(f.calendars, calendarRow{event.Calendar, event.Version, string(document), e.Position})
	case source.SourceDefined:
		row := f.source(event.Source, e.Position)
		row.defined, row.version, row.hash, row.definition = true, event.Version, event.Hash, event.Definition
	case source.RecordQuarantined:
		f.source(event.Source, e.Position).quarantined++
		key := quarantineKey{event.Source, event.Record, event.ContentHash}
		if _, twice := f.entered[key]; twice {
			return fmt.Errorf("the record %q is in quarantine already", event.Record)
		}
		f.entered[key] = quarantineRow{event, e.Position}
		f.order = append(f.order, key)
		record := quarantineKey{source: event.Source, record: event.Record}
		f.added[record] = append(f.added[record], event.ContentHash)
	case source.QuarantineReleased:
		f.release(&event, e.Position)
	case source.DeliveryIngested:
		f.source(event.Source, e.Position)
	}
	return nil
}

// release takes out what is open of a record: that with the content hash, or all
// where the event names none.
func (f *folding) release(event *source.QuarantineReleased, position eventstore.Position) {
	row := f.source(event.Source, position)
	named := func(hash string) bool { return event.ContentHash == "" || event.ContentHash == hash }
	record := quarantineKey{source: event.Source, record: event.Record}
	var left []string
	for _, hash := range f.open[record] {
		if !named(hash) {
			left = append(left, hash)
			continue
		}
		f.released = append(f.released, quarantineKey{event.Source, event.Record, hash})
		row.quarantined--
	}
	f.open[record] = left
	var kept []string
	for _, hash := range f.added[record] {
		if !named(hash) {
			kept = append(kept, hash)
			continue
		}
		delete(f.entered, quarantineKey{event.Source, event.Record, hash})
		row.quarantined--
	}
	f.added[record] = kept
}

func (f *folding) party(id string, position eventstore.Position) *partyRow {
	row := f.partyOf[id]
	if row == nil {
		row = &partyRow{party: id}
		f.partyOf[id] = row
		f.parties = append(f.parties, row)
	}
	row.position = position
	return row
}

func (f *folding) contract(id string, position eventstore.Position) *contractRow {
	row := f.contractOf[id]
	if row == nil {
		row = &contractRow{contract: id}
		f.contractOf[id] = row
		f.contracts = append(f.contracts, row)
	}
	row.position = position
	return row
}

func (f *folding) source(id string, position eventstore.Position) *sourceRow {
	row := f.sourceOf[id]
	if row == nil {
		row = &sourceRow{source: id}
		f.sourceOf[id] = row
		f.sources = append(f.sources, row)
	}
	row.position = position
	return row
}

func envelope(sealed *domain.Sealed) (*string, error) {
	if sealed == nil {
		return nil, nil
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		return nil, err
	}
	s := string(text)
	return &s, nil
}
