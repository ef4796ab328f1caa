package transaction

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/internal/postgres"
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
				occurred_at, effective_on, recorded_at, contract, schedule, version, reason, parties FROM {schema}.transactions`},
		{Table: "parties", SQL: `
			SELECT party, unnest(positions) AS mentioned, position = positions[cardinality(positions)] AS named_by_last FROM {schema}.parties`},
		{Table: "links", SQL: `SELECT book, revision, position, kind FROM {schema}.links`},
		{Table: "counters", SQL: `SELECT book, counter, scope, owner, name, period, currency, key, value, transactions, position, revision, closes, closed_by FROM {schema}.counters`},
		{Table: "steps", SQL: `
			SELECT position, book, revision, kind, business_date, recorded_at, counter, first_on, last_on, currency, contract, schedule, version, parties
			FROM {schema}.steps`},
		{Table: "awaiting", SQL: `
			SELECT book, source, external_id, kind, original_source, original_external_id, type, currency, amount, reason, parties,
				occurred_at, recorded_at, position, revision FROM {schema}.awaiting`},
	}
}

type projector struct{ schema string }

// Forget implements readmodel.Projector: there is nothing to forget.
func (*projector) Forget() {}

var headerColumns = []string{
	"position", "book", "revision", "kind", "source", "external_id", "type", "method", "product", "currency", "amount",
	"occurred_at", "effective_on", "recorded_at", "contract", "schedule", "version", "reason", "parties",
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
	err := readmodel.Write(ctx, tx, p.schema, "transactions", headerColumns, changes.Transactions,
		func(row **readmodel.Entry, to *postgres.CopyRow) {
			e := *row
			to.Bigint(int64(e.Position))
			to.Text(e.Book)
			to.Bigint(int64(e.Revision))
			to.Text(e.Kind)
			to.Text(e.Source)
			to.Text(e.ExternalID)
			to.Text(e.Type)
			to.Text(e.Method)
			to.Text(e.Product)
			to.Text(string(e.Currency))
			to.Amount(e.Amount)
			to.Timestamptz(e.OccurredAt)
			to.Date(dates[e.EffectiveOn])
			to.Timestamptz(e.RecordedAt)
			to.Text(e.Contract)
			to.Text(e.Schedule)
			to.Int(int32(e.Version))
			to.Text(e.Reason)
			to.Texts(e.Parties)
		})
	if err != nil {
		return err
	}
	err = readmodel.Write(ctx, tx, p.schema, "parties", []string{"party", "position", "positions"}, changes.Parties,
		func(c *run, to *postgres.CopyRow) {
			to.Text(c.Party)
			to.Bigint(c.Positions[len(c.Positions)-1])
			to.Bigints(c.Positions)
		})
	if err != nil {
		return err
	}
	err = readmodel.Write(ctx, tx, p.schema, "links", []string{"book", "revision", "position", "kind"}, changes.Links,
		func(l *link, to *postgres.CopyRow) {
			to.Text(l.Book)
			to.Bigint(int64(l.Revision))
			to.Bigint(l.Position)
			to.Text(l.Kind)
		})
	if err != nil {
		return err
	}
	if err := p.writeSteps(ctx, tx, changes.Steps); err != nil {
		return err
	}
	if err := p.writeAwaiting(ctx, tx, changes); err != nil {
		return err
	}
	return p.count(ctx, tx, changes.Counted)
}
