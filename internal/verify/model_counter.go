package verify

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tallied expects where the counters of accumulators stand: what entries have added
// to them, each once.
type tallied struct {
	stand *cursor[counterRow]
	sums  map[counterPlace]*counterRow
}

type counterPlace struct{ book, counter string }

// counterRow is one row of transaction.counters.
type counterRow struct {
	counterPlace
	scope, owner, name, period, currency, key string
	value                                     figure
	transactions, position, revision          int64
	closes                                    string
	closedBy                                  int64 // revision, -1 while it is open
}

func standing(s *snapshot) *cursor[counterRow] {
	return &cursor[counterRow]{
		tx: s.tx, name: "verify_counters",
		query: `SELECT book, counter, scope, owner, name, period, currency, key, value::text, transactions, position, revision,
			coalesce(closes::text, ''), coalesce(closed_by, -1) FROM transaction.counters`,
		scan: func(row pgx.CollectableRow) (r counterRow, err error) {
			var value string
			err = row.Scan(&r.book, &r.counter, &r.scope, &r.owner, &r.name, &r.period, &r.currency, &r.key, &value, &r.transactions, &r.position, &r.revision, &r.closes, &r.closedBy)
			if err == nil {
				r.value, err = numeric(value, "transaction.counters")
			}
			return r, err
		},
	}
}

// count adds what an entry counts, and notes which window it closes.
func (t *tallied) count(e *event) error {
	if c := e.entry.closing; c != nil {
		t.of(counterPlace{e.stream.id, c.counter}).closedBy = int64(e.revision)
	}
	for i := range e.entry.counts {
		c := &e.entry.counts[i]
		if c.before == c.after && c.closes == "" {
			continue // it was looked at
		}
		place := counterPlace{e.stream.id, string(c.counter)}
		row := t.of(place)
		if c.closes != "" {
			row.closes = c.closes
		}
		added, ok := c.added()
		if ok {
			row.value, ok = row.value.plus(added)
		}
		if !ok {
			return e.differs(checkCounters, "a sum within 128 bits", "more in "+place.counter)
		}
		row.transactions++
		row.position, row.revision = int64(e.position), int64(e.revision)
	}
	return nil
}

func (t *tallied) of(place counterPlace) *counterRow {
	row, known := t.sums[place]
	if !known {
		row = newCounterRow(place)
		if t.sums == nil {
			t.sums = map[counterPlace]*counterRow{}
		}
		t.sums[place] = row
	}
	return row
}

// newCounterRow takes the text of a counter apart: scope, owner, name, window,
// currency and key.
func newCounterRow(place counterPlace) *counterRow {
	r := &counterRow{counterPlace: place, closedBy: -1}
	rest := place.counter
	for _, part := range []struct {
		into *string
		end  string
	}{{&r.scope, ":"}, {&r.owner, "/"}, {&r.name, "/"}, {&r.period, "/"}, {&r.currency, "/"}} {
		*part.into, rest, _ = strings.Cut(rest, part.end)
	}
	r.key = rest
	return r
}

func (t *tallied) compareCounters(ctx context.Context) error {
	err := t.stand.each(ctx, func(row *counterRow) error {
		want, ok := t.sums[row.counterPlace]
		switch where := row.place(); {
		case !ok:
			return differs(checkCounters, where, "no row", "one at "+row.value.String())
		case *want != *row:
			return mismatch(checkCounters, where, want.columns(), row.columns())
		}
		delete(t.sums, row.counterPlace)
		return nil
	})
	if err != nil || len(t.sums) == 0 {
		return err
	}
	missing := slices.MinFunc(slices.Collect(maps.Keys(t.sums)), func(a, b counterPlace) int {
		return strings.Compare(a.book+"/"+a.counter, b.book+"/"+b.counter)
	})
	return differs(checkCounters, t.sums[missing].place(), "a row at "+t.sums[missing].value.String(), "none")
}

func (r *counterRow) place() string { return "transaction.counters " + r.book + " " + r.counter }

func (r *counterRow) columns() []column {
	return []column{
		{"scope", r.scope}, {"owner", r.owner}, {"name", r.name}, {"period", r.period}, {"currency", r.currency}, {"key", r.key},
		{"value", r.value.String()}, {"transactions", number(r.transactions)}, {"position", number(r.position)}, {"revision", number(r.revision)},
		{"closes", r.closes}, {"closed_by", number(r.closedBy)},
	}
}
