package account

import (
	"context"
	"errors"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

const schema = "account"

// Balance is an account and what stands on it: two totals that only grow. Book
// and path name the account; its number within the tables stays in them, for a
// rebuilt copy may give it another one.
type Balance struct {
	Book     string
	Path     string // "<owner>/<purpose>/<currency>"
	Owner    string
	Purpose  string
	Currency money.Currency
	Debits   decimal.Decimal
	Credits  decimal.Decimal
	Position eventstore.Position // of the last posting
}

// Filter selects balances; an empty book or currency selects all.
type Filter struct {
	Owner    string
	Book     string
	Currency money.Currency
	// After selects balances that changed after a position.
	After eventstore.Position
}

const (
	accountColumns = `a.book, a.path, a.owner, a.purpose, a.currency`
	balancesQuery  = `SELECT ` + accountColumns + `, b.debits, b.credits, b.position
		FROM account.accounts a JOIN account.balances b USING (account)`
	filteredBalances = balancesQuery + `
		WHERE a.owner = $1 AND ($2::text = '' OR a.book = $2) AND ($3::text = '' OR a.currency = $3) AND b.position > $4
		ORDER BY a.book, a.path LIMIT $5`
)

// Balances returns the balances of a party, by book and account.
func Balances(ctx context.Context, pool *pgxpool.Pool, f Filter, limit int) ([]Balance, error) {
	return collect(ctx, pool, filteredBalances, f.Owner, f.Book, string(f.Currency), f.After, limit)
}

func collect(ctx context.Context, pool *pgxpool.Pool, sql string, args ...any) ([]Balance, error) {
	return readmodel.Collect(ctx, pool, schema, pgx.RowToStructByPos[Balance], sql, args...)
}

// Find returns the balance of one account; ok is false where nothing was posted to it.
func Find(ctx context.Context, pool *pgxpool.Pool, book, path string) (balance Balance, ok bool, err error) {
	found, err := collect(ctx, pool, balancesQuery+` WHERE a.book = $1 AND a.path = $2`, book, path)
	if err != nil || len(found) == 0 {
		return Balance{}, false, err
	}
	return found[0], true, nil
}

// Progress says how far the read model has got.
type Progress struct {
	Position eventstore.Position
	// Generation is raised whenever the tables were replaced by rebuilt ones.
	Generation int64
}

const progressQuery = `SELECT position, generation FROM jeongsan.checkpoints WHERE read_model = 'account'`

// ReadProgress returns how far the read model has got; the zero value where it has not begun.
func ReadProgress(ctx context.Context, pool *pgxpool.Pool) (Progress, error) {
	return progress(pool.QueryRow(ctx, progressQuery))
}

func progress(row pgx.Row) (Progress, error) {
	var p Progress
	err := row.Scan(&p.Position, &p.Generation)
	if errors.Is(err, pgx.ErrNoRows) {
		return Progress{}, nil
	}
	return p, err
}

// Snapshot returns the balances that f selects together with the place in the
// log that they stand for, read as of one moment: everything up to that place is
// in them and nothing after it.
func Snapshot(ctx context.Context, pool *pgxpool.Pool, f Filter) (at Progress, balances []Balance, err error) {
	err = moment(ctx, pool, func(tx pgx.Tx) error {
		if at, err = progress(tx.QueryRow(ctx, progressQuery)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, filteredBalances, readmodel.LookUp, f.Owner, f.Book, string(f.Currency), f.After, math.MaxInt32)
		if err != nil {
			return err
		}
		balances, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Balance])
		return err
	})
	return at, balances, err
}

// moment calls read until it has read one copy of the tables as of one moment.
// The transaction begins when it is known which copy that is: it sees all of its
// rows, also those of a copy that has just been put in place.
func moment(ctx context.Context, pool *pgxpool.Pool, read func(tx pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return readmodel.Steady(ctx, pool, schema, func(conn *pgxpool.Conn) error { return pgx.BeginTxFunc(ctx, conn, options, read) })
}

// Oldest returns the position of the oldest change that is still kept, Start where there is none.
func Oldest(ctx context.Context, pool *pgxpool.Pool) (eventstore.Position, error) {
	var oldest eventstore.Position
	err := pool.QueryRow(ctx, `SELECT coalesce(min(position), 0) FROM account.changes`).Scan(&oldest)
	return oldest, err
}

// Changes returns the balances as they were after each change behind a position,
// in the order of the log: at least limit of them where there are as many, and
// all changes of each position that it returns.
func Changes(ctx context.Context, pool *pgxpool.Pool, after eventstore.Position, limit int) ([]Balance, error) {
	return collect(ctx, pool, `SELECT `+accountColumns+`, c.debits, c.credits, c.position
		FROM account.changes c JOIN account.accounts a USING (account)
		WHERE c.position > $1 AND c.position <=
			(SELECT max(p.position) FROM (SELECT position FROM account.changes WHERE position > $1 ORDER BY position LIMIT $2) p)
		ORDER BY c.position, a.book, a.path`, after, limit)
}

// Place is the place of a posting among those of its account: the position of
// its entry and its number, from 0, among the entry's postings on the account,
// counted from the last. The zero Place is behind the newest posting.
type Place struct {
	Position eventstore.Position
	Number   int
}

// Entry is one posting on an account, with the totals after it.
type Entry struct {
	Place
	Side    ledger.Side
	Amount  decimal.Decimal
	Debits  decimal.Decimal
	Credits decimal.Decimal
}

// chunk is a row of account.entries.
type chunk struct {
	Position  eventstore.Position
	Positions []int64
	Debit     []bool
	Amounts   []decimal.Decimal
	Debits    decimal.Decimal
	Credits   decimal.Decimal
}

const chunksPerRead = 32

// Entries returns the postings of an account before a place, newest first; none
// where nothing was posted to it. They are read as of one moment.
func Entries(ctx context.Context, pool *pgxpool.Pool, book, path string, before Place, limit int) (found []Entry, err error) {
	err = moment(ctx, pool, func(tx pgx.Tx) error {
		walk := walker{before: before, limit: limit}
		err := walk.all(ctx, tx, book, path)
		found = walk.found
		return err
	})
	return found, err
}

// all goes through the rows of an account. Its number is of one copy of the
// tables, and so is looked up together with them.
func (w *walker) all(ctx context.Context, tx pgx.Tx, book, path string) error {
	// The row that holds the place is the first whose last item is not before it.
	from := eventstore.Position(math.MaxInt64)
	if w.before != (Place{}) {
		from = w.before.Position
	}
	var account int32
	var bound eventstore.Position
	err := tx.QueryRow(ctx, `SELECT a.account, coalesce((SELECT min(e.position) FROM account.entries e WHERE e.account = a.account AND e.position >= $3), $3)
		FROM account.accounts a WHERE a.book = $1 AND a.path = $2`, readmodel.LookUp, book, path, from).Scan(&account, &bound)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for {
		rows, err := tx.Query(ctx, `SELECT position, positions, debit, amounts, debits, credits FROM account.entries
			WHERE account = $1 AND position <= $2 ORDER BY position DESC LIMIT $3`, readmodel.LookUp, account, bound, chunksPerRead)
		if err != nil {
			return err
		}
		chunks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[chunk])
		if err != nil {
			return err
		}
		for _, c := range chunks {
			if w.take(c) {
				return nil
			}
			bound = c.Position - 1
		}
		if len(chunks) < chunksPerRead {
			return nil
		}
	}
}

// walker goes through rows of entries from the newest to the oldest posting.
type walker struct {
	before Place
	limit  int
	last   eventstore.Position
	number int
	found  []Entry
}

// take unfolds one row, and reports whether the limit is reached.
func (w *walker) take(c chunk) (full bool) {
	debits, credits := c.Debits, c.Credits
	for i := len(c.Positions) - 1; i >= 0; i-- {
		position := eventstore.Position(c.Positions[i])
		if position == w.last {
			w.number++
		} else {
			w.last, w.number = position, 0
		}
		entry := Entry{Place: Place{position, w.number}, Side: ledger.Credit, Amount: c.Amounts[i], Debits: debits, Credits: credits}
		if c.Debit[i] {
			entry.Side = ledger.Debit
			debits = debits.Sub(entry.Amount)
		} else {
			credits = credits.Sub(entry.Amount)
		}
		if w.skip(entry.Place) {
			continue
		}
		w.found = append(w.found, entry)
		if len(w.found) == w.limit {
			return true
		}
	}
	return false
}

// skip reports whether a place is not yet before the one asked for.
func (w *walker) skip(p Place) bool {
	if w.before == (Place{}) {
		return false
	}
	if p.Position != w.before.Position {
		return p.Position > w.before.Position
	}
	return p.Number <= w.before.Number
}
