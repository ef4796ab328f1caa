package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ChunkItems is the most items that one row of a chunked table holds. Longer
// rows make reading the newest few slow.
const ChunkItems = 64

// Copy writes rows with COPY; none is fine.
func Copy[T any](ctx context.Context, tx pgx.Tx, schema, table string, columns []string, rows []T, values func(row *T, to []any)) error {
	if len(rows) == 0 {
		return nil
	}
	source := &copySource[T]{rows: rows, values: values, row: make([]any, len(columns)), next: -1}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{schema, table}, columns, source); err != nil {
		return fmt.Errorf("write %s.%s: %w", schema, table, err)
	}
	return nil
}

// copySource feeds COPY from a slice through one row of values, used again.
type copySource[T any] struct {
	rows   []T
	values func(row *T, to []any)
	row    []any
	next   int
}

func (s *copySource[T]) Next() bool             { s.next++; return s.next < len(s.rows) }
func (s *copySource[T]) Values() ([]any, error) { s.values(&s.rows[s.next], s.row); return s.row, nil }
func (s *copySource[T]) Err() error             { return nil }
