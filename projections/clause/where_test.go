package clause_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/projections/clause"
)

func TestWhere(t *testing.T) {
	var w clause.Where
	require.Empty(t, w.String())
	require.Empty(t, w.Args())

	w.AndText("book", "seoul")
	w.AndText("type", "")
	w.And("day BETWEEN ? AND ?", "2026-01-01", "2026-01-31")
	limit := w.Arg(51)

	require.Equal(t, " WHERE book = $1 AND day BETWEEN $2 AND $3", w.String())
	require.Equal(t, "$4", limit)
	require.Equal(t, []any{"seoul", "2026-01-01", "2026-01-31", 51}, w.Args())
}
