package logcopy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/esdb/logcopy"
)

// BenchmarkCopy copies logs of 900-byte events, from one node to another on the same
// disk, with the proof: one busy stream, and streams that alternate at every event.
func BenchmarkCopy(b *testing.B) {
	for _, shape := range []struct {
		name    string
		streams int
		events  uint64
	}{{"one stream", 1, 200_000}, {"alternating", 100, 10_000}} {
		b.Run(shape.name, func(b *testing.B) {
			source := newStore(b)
			batch := make([]esdb.Raw, 500)
			if shape.streams > 1 {
				batch = batch[:1]
			}
			for i := range shape.events / uint64(len(batch)) {
				for j := range batch {
					batch[j] = event("Tested.v1")
					batch[j].ID = uuid.New()
					batch[j].Data = fmt.Appendf(nil, `{"id":"%s","text":"%s"}`, batch[j].ID, strings.Repeat(batch[j].ID.String(), 22))
				}
				n := uint64(shape.streams)
				put(b, source, domain.Stream("book", fmt.Sprint(i%n)), i/n*uint64(len(batch)), batch...)
			}
			b.ResetTimer()
			for range b.N {
				report, err := logcopy.Copy(b.Context(), source, newStore(b), options())
				require.NoError(b, err)
				require.True(b, report.Proof.Equal())
			}
			b.ReportMetric(float64(b.N)*float64(shape.events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
