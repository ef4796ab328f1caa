package audit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rehearsal is the read model over rows in memory.
type rehearsal struct {
	state     state
	subjects  map[int32]subject
	positions map[eventstore.Position]bool
	events    []eventRow
	mentions  []run
}

// Rehearse returns the read model without Postgres, empty.
func Rehearse() readmodel.Rehearsal {
	r := &rehearsal{subjects: map[int32]subject{}, positions: map[eventstore.Position]bool{}}
	r.Forget()
	return r
}

// Forget implements readmodel.Rehearsal.
func (r *rehearsal) Forget() {
	r.state = newState()
	for number, s := range r.subjects {
		r.state.names.remember(s, number)
	}
}

// Project implements readmodel.Rehearsal.
func (r *rehearsal) Project(events []readmodel.Event) (func(), error) {
	changes := fold(&r.state, events)
	for _, n := range changes.names {
		if taken, twice := r.subjects[n.number]; twice {
			return nil, fmt.Errorf("%s and %s have the number %d", taken, n.subject, n.number)
		}
	}
	for i := range changes.events {
		if r.positions[changes.events[i].position] {
			return nil, fmt.Errorf("position %d is written twice", changes.events[i].position)
		}
	}
	for _, m := range changes.mentions {
		if len(m.positions) == 0 || len(m.positions) > readmodel.ChunkItems {
			return nil, fmt.Errorf("a row of subject %d holds %d events", m.subject, len(m.positions))
		}
	}
	return func() {
		for _, n := range changes.names {
			r.subjects[n.number] = n.subject
		}
		for i := range changes.events {
			r.positions[changes.events[i].position] = true
		}
		r.events = append(r.events, changes.events...)
		r.mentions = append(r.mentions, changes.mentions...)
	}, nil
}

// Rows implements readmodel.Rehearsal.
func (r *rehearsal) Rows() map[string][][]string {
	rows := map[string][][]string{}
	for i := range r.events {
		e := &r.events[i]
		var ids []string
		for _, number := range e.subjects {
			ids = append(ids, r.subjects[number].String())
		}
		for _, transaction := range []string{e.transaction, e.original} {
			if transaction != "" {
				ids = append(ids, ofTransaction+":"+transaction)
			}
		}
		slices.Sort(ids)
		rows["events"] = append(rows["events"], []string{
			strconv.FormatInt(int64(e.position), 10), r.subjects[e.stream].id, strconv.FormatUint(e.revision, 10), r.subjects[e.typ].id, r.subjects[e.actor].id,
			e.recordedAt.UTC().Format(time.RFC3339Nano), strings.Join(ids, " "),
		})
	}
	for _, m := range r.mentions {
		for _, position := range m.positions {
			rows["mentions"] = append(rows["mentions"], []string{r.subjects[m.subject].String(), strconv.FormatInt(position, 10)})
		}
	}
	return rows
}
