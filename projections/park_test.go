package projections

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

func statusOf(t testing.TB, pool *pgxpool.Pool, name string) ModelStatus {
	t.Helper()
	all, err := Status(context.Background(), pool)
	require.NoError(t, err)
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	t.Fatal("no such read model: ", name)
	return ModelStatus{}
}

func exec(t testing.TB, pool *pgxpool.Pool, statement string, arguments ...any) {
	t.Helper()
	_, err := pool.Exec(context.Background(), statement, arguments...)
	require.NoError(t, err)
}

// obstruct makes the daily totals refuse the next settlement, in the middle of
// many, and returns where it stands.
func obstruct(t *testing.T, h *history, pool *pgxpool.Pool) (domain.Ref, eventstore.Position) {
	t.Helper()
	exec(t, pool, "ALTER TABLE daily.totals ADD CONSTRAINT obstruction CHECK (product <> 'poison')")
	h.grow(60)
	h.settle()
	poisoned := h.settled[len(h.settled)-1]
	poisoned.Key, poisoned.Product, poisoned.Original = book.Key{Source: "pg", ExternalID: "poison"}, "poison", nil
	ref := h.append("book-arcade", poisoned)
	position := h.last
	h.grow(60)
	return ref, position
}

func TestModelParksWhileOthersGoOn(t *testing.T) {
	h := newHistory(t, 21, nil)
	h.grow(50)
	pool := testkit.Database(t)
	ref, position := obstruct(t, h, pool)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)

	s := statusOf(t, pool, "daily")
	require.NotNil(t, s.Parked)
	require.Equal(t, ref, s.Parked.Ref)
	require.Equal(t, position, s.Parked.Position)
	require.Less(t, s.Position, position)
	require.Contains(t, s.Parked.Reason, "obstruction")
	require.ErrorContains(t, r.Health(), "daily")
	require.ErrorContains(t, r.Health(), string(ref.Stream))
	var before int
	require.NoError(t, pool.QueryRow(context.Background(), "SELECT sum(transactions) FROM daily.totals").Scan(&before))
	require.Positive(t, before) // everything before the event is in

	// Who waits for it is told, at once; who does not need it is served.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.ErrorContains(t, AwaitCheckpoint(ctx, pool, h.identity.Token(h.last)), "parked")
	require.NoError(t, AwaitCheckpoint(ctx, pool, h.identity.Token(h.last), "account", "transaction", "audit", "directory"))

	// A restart tries again and finds it as it was.
	stop()
	r = h.runner(pool)
	stop = start(t, r)
	h.grow(30)
	await(t, r, h.last)
	require.Equal(t, position, statusOf(t, pool, "daily").Parked.Position)

	// With the cause gone, a restart takes it up again.
	stop()
	exec(t, pool, "ALTER TABLE daily.totals DROP CONSTRAINT obstruction")
	r = h.runner(pool)
	stop = start(t, r)
	await(t, r, h.last)
	require.NoError(t, r.Health())
	stop()
	require.Nil(t, statusOf(t, pool, "daily").Parked)
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestRebuildRevivesParkedModelOfRunningRunner(t *testing.T) {
	h := newHistory(t, 22, nil)
	pool := testkit.Database(t)
	_, position := obstruct(t, h, pool)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	require.Equal(t, position, statusOf(t, pool, "daily").Parked.Position)

	daily, err := Find("daily")
	require.NoError(t, err)
	comparison, err := Rebuild(context.Background(), RebuildConfig{Store: h.store, Pool: pool, Identity: h.identity, Model: daily, Logger: quiet()})
	require.NoError(t, err)
	require.True(t, comparison.Switched)
	require.True(t, comparison.Equal(), "%+v", comparison)
	require.GreaterOrEqual(t, comparison.Position, h.last)

	h.grow(40)
	require.Eventually(t, func() bool { return r.Health() == nil }, patience, 10*time.Millisecond)
	await(t, r, h.last)
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
}

func TestUndecodableEventParksThoseItConcerns(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 23, nil)
	h.grow(20)
	data := []byte(`{"party":"party-1"}`)
	stream := domain.Stream(party.Category, "party-1")
	meta, err := eventstore.Meta{Actor: "system", Authenticated: "none", RecordedAt: h.now}.Encode()
	require.NoError(t, err)
	_, err = h.store.Append(ctx, stream, eventstore.After(h.counts[stream]),
		eventstore.Proposed{ID: eventstore.EventID(stream, "x", data), Type: "PartyPromoted.v9", Data: data, Metadata: meta})
	require.NoError(t, err)
	h.counts[stream]++
	h.grow(20)

	pool := testkit.Database(t)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	stop()
	for _, s := range must(Status(ctx, pool)) {
		switch s.Name {
		case "directory", "audit":
			require.NotNil(t, s.Parked, s.Name)
			require.Equal(t, stream, s.Parked.Ref.Stream)
			require.Contains(t, s.Parked.Reason, "PartyPromoted.v9")
		default:
			require.Nil(t, s.Parked, s.Name)
			require.Equal(t, h.last, s.Position)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
