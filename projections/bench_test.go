package projections

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// recordedSettlements makes settlements of five postings over a thousand
// accounts, as a store hands them out.
func recordedSettlements(b testing.TB, n int) []eventstore.Recorded {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	records := make([]eventstore.Recorded, n)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range records {
		group := rng.IntN(200)
		who := func(role string) string { return fmt.Sprintf("%s-%03d", role, group) }
		account := func(role, purpose string) ledger.AccountID { return ledger.Account(who(role), purpose, "KRW") }
		roles := []string{"provider", "supplier", "affiliate", "seller"}
		e := book.TransactionSettled{
			Key: book.Key{Source: "pg-1", ExternalID: fmt.Sprintf("20260301-%09d", i)}, ContentHash: "1:0123456789abcdef0123456789abcdef", Type: "sale",
			Method: "card", Product: fmt.Sprintf("game-%d", rng.IntN(10)), OccurredAt: at, RecordedAt: at, EffectiveOn: "2026-03-01", Currency: "KRW",
			Amount: money.New(10_000, 0), Contract: "standard", Schedule: "standard", Version: 1, Engine: 1,
			Postings: []ledger.Posting{{Account: account("platform", "receivable"), Side: ledger.Debit, Amount: money.New(10_000, 0)}},
		}
		parties := map[string]string{"platform": who("platform")}
		for k, role := range roles {
			parties[role] = who(role)
			e.Postings = append(e.Postings, ledger.Posting{Account: account(role, "payable"), Side: ledger.Credit, Amount: money.New(2_500, 0)})
			e.Explanation = append(e.Explanation, fee.Line{Rule: fmt.Sprint("rule-", k), To: role, Base: money.New(10_000, 0), Rate: "25%", Exact: "2500", Rounding: "half_up 1", Amount: money.New(2_500, 0)})
		}
		e.Parties = book.PartiesOf(parties, func(string) book.Revision { return 0 })
		data, err := eventstore.Encode(e)
		require.NoError(b, err)
		meta, err := eventstore.Meta{Actor: "source:pg-1", Authenticated: "none", Request: "run-1", RecordedAt: at}.Encode()
		require.NoError(b, err)
		records[i] = eventstore.Recorded{
			Type: e.EventType(), Stream: "book-main", Revision: uint64(i), Position: eventstore.Position(1000 * (i + 1)), Data: data, Metadata: meta,
		}
	}
	return records
}

// cannedSubscription hands out records as fast as they are taken.
type cannedSubscription struct {
	records []eventstore.Recorded
	next    int
}

func (s *cannedSubscription) Next(ctx context.Context) (eventstore.Message, error) {
	if s.next == len(s.records) {
		<-ctx.Done()
		return eventstore.Message{}, ctx.Err()
	}
	record := &s.records[s.next]
	s.next++
	return eventstore.Message{Event: record, Position: record.Position}, nil
}

func (s *cannedSubscription) Close() error { return nil }

// BenchmarkProject measures the way from a subscription to five read models:
// decode, fold, write, commit. fsync is off in the tests' server.
func BenchmarkProject(b *testing.B) {
	records := recordedSettlements(b, b.N)
	pool := testkit.Database(b)
	workers := workersOver(b, pool)
	r := NewRunner(Config{Pool: pool, Logger: quiet()})
	ctx, cancel := context.WithCancel(context.Background())
	items, batches := make(chan item, decodedAhead), make(chan batch)
	var wg sync.WaitGroup
	b.ResetTimer()
	wg.Go(func() { _ = receive(ctx, &cannedSubscription{records: records}, items) })
	wg.Go(func() { cut(ctx, items, batches, new(pace)) })
	for done := 0; done < b.N; {
		next := <-batches
		require.NoError(b, r.apply(ctx, workers, next))
		done += len(next.events)
	}
	b.StopTimer()
	require.Zero(b, countParked(workers))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "settlements/s")
	reportPostgres(b, pool)
	cancel()
	wg.Wait()
}

// BenchmarkFoldAndWrite measures the read models one by one, without decoding.
func BenchmarkFoldAndWrite(b *testing.B) {
	for i, model := range Models() {
		b.Run(model.Definition().Name, func(b *testing.B) {
			var events []readmodel.Event
			var decoder readmodel.Decoder
			for _, record := range recordedSettlements(b, b.N) {
				events = append(events, decoder.Decode(record))
			}
			pool := testkit.Database(b)
			w := workersOver(b, pool)[i]
			b.ResetTimer()
			for part := range slices.Chunk(events, batchEvents) {
				require.NoError(b, w.apply(context.Background(), part, part[len(part)-1].Position))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "settlements/s")
			reportPostgres(b, pool)
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	records := recordedSettlements(b, 1000)
	var decoder readmodel.Decoder
	b.ResetTimer()
	for n := range b.N {
		if e := decoder.Decode(records[n%len(records)]); e.Err != nil {
			b.Fatal(e.Err)
		}
	}
}

// reportPostgres reports the CPU time of the connections' server processes, where
// the system tells.
func reportPostgres(b *testing.B, pool *pgxpool.Pool) {
	b.Helper()
	rows, err := pool.Query(context.Background(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
	require.NoError(b, err)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(b, err)
	const ticksPerSecond = 100
	ticks := 0
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		_, after, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(after)
		for _, field := range fields[11:13] { // user and system time
			n, err := strconv.Atoi(field)
			require.NoError(b, err)
			ticks += n
		}
	}
	b.ReportMetric(float64(ticks)*1e6/ticksPerSecond/float64(b.N), "postgres-µs/op")
}
