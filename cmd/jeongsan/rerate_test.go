package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

// dearer is the second version of the schedule of testdata/held.yaml: it takes 12 %
// and holds 30 % back.
func dearer(t *testing.T) string {
	t.Helper()
	terms, err := os.ReadFile("testdata/held.yaml")
	require.NoError(t, err)
	_, schedules, _ := strings.Cut(string(terms), "schedules:\n")
	schedules, _, _ = strings.Cut(schedules, "contracts:\n")
	changed := strings.NewReplacer("version: 1", "version: 2", "percent: 10 ", "percent: 12 ", "percent: 20,", "percent: 30,").Replace(schedules)
	require.NotEqual(t, schedules, changed)
	return file(t, "dearer.yaml", "schedules:\n"+changed)
}

// ratedAgain is what --json shows.
type ratedAgain struct {
	Rated, Changed, Posted, Already, Overtaken uint64
	Preview                                    bool
	Parties                                    []struct{ Party, Currency, Stands, Rated, Difference string }
	Settlements                                []struct{ Postings []map[string]string }
}

func rerateJSON(t *testing.T, args ...string) (r ratedAgain) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(complete(t, append(args, "--json")...)), &r))
	return r
}

// TestRerate judges a draft, publishes it, and corrects what was settled before, in
// this process and beside a server.
func TestRerate(t *testing.T) {
	const days = 20
	start := time.Now().UTC().AddDate(0, 0, -days)
	data := heldLedger(t, start, days)
	period := []string{"--book", "shop", "--from", "2025-01-01", "--to", "2099-12-31", "--data", data}
	with := func(args ...string) []string { return append(args, period...) }
	succeed(t, "advance", "--book", "shop", "--date", start.Format(time.DateOnly), "--data", data)
	later := dearer(t)
	draft := rerateJSON(t, with("schedule", "whatif", later)...)
	require.True(t, draft.Preview)
	require.EqualValues(t, 3*days, draft.Changed)
	require.Len(t, draft.Settlements, 20)
	require.Contains(t, succeed(t, with("schedule", "whatif", later)...), "draft held@2, book shop")

	require.Zero(t, rerateJSON(t, with("rerate", "--preview")...).Changed)
	succeed(t, "schedule", "publish", later, "--data", data)
	preview := rerateJSON(t, with("rerate", "--preview")...)
	require.Equal(t, draft.Parties, preview.Parties)

	server := startManual(t, data)
	beside := rerateJSON(t, with("rerate", "--reason", "12 %, not 10 %", "--contract", "shop-held")...)
	require.EqualValues(t, 3*days, beside.Posted)
	require.Equal(t, preview.Parties, beside.Parties)
	server.stop()
	out := succeed(t, with("rerate", "--reason", "12 %, not 10 %")...)
	require.Contains(t, out, "60 settlements")
	require.Contains(t, out, "rated, 0 differ")
	require.Contains(t, out, "0 posted")

	for name, args := range map[string][]string{
		"reason":     with("rerate"),
		"to":         {"rerate", "--book", "shop", "--from", "2026-05-01", "--to", "2026-04-30", "--reason", "x", "--data", data},
		"book":       {"rerate", "--from", "2026-05-01", "--to", "2026-05-31", "--reason", "x", "--data", data},
		"effective":  with("rerate", "--reason", "x", "--on", "tomorrow"),
		"contract":   with("rerate", "--reason", "x", "--contract", "Nobody!"),
		"eventstore": {"rerate", "--book", "shop", "--from", "2026-05-01", "--to", "2026-05-31", "--reason", "x", "--server", "http://127.0.0.1:1", "--data", t.TempDir()},
	} {
		code, _, stderr := jeongsan(t, args...)
		require.Equal(t, exitUsage, code, "%s: %s", name, stderr)
	}
}

// TestAKilledReratingGoesOn kills re-ratings at random moments. In the end every
// settlement is corrected once, and the balances are those of an undisturbed run.
func TestAKilledReratingGoesOn(t *testing.T) {
	random := randomness(t)
	const days = 120
	start := time.Now().UTC().AddDate(0, 0, -days)
	rerate := func(data string) []string {
		return []string{"rerate", "--book", "shop", "--from", "2025-01-01", "--to", "2099-12-31", "--reason", "12 %", "--id", "op", "--data", data}
	}
	prepared := func() string {
		data := heldLedger(t, start, days)
		succeed(t, "advance", "--book", "shop", "--date", start.Format(time.DateOnly), "--data", data)
		succeed(t, "advance", "--book", "shop", "--date", start.AddDate(0, 0, days/2).Format(time.DateOnly), "--data", data)
		succeed(t, "schedule", "publish", dearer(t), "--data", data)
		return data
	}
	calm := prepared()
	require.EqualValues(t, 3*days, rerateJSON(t, rerate(calm)...).Posted)
	_, want := corrected(t, calm)

	data := prepared()
	killed, rounds := 0, of(howMuch(), 4, 20, 100)
	for range rounds {
		victim := launch(t, append(rerate(data), "--log-format", "json")...)
		victim.begin(t)
		victim.awaitEvents(patience(t), func(int) int { return 1 + random.IntN(1+2*3*days/rounds) })
		if victim.ended() {
			require.NoError(t, victim.err, victim.stderr())
			continue
		}
		victim.killAll()
		killed++
	}
	t.Logf("%d of %d runs were killed", killed, rounds)
	complete(t, rerate(data)...)
	require.Zero(t, rerateJSON(t, rerate(data)...).Changed)
	adjustments, got := corrected(t, data)
	require.Len(t, adjustments, 3*days)
	require.Equal(t, want, got)
	verified(t, "--data", data, "--log", "--index")
}

// corrected reads the restatements of the book, each transaction once, and where its
// accounts stand.
func corrected(t *testing.T, data string) (restated map[book.Key]int, accounts map[string]string) {
	t.Helper()
	server := startManual(t, data)
	defer server.stop()
	restated, accounts = map[book.Key]int{}, map[string]string{}
	state := book.Decider.Initial()
	for r, err := range connect(t, server.server.EventStore).ReadStream(patience(t), domain.Stream(book.Category, "shop"), eventstore.Forwards, 0, eventstore.Unlimited) {
		require.NoError(t, err)
		event, err := eventstore.Decode(r)
		require.NoError(t, err)
		if e, is := event.(book.AdjustmentPosted); is {
			restated[e.Adjusts.Key]++
			require.Equal(t, 1, restated[e.Adjusts.Key])
		}
		state = book.Decider.Evolve(state, event)
		require.NoError(t, state.Err())
	}
	for id, balance := range state.Balances() {
		accounts[string(id)] = balance.Debits.String() + " " + balance.Credits.String()
	}
	return restated, accounts
}
