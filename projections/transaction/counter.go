package transaction

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/projections/clause"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// place names a counter: one sum of an accumulator in a book.
type place struct{ Book, Counter string }

// tally is what a batch makes of a counter.
type tally struct {
	place
	Added        readmodel.Total
	Transactions int64 // that count in it
	// Of the last of them; 0 where there is none.
	Position eventstore.Position
	Revision uint64
	Closes   domain.Date // as the last of them that says so; empty where none does
	ClosedBy *uint64     // revision of its closing
}

// counting adds up what a batch counts, by counter in the order of first use.
type counting struct {
	tallies []tally
	index   map[place]int
}

func (c *counting) add(entry *readmodel.Entry) {
	for i := range entry.Counts {
		count := &entry.Counts[i]
		if count.Before.Cmp(count.After) == 0 && count.Closes == "" {
			continue // it was looked at; with Closes, even nothing opens a window
		}
		t := c.at(place{entry.Book, count.Counter})
		t.Added.Add(count.After)
		t.Added.Add(count.Before.Neg())
		t.Transactions++
		t.Position, t.Revision = entry.Position, entry.Revision
		if count.Closes != "" {
			t.Closes = count.Closes
		}
	}
}

func (c *counting) close(book, counter string, revision uint64) {
	c.at(place{book, counter}).ClosedBy = &revision
}

func (c *counting) at(p place) *tally {
	index, known := c.index[p]
	if !known {
		if c.index == nil {
			c.index = map[place]int{}
		}
		index = len(c.tallies)
		c.index[p] = index
		c.tallies = append(c.tallies, tally{place: p})
	}
	return &c.tallies[index]
}

// Parts are those of a counter's text: "<scope>:<owner>/<name>/<window>/<currency>/<key>".
// Currency and Key may be empty.
type Parts struct{ Scope, Owner, Name, Window, Currency, Key string }

// PartsOf takes the text of a counter apart, as fee.Counter writes it.
func PartsOf(counter string) (p Parts, err error) {
	list := strings.SplitN(counter, "/", 5)
	if len(list) == 5 {
		p.Name, p.Window, p.Currency, p.Key = list[1], list[2], list[3], list[4]
		p.Scope, p.Owner, _ = strings.Cut(list[0], ":")
	}
	if p.Owner == "" || p.Name == "" || p.Window == "" || p.Scope != fee.ScopeContract && p.Scope != fee.ScopeSchedule {
		return p, fmt.Errorf("no counter of an accumulator: %q", counter)
	}
	return p, nil
}

// count adds to the counters, and opens those that are new.
func (p *projector) count(ctx context.Context, tx pgx.Tx, tallies []tally) error {
	if len(tallies) == 0 {
		return nil
	}
	// In one order whatever the batch, as for all rows that are changed.
	slices.SortFunc(tallies, func(a, b tally) int {
		return cmp.Or(cmp.Compare(a.Book, b.Book), cmp.Compare(a.Counter, b.Counter))
	})
	// Those that are there are far more often many than few, and an upsert writes each
	// row twice: so what changes is updated, and what is new comes after it.
	fresh, err := p.addTo(ctx, tx, tallies)
	if err != nil {
		return fmt.Errorf("add to the counters: %w", err)
	}
	return p.open(ctx, tx, fresh)
}

// addTo adds to the counters that are there and returns those that are not.
func (p *projector) addTo(ctx context.Context, tx pgx.Tx, tallies []tally) (fresh []tally, err error) {
	n := len(tallies)
	text := make([]string, 2*n)
	books, counters := text[:n], text[n:]
	added, transactions := make([]decimal.Decimal, n), make([]int64, n)
	positions, revisions := make([]int64, n), make([]int64, n)
	closes, closed := make([]*string, n), make([]*int64, n)
	for i := range tallies {
		t := &tallies[i]
		books[i], counters[i] = t.Book, t.Counter
		added[i], transactions[i], positions[i], revisions[i] = t.Added.Decimal(), t.Transactions, int64(t.Position), int64(t.Revision)
		if _, err := dayOf(t.Closes); err != nil { // Postgres might take it for a date, as "today"
			return nil, fmt.Errorf("when %s closes: %w", t.Counter, err)
		}
		closes[i] = optional(t.Closes)
		if t.ClosedBy != nil {
			closed[i] = new(int64(*t.ClosedBy))
		}
	}
	rows, err := tx.Query(ctx, readmodel.In(p.schema, `
		UPDATE {schema}.counters c SET value = c.value + u.value, transactions = c.transactions + u.transactions,
			position = greatest(c.position, u.position), revision = greatest(c.revision, u.revision),
			closes = coalesce(u.closes::date, c.closes), closed_by = coalesce(u.closed_by, c.closed_by)
		FROM unnest($1::text[], $2::text[], $3::numeric[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[])
			WITH ORDINALITY AS u(book, counter, value, transactions, position, revision, closes, closed_by, n)
		WHERE c.book = u.book COLLATE "C" AND c.counter = u.counter COLLATE "C"
		RETURNING u.n`),
		books, counters, pgtype.FlatArray[decimal.Decimal](added), transactions, positions, revisions, closes, closed)
	if err != nil {
		return nil, err
	}
	there := make([]bool, n)
	var at int64
	if _, err := pgx.ForEachRow(rows, []any{&at}, func() error {
		there[at-1] = true
		return nil
	}); err != nil {
		return nil, err
	}
	for i := range tallies {
		if !there[i] {
			fresh = append(fresh, tallies[i])
		}
	}
	return fresh, nil
}

// opened is a counter that is new, taken apart.
type opened struct {
	*tally
	Parts
	closes *time.Time
}

// open writes counters that are new.
func (p *projector) open(ctx context.Context, tx pgx.Tx, tallies []tally) error {
	rows := make([]opened, len(tallies))
	for i := range tallies {
		t := &tallies[i]
		parts, err := PartsOf(t.Counter)
		if err != nil {
			return err
		}
		closes, err := dayOf(t.Closes)
		if err != nil {
			return fmt.Errorf("read when the counter %s closes: %w", t.Counter, err)
		}
		rows[i] = opened{t, parts, closes}
	}
	return readmodel.Write(ctx, tx, p.schema, "counters",
		[]string{"book", "counter", "scope", "owner", "name", "period", "currency", "key", "value", "transactions", "position", "revision", "closes", "closed_by"},
		rows, func(r *opened, to *postgres.CopyRow) {
			for _, text := range [...]string{r.Book, r.Counter, r.Scope, r.Owner, r.Name, r.Window, r.Currency, r.Key} {
				to.Text(text)
			}
			r.Added.Write(to)
			to.Bigint(r.Transactions)
			to.Bigint(int64(r.Position))
			to.Bigint(int64(r.Revision))
			if r.closes == nil {
				to.Null()
			} else {
				to.Date(*r.closes)
			}
			if r.ClosedBy == nil {
				to.Null()
			} else {
				to.Bigint(int64(*r.ClosedBy))
			}
		})
}

// Counter is where one sum of an accumulator stands. Of a rolling window each day
// has a counter of its own.
type Counter struct {
	Book         string
	Counter      string // as events name it
	Scope        string // "contract" or "schedule"
	Owner        string // id of the contract or schedule
	Name         string // of the accumulator
	Window       string // "2026-05-01", "2026-05", "2026-Q2", "2026", "lifetime"
	Currency     money.Currency
	Key          string // "role=party,input=value"; empty where the accumulator has none
	Value        decimal.Decimal
	Transactions int64
	Position     eventstore.Position // of the last that counted
	Revision     uint64
	// Closes is the first business date on which its window may be closed; empty where
	// no period closes it.
	Closes   domain.Date
	ClosedBy *uint64 // revision of its closing; nil while it is open
}

// CounterFilter selects counters; what is empty selects all.
type CounterFilter struct {
	Book, Contract, Schedule, Name, Window string
	Currency                               money.Currency
	// Of is one part of a key, as "seller=s-1".
	Of string
	// Open selects those that a period is still to close.
	Open bool
}

// Counters returns counters in the order of book and text, those after a place; the
// empty place begins with the first.
func Counters(ctx context.Context, pool *pgxpool.Pool, f CounterFilter, afterBook, afterCounter string, limit int) ([]Counter, error) {
	var w clause.Where
	w.AndText(`book`, f.Book)
	if f.Contract != "" {
		w.And(`scope = 'contract' AND owner = ?`, f.Contract)
	}
	if f.Schedule != "" {
		w.And(`scope = 'schedule' AND owner = ?`, f.Schedule)
	}
	w.AndText(`name`, f.Name)
	w.AndText(`period`, f.Window)
	w.AndText(`currency`, string(f.Currency))
	if f.Of != "" {
		w.And(`? = ANY(string_to_array(key, ','))`, f.Of)
	}
	if f.Open {
		w.And(`closes IS NOT NULL AND closed_by IS NULL`)
	}
	if afterBook != "" || afterCounter != "" {
		w.And(`(book, counter) > (?, ?)`, afterBook, afterCounter)
	}
	rows, err := pool.Query(ctx, `SELECT book, counter, scope, owner, name, period, currency, key, value, transactions, position, revision,
		coalesce(closes::text, ''), closed_by
		FROM transaction.counters`+w.String()+` ORDER BY book, counter LIMIT `+w.Arg(limit), w.Args()...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Counter])
}
