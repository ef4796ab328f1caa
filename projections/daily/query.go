package daily

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/projections/clause"
)

// Place names one daily total. Product and Method are empty where transactions
// name none.
type Place struct {
	Day      domain.Date
	Book     string
	Party    string
	Product  string
	Method   string
	Type     string
	Currency money.Currency
}

// Total is what was posted to a party's accounts for one Place.
type Total struct {
	Place
	Transactions int64
	Debits       decimal.Decimal
	Credits      decimal.Decimal
}

// Filter selects daily totals; what is empty selects all.
type Filter struct {
	From, To                           domain.Date // both inclusive
	Book, Party, Product, Method, Type string
	Currency                           money.Currency
}

// List returns daily totals in the order of their places, those after a place;
// the zero Place begins with the first.
func List(ctx context.Context, pool *pgxpool.Pool, f Filter, after Place, limit int) ([]Total, error) {
	var w clause.Where
	if f.From != "" {
		w.And(`day >= ?::text::date`, string(f.From))
	}
	if f.To != "" {
		w.And(`day <= ?::text::date`, string(f.To))
	}
	w.AndText(`book`, f.Book)
	w.AndText(`party`, f.Party)
	w.AndText(`product`, f.Product)
	w.AndText(`method`, f.Method)
	w.AndText(`type`, f.Type)
	w.AndText(`currency`, string(f.Currency))
	if after != (Place{}) {
		w.And(`(day, book, party, product, method, type, currency) > (?::text::date, ?, ?, ?, ?, ?, ?)`,
			string(after.Day), after.Book, after.Party, after.Product, after.Method, after.Type, string(after.Currency))
	}
	rows, err := pool.Query(ctx, `SELECT day::text, book, party, product, method, type, currency, transactions, debits, credits
		FROM daily.totals`+w.String()+` ORDER BY daily.totals.day, book, party, product, method, type, currency LIMIT `+w.Arg(limit), w.Args()...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Total, err error) {
		err = row.Scan(&t.Day, &t.Book, &t.Party, &t.Product, &t.Method, &t.Type, &t.Currency, &t.Transactions, &t.Debits, &t.Credits)
		return t, err
	})
}
