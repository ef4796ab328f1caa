package audit

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/clause"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// reader finds the newest events that satisfy conditions. Each of its statements
// reads no more than it was told to, whatever Postgres knows of the tables; a
// join of the rows of a subject with events would now and then be sorted whole.
type reader struct {
	conn *pgxpool.Conn
	conditions
	before eventstore.Position
	limit  int
}

// found is a row of events, without what only conditions need.
type found struct {
	Position            int64
	Revision            uint64
	RecordedAt          time.Time
	Stream, Type, Actor int32
}

const columns = `e.position, e.revision, e.recorded_at, e.stream, e.type, e.actor`

// read goes by a transaction's own index where one is given, else along the
// events of a subject, else along all. Events come newest first.
func (r reader) read(ctx context.Context) ([]found, error) {
	if len(r.transactions) > 0 {
		return r.ofTransaction(ctx)
	}
	if driver, ok := r.driver(); ok {
		return r.along(ctx, driver)
	}
	var w clause.Where
	w.And(`e.position < ?`, r.before)
	r.filter(&w, condition{})
	return r.collect(ctx, `SELECT `+columns+` FROM audit.events e`+w.String()+` ORDER BY e.position DESC LIMIT `+w.Arg(r.limit), w.Args())
}

func (r reader) ofTransaction(ctx context.Context) ([]found, error) {
	var w clause.Where
	w.And(`e.position < ?`, r.before)
	r.filter(&w, condition{})
	for _, other := range r.transactions[1:] {
		w.And(`? IN (e.transaction, e.original)`, other)
	}
	one, filter := w.Arg(r.transactions[0]), w.String()
	last := ` ORDER BY e.position DESC LIMIT ` + w.Arg(r.limit)
	return r.collect(ctx, `SELECT * FROM (
		(SELECT `+columns+` FROM audit.events e`+filter+` AND e.transaction <> '' AND e.transaction = `+one+last+`) UNION ALL
		(SELECT `+columns+` FROM audit.events e`+filter+` AND e.original <> '' AND e.original = `+one+` AND e.transaction <> `+one+last+`)) e`+last, w.Args())
}

// How much of a subject's mentions is read at a time: more each time that what
// was read did not suffice.
const (
	firstRows     = 16
	mostRows      = 256
	mostPositions = 4096
)

// along walks the events of a subject.
func (r reader) along(ctx context.Context, driver condition) ([]found, error) {
	var events []found
	var filters clause.Where
	r.filter(&filters, driver)
	take := r.limit
	if len(filters.Args()) > 0 {
		take *= 4
	}
	for m := (mentionWalk{conn: r.conn, subject: driver.number, before: int64(r.before), rows: firstRows}); len(events) < r.limit; take = min(4*take, mostPositions) {
		positions, err := m.next(ctx, take)
		if err != nil || len(positions) == 0 {
			return events, err
		}
		var w clause.Where
		w.And(`e.position = ANY(?)`, positions)
		r.filter(&w, driver)
		more, err := r.collect(ctx, `SELECT `+columns+` FROM audit.events e`+w.String(), w.Args())
		if err != nil {
			return nil, err
		}
		slices.SortFunc(more, func(a, b found) int { return cmp.Compare(b.Position, a.Position) })
		events = append(events, more...)
	}
	return events[:r.limit], nil
}

// filter adds the conditions on an event that are not met by how it is found.
func (r reader) filter(w *clause.Where, driver condition) {
	if !r.From.IsZero() {
		w.And(`e.recorded_at >= ?`, r.From)
	}
	if !r.Until.IsZero() {
		w.And(`e.recorded_at < ?`, r.Until)
	}
	var among []int32
	for _, s := range r.subjects {
		switch {
		case s == driver:
		case s.kind.concerned():
			among = append(among, s.number)
		default:
			w.And(`e.`+kindNames[s.kind]+` = ?`, s.number)
		}
	}
	if len(among) > 0 {
		w.And(`e.subjects @> ?`, among)
	}
}

func (r reader) collect(ctx context.Context, sql string, args []any) ([]found, error) {
	rows, err := r.conn.Query(ctx, sql, append([]any{readmodel.LookUp}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[found])
}

// mentionWalk goes through the positions of a subject's events, newest first.
type mentionWalk struct {
	conn    *pgxpool.Conn
	subject int32
	before  int64   // of the events to come
	rows    int     // to read next
	ahead   []int64 // read and not handed out, newest first
	ended   bool
}

// next returns up to n positions, none at the end.
func (m *mentionWalk) next(ctx context.Context, n int) ([]int64, error) {
	for len(m.ahead) < n && !m.ended {
		// The row that holds the place is the first whose last item is not before it.
		rows, err := m.conn.Query(ctx, `
			SELECT m.position, m.positions FROM audit.mentions m WHERE m.subject = $1
			AND m.position <= coalesce((SELECT min(n.position) FROM audit.mentions n WHERE n.subject = $1 AND n.position >= $2), $2)
			ORDER BY m.position DESC LIMIT $3`, readmodel.LookUp, m.subject, m.before, m.rows)
		if err != nil {
			return nil, err
		}
		var last int64
		var positions []int64
		before := m.before
		tag, err := pgx.ForEachRow(rows, []any{&last, &positions}, func() error {
			for _, position := range slices.Backward(positions) {
				if position < before {
					m.ahead = append(m.ahead, position)
					before = position
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		m.ended = int(tag.RowsAffected()) < m.rows || before == m.before
		m.before, m.rows = before, min(4*m.rows, mostRows)
	}
	n = min(n, len(m.ahead))
	positions := m.ahead[:n:n]
	m.ahead = m.ahead[n:]
	return positions, nil
}

// mentions gives what was found its names.
func mentions(ctx context.Context, conn *pgxpool.Conn, events []found) ([]Mention, error) {
	if len(events) == 0 {
		return nil, nil
	}
	names := map[int32]string{}
	for _, e := range events {
		names[e.Stream], names[e.Type], names[e.Actor] = "", "", ""
	}
	rows, err := conn.Query(ctx, `SELECT id, name FROM audit.subjects WHERE id = ANY($1)`, readmodel.LookUp, slices.Collect(maps.Keys(names)))
	if err != nil {
		return nil, err
	}
	var number int32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&number, &name}, func() error {
		_, names[number], _ = strings.Cut(name, ":")
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]Mention, len(events))
	for i, e := range events {
		list[i] = Mention{
			Position: eventstore.Position(e.Position), Stream: domain.StreamID(names[e.Stream]), Revision: e.Revision,
			Type: names[e.Type], Actor: names[e.Actor], RecordedAt: e.RecordedAt,
		}
	}
	return list, nil
}
