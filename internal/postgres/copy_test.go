//go:build unix

package postgres

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain/money"
)

// connection is one to a server of its own.
func connection(t *testing.T) *pgx.Conn {
	t.Helper()
	s := start(t, Config{Dir: filepath.Join(openDir(t), "pg")})
	pool, err := Connect(context.Background(), s.DSN())
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	conn, err := pool.Acquire(context.Background())
	require.NoError(t, err)
	t.Cleanup(conn.Release)
	return conn.Conn()
}

// Every value comes back as it was given, over several of the copy's buffers.
func TestCopyIn(t *testing.T) {
	ctx := context.Background()
	conn := connection(t)
	_, err := conn.Exec(ctx, `CREATE TEMPORARY TABLE copied (n int, big bigint, body text, day date, at timestamptz, exact numeric, amount numeric,
		ints int[], bigints bigint[], booleans boolean[], texts text[], amounts numeric[], nothing text)`)
	require.NoError(t, err)
	type row struct {
		n        int32
		big      int64
		body     string
		day, at  time.Time
		exact    decimal.Decimal
		amount   money.Amount
		ints     []int32
		bigints  []int64
		booleans []bool
		texts    []string
		amounts  []money.Amount
	}
	amount := rapid.Custom(func(t *rapid.T) money.Amount {
		return money.New(rapid.Int64Range(math.MinInt64+1, math.MaxInt64).Draw(t, "units"), rapid.Uint8Range(0, money.MaxScale).Draw(t, "scale"))
	})
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(-62_000_000_000_000_000, 250_000_000_000_000_000).Draw(t, "micro")).UTC()
	})
	text := rapid.StringMatching(`[ -~가-힣]{0,300}`)
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
			return row{
				rapid.Int32().Draw(t, "n"), rapid.Int64().Draw(t, "big"), text.Draw(t, "body"), instant.Draw(t, "day").Truncate(24 * time.Hour), instant.Draw(t, "at"),
				decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-30, 30).Draw(t, "exponent")), amount.Draw(t, "amount"),
				rapid.SliceOf(rapid.Int32()).Draw(t, "ints"), rapid.SliceOf(rapid.Int64()).Draw(t, "bigints"), rapid.SliceOf(rapid.Bool()).Draw(t, "booleans"),
				rapid.SliceOf(text).Draw(t, "texts"), rapid.SliceOf(amount).Draw(t, "amounts"),
			}
		}), 0, 40).Draw(t, "rows")
		_, err := conn.Exec(ctx, "TRUNCATE copied")
		require.NoError(t, err)
		columns := strings.Fields("n big body day at exact amount ints bigints booleans texts amounts nothing")
		require.NoError(t, CopyIn(ctx, conn, pgx.Identifier{"copied"}, columns, len(rows), func(i int, to *CopyRow) {
			r := &rows[i]
			to.Int(r.n)
			to.Bigint(r.big)
			to.Text(r.body)
			to.Date(r.day)
			to.Timestamptz(r.at)
			to.Numeric(r.exact)
			to.Amount(r.amount)
			to.Ints(r.ints)
			to.Bigints(r.bigints)
			to.Booleans(r.booleans)
			to.Texts(r.texts)
			to.Amounts(r.amounts)
			to.Null()
		}))
		found, err := conn.Query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM copied ORDER BY ctid")
		require.NoError(t, err)
		i := 0
		var r row
		var nothing *string
		_, err = pgx.ForEachRow(found, []any{&r.n, &r.big, &r.body, &r.day, &r.at, &r.exact, &r.amount, &r.ints, &r.bigints, &r.booleans, &r.texts, &r.amounts, &nothing}, func() error {
			want := &rows[i]
			require.Equal(t, []any{want.n, want.big, want.body, want.ints, want.bigints, want.booleans, want.texts}, []any{r.n, r.big, r.body, r.ints, r.bigints, r.booleans, r.texts})
			require.True(t, want.day.Equal(r.day), "%s, not %s", r.day, want.day)
			require.True(t, want.at.Equal(r.at), "%s, not %s", r.at, want.at)
			require.True(t, want.exact.Equal(r.exact), "%s, not %s", r.exact, want.exact)
			require.Zero(t, want.amount.Cmp(r.amount))
			require.Len(t, r.amounts, len(want.amounts))
			for k := range r.amounts {
				require.Zero(t, want.amounts[k].Cmp(r.amounts[k]))
			}
			require.Nil(t, nothing)
			i++
			return nil
		})
		require.NoError(t, err)
		require.Len(t, rows, i)
	})
}

// A row that lacks a column, and a table that does not take one, leave nothing.
func TestCopyInIsAllOrNothing(t *testing.T) {
	ctx := context.Background()
	conn := connection(t)
	_, err := conn.Exec(ctx, `CREATE TEMPORARY TABLE copied (n int CHECK (n < 5), m int)`)
	require.NoError(t, err)
	write := func(encode func(int, *CopyRow)) error {
		return CopyIn(ctx, conn, pgx.Identifier{"copied"}, []string{"n", "m"}, 100_000, encode)
	}
	require.ErrorContains(t, write(func(i int, to *CopyRow) {
		to.Int(1)
		if i < 90_000 {
			to.Int(2)
		}
	}), "row 90000 has 1 columns of 2")
	err = write(func(i int, to *CopyRow) {
		to.Int(int32(i / 20_000 * 2))
		to.Int(0)
	})
	require.ErrorContains(t, err, "write copied")
	require.ErrorContains(t, err, "check constraint")
	require.ErrorContains(t, write(func(i int, to *CopyRow) {
		to.Int(1)
		to.Int([]int32{2}[i/50_000])
	}), "row 50000: the code that writes it panics")
	var n int
	require.NoError(t, conn.QueryRow(ctx, "SELECT count(*) FROM copied").Scan(&n))
	require.Zero(t, n)
}
