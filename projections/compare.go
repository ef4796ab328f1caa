package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Comparison is what a rebuild found and did.
type Comparison struct {
	Model string
	// ComparedAt is the position at which both were compared; Tables is empty where
	// they were not, because they are of different versions.
	ComparedAt eventstore.Position
	Tables     []TableComparison
	// Switched says that the new tables are in use, from Position on.
	Switched bool
	Position eventstore.Position
	Events   int64
}

// Equal reports whether no difference was found.
func (c Comparison) Equal() bool {
	for _, t := range c.Tables {
		if t.Missing > 0 || t.Surplus > 0 || t.Damage != "" {
			return false
		}
	}
	return true
}

// TableComparison compares one table, as rows that must be the same.
type TableComparison struct {
	Table   string
	Rows    int64 // of the rebuilt one
	Missing int64 // in the rebuilt one and not in the one in use
	Surplus int64 // in the one in use and not in the rebuilt one
	// Differences are some of them.
	Differences []Difference
	// Damage says why the table in use cannot be read, such as a missing column.
	Damage string
}

// Difference is one row that only one of the two has.
type Difference struct {
	// InUse says that it is the one in use that has the row; else the rebuilt one.
	InUse bool
	Row   string // JSON
}

const (
	// shownDifferences bounds what is reported of one table and side.
	shownDifferences = 20
	cleanUpPatience  = 30 * time.Second
)

// compareAtOnePosition brings the new tables to where those in use are, takes a
// snapshot of both there, and compares in it. The projector waits for the
// snapshot only.
func (r *rebuild) compareAtOnePosition(ctx context.Context) (Comparison, error) {
	comparison := Comparison{Model: r.definition.Name}
	conn, err := r.Pool.Acquire(ctx)
	if err != nil {
		return comparison, fmt.Errorf("connect to Postgres: %w", err)
	}
	defer conn.Release()
	snapshot, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return comparison, fmt.Errorf("begin to compare: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanUpPatience)
		defer cancel()
		// It has read only: there is nothing that a failed rollback could leave.
		_ = snapshot.Rollback(ctx)
	}()
	err = r.standing(ctx, func(ctx context.Context, _ pgx.Tx, live ModelStatus) error {
		comparison.ComparedAt = live.Position
		// The first statement takes the snapshot.
		_, err := snapshot.Exec(ctx, "SELECT 1")
		return err
	})
	if err != nil {
		return comparison, err
	}
	r.phase = PhaseComparing
	if r.next.status.Position > comparison.ComparedAt {
		return comparison, fmt.Errorf("the rebuilt %s is at %d, ahead of the one in use at %d", r.definition.Name, r.next.status.Position, comparison.ComparedAt)
	}
	for _, comparable := range r.Model.Comparable() {
		if r.Progress != nil {
			r.Progress(RebuildProgress{Model: r.definition.Name, Phase: r.phase, Position: comparison.ComparedAt, Target: comparison.ComparedAt, Events: r.next.status.Events})
		}
		table := TableComparison{Table: comparable.Table}
		err := pgx.BeginFunc(ctx, snapshot, func(tx pgx.Tx) error { return r.compare(ctx, tx, comparable, &table) })
		if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && strings.HasPrefix(pg.Code, "42") {
			table.Damage, err = pg.Message, nil
		}
		if err != nil {
			return comparison, fmt.Errorf("compare %s.%s: %w", r.definition.Name, comparable.Table, err)
		}
		comparison.Tables = append(comparison.Tables, table)
	}
	return comparison, nil
}

func (r *rebuild) compare(ctx context.Context, tx pgx.Tx, comparable readmodel.Comparable, t *TableComparison) (err error) {
	inUse := readmodel.In(r.definition.Name, comparable.SQL)
	rebuilt := readmodel.In(r.definition.Next(), comparable.SQL)
	// Equal counts and equal sums of the rows' 64-bit hashes are equal rows. Sorting
	// and matching them all, which also tells what differs, takes many times as long.
	digest := func(rows string) (count int64, sum string, err error) {
		err = tx.QueryRow(ctx, "SELECT count(*), coalesce(sum(hash_record_extended(r, 0)), 0)::text FROM ("+rows+") r").Scan(&count, &sum)
		return count, sum, err
	}
	var sum, sumInUse string
	if t.Rows, sum, err = digest(rebuilt); err != nil {
		return err
	}
	count, sumInUse, err := digest(inUse)
	if err != nil || count == t.Rows && sum == sumInUse {
		return err
	}
	if t.Missing, err = t.collect(ctx, tx, rebuilt, inUse, false); err != nil {
		return err
	}
	t.Surplus, err = t.collect(ctx, tx, inUse, rebuilt, true)
	return err
}

// collect counts the rows of a without an equal row of b, and keeps some.
func (t *TableComparison) collect(ctx context.Context, tx pgx.Tx, a, b string, inUse bool) (count int64, err error) {
	rows, err := tx.Query(ctx, `
		SELECT count(*) OVER (), to_jsonb(d)::text FROM ((`+a+`) EXCEPT ALL (`+b+`)) d ORDER BY 2 LIMIT $1`, shownDifferences)
	if err != nil {
		return 0, err
	}
	var row string
	_, err = pgx.ForEachRow(rows, []any{&count, &row}, func() error {
		t.Differences = append(t.Differences, Difference{InUse: inUse, Row: row})
		return nil
	})
	return count, err
}
