package testkit_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	ctx := context.Background()
	a, b := testkit.Database(t), testkit.Database(t)
	_, err := a.Exec(ctx, "UPDATE jeongsan.checkpoints SET position = 1")
	require.NoError(t, err)
	var position int
	require.NoError(t, b.QueryRow(ctx, "SELECT max(position) FROM jeongsan.checkpoints").Scan(&position))
	require.Zero(t, position)
}

func TestStoreIsFresh(t *testing.T) {
	ctx := context.Background()
	store := testkit.Store(t)
	position, err := store.LastPosition(ctx)
	require.NoError(t, err)
	require.Equal(t, eventstore.Start, position)
	identity, err := eventstore.Identify(ctx, store)
	require.NoError(t, err)
	require.Equal(t, 1, identity.Incarnation)
}
