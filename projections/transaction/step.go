package transaction

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/projections/clause"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Step is an entry that a book posted by itself as it came to a business date: a
// release of held money or the closing of a window. It is no transaction. From
// Counter on everything is that of a closing.
type Step struct {
	Position     eventstore.Position
	Book         string
	Revision     uint64
	Kind         string // "release" or "closing"
	BusinessDate domain.Date
	RecordedAt   time.Time
	Counter      string      // whose window it is, as events name it
	First, Last  domain.Date // of the window
	Currency     money.Currency
	Contract     string // empty where all contracts of the schedule count together
	Schedule     string
	Version      int32
	Parties      []string // who may see it
}

// stepOf makes the row of an entry that is no transaction, and notes which counter it
// closes.
func stepOf(e *readmodel.Event, counted *counting) Step {
	entry := e.Entry
	s := Step{
		Position: entry.Position, Book: entry.Book, Revision: entry.Revision, Kind: entry.Kind,
		BusinessDate: entry.EffectiveOn, RecordedAt: entry.RecordedAt,
	}
	if closed, ok := e.Event.(book.WindowClosed); ok {
		s.Counter, s.First, s.Last, s.Currency = closed.Counter, closed.First, closed.Last, closed.Currency
		s.Contract, s.Schedule, s.Version, s.Parties = entry.Contract, entry.Schedule, int32(entry.Version), entry.Parties
		counted.close(entry.Book, closed.Counter, entry.Revision)
	}
	return s
}

var stepColumns = []string{
	"position", "book", "revision", "kind", "business_date", "recorded_at", "counter", "first_on", "last_on",
	"currency", "contract", "schedule", "version", "parties",
}

// stepRow is a step with its dates read.
type stepRow struct {
	*Step
	business    time.Time
	first, last *time.Time // nil where empty
}

func (p *projector) writeSteps(ctx context.Context, tx pgx.Tx, steps []Step) error {
	rows := make([]stepRow, len(steps))
	for i := range steps {
		s := &steps[i]
		row := stepRow{Step: s}
		var err error
		if row.business, err = time.Parse(time.DateOnly, string(s.BusinessDate)); err == nil {
			if row.first, err = dayOf(s.First); err == nil {
				row.last, err = dayOf(s.Last)
			}
		}
		if err != nil {
			return fmt.Errorf("read a date of %s@%d: %w", domain.Stream(book.Category, s.Book), s.Revision, err)
		}
		rows[i] = row
	}
	return readmodel.Write(ctx, tx, p.schema, "steps", stepColumns, rows, func(s *stepRow, to *postgres.CopyRow) {
		to.Bigint(int64(s.Position))
		to.Text(s.Book)
		to.Bigint(int64(s.Revision))
		to.Text(s.Kind)
		to.Date(s.business)
		to.Timestamptz(s.RecordedAt)
		to.Text(s.Counter)
		for _, day := range [...]*time.Time{s.first, s.last} {
			if day == nil {
				to.Null()
			} else {
				to.Date(*day)
			}
		}
		to.Text(string(s.Currency))
		to.Text(s.Contract)
		to.Text(s.Schedule)
		to.Int(s.Version)
		to.Texts(s.Parties)
	})
}

// dayOf reads a date; it is nil for none.
func dayOf(date domain.Date) (*time.Time, error) {
	if date == "" {
		return nil, nil
	}
	day, err := time.Parse(time.DateOnly, string(date))
	return &day, err
}

// StepFilter selects steps; what is empty selects all.
type StepFilter struct {
	Book, Kind         string
	Party              string // of a closing; no party selects a release
	Contract, Schedule string
	Counter            string
	From, To           domain.Date // business dates, both inclusive
}

const selectSteps = `SELECT position, book, revision, kind, business_date::text, recorded_at, counter, coalesce(first_on::text, ''), coalesce(last_on::text, ''),
	currency, contract, schedule, version, parties FROM transaction.steps`

// Steps returns steps before a position, newest first; position 0 begins with the
// newest.
func Steps(ctx context.Context, pool *pgxpool.Pool, f StepFilter, before eventstore.Position, limit int) ([]Step, error) {
	if before == eventstore.Start {
		before = math.MaxInt64
	}
	var w clause.Where
	w.And(`position < ?`, before)
	w.AndText(`book`, f.Book)
	w.AndText(`kind`, f.Kind)
	w.AndText(`contract`, f.Contract)
	w.AndText(`schedule`, f.Schedule)
	w.AndText(`counter`, f.Counter)
	if f.Party != "" {
		w.And(`parties @> ARRAY[?::text]`, f.Party)
	}
	if f.From != "" {
		w.And(`business_date >= ?::text::date`, string(f.From))
	}
	if f.To != "" {
		w.And(`business_date <= ?::text::date`, string(f.To))
	}
	return steps(pool.Query(ctx, selectSteps+w.String()+` ORDER BY position DESC LIMIT `+w.Arg(limit), w.Args()...))
}

// StepsAt returns the steps at these positions, by position.
func StepsAt(ctx context.Context, pool *pgxpool.Pool, positions []eventstore.Position) (map[eventstore.Position]Step, error) {
	numbers := make([]int64, len(positions))
	for i, p := range positions {
		numbers[i] = int64(p)
	}
	found, err := steps(pool.Query(ctx, selectSteps+` WHERE position = ANY($1)`, numbers))
	if err != nil {
		return nil, err
	}
	at := make(map[eventstore.Position]Step, len(found))
	for i := range found {
		at[found[i].Position] = found[i]
	}
	return at, nil
}

func steps(rows pgx.Rows, err error) ([]Step, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Step])
}
