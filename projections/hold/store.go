package hold

import (
	"context"
	"fmt"
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
func (Model) Definition() migrations.ReadModel { return migrations.Hold }

// Categories implements readmodel.Model.
func (Model) Categories() []string { return []string{book.Category} }

// Projector implements readmodel.Model.
func (Model) Projector(schema string) readmodel.Projector { return &projector{schema} }

// Comparable implements readmodel.Model. How many decimals a sum has depends on the
// batches that made it.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{
		{Table: "slices", SQL: `
			SELECT book, account, into_purpose, due_on, owner, currency, trim_scale(amount) AS amount, position, revision FROM {schema}.slices`},
		{Table: "releases", SQL: `
			SELECT position, book, revision, account, into_purpose, due_on, owner, currency, amount, business_date, recorded_at FROM {schema}.releases`},
		{Table: "dates", SQL: `SELECT book, business_date, recorded_at, position, revision FROM {schema}.dates`},
	}
}

type projector struct{ schema string }

// Forget implements readmodel.Projector: there is nothing to forget.
func (*projector) Forget() {}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	changes, err := fold(events)
	if err != nil {
		return err
	}
	if err := p.writeSlices(ctx, tx, changes.Slices); err != nil {
		return err
	}
	if err := p.writeReleases(ctx, tx, changes.Released); err != nil {
		return err
	}
	return p.writeDates(ctx, tx, changes.Dates)
}

// writeSlices adds to the slices, opens those that are new and takes out those of
// which nothing is left. On most days most are there already, and an upsert would write
// each of those twice.
func (p *projector) writeSlices(ctx context.Context, tx pgx.Tx, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	fresh, empty, err := p.addTo(ctx, tx, changes)
	if err != nil {
		return fmt.Errorf("add to the slices: %w", err)
	}
	if err := p.open(ctx, tx, fresh); err != nil {
		return err
	}
	if !empty {
		return nil
	}
	books, accounts, purposes, days := keysOf(changes)
	_, err = tx.Exec(ctx, readmodel.In(p.schema, `
		DELETE FROM {schema}.slices s USING unnest($1::text[], $2::text[], $3::text[], $4::text[]::date[]) AS k(book, account, into_purpose, due_on)
		WHERE s.book = k.book AND s.account = k.account AND s.into_purpose = k.into_purpose AND s.due_on = k.due_on AND s.amount = 0`),
		books, accounts, purposes, days)
	if err != nil {
		return fmt.Errorf("take out empty slices: %w", err)
	}
	return nil
}

// keysOf lists the keys of slices by column.
func keysOf(changes []change) (books, accounts, purposes, days []string) {
	n := len(changes)
	text := make([]string, 4*n)
	books, accounts, purposes, days = text[:n], text[n:2*n], text[2*n:3*n], text[3*n:]
	for i := range changes {
		c := &changes[i]
		books[i], accounts[i], purposes[i], days[i] = c.Book, string(c.Account), c.Into, string(c.Due)
	}
	return books, accounts, purposes, days
}

// addTo adds to the slices that are there and returns those that are not. empty says
// that nothing is left of one.
func (p *projector) addTo(ctx context.Context, tx pgx.Tx, changes []change) (fresh []change, empty bool, err error) {
	n := len(changes)
	books, accounts, purposes, days := keysOf(changes)
	added := make([]decimal.Decimal, n)
	positions, revisions := make([]int64, n), make([]int64, n)
	for i := range changes {
		c := &changes[i]
		added[i], positions[i], revisions[i] = c.Added.Decimal(), int64(c.Position), int64(c.Revision)
	}
	rows, err := tx.Query(ctx, readmodel.In(p.schema, `
		UPDATE {schema}.slices s SET amount = s.amount + u.amount, position = u.position, revision = u.revision
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]::date[], $5::numeric[], $6::bigint[], $7::bigint[])
			WITH ORDINALITY AS u(book, account, into_purpose, due_on, amount, position, revision, n)
		WHERE s.book = u.book AND s.account = u.account AND s.into_purpose = u.into_purpose AND s.due_on = u.due_on
		RETURNING u.n, s.amount`),
		books, accounts, purposes, days, pgtype.FlatArray[decimal.Decimal](added), positions, revisions)
	if err != nil {
		return nil, false, err
	}
	there := make([]bool, n)
	var at int64
	var amount decimal.Decimal
	if _, err := pgx.ForEachRow(rows, []any{&at, &amount}, func() error {
		there[at-1] = true
		empty = empty || amount.IsZero()
		if amount.IsNegative() {
			return below(changes[at-1].key, amount.String())
		}
		return nil
	}); err != nil {
		return nil, false, err
	}
	for i := range changes {
		if !there[i] {
			fresh = append(fresh, changes[i])
		}
	}
	return fresh, empty, nil
}

// open writes slices that are new; what came and went within the batch is none.
func (p *projector) open(ctx context.Context, tx pgx.Tx, fresh []change) error {
	days := map[domain.Date]time.Time{}
	left := fresh[:0]
	for i := range fresh {
		c := &fresh[i]
		switch amount := c.Added.Decimal(); {
		case amount.IsNegative():
			return fmt.Errorf("open slices: %w", below(c.key, amount.String()))
		case amount.IsZero():
			continue
		}
		if _, known := days[c.Due]; !known {
			day, err := time.Parse(time.DateOnly, string(c.Due))
			if err != nil {
				return fmt.Errorf("read a date of %s@%d: %w", domain.Stream(book.Category, c.Book), c.Revision, err)
			}
			days[c.Due] = day
		}
		left = append(left, *c)
	}
	return readmodel.Write(ctx, tx, p.schema, "slices",
		[]string{"book", "account", "into_purpose", "due_on", "owner", "currency", "amount", "position", "revision"}, left,
		func(c *change, to *postgres.CopyRow) {
			owner, _, currency := c.Account.Split()
			to.Text(c.Book)
			to.Text(string(c.Account))
			to.Text(c.Into)
			to.Date(days[c.Due])
			to.Text(owner)
			to.Text(string(currency))
			c.Added.Write(to)
			to.Bigint(int64(c.Position))
			to.Bigint(int64(c.Revision))
		})
}

func (p *projector) writeReleases(ctx context.Context, tx pgx.Tx, rows []released) error {
	days := map[domain.Date]time.Time{}
	for i := range rows {
		for _, date := range [...]domain.Date{rows[i].Due, rows[i].BusinessDate} {
			if _, known := days[date]; known {
				continue
			}
			day, err := time.Parse(time.DateOnly, string(date))
			if err != nil {
				return fmt.Errorf("read a date of %s@%d: %w", domain.Stream(book.Category, rows[i].Book), rows[i].Revision, err)
			}
			days[date] = day
		}
	}
	return readmodel.Write(ctx, tx, p.schema, "releases",
		[]string{"position", "book", "revision", "account", "into_purpose", "due_on", "owner", "currency", "amount", "business_date", "recorded_at"}, rows,
		func(r *released, to *postgres.CopyRow) {
			owner, _, currency := r.Account.Split()
			to.Bigint(int64(r.Position))
			to.Text(r.Book)
			to.Bigint(int64(r.Revision))
			to.Text(string(r.Account))
			to.Text(r.Into)
			to.Date(days[r.Due])
			to.Text(owner)
			to.Text(string(currency))
			to.Amount(r.Amount)
			to.Date(days[r.BusinessDate])
			to.Timestamptz(r.RecordedAt)
		})
}

func (p *projector) writeDates(ctx context.Context, tx pgx.Tx, rows []dateRow) error {
	for i := range rows {
		r := &rows[i]
		_, err := tx.Exec(ctx, readmodel.In(p.schema, `
			INSERT INTO {schema}.dates (book, business_date, recorded_at, position, revision) VALUES ($1, $2::text::date, $3, $4, $5)
			ON CONFLICT (book) DO UPDATE SET business_date = excluded.business_date, recorded_at = excluded.recorded_at,
				position = excluded.position, revision = excluded.revision`),
			r.Book, string(r.BusinessDate), r.RecordedAt, int64(r.Position), int64(r.Revision))
		if err != nil {
			return fmt.Errorf("write the business date of %s: %w", r.Book, err)
		}
	}
	return nil
}
