package transaction

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rehearsal is the read model over rows in memory.
type rehearsal struct {
	positions map[eventstore.Position]bool
	rows      changeSet
	counters  map[place]tally
	awaiting  map[waitKey]awaiting
}

// Rehearse returns the read model without Postgres, empty.
func Rehearse() readmodel.Rehearsal {
	return &rehearsal{positions: map[eventstore.Position]bool{}, counters: map[place]tally{}, awaiting: map[waitKey]awaiting{}}
}

// Forget implements readmodel.Rehearsal: there is nothing to forget.
func (*rehearsal) Forget() {}

// Project implements readmodel.Rehearsal.
func (r *rehearsal) Project(events []readmodel.Event) (func(), error) {
	changes := fold(events)
	for _, entry := range changes.Transactions {
		if r.positions[entry.Position] {
			return nil, fmt.Errorf("position %d is written twice", entry.Position)
		}
	}
	for i := range changes.Counted {
		if _, err := PartsOf(changes.Counted[i].Counter); err != nil {
			return nil, err
		}
	}
	waiting := maps.Clone(r.awaiting)
	for _, key := range changes.Came {
		delete(waiting, key)
	}
	for _, row := range changes.Awaiting {
		if _, twice := waiting[row.waitKey]; twice {
			return nil, fmt.Errorf("%s/%s waits twice in the book %s", row.Source, row.ExternalID, row.Book)
		}
		waiting[row.waitKey] = row
	}
	return func() {
		r.awaiting = waiting
		r.rows.Steps = append(r.rows.Steps, changes.Steps...)
		for _, entry := range changes.Transactions {
			r.positions[entry.Position] = true
		}
		r.rows.Transactions = append(r.rows.Transactions, changes.Transactions...)
		r.rows.Parties = append(r.rows.Parties, changes.Parties...)
		r.rows.Links = append(r.rows.Links, changes.Links...)
		for _, t := range changes.Counted {
			r.counters[t.place] = r.counters[t.place].and(t)
		}
	}, nil
}

// and joins what stands with what a batch adds.
func (t tally) and(next tally) tally {
	next.Added = readmodel.TotalOf(t.Added.Decimal().Add(next.Added.Decimal()))
	next.Transactions += t.Transactions
	next.Position, next.Revision = max(t.Position, next.Position), max(t.Revision, next.Revision)
	if next.Closes == "" {
		next.Closes = t.Closes
	}
	if next.ClosedBy == nil {
		next.ClosedBy = t.ClosedBy
	}
	return next
}

// Rows implements readmodel.Rehearsal. When and by what windows are closed stands
// apart from the sums.
func (r *rehearsal) Rows() map[string][][]string {
	rows := map[string][][]string{}
	for _, e := range r.rows.Transactions {
		rows["transactions"] = append(rows["transactions"], []string{
			strconv.FormatInt(int64(e.Position), 10), e.Book, strconv.FormatUint(e.Revision, 10), e.Kind, e.Source, e.ExternalID,
			e.Type, e.Method, e.Product, string(e.Currency), e.Amount.Decimal().String(),
			e.OccurredAt.UTC().Format(time.RFC3339Nano), string(e.EffectiveOn), e.RecordedAt.UTC().Format(time.RFC3339Nano),
			e.Contract, e.Schedule, strconv.Itoa(e.Version), strings.Join(e.Parties, " "),
		})
	}
	for _, c := range r.rows.Parties {
		for _, position := range c.Positions {
			rows["parties"] = append(rows["parties"], []string{c.Party, strconv.FormatInt(position, 10)})
		}
	}
	for _, l := range r.rows.Links {
		rows["links"] = append(rows["links"], []string{l.Book, strconv.FormatUint(l.Revision, 10), strconv.FormatInt(l.Position, 10), l.Kind})
	}
	for at, t := range r.counters {
		rows["counters"] = append(rows["counters"], []string{
			at.Book, at.Counter, t.Added.Decimal().String(), strconv.FormatInt(t.Transactions, 10), strconv.FormatInt(int64(t.Position), 10), strconv.FormatUint(t.Revision, 10),
		})
		if t.Closes != "" {
			by := ""
			if t.ClosedBy != nil {
				by = strconv.FormatUint(*t.ClosedBy, 10)
			}
			rows["windows"] = append(rows["windows"], []string{at.Book, at.Counter, string(t.Closes), by})
		}
	}
	for i := range r.rows.Steps {
		s := &r.rows.Steps[i]
		rows["steps"] = append(rows["steps"], []string{
			strconv.FormatInt(int64(s.Position), 10), s.Book, strconv.FormatUint(s.Revision, 10), s.Kind, string(s.BusinessDate), s.Counter,
			string(s.First), string(s.Last), s.Contract, s.Schedule, strconv.Itoa(int(s.Version)), strings.Join(s.Parties, " "),
		})
	}
	for key := range r.awaiting {
		a := r.awaiting[key]
		rows["awaiting"] = append(rows["awaiting"], []string{
			a.Book, a.Source, a.ExternalID, a.Kind, a.Original.Source, a.Original.ExternalID, strconv.FormatInt(int64(a.Position), 10),
		})
	}
	return rows
}
