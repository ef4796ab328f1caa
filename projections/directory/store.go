package directory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Model is the read model.
type Model struct{}

// Definition implements readmodel.Model.
func (Model) Definition() migrations.ReadModel { return migrations.Directory }

// Categories implements readmodel.Model.
func (Model) Categories() []string {
	return []string{party.Category, contract.Category, schedule.Category, calendar.Category, source.Category}
}

// Projector implements readmodel.Model.
func (Model) Projector(schema string) readmodel.Projector { return &projector{schema} }

// Comparable implements readmodel.Model.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{
		{Table: "parties", SQL: `SELECT party, kind, country, personal, registered_at, position FROM {schema}.parties`},
		{Table: "contracts", SQL: `SELECT contract, book, schedule, terms, valid_from, valid_until, position FROM {schema}.contracts`},
		{Table: "schedules", SQL: `SELECT schedule, version, effective_from, document, position FROM {schema}.schedules`},
		{Table: "calendars", SQL: `SELECT calendar, version, document, position FROM {schema}.calendars`},
		{Table: "sources", SQL: `SELECT source, version, hash, definition, quarantined, position FROM {schema}.sources`},
		{Table: "quarantine", SQL: `SELECT source, record, content_hash, delivery, number, code, field, reason, currency, amount, recorded_at, position FROM {schema}.quarantine`},
	}
}

type projector struct{ schema string }

// Forget implements readmodel.Projector: there is nothing to forget.
func (*projector) Forget() {}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	open, err := p.open(ctx, tx, events)
	if err != nil {
		return err
	}
	changes, err := fold(events, open)
	if err != nil {
		return err
	}
	for _, row := range changes.parties {
		if err := p.writeParty(ctx, tx, row); err != nil {
			return fmt.Errorf("write the party %s: %w", row.party, err)
		}
	}
	for _, row := range changes.contracts {
		if err := p.writeContract(ctx, tx, row); err != nil {
			return fmt.Errorf("write the contract %s: %w", row.contract, err)
		}
	}
	for _, row := range changes.schedules {
		err := p.exec(ctx, tx, `
			INSERT INTO {schema}.schedules (schedule, version, effective_from, document, position) VALUES ($1, $2, $3::text::date, $4::text::jsonb, $5)`,
			row.schedule, row.version, string(row.effectiveFrom), row.document, int64(row.position))
		if err != nil {
			return fmt.Errorf("write version %d of the schedule %s: %w", row.version, row.schedule, err)
		}
	}
	for _, row := range changes.calendars {
		err := p.exec(ctx, tx, `INSERT INTO {schema}.calendars (calendar, version, document, position) VALUES ($1, $2, $3::text::jsonb, $4)`,
			row.calendar, row.version, row.document, int64(row.position))
		if err != nil {
			return fmt.Errorf("write version %d of the calendar %s: %w", row.version, row.calendar, err)
		}
	}
	for _, row := range changes.sources {
		if err := p.writeSource(ctx, tx, row); err != nil {
			return fmt.Errorf("write the source %s: %w", row.source, err)
		}
	}
	return p.writeQuarantine(ctx, tx, changes)
}

// open reads what is in quarantine of the records that the batch releases.
func (p *projector) open(ctx context.Context, tx pgx.Tx, events []readmodel.Event) ([]quarantineKey, error) {
	var sources, records []string
	asked := map[quarantineKey]bool{}
	for i := range events {
		event, ok := events[i].Event.(source.QuarantineReleased)
		if key := (quarantineKey{source: event.Source, record: event.Record}); ok && !asked[key] {
			asked[key] = true
			sources, records = append(sources, event.Source), append(records, event.Record)
		}
	}
	if len(records) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, readmodel.In(p.schema, `
		SELECT q.source, q.record, q.content_hash FROM unnest($1::text[], $2::text[]) AS k(source, record)
		JOIN {schema}.quarantine q ON q.source = k.source AND q.record = k.record ORDER BY q.position`), sources, records)
	if err != nil {
		return nil, fmt.Errorf("read the quarantine: %w", err)
	}
	open, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (key quarantineKey, err error) {
		return key, row.Scan(&key.source, &key.record, &key.hash)
	})
	if err != nil {
		return nil, fmt.Errorf("read the quarantine: %w", err)
	}
	return open, nil
}

func (p *projector) writeParty(ctx context.Context, tx pgx.Tx, row *partyRow) error {
	if row.registered {
		return p.exec(ctx, tx, `
			INSERT INTO {schema}.parties (party, kind, country, personal, registered_at, position) VALUES ($1, $2, $3, $4::text::jsonb, $5, $6)`,
			row.party, row.kind, row.country, row.personal, row.registeredAt, int64(row.position))
	}
	return p.exec(ctx, tx, `UPDATE {schema}.parties SET personal = $2::text::jsonb, position = $3 WHERE party = $1`,
		row.party, row.personal, int64(row.position))
}

func (p *projector) writeContract(ctx context.Context, tx pgx.Tx, row *contractRow) error {
	if row.signed {
		return p.exec(ctx, tx, `
			INSERT INTO {schema}.contracts (contract, book, schedule, terms, valid_from, valid_until, position)
			VALUES ($1, $2, $3, $4::text::jsonb, $5::text::date, $6::text::date, $7)`,
			row.contract, row.book, row.schedule, row.terms, string(row.validFrom), (*string)(row.validUntil), int64(row.position))
	}
	return p.exec(ctx, tx, `UPDATE {schema}.contracts SET valid_until = $2::text::date, position = $3 WHERE contract = $1`,
		row.contract, (*string)(row.validUntil), int64(row.position))
}

func (p *projector) writeSource(ctx context.Context, tx pgx.Tx, row *sourceRow) error {
	return p.exec(ctx, tx, `
		INSERT INTO {schema}.sources AS s (source, version, hash, definition, quarantined, position) VALUES ($1, $3, $4, $5, $6, $7)
		ON CONFLICT (source) DO UPDATE SET
			version = CASE WHEN $2 THEN excluded.version ELSE s.version END, hash = CASE WHEN $2 THEN excluded.hash ELSE s.hash END,
			definition = CASE WHEN $2 THEN excluded.definition ELSE s.definition END,
			quarantined = s.quarantined + excluded.quarantined, position = excluded.position`,
		row.source, row.defined, row.version, row.hash, row.definition, row.quarantined, int64(row.position))
}

func (p *projector) writeQuarantine(ctx context.Context, tx pgx.Tx, changes changeSet) error {
	if n := len(changes.released); n > 0 {
		sources, records, hashes := make([]string, n), make([]string, n), make([]string, n)
		for i, key := range changes.released {
			sources[i], records[i], hashes[i] = key.source, key.record, key.hash
		}
		_, err := tx.Exec(ctx, readmodel.In(p.schema, `
			DELETE FROM {schema}.quarantine q USING unnest($1::text[], $2::text[], $3::text[]) AS k(source, record, content_hash)
			WHERE q.source = k.source AND q.record = k.record AND q.content_hash = k.content_hash`), sources, records, hashes)
		if err != nil {
			return fmt.Errorf("release from quarantine: %w", err)
		}
	}
	return readmodel.Write(ctx, tx, p.schema, "quarantine",
		[]string{"source", "record", "content_hash", "delivery", "number", "code", "field", "reason", "currency", "amount", "recorded_at", "position"},
		changes.quarantined, func(q *quarantineRow, to *postgres.CopyRow) {
			to.Text(q.Source)
			to.Text(q.Record)
			to.Text(q.ContentHash)
			to.Text(q.Delivery)
			to.Bigint(int64(q.Offset))
			to.Text(string(q.Code))
			to.Text(q.Field)
			to.Text(q.Reason)
			to.Text(string(q.Currency))
			if q.Amount == nil {
				to.Null()
			} else {
				to.Amount(*q.Amount)
			}
			to.Timestamptz(q.RecordedAt)
			to.Bigint(int64(q.position))
		})
}

// exec runs a statement that concerns exactly one row.
func (p *projector) exec(ctx context.Context, tx pgx.Tx, statement string, arguments ...any) error {
	tag, err := tx.Exec(ctx, readmodel.In(p.schema, statement), arguments...)
	if err == nil && tag.RowsAffected() != 1 {
		err = &domain.Error{Code: domain.CodeNotFound, Message: "the event changes something that is not there"}
	}
	return err
}
