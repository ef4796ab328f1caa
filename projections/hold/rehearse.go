package hold

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rehearsal is the read model over rows in memory.
type rehearsal struct {
	slices   map[key]slice
	released []released
	dates    map[string]dateRow
}

type slice struct {
	amount   decimal.Decimal
	position eventstore.Position
}

// Rehearse returns the read model without Postgres, empty.
func Rehearse() readmodel.Rehearsal {
	return &rehearsal{slices: map[key]slice{}, dates: map[string]dateRow{}}
}

// Forget implements readmodel.Rehearsal: there is nothing to forget.
func (*rehearsal) Forget() {}

// Project implements readmodel.Rehearsal.
func (r *rehearsal) Project(events []readmodel.Event) (func(), error) {
	changes, err := fold(events)
	if err != nil {
		return nil, err
	}
	next := map[key]slice{}
	for i := range changes.Slices {
		c := &changes.Slices[i]
		amount := r.slices[c.key].amount.Add(c.Added.Decimal())
		if amount.IsNegative() {
			return nil, below(c.key, amount.String())
		}
		next[c.key] = slice{amount, c.Position}
	}
	for _, row := range changes.Released {
		if n := len(r.released); n > 0 && r.released[n-1].Position >= row.Position {
			return nil, fmt.Errorf("position %d is written twice", row.Position)
		}
	}
	return func() {
		maps.Copy(r.slices, next)
		maps.DeleteFunc(r.slices, func(_ key, s slice) bool { return s.amount.IsZero() })
		r.released = append(r.released, changes.Released...)
		for _, row := range changes.Dates {
			r.dates[row.Book] = row
		}
	}, nil
}

// Rows implements readmodel.Rehearsal.
func (r *rehearsal) Rows() map[string][][]string {
	rows := map[string][][]string{}
	for k, s := range r.slices {
		rows["slices"] = append(rows["slices"], []string{
			k.Book, string(k.Account), k.Into, string(k.Due), s.amount.String(), strconv.FormatInt(int64(s.position), 10),
		})
	}
	for i := range r.released {
		one := &r.released[i]
		rows["releases"] = append(rows["releases"], []string{
			strconv.FormatInt(int64(one.Position), 10), one.Book, string(one.Account), one.Into, string(one.Due), one.Amount.Decimal().String(),
			string(one.BusinessDate), one.RecordedAt.UTC().Format(time.RFC3339Nano),
		})
	}
	for _, d := range r.dates {
		rows["dates"] = append(rows["dates"], []string{d.Book, string(d.BusinessDate), strconv.FormatInt(int64(d.Position), 10)})
	}
	return rows
}
