package hold

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// key names a slice.
type key struct {
	Book    string
	Account ledger.AccountID
	Into    string
	Due     domain.Date
}

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.Book, other.Book), cmp.Compare(k.Account, other.Account), cmp.Compare(k.Into, other.Into), cmp.Compare(k.Due, other.Due))
}

// change is what a batch adds to a slice.
type change struct {
	key
	Added readmodel.Total
	// Of the last entry that changed it.
	Position eventstore.Position
	Revision uint64
}

// released is a row of what a release moved.
type released struct {
	key
	Amount       money.Amount
	Position     eventstore.Position
	Revision     uint64
	BusinessDate domain.Date
	RecordedAt   time.Time
}

// dateRow is where a book has come to.
type dateRow struct {
	Book         string
	BusinessDate domain.Date
	RecordedAt   time.Time
	Position     eventstore.Position
	Revision     uint64
}

// changeSet is what a batch does to the tables.
type changeSet struct {
	Slices   []change // each slice once, sorted
	Released []released
	Dates    []dateRow // each book once, sorted
}

// fold brings a batch down to what it changes. What is no date, and a release that
// takes nothing away, is an error.
func fold(events []readmodel.Event) (changeSet, error) {
	var changes changeSet
	slice := map[key]int{} // index in Slices
	date := map[string]int{}
	for i := range events {
		e := &events[i]
		if advanced, ok := e.Event.(book.BusinessDateAdvanced); ok {
			if err := checkDate(e, advanced.To); err != nil {
				return changeSet{}, err
			}
			_, id := e.Stream.Split()
			row := dateRow{id, advanced.To, advanced.RecordedAt, e.Position, e.Revision}
			if at, known := date[id]; known {
				changes.Dates[at] = row
			} else {
				date[id] = len(changes.Dates)
				changes.Dates = append(changes.Dates, row)
			}
		}
		entry := e.Entry
		if entry == nil {
			continue
		}
		for _, h := range entry.Holds {
			k := key{entry.Book, h.Account, h.Into, h.On}
			at, known := slice[k]
			if !known {
				if err := checkDate(e, h.On); err != nil {
					return changeSet{}, err
				}
				at = len(changes.Slices)
				slice[k] = at
				changes.Slices = append(changes.Slices, change{key: k})
			}
			c := &changes.Slices[at]
			c.Added.Add(h.Change)
			c.Position, c.Revision = entry.Position, entry.Revision
			if entry.Kind != readmodel.Release {
				continue
			}
			if h.Change.Sign() >= 0 {
				return changeSet{}, fmt.Errorf("%s@%d releases %s of what %s holds until %s", e.Stream, e.Revision, h.Change.Neg(), h.Account, h.On)
			}
			changes.Released = append(changes.Released, released{k, h.Change.Neg(), entry.Position, entry.Revision, entry.EffectiveOn, entry.RecordedAt})
		}
	}
	// In one order whatever the batch, as for all rows that are changed.
	slices.SortFunc(changes.Slices, func(a, b change) int { return a.compare(b.key) })
	slices.SortFunc(changes.Dates, func(a, b dateRow) int { return cmp.Compare(a.Book, b.Book) })
	return changes, nil
}

// checkDate refuses what Postgres might take for a date, such as "today".
func checkDate(e *readmodel.Event, date domain.Date) error {
	if _, err := time.Parse(time.DateOnly, string(date)); err != nil {
		return fmt.Errorf("read a date of %s@%d: %w", e.Stream, e.Revision, err)
	}
	return nil
}

// below says that a slice came out below zero.
func below(k key, amount string) error {
	return fmt.Errorf("the account %s of the book %s holds %s until %s for %s: it released more than it held", k.Account, k.Book, amount, k.Due, k.Into)
}
