package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// TestBusinessDatesOutliveKills kills processes that take a book through its business
// dates, at random moments, by command and by a server's own accord. What comes of it
// is, event for event, what an undisturbed run makes of the same sales: every release,
// every closing and every date once and in order.
func TestBusinessDatesOutliveKills(t *testing.T) {
	random := randomness(t)
	const days = 120
	start := time.Now().UTC().AddDate(0, 0, -days)
	first := start.Format(time.DateOnly)

	calm := heldLedger(t, start, days)
	succeed(t, "advance", "--book", "shop", "--date", first, "--data", calm)
	began := time.Now()
	complete(t, "advance", "--book", "shop", "--data", calm)
	took := time.Since(began)
	want := passed(t, calm)

	data := heldLedger(t, start, days)
	succeed(t, "advance", "--book", "shop", "--date", first, "--data", data)
	ended, rounds := 0, of(howMuch(), 6, 40, 400)
	for round := range rounds {
		// By command a few steps are waited for; a server may have nothing left to do.
		var victim *process
		if round%2 == 0 {
			victim = launch(t, "advance", "--book", "shop", "--data", data, "--log-format", "json")
			victim.begin(t)
			victim.awaitEvents(patience(t), func(int) int { return 1 + random.IntN(1+2*len(want)/rounds) })
		} else {
			victim = launch(t, "serve", "--roles", "process", "--listen", "127.0.0.1:0", "--data", data)
			victim.begin(t)
			victim.runFor(time.Duration(random.Int64N(int64(took))))
		}
		if victim.ended() {
			require.NoError(t, victim.err, victim.stderr())
			ended++
			continue
		}
		victim.killAll()
	}
	t.Logf("%d runs ended before they were killed", ended)
	complete(t, "advance", "--book", "shop", "--data", data)
	got := passed(t, data)
	n := min(len(want), len(got)) // a date may have begun between the two
	require.Equal(t, want[:n], got[:n])
	require.LessOrEqual(t, len(got)-n, 20)
	kinds := map[string]int{}
	for _, event := range got {
		kinds[event.EventType()]++
	}
	require.GreaterOrEqual(t, kinds["BusinessDateAdvanced.v1"], days)
	require.Greater(t, kinds["HoldsReleased.v1"], days/2)
	require.GreaterOrEqual(t, kinds["WindowClosed.v1"], 3*3)
	verified(t, "--data", data, "--log", "--index")
}

// heldLedger has the sales of so many days in a data directory.
func heldLedger(t *testing.T, start time.Time, days int) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	succeed(t, "apply", "testdata/held.yaml", "--data", data)
	server := startManual(t, data)
	settleHeld(t, server.server.Server, start, days)
	server.stop()
	return data
}

// settleHeld sends a sale of each seller for each of so many days.
func settleHeld(t *testing.T, server string, start time.Time, days int) {
	t.Helper()
	door := command.NewRemote(server, nil)
	random := rand.New(rand.NewPCG(1, 2))
	var requests []command.Request
	for day := range days {
		for i, seller := range []string{"mina", "jun", "sora"} {
			requests = append(requests, command.Request{Command: book.SettleTransaction{Transaction: book.Transaction{
				Key: book.Key{Source: "till", ExternalID: fmt.Sprint(day, "-", i)}, Book: "shop", ContentHash: "1:ab", Type: "sale",
				Parties:    map[string]string{"seller": seller},
				OccurredAt: start.AddDate(0, 0, day-20), Currency: "KRW", Amount: money.New(1_000+random.Int64N(100_000), 0),
			}}, Meta: eventstore.Meta{Actor: "test", Authenticated: "none"}})
		}
	}
	for _, reply := range door.Do(context.Background(), requests...) {
		require.NoError(t, reply.Err)
	}
}

// startManual serves commands, and leaves business dates where they are.
func startManual(t *testing.T, data string) *process {
	t.Helper()
	return start(t, "serve", "--roles", "process", "--business-days", "manual", "--listen", "127.0.0.1:0", "--data", data)
}

// passed reads what business dates have brought the book, in order and without times.
func passed(t *testing.T, data string) (events []domain.Event) {
	t.Helper()
	server := startManual(t, data)
	defer server.stop()
	return passedIn(t, connect(t, server.server.EventStore))
}

func passedIn(t *testing.T, store eventstore.Store) (events []domain.Event) {
	t.Helper()
	for r, err := range store.ReadStream(patience(t), domain.Stream(book.Category, "shop"), eventstore.Forwards, 0, eventstore.Unlimited) {
		require.NoError(t, err)
		event, err := eventstore.Decode(r)
		require.NoError(t, err)
		switch e := event.(type) {
		case book.HoldsReleased:
			e.RecordedAt = time.Time{}
			events = append(events, e)
		case book.WindowClosed:
			e.RecordedAt = time.Time{}
			events = append(events, e)
		case book.BusinessDateAdvanced:
			e.RecordedAt = time.Time{}
			events = append(events, e)
		}
	}
	return events
}

// storeAway kills the event store under a server that makes up for many business dates.
// It goes on by itself when the store is back: no date is left out or comes twice.
func storeAway(t *testing.T, s scale) {
	random := randomness(t)
	ctx := patience(t)
	const days = 300
	began := time.Now().UTC().AddDate(0, 0, -days)
	log, address := dataDirectory(t), nodePort(t, random)
	args := []string{"node", "--data", log, "--listen", address}
	node := start(t, args...)
	serve := []string{"serve", "--roles", "process", "--data", dataDirectory(t), "--eventstore", node.server.EventStore, "--listen", "127.0.0.1:0"}
	server := start(t, append(serve, "--business-days", "manual")...)
	succeed(t, "apply", "testdata/held.yaml", "--server", server.server.Server)
	settleHeld(t, server.server.Server, began, days)
	succeed(t, "advance", "--book", "shop", "--date", began.Format(time.DateOnly), "--server", server.server.Server)
	server.stop()

	server = start(t, append(serve, "--log-level", "error")...)
	for range of(s, 1, 5, 60) {
		waitFor(ctx, time.Duration(random.IntN(100))*time.Millisecond)
		node.kill()
		waitFor(ctx, time.Duration(random.IntN(2_000))*time.Millisecond)
		node = start(t, args...)
	}
	store := connect(t, node.server.EventStore)
	var events []domain.Event
	every(ctx, t, 200*time.Millisecond, func() bool {
		events = passedIn(t, store)
		last, ok := events[len(events)-1].(book.BusinessDateAdvanced)
		return ok && last.To >= domain.DateOf(time.Now(), time.UTC)
	}, "today's business date")
	server.stop()
	date, dates := domain.Date(""), 0
	for _, event := range events {
		if e, ok := event.(book.BusinessDateAdvanced); ok {
			require.Equal(t, date, e.From)
			date, dates = e.To, dates+1
		}
	}
	from, err := time.Parse(time.DateOnly, began.Format(time.DateOnly))
	require.NoError(t, err)
	until, err := time.Parse(time.DateOnly, string(date))
	require.NoError(t, err)
	require.Equal(t, int(until.Sub(from).Hours()/24)+1, dates, "every date between, once")
	verified(t, "--eventstore", node.server.EventStore, "--log")
	node.stop()
}
