package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A rebuild puts new tables in the place of those in use by giving two schemas
// other names. Every table that a statement names is looked up on its own, so a
// read of several tables, even one statement that joins two, can find one of them
// before that and the other one after it. What only means something within one
// copy, as the numbers of accounts, would then lead to the wrong rows.
//
// What a name leads to only ever moves forward on a connection. So a read in one
// copy is one before and after which the schema's name led to the same place.
const placeQuery = `SELECT coalesce(to_regnamespace($1)::oid, 0)`

// LookUp is the mode of a statement within Steady: its tables are looked up when
// it runs. A prepared statement would bring along what it found when it was
// prepared, and that may have been two copies.
const LookUp = pgx.QueryExecModeCacheDescribe

// Steady calls read with a connection, again whenever the tables of the read model
// in this schema were replaced meanwhile: when it returns nil, all that the last
// call read is of one copy. read runs its statements in the mode LookUp, begins
// anew at each call and keeps nothing of the one before. Its error ends it.
func Steady(ctx context.Context, pool *pgxpool.Pool, schema string, read func(conn *pgxpool.Conn) error) error {
	return pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		before, err := place(ctx, conn, schema)
		for err == nil {
			if err = read(conn); err != nil {
				return err
			}
			var after uint32
			if after, err = place(ctx, conn, schema); after == before {
				break
			}
			before = after
		}
		return err
	})
}

func place(ctx context.Context, conn *pgxpool.Conn, schema string) (oid uint32, err error) {
	if err = conn.QueryRow(ctx, placeQuery, schema).Scan(&oid); err != nil {
		err = fmt.Errorf("look for the tables of %s: %w", schema, err)
	}
	return oid, err
}

// Collect returns the rows of one statement over several tables of a read model,
// all of one copy. A statement that names one table once needs none of this.
func Collect[T any](ctx context.Context, pool *pgxpool.Pool, schema string, row pgx.RowToFunc[T], sql string, args ...any) (found []T, err error) {
	args = append([]any{LookUp}, args...)
	err = Steady(ctx, pool, schema, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err == nil {
			found, err = pgx.CollectRows(rows, row)
		}
		return err
	})
	return found, err
}
