package verify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

// The settlement of the benchmarks, in the shape and size of real ones. KEY, HASH,
// SELLER, TIME, WHOLE and REST differ from one to the next.
const (
	benchSettlement = `{"source":"pg","external_id":"KEY","content_hash":"1:HASH","type":"sale","method":"card","product":"goods",` +
		`"parties":{"card_supplier":"card@0","operator":"arcade@0","provider":"studio@1","seller":"SELLER@0"},` +
		`"occurred_at":"2026-11-22T09:00:00Z","effective_on":"2026-11-22","recorded_at":"TIME","currency":"GBP","amount":"WHOLE.00",` +
		`"contract":"c1","contract_revision":0,"schedule":"standard","schedule_revision":0,"version":1,"engine":1,` +
		`"postings":[{"account":"card/receivable/GBP","debit":"WHOLE.00"},{"account":"studio/payable/GBP","credit":"6.25"},` +
		`{"account":"SELLER/payable/GBP","credit":"1.50"},{"account":"card/payable/GBP","credit":"0.50"},{"account":"arcade/payable/GBP","credit":"REST.75"}],` +
		`"explanation":[{"rule":"provider_share","to":"provider","base":"WHOLE.00","rate":"60%","exact":"6.2496","rounding":"half_up 0.01","amount":"6.25"},` +
		`{"rule":"seller_share","to":"seller","base":"WHOLE.00","rate":"5%","exact":"1.4988","rounding":"half_even 0.01","amount":"1.50"},` +
		`{"rule":"card_fee","to":"card_supplier","base":"WHOLE.00","rate":"2.5%","exact":"0.5","amount":"0.50"},` +
		`{"rule":"operator_rest","to":"operator","base":"WHOLE.00","rate":"rest","exact":"REST.75"}]}`
	benchMetadata = `{"actor":"source:pg","authenticated":"none","correlation":"HASH","recorded_at":"TIME","schema":1}`
)

// benchEvents makes n settlements in groups of 500.
func benchEvents(n int) iter.Seq2[uint64, []eventstore.Proposed] {
	return func(yield func(uint64, []eventstore.Proposed) bool) {
		now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = i
		}
		for group := range slices.Chunk(numbers, 500) {
			made := make([]eventstore.Proposed, len(group))
			for j, i := range group {
				var id uuid.UUID
				binary.BigEndian.PutUint64(id[:], uint64(i+1)*0x9E3779B97F4A7C15)
				binary.BigEndian.PutUint64(id[8:], uint64(i))
				data, metadata := []byte(benchSettlement), []byte(benchMetadata)
				for _, r := range [][2]string{
					{"KEY", fmt.Sprintf("2026112209%08d", i)}, {"HASH", fmt.Sprintf("%x%x", id, id)}, {"SELLER", fmt.Sprintf("seller-%d", i*7%200)},
					{"TIME", now.Add(time.Duration(i) * time.Microsecond).Format("2006-01-02T15:04:05.000000Z")},
					{"WHOLE", fmt.Sprint(20 + i%80)}, {"REST", fmt.Sprint(11 + i%80)},
				} {
					data = bytes.ReplaceAll(data, []byte(r[0]), []byte(r[1]))
					metadata = bytes.ReplaceAll(metadata, []byte(r[0]), []byte(r[1]))
				}
				made[j] = eventstore.Proposed{ID: id, Type: typeTransactionSettled, Data: data, Metadata: metadata}
			}
			if !yield(uint64(group[0]), made) {
				return
			}
		}
	}
}

// longLog appends n settlements of five postings each, and what they refer to.
func longLog(b *testing.B, s *script, store eventstore.Store, n int) {
	for i := range 200 {
		s.add(fmt.Sprintf("party-seller-%d", i), typePartyRegistered, object{"party": fmt.Sprintf("seller-%d", i), "kind": "seller"})
	}
	for at, group := range benchEvents(n) {
		_, err := store.Append(b.Context(), domain.StreamID("book-main"), eventstore.After(at), group...)
		require.NoError(b, err)
	}
}

// BenchmarkVerifyLog folds a log of settlements, one event being one operation:
// out of memory, which is the fold alone, and from a node through the official
// client, which is what a user gets.
func BenchmarkVerifyLog(b *testing.B) {
	const events = 200_000
	for name, open := range map[string]func() eventstore.Store{
		"memory": func() eventstore.Store { return emptyScript(b).store },
		"node":   func() eventstore.Store { return testkit.Store(b) },
	} {
		b.Run(name, func(b *testing.B) {
			store := open()
			longLog(b, begin(emptyScriptIn(b, store)), store, events)
			b.ReportAllocs()
			before := cpuTime(b)
			b.ResetTimer()
			for left := b.N; left > 0; left -= events {
				report, err := Verify(b.Context(), Config{Store: store})
				require.NoError(b, err)
				require.EqualValues(b, events, report.Counts.Settlements)
			}
			took, read := b.Elapsed(), (b.N+events-1)/events*events
			b.ReportMetric(float64(read)/took.Seconds(), "events/s")
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(read), "cpu-ns/event")
		})
	}
}

// cpuTime is what the process has used so far, the node's part included. It says
// more than the time passed where others use the machine as well.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
