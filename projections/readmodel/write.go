package readmodel

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/internal/postgres"
)

// ChunkItems is the most items that one row of a chunked table holds. Longer
// rows make reading the newest few slow.
const ChunkItems = 64

// Write writes rows with COPY; none is fine. values gives the columns of a row in
// order.
func Write[T any](ctx context.Context, tx pgx.Tx, schema, table string, columns []string, rows []T, values func(row *T, to *postgres.CopyRow)) error {
	if len(rows) == 0 {
		return nil
	}
	return postgres.CopyIn(ctx, tx.Conn(), pgx.Identifier{schema, table}, columns, len(rows), func(i int, to *postgres.CopyRow) { values(&rows[i], to) })
}
