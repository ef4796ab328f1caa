package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rememberedNames bounds the memory of the projector: beyond it, numbers are
// read again when they are needed.
const rememberedNames = 500_000

// Model is the read model.
type Model struct{}

// Definition implements readmodel.Model.
func (Model) Definition() migrations.ReadModel { return migrations.Audit }

// Categories implements readmodel.Model: it is given every event.
func (Model) Categories() []string { return nil }

// Projector implements readmodel.Model.
func (Model) Projector(schema string) readmodel.Projector {
	p := &projector{schema: schema}
	p.Forget()
	return p
}

// Comparable implements readmodel.Model. Numbers are compared by name. Subjects of
// events and mentions are ten times as many as events, so they are summed up by
// subject: a sum of hashes of positions tells sets of them apart, whatever rows
// they stand in.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{
		{Table: "events", SQL: `
			SELECT e.position, s.name AS stream, e.revision, t.name AS type, a.name AS actor, e.recorded_at, e.transaction, e.original
			FROM {schema}.events e
			LEFT JOIN {schema}.subjects s ON s.id = e.stream LEFT JOIN {schema}.subjects t ON t.id = e.type LEFT JOIN {schema}.subjects a ON a.id = e.actor`},
		{Table: "subjects", SQL: `
			SELECT coalesce(n.name, r.subject::text) AS subject, r.listed, r.events, r.positions, r.named_by_last FROM (
				SELECT 'by event' AS listed, subject, count(*) AS events, sum(hashint8extended(position, 0)) AS positions, true AS named_by_last
				FROM (SELECT position, unnest(subjects) AS subject FROM {schema}.events) listed GROUP BY subject
				UNION ALL
				SELECT 'in mentions', subject, count(*), sum(hashint8extended(mentioned, 0)), bool_and(last)
				FROM (SELECT subject, unnest(positions) AS mentioned, position = positions[cardinality(positions)] AS last FROM {schema}.mentions) listed GROUP BY subject
			) r LEFT JOIN {schema}.subjects n ON n.id = r.subject`},
	}
}

type projector struct {
	schema string
	state  state
	loaded bool // the highest number has been read
	all    bool // every name is remembered, since there was none at first
}

// Forget implements readmodel.Projector.
func (p *projector) Forget() {
	p.state = newState()
	p.loaded, p.all = false, false
}

var eventColumns = []string{"position", "revision", "recorded_at", "stream", "type", "actor", "subjects", "transaction", "original"}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	if p.state.names.size > rememberedNames {
		p.Forget()
	}
	if err := p.load(ctx, tx, events); err != nil {
		return fmt.Errorf("read the numbers of subjects: %w", err)
	}
	changes := fold(&p.state, events)
	err := readmodel.Write(ctx, tx, p.schema, "subjects", []string{"id", "name"}, changes.names,
		func(n *named, to *postgres.CopyRow) {
			to.Int(n.number)
			to.Text(n.subject.String())
		})
	if err != nil {
		return err
	}
	err = readmodel.Write(ctx, tx, p.schema, "events", eventColumns, changes.events,
		func(e *eventRow, to *postgres.CopyRow) {
			to.Bigint(int64(e.position))
			to.Bigint(int64(e.revision))
			to.Timestamptz(e.recordedAt)
			to.Int(e.stream)
			to.Int(e.typ)
			to.Int(e.actor)
			to.Ints(e.subjects)
			to.Text(e.transaction)
			to.Text(e.original)
		})
	if err != nil {
		return err
	}
	return readmodel.Write(ctx, tx, p.schema, "mentions", []string{"subject", "position", "positions"}, changes.mentions,
		func(r *run, to *postgres.CopyRow) {
			to.Int(r.subject)
			to.Bigint(r.positions[len(r.positions)-1])
			to.Bigints(r.positions)
		})
}

// load reads the numbers of the names of the batch that are not remembered.
func (p *projector) load(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	names := &p.state.names
	if !p.loaded {
		if err := tx.QueryRow(ctx, readmodel.In(p.schema, `SELECT coalesce(max(id), 0) FROM {schema}.subjects`)).Scan(&names.last); err != nil {
			return err
		}
		p.loaded, p.all = true, names.last == 0
	}
	if p.all {
		return nil
	}
	missing := p.state.missing(events)
	if len(missing) == 0 {
		return nil
	}
	wanted := make([]string, 0, len(missing))
	for s := range missing {
		wanted = append(wanted, s.String())
	}
	rows, err := tx.Query(ctx, readmodel.In(p.schema, `SELECT id, name FROM {schema}.subjects WHERE name = ANY($1)`), wanted)
	if err != nil {
		return err
	}
	var number int32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&number, &name}, func() error {
		s, ok := parseSubject(name)
		if !ok {
			return fmt.Errorf("%q has no kind that is known", name)
		}
		names.remember(s, number)
		return nil
	})
	return err
}

// missing lists the subjects of a batch that are not remembered.
func (s *state) missing(events []readmodel.Event) map[subject]bool {
	missing := map[subject]bool{}
	check := func(one subject) {
		if !s.names.knows(one) {
			missing[one] = true
		}
	}
	for i := range events {
		s.concern.of(&events[i])
		for _, one := range s.concern.subjects {
			check(one)
		}
		check(streamOf(&events[i]))
		check(typeOf(&events[i]))
		check(actorOf(&events[i]))
	}
	return missing
}
