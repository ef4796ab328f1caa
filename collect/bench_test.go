package collect_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
)

// BenchmarkMap reads, checks, decodes, hashes and maps lines of the retail
// example; ns/op is per record.
func BenchmarkMap(b *testing.B) {
	d := example(b, "online-retail.yaml")
	const lines = 20_000
	body := strings.TrimPrefix(retailLines, retailHeader)
	data := retailHeader + strings.Repeat(body, lines/8)
	b.SetBytes(int64(len(data) / lines))
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += lines {
		report, err := d.Measure(context.Background(), collect.NewDelivery("x", strings.NewReader(data), int64(len(data))))
		require.NoError(b, err)
		require.EqualValues(b, lines, report.Counts.Read)
	}
}
