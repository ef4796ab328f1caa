package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/jeongsan/jeongsan/domain"
)

//go:embed base/*.sql
var base embed.FS

const (
	versionTable = "jeongsan.migrations"
	// lock is the key of the advisory lock that lets one process migrate at a time.
	lock int64 = 0x6a656f6e6773616e
)

// Up brings the database up to this version: it applies the base migrations that
// are missing and creates, empty, the read models that are not there. It is
// idempotent, and safe where several processes start at once. A database of a
// newer version is refused with CodeUnavailable.
func Up(ctx context.Context, dsn string) (err error) {
	conn, err := connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	// The lock is the session's: it goes when the connection closes.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lock); err != nil {
		return fmt.Errorf("lock the database for migration: %w", err)
	}
	if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS jeongsan"); err != nil {
		return fmt.Errorf("create schema jeongsan: %w", err)
	}
	if err := upBase(ctx, conn); err != nil {
		return err
	}
	for _, model := range All() {
		if err := CreateMissing(ctx, conn, model); err != nil {
			return err
		}
	}
	return nil
}

func upBase(ctx context.Context, conn *pgx.Conn) (err error) {
	provider, db, err := open(conn.Config())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	applied, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", err)
	}
	if applied > known {
		return newer(applied, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// CreateMissing creates a read model's tables, empty and at the start of the
// log, where its schema is not there. Two callers at once are safe under a lock
// of theirs only.
func CreateMissing(ctx context.Context, conn *pgx.Conn, model ReadModel) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", model.Name).Scan(&there); err != nil {
			return fmt.Errorf("look for the read model %s: %w", model.Name, err)
		}
		if there {
			return nil
		}
		return Create(ctx, tx, model, model.Name)
	})
}

// Create creates a read model's tables in a schema that is not there, and its
// checkpoint, named as the schema, at the start of the log. A checkpoint left
// from earlier tables is put back, with a higher generation.
func Create(ctx context.Context, tx pgx.Tx, model ReadModel, schema string) error {
	tables, err := model.Tables(schema)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, tables); err != nil {
		return fmt.Errorf("create the read model %s: %w", schema, err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO jeongsan.checkpoints AS c (read_model, version) VALUES ($1, $2)
		ON CONFLICT (read_model) DO UPDATE SET version = excluded.version, generation = c.generation + 1,
			position = 0, events = 0, parked_position = NULL, parked_stream = NULL,
			parked_revision = NULL, parked_reason = NULL, parked_at = NULL, updated_at = now()`,
		schema, model.Version)
	if err != nil {
		return fmt.Errorf("create the checkpoint of %s: %w", schema, err)
	}
	return nil
}

// State is what a database is at.
type State struct {
	Applied int64 // number of the last base migration applied; 0 for an empty database
	Known   int64 // number of the last one that this version knows
	Base    []Migration
}

// Migration is one base migration.
type Migration struct {
	Number    int64
	Name      string
	AppliedAt time.Time // zero where it is pending
}

// Status reports the state of a database and changes nothing.
func Status(ctx context.Context, dsn string) (state State, err error) {
	conn, err := connect(ctx, dsn)
	if err != nil {
		return State{}, err
	}
	config := conn.Config()
	var there bool
	err = conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", versionTable).Scan(&there)
	if err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return State{}, fmt.Errorf("look for the migrations table: %w", err)
	}
	provider, db, err := open(config)
	if err != nil {
		return State{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if !there {
		for _, source := range provider.ListSources() {
			state.Base = append(state.Base, Migration{Number: source.Version, Name: source.Path})
			state.Known = source.Version
		}
		return state, nil
	}
	if state.Applied, state.Known, err = provider.GetVersions(ctx); err != nil {
		return State{}, fmt.Errorf("read the version of the database: %w", err)
	}
	migrations, err := provider.Status(ctx)
	if err != nil {
		return State{}, fmt.Errorf("read the migrations of the database: %w", err)
	}
	for _, m := range migrations {
		state.Base = append(state.Base, Migration{Number: m.Source.Version, Name: m.Source.Path, AppliedAt: m.AppliedAt})
	}
	return state, nil
}

func connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, &domain.Error{
			Code: domain.CodeUnavailable, Field: "database", Message: "cannot connect to Postgres", Err: err,
			Remedy: "check that the server runs and that the connection string of --database is right",
		}
	}
	return conn, nil
}

func open(config *pgx.ConnConfig) (*goose.Provider, *sql.DB, error) {
	files, err := fs.Sub(base, "base")
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	return provider, db, nil
}

func newer(applied, known int64) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "database", Value: fmt.Sprintf("migration %d", applied),
		Message: fmt.Sprintf("the database was migrated by a newer version of Jeongsan; this one knows up to %d", known),
		Remedy:  "run that version, or use another database",
	}
}
