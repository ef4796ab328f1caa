package daily

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Model is the read model.
type Model struct{}

// Definition implements readmodel.Model.
func (Model) Definition() migrations.ReadModel { return migrations.Daily }

// Categories implements readmodel.Model.
func (Model) Categories() []string { return []string{book.Category} }

// Projector implements readmodel.Model.
func (Model) Projector(schema string) readmodel.Projector {
	p := &projector{schema: schema}
	p.Forget()
	return p
}

// Comparable implements readmodel.Model.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{{Table: "totals", SQL: `
		SELECT day, book, party, product, method, type, currency, transactions, debits, credits FROM {schema}.totals`}}
}

// rememberedTotals bounds the memory of the projector: beyond it, only the numbers
// of the newest days are kept, and others read again when they are needed.
const (
	rememberedTotals = 150_000
	rememberedDays   = 2
)

type projector struct {
	schema  string
	numbers map[Key]int32 // of rows that are there, those met lately
	last    int32         // the highest number given out
	known   bool          // last has been read
	all     bool          // numbers holds every row, since there was none at first
}

// Forget implements readmodel.Projector.
func (p *projector) Forget() {
	p.numbers, p.known, p.all = map[Key]int32{}, false, false
}

// trim keeps the numbers of the newest days, or none where even they are too many.
func (p *projector) trim() {
	days := map[domain.Date]struct{}{}
	for key := range p.numbers {
		days[key.Day] = struct{}{}
	}
	newest := slices.Sorted(maps.Keys(days))
	newest = newest[max(0, len(newest)-rememberedDays):]
	kept := map[Key]int32{} // a map that was large stays large
	for key, number := range p.numbers {
		if slices.Contains(newest, key.Day) {
			kept[key] = number
		}
	}
	if len(kept) > rememberedTotals/2 {
		p.Forget()
		return
	}
	p.numbers, p.all = kept, false
}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	totals := fold(events)
	if len(totals) == 0 {
		return nil
	}
	if len(p.numbers) > rememberedTotals {
		p.trim()
	}
	if err := p.loadLast(ctx, tx); err != nil {
		return err
	}
	var unknown []*sum
	changed := make([]numbered, 0, len(totals))
	for _, total := range totals {
		if n, met := p.numbers[total.Key]; met {
			changed = append(changed, numbered{n, total})
		} else {
			unknown = append(unknown, total)
		}
	}
	there, err := p.find(ctx, tx, unknown)
	if err != nil {
		return err
	}
	var added []numbered
	for i, total := range unknown {
		n, found := there[i]
		if found {
			changed = append(changed, numbered{n, total})
		} else {
			p.last++
			n = p.last
			added = append(added, numbered{n, total})
		}
		p.numbers[total.Key] = n
	}
	if err := p.insert(ctx, tx, added); err != nil {
		return err
	}
	return p.update(ctx, tx, changed)
}

// numbered is a sum and the number of its row.
type numbered struct {
	number int32
	*sum
}

// loadLast reads the highest number given out, once.
func (p *projector) loadLast(ctx context.Context, tx pgx.Tx) error {
	if p.known {
		return nil
	}
	if err := tx.QueryRow(ctx, readmodel.In(p.schema, "SELECT coalesce(max(number), 0) FROM {schema}.totals")).Scan(&p.last); err != nil {
		return fmt.Errorf("read the last number of a daily total: %w", err)
	}
	p.known, p.all = true, p.last == 0
	return nil
}

// find reads the numbers of rows that are there, by their places in asked.
func (p *projector) find(ctx context.Context, tx pgx.Tx, asked []*sum) (map[int]int32, error) {
	n := len(asked)
	if n == 0 || p.all {
		return nil, nil
	}
	// One allocation serves all columns.
	text := make([]string, 7*n)
	days, books, parties, products := text[0:n], text[n:2*n], text[2*n:3*n], text[3*n:4*n]
	methods, types, currencies := text[4*n:5*n], text[5*n:6*n], text[6*n:7*n]
	for i, t := range asked {
		days[i], books[i], parties[i], products[i] = string(t.Day), t.Book, t.Party, t.Product
		methods[i], types[i], currencies[i] = t.Method, t.Type, string(t.Currency)
	}
	rows, err := tx.Query(ctx, readmodel.In(p.schema, `
		SELECT u.n, t.number
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
			WITH ORDINALITY AS u(day, book, party, product, method, type, currency, n)
		JOIN {schema}.totals t ON t.day = u.day::date AND t.book = u.book AND t.party = u.party AND t.product = u.product
			AND t.method = u.method AND t.type = u.type AND t.currency = u.currency`),
		days, books, parties, products, methods, types, currencies)
	if err != nil {
		return nil, fmt.Errorf("find daily totals: %w", err)
	}
	there := map[int]int32{}
	var at int
	var number int32
	_, err = pgx.ForEachRow(rows, []any{&at, &number}, func() error {
		there[at-1] = number
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find daily totals: %w", err)
	}
	return there, nil
}

// insert writes the rows of keys that come for the first time.
func (p *projector) insert(ctx context.Context, tx pgx.Tx, added []numbered) error {
	days := map[domain.Date]time.Time{}
	for _, t := range added {
		if _, known := days[t.Day]; known {
			continue
		}
		day, err := time.Parse(time.DateOnly, string(t.Day))
		if err != nil {
			return fmt.Errorf("read effective_on: %w", err)
		}
		days[t.Day] = day
	}
	return readmodel.Write(ctx, tx, p.schema, "totals",
		[]string{"day", "book", "party", "product", "method", "type", "currency", "transactions", "debits", "credits", "number"}, added,
		func(t *numbered, to *postgres.CopyRow) {
			to.Date(days[t.Day])
			to.Text(t.Book)
			to.Text(t.Party)
			to.Text(t.Product)
			to.Text(t.Method)
			to.Text(t.Type)
			to.Text(string(t.Currency))
			to.Bigint(t.Transactions)
			t.Debits.Write(to)
			t.Credits.Write(to)
			to.Int(t.number)
		})
}

// update adds to rows that were there before, in their order.
func (p *projector) update(ctx context.Context, tx pgx.Tx, changed []numbered) error {
	n := len(changed)
	if n == 0 {
		return nil
	}
	slices.SortFunc(changed, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	numbers, transactions := make([]int32, n), make([]int64, n)
	debits, credits := make([]decimal.Decimal, n), make([]decimal.Decimal, n)
	for i, t := range changed {
		numbers[i], transactions[i], debits[i], credits[i] = t.number, t.Transactions, t.Debits.Decimal(), t.Credits.Decimal()
	}
	tag, err := tx.Exec(ctx, readmodel.In(p.schema, `
		UPDATE {schema}.totals t SET transactions = t.transactions + u.transactions, debits = t.debits + u.debits, credits = t.credits + u.credits
		FROM unnest($1::int[], $2::bigint[], $3::numeric[], $4::numeric[]) AS u(number, transactions, debits, credits)
		WHERE t.number = u.number`),
		numbers, transactions, pgtype.FlatArray[decimal.Decimal](debits), pgtype.FlatArray[decimal.Decimal](credits))
	if err != nil {
		return fmt.Errorf("add to the daily totals: %w", err)
	}
	if tag.RowsAffected() != int64(n) {
		return fmt.Errorf("add to the daily totals: %d rows are there of %d", tag.RowsAffected(), n)
	}
	return nil
}
