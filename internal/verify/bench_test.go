package verify

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// longLog holds n settlements of five postings each, in the shape and size of
// real ones.
func longLog(t testing.TB, n int) *memory.Store {
	s := newScript(t)
	for i := range 200 {
		s.add(fmt.Sprintf("party-seller-%d", i), typePartyRegistered, object{"party": fmt.Sprintf("seller-%d", i), "kind": "seller"})
	}
	for i := range n {
		seller := fmt.Sprintf("seller-%d", i%200)
		s.add("book-main", typeTransactionSettled, sale(fmt.Sprintf("2026112209%08d", i)).with(object{
			"parties": object{"provider": "studio", "seller": seller},
			"postings": []object{
				debit("card/receivable/GBP", "10.00"), credit("studio/payable/GBP", "6.00"), credit("arcade/payable/GBP", "2.00"),
				credit(seller+"/payable/GBP", "1.50"), credit("card/payable/GBP", "0.50"),
			},
		}))
	}
	return s.store
}

func BenchmarkVerifyLog(b *testing.B) {
	const events = 20_000
	store := longLog(b, events)
	b.ReportAllocs()
	var took time.Duration
	for b.Loop() {
		started := time.Now()
		_, err := Verify(b.Context(), Config{Store: store})
		require.NoError(b, err)
		took += time.Since(started)
	}
	b.ReportMetric(float64(events*b.N)/took.Seconds(), "events/s")
}
