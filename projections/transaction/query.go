package transaction

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/clause"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

const schema = "transaction"

// Header is what the read model holds of a transaction. What a source did not
// say is empty; a reversal has no contract and schedule. An adjustment has the currency
// of its first posting and as amount the sum of its debits in it.
type Header struct {
	Position    eventstore.Position
	Book        string
	Revision    uint64
	Kind        string // "settlement", "reversal" or "adjustment"
	Source      string
	ExternalID  string
	Type        string
	Method      string
	Product     string
	Currency    money.Currency
	Amount      decimal.Decimal
	OccurredAt  time.Time
	EffectiveOn domain.Date
	RecordedAt  time.Time
	Contract    string
	Schedule    string
	Version     int32
	Reason      string // of a reversal or an adjustment
	Parties     []string
}

// Filter selects transactions; what is empty selects all. Product and Method
// are pointers because a transaction may have none, which is the empty string.
type Filter struct {
	Book, Party, Source, ExternalID, Kind, Type string
	Method, Product                             *string
	Currency                                    money.Currency
	From, To                                    domain.Date // effective dates, both inclusive
}

const columns = `t.position, t.book, t.revision, t.kind, t.source, t.external_id, t.type, t.method, t.product, t.currency, t.amount,
	t.occurred_at, t.effective_on::text, t.recorded_at, t.contract, t.schedule, t.version, t.reason, t.parties`

// nearDays is how many effective dates are few enough to be looked up by date.
const nearDays = 31

// near reports whether the filter asks for few dates.
func (f Filter) near() bool {
	from, err := time.Parse(time.DateOnly, string(f.From))
	if err != nil {
		return false
	}
	to, err := time.Parse(time.DateOnly, string(f.To))
	return err == nil && to.Sub(from) < nearDays*24*time.Hour
}

// List returns transactions before a position, newest first; position 0 begins
// with the newest.
func List(ctx context.Context, pool *pgxpool.Pool, f Filter, before eventstore.Position, limit int) ([]Header, error) {
	if before == eventstore.Start {
		before = math.MaxInt64
	}
	var w clause.Where
	table, order := `transaction.transactions t`, `t.position DESC`
	switch {
	case f.near():
		// The dates are found by their own index, and what is found is sorted: the
		// sum keeps Postgres from walking back from the newest position instead,
		// through everything that happened since.
		order = `t.position + 0 DESC`
		w.And(`t.position < ?`, before)
		if f.Party != "" {
			w.And(`? = ANY(t.parties)`, f.Party)
		}
	case f.Party != "":
		// The party's rows hold up to 64 positions each: the row that holds the place
		// is the first whose last item is not before it.
		table = `transaction.parties c CROSS JOIN LATERAL unnest(c.positions) AS p(position) JOIN transaction.transactions t ON t.position = p.position`
		order = `c.position DESC, p.position DESC`
		w.And(`c.party = ?`, f.Party)
		w.And(`c.position <= coalesce((SELECT min(n.position) FROM transaction.parties n WHERE n.party = ? AND n.position >= ?), ?)`, f.Party, before, before)
		w.And(`p.position < ?`, before)
	default:
		w.And(`t.position < ?`, before)
	}
	w.AndText(`t.book`, f.Book)
	w.AndText(`t.source`, f.Source)
	w.AndText(`t.external_id`, f.ExternalID)
	w.AndText(`t.kind`, f.Kind)
	w.AndText(`t.type`, f.Type)
	w.AndText(`t.currency`, string(f.Currency))
	if f.Method != nil {
		w.And(`t.method = ?`, *f.Method)
	}
	if f.Product != nil {
		w.And(`t.product = ?`, *f.Product)
	}
	if f.From != "" {
		w.And(`t.effective_on >= ?::text::date`, string(f.From))
	}
	if f.To != "" {
		w.And(`t.effective_on <= ?::text::date`, string(f.To))
	}
	query := `SELECT ` + columns + ` FROM ` + table + w.String() + ` ORDER BY ` + order + ` LIMIT ` + w.Arg(limit)
	return readmodel.Collect(ctx, pool, schema, pgx.RowToStructByPos[Header], query, w.Args()...)
}

func collect(rows pgx.Rows, err error) ([]Header, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Header])
}

// At returns the transactions at these positions, by position.
func At(ctx context.Context, pool *pgxpool.Pool, positions []eventstore.Position) (map[eventstore.Position]Header, error) {
	numbers := make([]int64, len(positions))
	for i, p := range positions {
		numbers[i] = int64(p)
	}
	found, err := collect(pool.Query(ctx, `SELECT `+columns+` FROM transaction.transactions t WHERE t.position = ANY($1)`, numbers))
	if err != nil {
		return nil, err
	}
	at := make(map[eventstore.Position]Header, len(found))
	for _, h := range found {
		at[h.Position] = h
	}
	return at, nil
}

// Find returns the transactions with a source's id: at most one per book.
func Find(ctx context.Context, pool *pgxpool.Pool, source, externalID, book string) ([]Header, error) {
	return List(ctx, pool, Filter{Source: source, ExternalID: externalID, Book: book}, eventstore.Start, 2)
}

// Link is a later transaction that names an earlier one.
type Link struct {
	Link string // "refund", "reversal", "adjustment", "restatement" or "restoration"
	Header
}

// Links returns the later transactions that name the one at a revision of a book, oldest first.
func Links(ctx context.Context, pool *pgxpool.Pool, book string, revision uint64, limit int) ([]Link, error) {
	return links(ctx, pool, book, revision, allLinks, limit)
}

// Adjustments returns the adjustments of the transaction at a revision of a book,
// restatements included, oldest first.
func Adjustments(ctx context.Context, pool *pgxpool.Pool, book string, revision uint64, limit int) ([]Link, error) {
	return links(ctx, pool, book, revision, []string{readmodel.LinkAdjustment, readmodel.LinkRestatement}, limit)
}

var allLinks = []string{readmodel.LinkRefund, readmodel.LinkReversal, readmodel.LinkAdjustment, readmodel.LinkRestatement, readmodel.LinkRestoration}

func links(ctx context.Context, pool *pgxpool.Pool, book string, revision uint64, kinds []string, limit int) ([]Link, error) {
	return readmodel.Collect(ctx, pool, schema, pgx.RowToStructByPos[Link], `SELECT l.kind, `+columns+`
		FROM transaction.links l JOIN transaction.transactions t ON t.position = l.position
		WHERE l.book = $1 AND l.revision = $2 AND l.kind = ANY($3) ORDER BY l.position LIMIT $4`, book, revision, kinds, limit)
}

// Revision returns the transaction at a revision of a book; ok is false where
// the read model holds none.
func Revision(ctx context.Context, pool *pgxpool.Pool, book string, revision uint64) (header Header, ok bool, err error) {
	rows, err := pool.Query(ctx, `SELECT `+columns+` FROM transaction.transactions t WHERE t.book = $1 AND t.revision = $2`, book, revision)
	if err != nil {
		return Header{}, false, err
	}
	header, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Header])
	if errors.Is(err, pgx.ErrNoRows) {
		return Header{}, false, nil
	}
	return header, err == nil, err
}
