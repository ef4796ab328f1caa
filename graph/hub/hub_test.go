package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/hub"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/account"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const patience = 20 * time.Second

// feed writes entries into the read model, as the projector does.
type feed struct {
	t         *testing.T
	pool      *pgxpool.Pool
	projector readmodel.Projector
	position  eventstore.Position
	sent      map[string]int64 // by account path: credits in minor units
}

func newFeed(t *testing.T) *feed {
	return &feed{t: t, pool: testkit.Database(t), projector: account.Model{}.Projector("account"), sent: map[string]int64{}}
}

// post credits one unit to purposes of a party's, each in its own entry, in one batch.
func (f *feed) post(party string, purposes ...string) eventstore.Position {
	f.t.Helper()
	var batch []readmodel.Event
	for _, purpose := range purposes {
		f.position += 10
		path := ledger.Account(party, purpose, "KRW")
		f.sent[string(path)]++
		batch = append(batch, readmodel.Event{Position: f.position, Entry: &readmodel.Entry{
			Position: f.position, Book: "seoul",
			Postings: []ledger.Posting{{Account: path, Side: ledger.Credit, Amount: money.New(1, 0)}},
		}})
	}
	f.commit(batch)
	return f.position
}

func (f *feed) commit(batch []readmodel.Event) {
	f.t.Helper()
	ctx := context.Background()
	require.NoError(f.t, pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
		if err := f.projector.Project(ctx, tx, batch); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO jeongsan.checkpoints (read_model, version, position) VALUES ('account', 1, $1)
			ON CONFLICT (read_model) DO UPDATE SET position = excluded.position`, int64(f.position))
		return err
	}))
}

func (f *feed) hub(config hub.Config) *hub.Hub {
	f.t.Helper()
	config.Pool, config.Logger = f.pool, slog.New(slog.DiscardHandler)
	h := hub.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	f.t.Cleanup(func() { cancel(); <-done })
	return h
}

func next(t *testing.T, f *hub.Follower) hub.Update {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	update, err := f.Next(ctx)
	require.NoError(t, err)
	return update
}

// credits are what an update says, by account.
func credits(u hub.Update) map[string]int64 {
	m := map[string]int64{}
	for _, b := range u.Balances {
		m[b.Path] = b.Credits.IntPart()
	}
	return m
}

func TestFollowerSeesSnapshotThenChanges(t *testing.T) {
	f := newFeed(t)
	at := f.post("kim", "payable", "fees")
	f.post("lee", "payable")
	h := f.hub(hub.Config{})

	follower := h.Follow("kim", eventstore.Start)
	defer follower.Close()
	first := next(t, follower)
	require.Equal(t, map[string]int64{"kim/payable/KRW": 1, "kim/fees/KRW": 1}, credits(first))
	require.GreaterOrEqual(t, first.Cursor, at)

	at = f.post("kim", "payable")
	second := next(t, follower)
	require.Equal(t, map[string]int64{"kim/payable/KRW": 2}, credits(second))
	require.Equal(t, at, second.Cursor)

	later := h.Follow("kim", first.Cursor)
	defer later.Close()
	missed := next(t, later)
	require.Equal(t, credits(second), credits(missed), "who comes back misses nothing")
	require.Equal(t, at, missed.Cursor)

	uptodate := h.Follow("kim", missed.Cursor)
	defer uptodate.Close()
	require.Empty(t, next(t, uptodate).Balances, "the first update comes at once, also where nothing changed")

	require.Equal(t, 3, h.Followers())
	later.Close()
	later.Close()
	require.Equal(t, 2, h.Followers())
}

// TestChangesWithoutNotification loses the hint: the table is looked at all the same.
func TestChangesWithoutNotification(t *testing.T) {
	f := newFeed(t)
	f.post("kim", "payable")
	h := f.hub(hub.Config{Interval: 10 * time.Millisecond})
	follower := h.Follow("kim", eventstore.Start)
	defer follower.Close()
	next(t, follower)
	f.projector = account.Model{}.Projector("account") // anew, as after a rollback
	ctx := context.Background()
	f.position += 10
	require.NoError(t, pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE account.balances SET credits = 7, position = $1`, int64(f.position)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO account.changes SELECT $1, account, 0, 7 FROM account.accounts`, int64(f.position)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE jeongsan.checkpoints SET position = $1`, int64(f.position))
		return err
	}))
	require.Equal(t, map[string]int64{"kim/payable/KRW": 7}, credits(next(t, follower)))
}

// TestLastValueIsNeverDropped posts faster than a follower looks and compares
// what it ends with.
func TestLastValueIsNeverDropped(t *testing.T) {
	f := newFeed(t)
	h := f.hub(hub.Config{Batch: 7})
	followers := map[string]*hub.Follower{}
	for _, party := range []string{"kim", "lee", "park"} {
		followers[party] = h.Follow(party, eventstore.Start)
		t.Cleanup(followers[party].Close)
	}
	stop := make(chan struct{})
	type seen struct {
		credits map[string]int64
		cursor  eventstore.Position
		err     error
	}
	results := map[string]chan seen{}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for party, follower := range followers {
		results[party] = make(chan seen, 1)
		go func() {
			s := seen{credits: map[string]int64{}}
			for {
				u, err := follower.Next(ctx)
				if err != nil {
					s.err = err
					results[party] <- s
					return
				}
				for path, n := range credits(u) {
					if n < s.credits[path] {
						s.err = fmt.Errorf("%s went back from %d to %d", path, s.credits[path], n)
					}
					s.credits[path] = n
				}
				if u.Cursor < s.cursor {
					s.err = fmt.Errorf("the cursor went back from %d to %d", s.cursor, u.Cursor)
				}
				s.cursor = u.Cursor
				select {
				case <-stop: // everything is posted: the end is told by the sums
				default:
					continue
				}
				if s.err != nil || s.credits[party+"/end/KRW"] == 1 {
					results[party] <- s
					return
				}
			}
		}()
	}
	for i := range 60 {
		party := []string{"kim", "lee", "park"}[i%3]
		f.post(party, "payable", fmt.Sprintf("p%d", i%5), "payable", "fees")
	}
	close(stop)
	for party := range followers {
		f.post(party, "end")
	}
	for party, result := range results {
		s := <-result
		require.NoError(t, s.err)
		for path, sent := range f.sent {
			if len(path) > len(party) && path[:len(party)+1] == party+"/" {
				require.Equal(t, sent, s.credits[path], path)
			}
		}
	}
}

func TestSlowFollowerIsEndedWithItsCursor(t *testing.T) {
	f := newFeed(t)
	f.post("kim", "a")
	h := f.hub(hub.Config{Box: 2})
	follower := h.Follow("kim", eventstore.Start)
	defer follower.Close()
	witness := h.Follow("kim", eventstore.Start)
	defer witness.Close()
	next(t, follower)
	next(t, witness)

	for _, purpose := range []string{"a", "a", "b", "b"} { // two accounts fit, however often they change
		f.post("kim", purpose)
		for want := f.sent["kim/"+purpose+"/KRW"]; credits(next(t, witness))["kim/"+purpose+"/KRW"] != want; {
		}
	}
	require.Equal(t, map[string]int64{"kim/a/KRW": 3, "kim/b/KRW": 2}, credits(next(t, follower)))
	cursor := follower.Cursor()

	for _, purpose := range []string{"a", "b", "c"} {
		f.post("kim", purpose)
		for want := f.sent["kim/"+purpose+"/KRW"]; credits(next(t, witness))["kim/"+purpose+"/KRW"] != want; {
		}
	}
	_, err := follower.Next(context.Background())
	require.ErrorIs(t, err, hub.ErrSlow)
	require.Equal(t, cursor, follower.Cursor())

	again := h.Follow("kim", cursor)
	defer again.Close()
	require.Equal(t, map[string]int64{"kim/a/KRW": 4, "kim/b/KRW": 3, "kim/c/KRW": 1}, credits(next(t, again)))
}

// TestReplacedTables has the read model rebuilt: followers are told what the new
// tables say, also where changes were never written.
func TestReplacedTables(t *testing.T) {
	f := newFeed(t)
	f.post("kim", "payable")
	h := f.hub(hub.Config{Interval: 10 * time.Millisecond})
	follower := h.Follow("kim", eventstore.Start)
	defer follower.Close()
	next(t, follower)

	ctx := context.Background()
	f.position += 10
	require.NoError(t, pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE account.balances SET credits = 5, position = $1`, int64(f.position)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM account.changes`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE jeongsan.checkpoints SET position = $1, generation = generation + 1`, int64(f.position))
		return err
	}))
	update := next(t, follower)
	require.Equal(t, map[string]int64{"kim/payable/KRW": 5}, credits(update))
	require.Equal(t, f.position, update.Cursor)
}

// TestPrunedChanges takes changes away before the hub has read them.
func TestPrunedChanges(t *testing.T) {
	f := newFeed(t)
	f.post("kim", "payable")
	h := f.hub(hub.Config{Interval: 10 * time.Millisecond})
	follower := h.Follow("kim", eventstore.Start)
	defer follower.Close()
	next(t, follower)

	ctx := context.Background()
	lee := ledger.Account("lee", "payable", "KRW")
	kim := ledger.Account("kim", "payable", "KRW")
	entry := func(path ledger.AccountID) readmodel.Event {
		f.position += 10
		return readmodel.Event{Position: f.position, Entry: &readmodel.Entry{
			Position: f.position, Book: "seoul", Postings: []ledger.Posting{{Account: path, Side: ledger.Credit, Amount: money.New(1, 0)}},
		}}
	}
	batch := []readmodel.Event{entry(kim), entry(lee)}
	require.NoError(t, pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
		if err := f.projector.Project(ctx, tx, batch); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM account.changes WHERE position < $1`, int64(f.position)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE jeongsan.checkpoints SET position = $1`, int64(f.position))
		return err
	}))
	require.Equal(t, map[string]int64{"kim/payable/KRW": 2}, credits(next(t, follower)))
}

// TestPostgresComesBack cuts every connection of the hub's database.
func TestPostgresComesBack(t *testing.T) {
	f := newFeed(t)
	f.post("kim", "payable")
	h := f.hub(hub.Config{Interval: 20 * time.Millisecond})
	follower := h.Follow("kim", eventstore.Start)
	defer follower.Close()
	next(t, follower)

	for range 3 {
		conn, err := pgx.ConnectConfig(context.Background(), f.pool.Config().ConnConfig.Copy())
		require.NoError(t, err)
		_, err = conn.Exec(context.Background(),
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
		require.NoError(t, conn.Close(context.Background()))
		f.pool.Reset() // what the test itself writes needs a connection that stands
		f.projector.Forget()
		f.post("kim", "payable")
		for credits(next(t, follower))["kim/payable/KRW"] != f.sent["kim/payable/KRW"] {
		}
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	f := newFeed(t)
	h := f.hub(hub.Config{})
	follower := h.Follow("kim", eventstore.Start)
	defer follower.Close()
	require.Empty(t, next(t, follower).Balances)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := follower.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
