package transaction

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/projections/clause"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// waitKey is the key of what waits, in its book.
type waitKey struct {
	Book string
	book.Key
}

// awaiting is a row of what waits for its original.
type awaiting struct {
	waitKey
	Kind       string // "refund" or "reversal"
	Original   book.Key
	Type       string
	Currency   money.Currency
	Amount     *money.Amount
	Reason     string
	Parties    []string
	OccurredAt time.Time
	RecordedAt time.Time
	Position   eventstore.Position
	Revision   uint64
}

// waitingRoom is what waits, as far as a batch changes it.
type waitingRoom struct {
	entered []awaiting
	place   map[waitKey]int // in entered, of what still waits
	came    []waitKey
}

func (w *waitingRoom) enter(e *readmodel.Event, a *book.OriginalAwaited) {
	_, id := e.Stream.Split()
	row := awaiting{
		waitKey: waitKey{id, a.Key}, Kind: readmodel.LinkRefund, Original: a.Awaits,
		RecordedAt: a.RecordedAt, Position: e.Position, Revision: e.Revision,
	}
	if r := a.Refund; r != nil {
		t := &r.Transaction
		row.Type, row.Currency, row.Amount, row.OccurredAt = t.Type, t.Currency, &t.Amount, t.OccurredAt
		row.Parties = slices.Compact(slices.Sorted(maps.Values(t.Parties)))
	}
	if r := a.Reversal; r != nil {
		row.Kind, row.Reason, row.OccurredAt = readmodel.LinkReversal, r.Reason, r.OccurredAt
	}
	if w.place == nil {
		w.place = map[waitKey]int{}
	}
	w.place[row.waitKey] = len(w.entered)
	w.entered = append(w.entered, row)
}

// leave takes out what the entry settles. Only what names an original can have waited.
func (w *waitingRoom) leave(entry *readmodel.Entry) {
	if entry.Original == nil || entry.Kind == readmodel.Adjustment {
		return
	}
	key := waitKey{entry.Book, entry.Key}
	if _, here := w.place[key]; here {
		delete(w.place, key)
		return
	}
	w.came = append(w.came, key)
}

// open lists what has entered and still waits, in order.
func (w *waitingRoom) open() (rows []awaiting) {
	for i := range w.entered {
		if at, still := w.place[w.entered[i].waitKey]; still && at == i {
			rows = append(rows, w.entered[i])
		}
	}
	return rows
}

var awaitingColumns = []string{
	"book", "source", "external_id", "kind", "original_source", "original_external_id", "type", "currency", "amount", "reason", "parties",
	"occurred_at", "recorded_at", "position", "revision",
}

func (p *projector) writeAwaiting(ctx context.Context, tx pgx.Tx, changes changeSet) error {
	if n := len(changes.Came); n > 0 {
		books, sources, ids := make([]string, n), make([]string, n), make([]string, n)
		for i, key := range changes.Came {
			books[i], sources[i], ids[i] = key.Book, key.Source, key.ExternalID
		}
		_, err := tx.Exec(ctx, readmodel.In(p.schema, `
			DELETE FROM {schema}.awaiting a USING unnest($1::text[], $2::text[], $3::text[]) AS k(book, source, external_id)
			WHERE a.book = k.book AND a.source = k.source AND a.external_id = k.external_id`), books, sources, ids)
		if err != nil {
			return fmt.Errorf("take out what waited: %w", err)
		}
	}
	return readmodel.Write(ctx, tx, p.schema, "awaiting", awaitingColumns, changes.Awaiting, func(a *awaiting, to *postgres.CopyRow) {
		to.Text(a.Book)
		to.Text(a.Source)
		to.Text(a.ExternalID)
		to.Text(a.Kind)
		to.Text(a.Original.Source)
		to.Text(a.Original.ExternalID)
		to.Text(a.Type)
		to.Text(string(a.Currency))
		if a.Amount == nil {
			to.Null()
		} else {
			to.Amount(*a.Amount)
		}
		to.Text(a.Reason)
		to.Texts(a.Parties)
		to.Timestamptz(a.OccurredAt)
		to.Timestamptz(a.RecordedAt)
		to.Bigint(int64(a.Position))
		to.Bigint(int64(a.Revision))
	})
}

// Waiting is a refund or a reversal that waits for its original.
type Waiting struct {
	Book               string
	Source             string
	ExternalID         string
	Kind               string // "refund" or "reversal"
	OriginalSource     string
	OriginalExternalID string
	// A reversal says nothing of type, currency, amount and parties.
	Type       string
	Currency   money.Currency
	Amount     *decimal.Decimal
	Reason     string // of a reversal
	Parties    []string
	OccurredAt time.Time
	RecordedAt time.Time
	Position   eventstore.Position
	Revision   uint64
	// Came is the revision of the original in the book, where it is there and what
	// waits could not be carried out; nil where it has not come.
	Came *uint64
}

// AwaitingFilter selects what waits; what is empty selects all.
type AwaitingFilter struct {
	Book, Source, ExternalID, Kind, Party string
	Original                              book.Key // both parts, or none
	// Until selects what was recorded before an instant; the zero time selects all.
	Until time.Time
}

// Awaiting returns what waits for its original, before a position, newest first;
// position 0 begins with the newest.
func Awaiting(ctx context.Context, pool *pgxpool.Pool, f AwaitingFilter, before eventstore.Position, limit int) ([]Waiting, error) {
	if before == eventstore.Start {
		before = math.MaxInt64
	}
	var w clause.Where
	w.And(`a.position < ?`, before)
	w.AndText(`a.book`, f.Book)
	w.AndText(`a.source`, f.Source)
	w.AndText(`a.external_id`, f.ExternalID)
	w.AndText(`a.kind`, f.Kind)
	if f.Original != (book.Key{}) {
		w.And(`(a.original_source, a.original_external_id) = (?, ?)`, f.Original.Source, f.Original.ExternalID)
	}
	if f.Party != "" {
		w.And(`? = ANY(a.parties)`, f.Party)
	}
	if !f.Until.IsZero() {
		w.And(`a.recorded_at < ?`, f.Until)
	}
	return readmodel.Collect(ctx, pool, schema, pgx.RowToStructByPos[Waiting], `
		SELECT a.book, a.source, a.external_id, a.kind, a.original_source, a.original_external_id, a.type, a.currency, a.amount, a.reason, a.parties,
			a.occurred_at, a.recorded_at, a.position, a.revision, t.revision
		FROM transaction.awaiting a LEFT JOIN transaction.transactions t
			ON t.source = a.original_source AND t.external_id = a.original_external_id AND t.book = a.book`+
		w.String()+` ORDER BY a.position DESC LIMIT `+w.Arg(limit), w.Args()...)
}

// optional is nil for no date.
func optional(date domain.Date) *string {
	if date == "" {
		return nil
	}
	return new(string(date))
}
