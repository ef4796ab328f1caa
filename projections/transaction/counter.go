package transaction

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/clause"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// place names a counter: one sum of an accumulator in a book.
type place struct{ Book, Counter string }

// tally is what the transactions of a batch add to a counter.
type tally struct {
	place
	Added        readmodel.Total
	Transactions int64
	// Of the last of them.
	Position eventstore.Position
	Revision uint64
}

// counting adds up what a batch counts, by counter in the order of first use.
type counting struct {
	tallies []tally
	index   map[place]int
}

func (c *counting) add(entry *readmodel.Entry) {
	for i := range entry.Counts {
		count := &entry.Counts[i]
		if count.Before.Cmp(count.After) == 0 {
			continue // it was looked at
		}
		at := place{entry.Book, count.Counter}
		index, known := c.index[at]
		if !known {
			if c.index == nil {
				c.index = map[place]int{}
			}
			index = len(c.tallies)
			c.index[at] = index
			c.tallies = append(c.tallies, tally{place: at})
		}
		t := &c.tallies[index]
		t.Added.Add(count.After)
		t.Added.Add(count.Before.Neg())
		t.Transactions++
		t.Position, t.Revision = entry.Position, entry.Revision
	}
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
	n := len(tallies)
	if n == 0 {
		return nil
	}
	// In one order whatever the batch, as for all rows that are changed.
	slices.SortFunc(tallies, func(a, b tally) int {
		return cmp.Or(cmp.Compare(a.Book, b.Book), cmp.Compare(a.Counter, b.Counter))
	})
	text := make([]string, 8*n)
	column := func(i int) []string { return text[i*n : (i+1)*n] }
	added, transactions := make([]decimal.Decimal, n), make([]int64, n)
	positions, revisions := make([]int64, n), make([]int64, n)
	for i := range tallies {
		t := &tallies[i]
		c, err := PartsOf(t.Counter)
		if err != nil {
			return err
		}
		for k, value := range [...]string{t.Book, t.Counter, c.Scope, c.Owner, c.Name, c.Window, c.Currency, c.Key} {
			column(k)[i] = value
		}
		added[i], transactions[i], positions[i], revisions[i] = t.Added.Decimal(), t.Transactions, int64(t.Position), int64(t.Revision)
	}
	tag, err := tx.Exec(ctx, readmodel.In(p.schema, `
		INSERT INTO {schema}.counters AS c (book, counter, scope, owner, name, period, currency, key, value, transactions, position, revision)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
			$9::numeric[], $10::bigint[], $11::bigint[], $12::bigint[])
		ON CONFLICT (book, counter) DO UPDATE SET value = c.value + excluded.value,
			transactions = c.transactions + excluded.transactions, position = excluded.position, revision = excluded.revision`),
		column(0), column(1), column(2), column(3), column(4), column(5), column(6), column(7),
		pgtype.FlatArray[decimal.Decimal](added), transactions, positions, revisions)
	if err != nil {
		return fmt.Errorf("add to the counters: %w", err)
	}
	if tag.RowsAffected() != int64(n) {
		return fmt.Errorf("add to the counters: %d rows are there of %d", tag.RowsAffected(), n)
	}
	return nil
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
}

// CounterFilter selects counters; what is empty selects all.
type CounterFilter struct {
	Book, Contract, Schedule, Name, Window string
	Currency                               money.Currency
	// Of is one part of a key, as "seller=s-1".
	Of string
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
	if afterBook != "" || afterCounter != "" {
		w.And(`(book, counter) > (?, ?)`, afterBook, afterCounter)
	}
	rows, err := pool.Query(ctx, `SELECT book, counter, scope, owner, name, period, currency, key, value, transactions, position, revision
		FROM transaction.counters`+w.String()+` ORDER BY book, counter LIMIT `+w.Arg(limit), w.Args()...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Counter])
}
