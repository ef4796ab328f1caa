package daily

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/book"
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
func (Model) Projector(schema string) readmodel.Projector { return &projector{schema} }

// Comparable implements readmodel.Model.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{{Table: "totals", SQL: `
		SELECT day, book, party, product, method, type, currency, transactions, debits, credits FROM {schema}.totals`}}
}

type projector struct{ schema string }

// Forget implements readmodel.Projector: there is nothing to forget.
func (*projector) Forget() {}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	totals := fold(events)
	n := len(totals)
	if n == 0 {
		return nil
	}
	// One allocation serves all columns of text.
	text := make([]string, 7*n)
	days, books, parties, products := text[0:n], text[n:2*n], text[2*n:3*n], text[3*n:4*n]
	methods, types, currencies := text[4*n:5*n], text[5*n:6*n], text[6*n:7*n]
	transactions, debits, credits := make([]int64, n), make([]decimal.Decimal, n), make([]decimal.Decimal, n)
	for i, t := range totals {
		days[i], books[i], parties[i], products[i] = string(t.Day), t.Book, t.Party, t.Product
		methods[i], types[i], currencies[i] = t.Method, t.Type, string(t.Currency)
		transactions[i], debits[i], credits[i] = t.Transactions, t.Debits, t.Credits
	}
	_, err := tx.Exec(ctx, readmodel.In(p.schema, `
		INSERT INTO {schema}.totals AS t (day, book, party, product, method, type, currency, transactions, debits, credits)
		SELECT u.day::date, u.book, u.party, u.product, u.method, u.type, u.currency, u.transactions, u.debits, u.credits
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::numeric[], $10::numeric[])
			AS u(day, book, party, product, method, type, currency, transactions, debits, credits)
		ON CONFLICT (day, book, party, product, method, type, currency) DO UPDATE SET
			transactions = t.transactions + excluded.transactions, debits = t.debits + excluded.debits, credits = t.credits + excluded.credits`),
		days, books, parties, products, methods, types, currencies, transactions,
		pgtype.FlatArray[decimal.Decimal](debits), pgtype.FlatArray[decimal.Decimal](credits))
	if err != nil {
		return fmt.Errorf("add to the daily totals: %w", err)
	}
	return nil
}
