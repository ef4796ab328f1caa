package transaction

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Model is the read model.
type Model struct{}

// Definition implements readmodel.Model.
func (Model) Definition() migrations.ReadModel { return migrations.Transaction }

// Categories implements readmodel.Model.
func (Model) Categories() []string { return []string{book.Category} }

// Projector implements readmodel.Model.
func (Model) Projector(schema string) readmodel.Projector { return &projector{schema} }

// Comparable implements readmodel.Model.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{
		{Table: "transactions", SQL: `
			SELECT position, book, revision, kind, source, external_id, type, method, product, currency, amount,
				occurred_at, effective_on, recorded_at, contract, schedule, version, parties FROM {schema}.transactions`},
		{Table: "parties", SQL: `
			SELECT p.party, u.position, p.position = p.positions[cardinality(p.positions)] AS named_by_last
			FROM {schema}.parties p, unnest(p.positions) AS u(position)`},
		{Table: "links", SQL: `SELECT book, revision, position, kind FROM {schema}.links`},
	}
}

type projector struct{ schema string }

// Forget implements readmodel.Projector: there is nothing to forget.
func (*projector) Forget() {}

var headerColumns = []string{
	"position", "book", "revision", "kind", "source", "external_id", "type", "method", "product", "currency", "amount",
	"occurred_at", "effective_on", "recorded_at", "contract", "schedule", "version", "parties",
}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	changes := fold(events)
	dates := map[domain.Date]time.Time{}
	for _, entry := range changes.Transactions {
		if _, known := dates[entry.EffectiveOn]; !known {
			date, err := time.Parse(time.DateOnly, string(entry.EffectiveOn))
			if err != nil {
				return fmt.Errorf("read effective_on: %w", err)
			}
			dates[entry.EffectiveOn] = date
		}
	}
	err := readmodel.Copy(ctx, tx, p.schema, "transactions", headerColumns, changes.Transactions,
		func(row **readmodel.Entry, to []any) {
			e := *row
			to[0], to[1], to[2], to[3], to[4], to[5] = int64(e.Position), e.Book, int64(e.Revision), e.Kind, e.Source, e.ExternalID
			to[6], to[7], to[8], to[9], to[10] = e.Type, e.Method, e.Product, string(e.Currency), e.Amount
			to[11], to[12], to[13] = e.OccurredAt, dates[e.EffectiveOn], e.RecordedAt
			to[14], to[15], to[16], to[17] = e.Contract, e.Schedule, int32(e.Version), pgtype.FlatArray[string](e.Parties)
		})
	if err != nil {
		return err
	}
	err = readmodel.Copy(ctx, tx, p.schema, "parties", []string{"party", "position", "positions"}, changes.Parties,
		func(c *run, to []any) {
			to[0], to[1], to[2] = c.Party, c.Positions[len(c.Positions)-1], pgtype.FlatArray[int64](c.Positions)
		})
	if err != nil {
		return err
	}
	return readmodel.Copy(ctx, tx, p.schema, "links", []string{"book", "revision", "position", "kind"}, changes.Links,
		func(l *link, to []any) { to[0], to[1], to[2], to[3] = l.Book, int64(l.Revision), l.Position, l.Kind })
}
