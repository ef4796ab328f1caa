package esdb_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// benchEvents makes events of about 900 bytes that differ enough to compress like
// real ones.
func benchEvents(n int) []eventstore.Proposed {
	made := make([]eventstore.Proposed, n)
	for i := range made {
		data := []byte(`{"id":"` + uuid.NewString() + `","postings":[`)
		for p := range 5 {
			data = fmt.Appendf(data, `{"account":"provider-%d/payable/KRW","credit":"%d","note":"settled on arrival"},`, rand.IntN(1000), rand.IntN(1_000_000)+p)
		}
		for w := range 4 {
			data = fmt.Appendf(data, `{"rule":"share-%d","base":"%d","rate":"0.%d","exact":"%d"},`, w, rand.IntN(1_000_000), rand.IntN(1000), rand.IntN(1_000_000))
		}
		data = append(data[:len(data)-1], `]}`...)
		made[i] = eventstore.Proposed{ID: uuid.New(), Type: "TransactionSettled.v2", Data: data,
			Metadata: []byte(`{"actor":"source:bench","authenticated":"none","recorded_at":"2026-11-22T15:00:00.000000Z","schema":1}`)}
	}
	return made
}

// BenchmarkAppend appends over the wire, one event being one operation.
func BenchmarkAppend(b *testing.B) {
	for _, shape := range []struct{ callers, group int }{{1, 1}, {64, 1}, {1, 100}, {1, 500}, {8, 500}} {
		b.Run(fmt.Sprintf("callers=%d/group=%d", shape.callers, shape.group), func(b *testing.B) {
			store := connect(b, openNode(b, b.TempDir()).ConnectionString())
			pool := benchEvents(4 * shape.group)
			b.SetBytes(int64(len(pool[0].Data) + len(pool[0].Metadata)))
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var wg sync.WaitGroup
			for caller := range shape.callers {
				wg.Go(func() {
					stream := domain.StreamID(fmt.Sprint("book-", caller))
					for next := uint64(0); left.Add(-int64(shape.group)) > -int64(shape.group); next += uint64(shape.group) {
						at := rand.IntN(len(pool) - shape.group + 1)
						if _, err := store.Append(b.Context(), stream, eventstore.After(next), pool[at:at+shape.group]...); err != nil {
							b.Errorf("append: %v", err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkSubscribe catches up with a log that is on disk, and reads one stream.
func BenchmarkSubscribe(b *testing.B) {
	const events = 100_000
	store := connect(b, openNode(b, b.TempDir()).ConnectionString())
	pool := benchEvents(500)
	for next := uint64(0); next < events; next += 500 {
		_, err := store.Append(b.Context(), "book-1", eventstore.After(next), pool...)
		require.NoError(b, err)
	}
	b.Run("all", func(b *testing.B) {
		for left := b.N; left > 0; left -= events {
			sub, err := store.Subscribe(b.Context(), eventstore.Filter{StreamPrefixes: []string{"book-", "party-", "contract-"}}, eventstore.Start)
			require.NoError(b, err)
			for seen := 0; seen < min(left, events); {
				message, err := sub.Next(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if message.Event != nil {
					seen++
				}
			}
			require.NoError(b, sub.Close())
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("stream", func(b *testing.B) {
		for left := b.N; left > 0; left -= events {
			for _, err := range store.ReadStream(b.Context(), "book-1", eventstore.Forwards, 0, uint64(min(left, events))) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}
