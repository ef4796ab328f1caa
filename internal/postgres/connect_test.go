//go:build unix

package postgres

import (
	"context"
	"math"
	"math/big"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestOldServersAreRefused(t *testing.T) {
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(checkVersion("13.22 (Debian 13.22-1)")))
	for _, version := range []string{"14.0", "15.20 (Debian 15.20-0)", "18beta1", ""} {
		require.NoError(t, checkVersion(version))
	}
}

func TestConnect(t *testing.T) {
	ctx := context.Background()
	_, err := Connect(ctx, "postgres://%zz")
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	_, err = Connect(ctx, "postgres://nobody@/none?host="+t.TempDir())
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
	require.ErrorContains(t, err, "--database")

	_, err = Connect(ctx, "postgres://nobody@/none?pool_max_conns=2")
	require.ErrorContains(t, err, "pool_max_conns")

	s := start(t, Config{Dir: filepath.Join(openDir(t), "pg"), Settings: map[string]string{"fsync": "off"}})
	pool, err := Connect(ctx, s.DSN())
	require.NoError(t, err)
	defer pool.Close()
	var zone string
	require.NoError(t, pool.QueryRow(ctx, "SHOW timezone").Scan(&zone))
	require.Equal(t, "UTC", zone)

	t.Run("amounts", rapid.MakeCheck(func(t *rapid.T) {
		amount := money.New(rapid.Int64Range(math.MinInt64+1, math.MaxInt64).Draw(t, "units"), uint8(rapid.IntRange(0, 18).Draw(t, "scale")))
		d := decimal.New(rapid.Int64().Draw(t, "coefficient"), int32(rapid.IntRange(-18, 3).Draw(t, "exponent")))
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec} {
			var text string
			var back money.Amount
			var asDecimal decimal.Decimal
			var amounts []money.Amount
			var decimals []decimal.Decimal
			err := pool.QueryRow(ctx, "SELECT $1::numeric::text, $1::numeric, $1::numeric, $2::numeric[], $3::numeric[]", mode,
				amount, []money.Amount{amount, money.Zero}, []decimal.Decimal{d, d.Neg()}).Scan(&text, &back, &asDecimal, &amounts, &decimals)
			if err != nil {
				t.Fatal(err)
			}
			if text != amount.String() || back.Cmp(amount) != 0 || !asDecimal.Equal(amount.Decimal()) {
				t.Fatalf("%v became %s, %v, %v", amount, text, back, asDecimal)
			}
			if amounts[0].Cmp(amount) != 0 || !decimals[0].Equal(d) || !decimals[1].Equal(d.Neg()) {
				t.Fatalf("%v, %v became %v, %v", amount, d, amounts, decimals)
			}
		}
	}))

	huge := decimal.NewFromBigInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(40), nil), -3)
	var back decimal.Decimal
	require.NoError(t, pool.QueryRow(ctx, "SELECT $1::numeric", huge).Scan(&back))
	require.True(t, huge.Equal(back))
	var amount money.Amount
	require.ErrorContains(t, pool.QueryRow(ctx, "SELECT $1::numeric", huge).Scan(&amount), "64 bits")
	require.Error(t, pool.QueryRow(ctx, "SELECT 'NaN'::numeric").Scan(&back))
	var missing *decimal.Decimal
	require.NoError(t, pool.QueryRow(ctx, "SELECT NULL::numeric").Scan(&missing))
	require.Nil(t, missing)
}
