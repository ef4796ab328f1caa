package hold

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/clause"
)

// Slice is what an account holds back until a date.
type Slice struct {
	Book     string
	Account  string // "<owner>/<purpose>/<currency>"
	Into     string // purpose of the same owner that it moves into
	Due      domain.Date
	Owner    string
	Currency money.Currency
	Amount   decimal.Decimal // greater than zero
	Position eventstore.Position
	Revision uint64 // of the last entry that changed it
}

// Filter selects what is held; what is empty selects all.
type Filter struct {
	Book, Owner, Account, Into string
	Currency                   money.Currency
	From, To                   domain.Date // due, both inclusive
}

// Place is the place of a slice in their order: by date, book, account and purpose. The
// zero Place is before the first.
type Place struct {
	Due                 domain.Date
	Book, Account, Into string
}

// Place is where the slice stands.
func (s *Slice) Place() Place { return Place{s.Due, s.Book, s.Account, s.Into} }

func (f Filter) where() *clause.Where {
	w := new(clause.Where)
	w.AndText(`s.book`, f.Book)
	w.AndText(`s.owner`, f.Owner)
	w.AndText(`s.account`, f.Account)
	w.AndText(`s.into_purpose`, f.Into)
	w.AndText(`s.currency`, string(f.Currency))
	if f.From != "" {
		w.And(`s.due_on >= ?::text::date`, string(f.From))
	}
	if f.To != "" {
		w.And(`s.due_on <= ?::text::date`, string(f.To))
	}
	return w
}

// Slices returns what is held, what falls due first before the rest, after a place.
func Slices(ctx context.Context, pool *pgxpool.Pool, f Filter, after Place, limit int) ([]Slice, error) {
	w := f.where()
	if after != (Place{}) {
		w.And(`(s.due_on, s.book, s.account, s.into_purpose) > (?::text::date, ?, ?, ?)`, string(after.Due), after.Book, after.Account, after.Into)
	}
	return collect[Slice](pool.Query(ctx, `SELECT s.book, s.account, s.into_purpose, s.due_on::text, s.owner, s.currency, s.amount, s.position, s.revision
		FROM hold.slices s`+w.String()+` ORDER BY s.due_on, s.book, s.account, s.into_purpose LIMIT `+w.Arg(limit), w.Args()...))
}

// Sum is all that an account holds back for one purpose.
type Sum struct {
	Book     string
	Account  string
	Into     string
	Owner    string
	Currency money.Currency
	Amount   decimal.Decimal // greater than zero
	// Next is when the first of it falls due, and Last the last.
	Next, Last domain.Date
	Slices     int64
	Position   eventstore.Position // of the last entry that changed any of it
}

// Sums returns what is held by account and purpose, in this order, over the dates that
// the filter selects.
func Sums(ctx context.Context, pool *pgxpool.Pool, f Filter, limit int) ([]Sum, error) {
	w := f.where()
	return collect[Sum](pool.Query(ctx, `SELECT s.book, s.account, s.into_purpose, s.owner, s.currency, sum(s.amount),
			min(s.due_on)::text, max(s.due_on)::text, count(*), max(s.position)
		FROM hold.slices s`+w.String()+` GROUP BY s.book, s.account, s.into_purpose, s.owner, s.currency
		ORDER BY s.book, s.account, s.into_purpose LIMIT `+w.Arg(limit), w.Args()...))
}

// Release is what an account gave up of what it held until a date.
type Release struct {
	Position     eventstore.Position
	Book         string
	Revision     uint64
	Account      string
	Into         string
	Due          domain.Date
	Owner        string
	Currency     money.Currency
	Amount       decimal.Decimal
	BusinessDate domain.Date // to which the book was coming
	RecordedAt   time.Time
}

// ReleaseFilter selects releases; what is empty selects all. The dates are business
// dates.
type ReleaseFilter struct {
	Filter
	// Position selects those of one entry.
	Position eventstore.Position
}

// ReleasePlace is the place of a release in their order: by position, newest first,
// then by account, purpose and date. The zero ReleasePlace is before the newest.
type ReleasePlace struct {
	Position      eventstore.Position
	Account, Into string
	Due           domain.Date
}

// Place is where the release stands.
func (r *Release) Place() ReleasePlace { return ReleasePlace{r.Position, r.Account, r.Into, r.Due} }

// Releases returns releases after a place.
func Releases(ctx context.Context, pool *pgxpool.Pool, f ReleaseFilter, after ReleasePlace, limit int) ([]Release, error) {
	var w clause.Where
	w.AndText(`r.book`, f.Book)
	w.AndText(`r.owner`, f.Owner)
	w.AndText(`r.account`, f.Account)
	w.AndText(`r.into_purpose`, f.Into)
	w.AndText(`r.currency`, string(f.Currency))
	if f.From != "" {
		w.And(`r.business_date >= ?::text::date`, string(f.From))
	}
	if f.To != "" {
		w.And(`r.business_date <= ?::text::date`, string(f.To))
	}
	if f.Position != eventstore.Start {
		w.And(`r.position = ?`, f.Position)
	}
	if after != (ReleasePlace{}) {
		w.And(`r.position <= ?`, after.Position)
		w.And(`(r.position < ? OR (r.account, r.into_purpose, r.due_on) > (?, ?, ?::text::date))`, after.Position, after.Account, after.Into, string(after.Due))
	}
	return collect[Release](pool.Query(ctx, `SELECT r.position, r.book, r.revision, r.account, r.into_purpose, r.due_on::text, r.owner, r.currency, r.amount,
			r.business_date::text, r.recorded_at
		FROM hold.releases r`+w.String()+` ORDER BY r.position DESC, r.account, r.into_purpose, r.due_on LIMIT `+w.Arg(limit), w.Args()...))
}

// Date is where a book has come to.
type Date struct {
	Book         string
	BusinessDate domain.Date
	RecordedAt   time.Time // when it came to it
	Position     eventstore.Position
	Revision     uint64
}

const selectDates = `SELECT book, business_date::text, recorded_at, position, revision FROM hold.dates`

// DateOf returns the business date of a book; ok is false where it has none.
func DateOf(ctx context.Context, pool *pgxpool.Pool, book string) (date Date, ok bool, err error) {
	found, err := collect[Date](pool.Query(ctx, selectDates+` WHERE book = $1`, book))
	if err != nil || len(found) == 0 {
		return Date{}, false, err
	}
	return found[0], true, nil
}

// Dates returns the business dates of books by id, those after an id.
func Dates(ctx context.Context, pool *pgxpool.Pool, after string, limit int) ([]Date, error) {
	return collect[Date](pool.Query(ctx, selectDates+` WHERE book > $1 ORDER BY book LIMIT $2`, after, limit))
}

func collect[T any](rows pgx.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}
