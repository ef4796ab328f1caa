package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

const (
	retailSource = "../../examples/online-retail.yaml"
	retailTerms  = "../../examples/online-retail-terms.yaml"
)

// retailRows writes rows of the shape of the data set that examples/online-retail.yaml
// describes: invoices of one to forty lines, some of them equal in every field,
// articles given away, cancelled invoices, amounts finer than the penny, and
// bad-debt adjustments that no contract covers.
func retailRows(random *rand.Rand, rows int) string {
	var b strings.Builder
	b.WriteString("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n")
	countries := []string{"United Kingdom", "United Kingdom", "United Kingdom", "France", "Germany", "Japan"}
	for invoice := 536365; rows > 0; invoice++ {
		at := time.Date(2010, 12, 1+random.IntN(360), 8+random.IntN(10), random.IntN(60), 0, 0, time.UTC).Format(time.DateTime)
		country, customer, number, sign := countries[random.IntN(len(countries))], "", fmt.Sprint(invoice), 1
		if random.IntN(4) > 0 {
			customer = fmt.Sprint(12_000 + random.IntN(4_000))
		}
		if random.IntN(12) == 0 {
			number, sign = "C"+number, -1
		}
		var line string
		for n := 1 + random.IntN(40); n > 0 && rows > 0; n-- {
			if line == "" || random.IntN(20) > 0 { // else the same line once more
				code, quantity, price := fmt.Sprint(10_000+random.IntN(80_000)), sign*(1+random.IntN(48)), fmt.Sprintf("%d.%02d", random.IntN(20), random.IntN(100))
				switch random.IntN(60) {
				case 0:
					price = "0.00"
				case 1:
					price = "0.001"
				case 2:
					code = "POST"
				case 3:
					code = "B"
				}
				line = fmt.Sprintf("%s,%s,\"ITEM, %s\",%d,%s,%s,%s,%s\n", number, code, code, quantity, at, price, customer, country)
			}
			b.WriteString(line)
			rows--
		}
	}
	return b.String()
}

// everythingKilled kills an ingestion with its database and event store at random
// moments, starts it again, and again, and compares what comes of it in the end
// with an undisturbed run. The long form takes the whole data set.
func everythingKilled(t *testing.T, s scale) {
	random := randomness(t)
	rows := of(s, 5_000, 20_000, 541_909)
	rounds := of(s, 4, 20, 20)
	delivery, given := os.Getenv("JEONGSAN_ONLINE_RETAIL"), true
	// Of few rows, all would have settled before the last round: then each round
	// brings some more of them.
	part := func(int) string { return delivery }
	if s != torture || delivery == "" {
		content := retailRows(random, rows)
		lines := strings.SplitAfter(content, "\n")
		delivery, given = file(t, "retail.csv", content), false
		part = func(round int) string {
			return file(t, "retail.csv", strings.Join(lines[:1+rows*(round+1)/(rounds+1)], ""))
		}
	}
	rows = countRows(t, delivery)
	ingest := func(data, delivery string) []string {
		return []string{"ingest", "--source", retailSource, delivery, "--data", data}
	}
	once := func(data string) (counts struct{ Read, Settled, Replayed, Quarantined int }) {
		var reports []struct {
			Report struct {
				Counts struct{ Read, Settled, Replayed, Quarantined int }
			}
		}
		require.NoError(t, json.Unmarshal([]byte(complete(t, append(ingest(data, delivery), "--json")...)), &reports))
		require.Len(t, reports, 1)
		return reports[0].Report.Counts
	}

	calm := dataDirectory(t)
	complete(t, "apply", retailTerms, "--data", calm)
	undisturbed := once(calm)
	require.Equal(t, rows, undisturbed.Settled+undisturbed.Quarantined)
	wantState, wantSettlements := verified(t, "--data", calm, "--log")

	data := dataDirectory(t)
	complete(t, "apply", retailTerms, "--data", data)
	killed := 0
	for round := range rounds {
		upTo := rows
		if !given {
			upTo = rows * (round + 1) / (rounds + 1)
		}
		victim := launch(t, append(ingest(data, part(round)), "--log-format", "json")...)
		victim.begin(t)
		// Moments are as likely anywhere in what is left, and some of them are
		// while the parts come up.
		if random.IntN(5) == 0 {
			victim.runFor(time.Duration(random.IntN(700)) * time.Millisecond)
		} else {
			victim.awaitEvents(patience(t), func(durable int) int {
				left := upTo - durable
				if given {
					left /= rounds - round
				}
				return 1 + random.IntN(max(1, left))
			})
		}
		if victim.ended() {
			require.NoError(t, victim.err, victim.stderr())
			t.Logf("round %d ended before it was killed", round)
			continue
		}
		victim.killAll()
		killed++
	}
	// A fast machine ends a round of few rows before its moment has come.
	require.GreaterOrEqual(t, killed, of(s, 1, rounds/2+1, rounds/2+1), "too few rounds were killed for the test to tell anything")

	last := once(data)
	require.Equal(t, rows, last.Settled+last.Replayed+last.Quarantined)
	require.NotZero(t, last.Settled, "the processes were killed before they had settled everything")
	require.NotZero(t, last.Replayed, "what was acknowledged before the kills is known")
	t.Logf("%d rows, %d kills; the last run settled %d and knew %d", rows, killed, last.Settled, last.Replayed)
	state, settlements := verified(t, "--data", data, "--index")
	require.Equal(t, wantSettlements, settlements)
	require.Equal(t, wantState, state, "the state differs from that of an undisturbed run")

	again := once(data)
	require.Equal(t, rows, again.Replayed, "everything is known by now")
	state, _ = verified(t, "--data", data, "--log")
	require.Equal(t, wantState, state)
}

func countRows(t *testing.T, path string) (rows int) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var content io.Reader = f
	if filepath.Ext(path) == ".gz" {
		content, err = gzip.NewReader(f)
		require.NoError(t, err)
	}
	buffer := make([]byte, 1<<16)
	for {
		n, err := content.Read(buffer)
		rows += strings.Count(string(buffer[:n]), "\n")
		if err == io.EOF {
			return rows - 1 // the heading
		}
		require.NoError(t, err)
	}
}

// runFor lets a process run for a time, or until it ends.
func (p *process) runFor(d time.Duration) {
	select {
	case <-time.After(d):
	case <-p.exited:
	}
}

// awaitEvents waits until the process has made some more events of books durable, as
// a second client of its event store node sees them, or has ended. How many is up to
// choose, which is told how many there were.
func (p *process) awaitEvents(ctx context.Context, choose func(durable int) int) {
	p.t.Helper()
	address := ""
	every(ctx, p.t, 5*time.Millisecond, func() bool {
		address = p.nodeAddress()
		return address != "" || p.ended()
	}, "the node of "+p.cmd.String())
	if address == "" {
		return
	}
	// Any failure from here on is the end of the process.
	store, err := esdb.Open(ctx, "esdb://"+address+"?tls=false", slog.New(slog.DiscardHandler))
	if err != nil {
		return
	}
	defer func() { require.NoError(p.t, store.Close()) }()
	last, err := store.LastPosition(ctx)
	if err != nil {
		return
	}
	follow, err := store.Subscribe(ctx, eventstore.Filter{StreamPrefixes: []string{"book-"}}, last)
	if err != nil {
		return
	}
	defer func() { require.NoError(p.t, follow.Close()) }()
	durable := 0
	for _, book := range []domain.StreamID{"book-uk", "book-europe", "book-world"} {
		for r, err := range store.ReadStream(ctx, book, eventstore.Backwards, eventstore.End, 1) {
			if err == nil {
				durable += int(r.Revision) + 1
			}
		}
	}
	for n := choose(durable); n > 0; {
		message, err := follow.Next(ctx)
		if err != nil {
			require.NoError(p.t, ctx.Err())
			return
		}
		if message.Event != nil {
			n--
		}
	}
}

// ended reports whether a process has ended.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// nodeAddress is where the process has logged that its node listens, "" if it has
// not.
func (p *process) nodeAddress() string {
	for line := range strings.Lines(p.stderr()) {
		var entry struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "event store node is open" {
			return entry.Address
		}
	}
	return ""
}
