package audit

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

const schema = "audit"

// Mention is what the index holds of an event: where it stands and what it is.
// The event itself is read from the log.
type Mention struct {
	Position   eventstore.Position
	Stream     domain.StreamID
	Revision   uint64
	Type       string
	Actor      string
	RecordedAt time.Time
}

// Filter selects events; what is empty selects all.
type Filter struct {
	IDs                 []string // all of them, as "party:<id>"
	Stream, Type, Actor string
	From, Until         time.Time // recorded; from inclusive, until exclusive
}

// List returns events before a position, newest first; position 0 begins with
// the newest. A name that no event has gives none.
func List(ctx context.Context, pool *pgxpool.Pool, f Filter, before eventstore.Position, limit int) ([]Mention, error) {
	if before == eventstore.Start {
		before = math.MaxInt64
	}
	wanted, ok := f.conditions()
	if !ok {
		return nil, nil
	}
	var found []Mention
	err := readmodel.Steady(ctx, pool, schema, func(conn *pgxpool.Conn) error {
		found = nil
		wanted, ok, err := wanted.numbered(ctx, conn)
		if err != nil || !ok {
			return err
		}
		rows, err := reader{conn, wanted, before, limit}.read(ctx)
		if err == nil {
			found, err = mentions(ctx, conn, rows)
		}
		return err
	})
	for _, m := range found {
		if err == nil && m.Stream == "" {
			err = fmt.Errorf("the event at position %d is of a stream that audit.subjects does not name", m.Position)
		}
	}
	return found, err
}

// conditions is a filter in the words of the tables.
type conditions struct {
	Filter
	transactions []string // that the event concerns
	subjects     []condition
}

// condition is that an event has a subject.
type condition struct {
	subject
	number int32
	rows   int // of its mentions, up to countedRows
}

// conditions reads the filter; ok is false where no event can satisfy it.
func (f Filter) conditions() (c conditions, ok bool) {
	c.Filter = f
	add := func(kind kind, id string) {
		if one := (condition{subject: subject{kind, id}}); !slices.Contains(c.subjects, one) {
			c.subjects = append(c.subjects, one)
		}
	}
	for _, id := range f.IDs {
		if kind, name, _ := strings.Cut(id, ":"); kind == ofTransaction {
			c.transactions = append(c.transactions, name)
			continue
		}
		s, known := parseSubject(id)
		if !known || !s.kind.concerned() {
			return c, false
		}
		add(s.kind, s.id)
	}
	if f.Stream != "" {
		add(ofStream, f.Stream)
		// The events of a book's stream are listed by its book.
		if category, id := domain.StreamID(f.Stream).Split(); category == book.Category {
			add(ofBook, id)
		}
	}
	if f.Type != "" {
		add(ofType, f.Type)
	}
	if f.Actor != "" {
		add(ofActor, f.Actor)
	}
	return c, !slices.Contains(c.transactions, "")
}

// countedRows is how many rows of mentions are counted to find the subject with
// the fewest: few enough to cost nothing, and with this many there is little to
// choose.
const countedRows = 64

// numbered looks up the numbers of the subjects; ok is false where one has none.
func (c conditions) numbered(ctx context.Context, conn *pgxpool.Conn) (_ conditions, ok bool, err error) {
	if len(c.subjects) == 0 {
		return c, true, nil
	}
	c.subjects = slices.Clone(c.subjects)
	names := make([]string, len(c.subjects))
	for i, s := range c.subjects {
		names[i] = s.String()
	}
	rows, err := conn.Query(ctx, `
		SELECT s.name, s.id, (SELECT count(*) FROM (SELECT FROM audit.mentions m WHERE m.subject = s.id LIMIT $2) counted)
		FROM audit.subjects s WHERE s.name = ANY($1)`, readmodel.LookUp, names, countedRows)
	if err != nil {
		return c, false, err
	}
	var name string
	var number int32
	var count, found int
	_, err = pgx.ForEachRow(rows, []any{&name, &number, &count}, func() error {
		at := slices.Index(names, name)
		c.subjects[at].number, c.subjects[at].rows = number, count
		found++
		return nil
	})
	return c, found == len(names), err
}

// driver is the subject whose events are walked: that with the fewest rows of
// them, and among equals that of the first kind. ok is false without subjects.
func (c conditions) driver() (driver condition, ok bool) {
	walkable := slices.DeleteFunc(slices.Clone(c.subjects), condition.isBookStream)
	if len(walkable) == 0 {
		return driver, false
	}
	return slices.MinFunc(walkable, func(a, b condition) int { return cmp.Or(cmp.Compare(a.rows, b.rows), cmp.Compare(a.kind, b.kind)) }), true
}

func (c condition) isBookStream() bool {
	category, _ := domain.StreamID(c.id).Split()
	return c.kind == ofStream && category == book.Category
}
