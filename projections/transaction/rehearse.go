package transaction

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rehearsal is the read model over rows in memory.
type rehearsal struct {
	positions map[eventstore.Position]bool
	rows      changeSet
	counters  map[place]tally
}

// Rehearse returns the read model without Postgres, empty.
func Rehearse() readmodel.Rehearsal {
	return &rehearsal{positions: map[eventstore.Position]bool{}, counters: map[place]tally{}}
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
	return func() {
		for _, entry := range changes.Transactions {
			r.positions[entry.Position] = true
		}
		r.rows.Transactions = append(r.rows.Transactions, changes.Transactions...)
		r.rows.Parties = append(r.rows.Parties, changes.Parties...)
		r.rows.Links = append(r.rows.Links, changes.Links...)
		for _, t := range changes.Counted {
			total := readmodel.TotalOf(t.Added.Decimal().Add(r.counted(t.place)))
			t.Added, t.Transactions = total, t.Transactions+r.counters[t.place].Transactions
			r.counters[t.place] = t
		}
	}, nil
}

func (r *rehearsal) counted(at place) decimal.Decimal {
	t := r.counters[at]
	return t.Added.Decimal()
}

// Rows implements readmodel.Rehearsal.
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
	}
	return rows
}
