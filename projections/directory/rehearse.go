package directory

import (
	"fmt"
	"strconv"

	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rehearsal is the read model over rows in memory.
type rehearsal struct {
	parties     map[string]partyRow
	contracts   map[string]contractRow
	schedules   map[string]scheduleRow // by id and version
	calendars   map[string]calendarRow // by id and version
	sources     map[string]sourceRow
	quarantined []quarantineRow
}

// Rehearse returns the read model without Postgres, empty.
func Rehearse() readmodel.Rehearsal {
	return &rehearsal{
		parties: map[string]partyRow{}, contracts: map[string]contractRow{}, schedules: map[string]scheduleRow{},
		calendars: map[string]calendarRow{}, sources: map[string]sourceRow{},
	}
}

// Forget implements readmodel.Rehearsal: there is nothing to forget.
func (*rehearsal) Forget() {}

// Project implements readmodel.Rehearsal.
func (r *rehearsal) Project(events []readmodel.Event) (func(), error) {
	changes, err := fold(events, r.open(events))
	if err != nil {
		return nil, err
	}
	for _, row := range changes.parties {
		if _, there := r.parties[row.party]; there == row.registered {
			return nil, fmt.Errorf("the party %s is registered twice or not at all", row.party)
		}
	}
	for _, row := range changes.contracts {
		if _, there := r.contracts[row.contract]; there == row.signed {
			return nil, fmt.Errorf("the contract %s is signed twice or not at all", row.contract)
		}
	}
	for _, row := range changes.schedules {
		if _, there := r.schedules[row.key()]; there {
			return nil, fmt.Errorf("the schedule %s is published twice", row.key())
		}
	}
	for _, row := range changes.calendars {
		if _, there := r.calendars[row.key()]; there {
			return nil, fmt.Errorf("the calendar %s is published twice", row.key())
		}
	}
	return func() { r.write(changes) }, nil
}

func (r *scheduleRow) key() string { return r.schedule + " " + strconv.Itoa(r.version) }

func (r *calendarRow) key() string { return r.calendar + " " + strconv.Itoa(r.version) }

func keyOf(q *quarantineRow) quarantineKey { return quarantineKey{q.Source, q.Record, q.ContentHash} }

// open lists what is in quarantine of the records that the batch releases.
func (r *rehearsal) open(events []readmodel.Event) (open []quarantineKey) {
	released := map[quarantineKey]bool{}
	for i := range events {
		if event, ok := events[i].Event.(source.QuarantineReleased); ok {
			released[quarantineKey{source: event.Source, record: event.Record}] = true
		}
	}
	for i := range r.quarantined {
		if q := &r.quarantined[i]; released[quarantineKey{source: q.Source, record: q.Record}] {
			open = append(open, keyOf(q))
		}
	}
	return open
}

func (r *rehearsal) write(changes changeSet) {
	for _, row := range changes.parties {
		next := *row
		if !row.registered {
			next = r.parties[row.party]
			next.personal, next.position = row.personal, row.position
		}
		r.parties[row.party] = next
	}
	for _, row := range changes.contracts {
		next := *row
		if !row.signed {
			next = r.contracts[row.contract]
			next.validUntil, next.position = row.validUntil, row.position
		}
		r.contracts[row.contract] = next
	}
	for _, row := range changes.schedules {
		r.schedules[row.key()] = row
	}
	for _, row := range changes.calendars {
		r.calendars[row.key()] = row
	}
	for _, row := range changes.sources {
		next := r.sources[row.source]
		quarantined := next.quarantined + row.quarantined
		if row.defined || next.source == "" {
			next = *row
		}
		next.quarantined, next.position = quarantined, row.position
		r.sources[row.source] = next
	}
	released := map[quarantineKey]bool{}
	for _, key := range changes.released {
		released[key] = true
	}
	var left []quarantineRow
	for _, q := range r.quarantined {
		if !released[keyOf(&q)] {
			left = append(left, q)
		}
	}
	r.quarantined = append(left, changes.quarantined...)
}

// Rows implements readmodel.Rehearsal.
func (r *rehearsal) Rows() map[string][][]string {
	rows := map[string][][]string{}
	add := func(table string, row ...string) { rows[table] = append(rows[table], row) }
	for _, p := range r.parties {
		add("parties", p.party, p.kind, strconv.FormatInt(int64(p.position), 10))
	}
	for _, c := range r.contracts {
		until := ""
		if c.validUntil != nil {
			until = string(*c.validUntil)
		}
		add("contracts", c.contract, c.book, c.schedule, string(c.validFrom), until)
	}
	for _, s := range r.schedules {
		add("schedules", s.schedule, strconv.Itoa(s.version), string(s.effectiveFrom))
	}
	for _, c := range r.calendars {
		add("calendars", c.calendar, strconv.Itoa(c.version))
	}
	for _, s := range r.sources {
		add("sources", s.source, strconv.Itoa(s.version), strconv.FormatInt(s.quarantined, 10))
	}
	for i := range r.quarantined {
		q := &r.quarantined[i]
		add("quarantine", q.Source, q.Record, q.ContentHash, string(q.Code), strconv.FormatInt(int64(q.position), 10))
	}
	return rows
}
