package audit

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/clause"
)

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
// the newest.
func List(ctx context.Context, pool *pgxpool.Pool, f Filter, before eventstore.Position, limit int) ([]Mention, error) {
	if before == eventstore.Start {
		before = math.MaxInt64
	}
	var w clause.Where
	w.And(`e.position < ?`, before)
	order := `e.position DESC`
	if f.Stream != "" {
		// Within a stream revisions ascend with positions, and are indexed by stream.
		w.And(`e.stream = (SELECT id FROM audit.streams WHERE name = ?)`, f.Stream)
		w.And(`e.revision < coalesce((SELECT b.revision FROM audit.events b JOIN audit.streams n ON n.id = b.stream WHERE b.position = ? AND n.name = ?), 9223372036854775807)`, before, f.Stream)
		order = `e.revision DESC`
	}
	if len(f.IDs) > 0 {
		w.And(`e.ids @> ?`, f.IDs)
	}
	if f.Type != "" {
		w.And(`e.type = (SELECT id FROM audit.types WHERE name = ?)`, f.Type)
	}
	if f.Actor != "" {
		w.And(`e.actor = (SELECT id FROM audit.actors WHERE name = ?)`, f.Actor)
	}
	if !f.From.IsZero() {
		w.And(`e.recorded_at >= ?`, f.From)
	}
	if !f.Until.IsZero() {
		w.And(`e.recorded_at < ?`, f.Until)
	}
	rows, err := pool.Query(ctx, `SELECT e.position, s.name, e.revision, t.name, a.name, e.recorded_at
		FROM audit.events e JOIN audit.streams s ON s.id = e.stream JOIN audit.types t ON t.id = e.type JOIN audit.actors a ON a.id = e.actor`+
		w.String()+` ORDER BY `+order+` LIMIT `+w.Arg(limit), w.Args()...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Mention])
}
