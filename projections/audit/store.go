package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

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

// Comparable implements readmodel.Model.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{{Table: "events", SQL: `
		SELECT e.position, s.name AS stream, e.revision, t.name AS type, a.name AS actor, e.recorded_at, e.ids
		FROM {schema}.events e
		LEFT JOIN {schema}.streams s ON s.id = e.stream LEFT JOIN {schema}.types t ON t.id = e.type LEFT JOIN {schema}.actors a ON a.id = e.actor`}}
}

type projector struct {
	schema string
	state  state
	loaded bool // the highest numbers have been read
}

// Forget implements readmodel.Projector.
func (p *projector) Forget() {
	p.state = state{newDictionary(), newDictionary(), newDictionary()}
	p.loaded = false
}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	if len(p.state.streams.numbers)+len(p.state.actors.numbers) > rememberedNames {
		p.Forget()
	}
	if err := p.load(ctx, tx, events); err != nil {
		return err
	}
	changes := fold(&p.state, events)
	for _, d := range []struct {
		table string
		names []named
	}{{"streams", changes.streams}, {"types", changes.types}, {"actors", changes.actors}} {
		err := readmodel.Copy(ctx, tx, p.schema, d.table, []string{"id", "name"}, d.names,
			func(n *named, to []any) { to[0], to[1] = n.number, n.name })
		if err != nil {
			return err
		}
	}
	return readmodel.Copy(ctx, tx, p.schema, "events",
		[]string{"position", "stream", "revision", "type", "actor", "recorded_at", "ids"}, changes.events,
		func(e *eventRow, to []any) {
			to[0], to[1], to[2], to[3], to[4] = int64(e.position), e.stream, int64(e.revision), e.typ, e.actor
			to[5], to[6] = e.recordedAt, pgtype.FlatArray[string](e.ids)
		})
}

// load reads the numbers of the names of the batch that are not remembered.
func (p *projector) load(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	if !p.loaded {
		err := tx.QueryRow(ctx, readmodel.In(p.schema, `SELECT
			(SELECT coalesce(max(id), 0) FROM {schema}.streams),
			(SELECT coalesce(max(id), 0) FROM {schema}.types),
			(SELECT coalesce(max(id), 0) FROM {schema}.actors)`)).Scan(&p.state.streams.last, &p.state.types.last, &p.state.actors.last)
		if err != nil {
			return fmt.Errorf("read the dictionaries: %w", err)
		}
		p.loaded = true
	}
	streams, types, actors := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range events {
		missing(&p.state.streams, string(events[i].Stream), streams)
		missing(&p.state.types, events[i].Type, types)
		missing(&p.state.actors, events[i].Meta.Actor, actors)
	}
	for _, d := range []struct {
		table      string
		dictionary *dictionary
		names      map[string]bool
	}{{"streams", &p.state.streams, streams}, {"types", &p.state.types, types}, {"actors", &p.state.actors, actors}} {
		if err := p.read(ctx, tx, d.table, d.dictionary, d.names); err != nil {
			return fmt.Errorf("read the dictionary %s: %w", d.table, err)
		}
	}
	return nil
}

func missing(d *dictionary, name string, to map[string]bool) {
	if _, known := d.numbers[name]; !known {
		to[name] = true
	}
}

func (p *projector) read(ctx context.Context, tx pgx.Tx, table string, d *dictionary, names map[string]bool) error {
	if len(names) == 0 || d.last == 0 {
		return nil
	}
	wanted := make([]string, 0, len(names))
	for name := range names {
		wanted = append(wanted, name)
	}
	rows, err := tx.Query(ctx, readmodel.In(p.schema, "SELECT id, name FROM {schema}."+pgx.Identifier{table}.Sanitize()+" WHERE name = ANY($1)"), wanted)
	if err != nil {
		return err
	}
	var n named
	_, err = pgx.ForEachRow(rows, []any{&n.number, &n.name}, func() error {
		d.numbers[n.name] = n.number
		return nil
	})
	return err
}
