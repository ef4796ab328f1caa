package collect_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
)

// FuzzCSV maps any bytes as deliveries of the retail example: no panic, and every
// record that was counted has an outcome, or the delivery is refused.
func FuzzCSV(f *testing.F) {
	d := example(f, "online-retail.yaml")
	f.Add([]byte(retailLines))
	f.Add([]byte(zip(f, retailLines)))
	f.Add([]byte(retailHeader + "C1,B,\"a\"\"b\",-1,2011-03-27 01:30:00,1e5,x,\n1,2\n\"1\",85,,999999999999999999999,2011-02-30 00:00:00,.,1.5,World\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := d.Measure(context.Background(), delivery(string(data)))
		if err != nil {
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(err), "%v", err)
			return
		}
		sum, ok := report.Counts.Sum()
		require.True(t, ok)
		require.Equal(t, report.Counts.Read, sum)
	})
}

// FuzzNDJSON is the same for the market and the wallet example.
func FuzzNDJSON(f *testing.F) {
	definitions := []*collect.Definition{example(f, "demo/market.yaml"), example(f, "wallet.yaml")}
	f.Add([]byte(bet + win + rollback + rollback[:20] + "\n" + strings.Replace(rollback, `"b1"`, "[]", 1)))
	f.Add([]byte(`{"id":"k1","kind":"sale","seller":"seller-jeju","approved_at":"2026-11-22T10:00:00+09:00","payment":{"amount":12000,"currency":"KRW","method":"card"}}` + "\n"))
	f.Add([]byte(`{"id":7,"kind":null,"seller":[1],"payment":{"amount":1e64,"currency":{}},"cancels":"k1"}` + "\n{}\n[]\n"))
	f.Add([]byte(`{"payment":{"amount":-0.0000000000000000001,"currency":"KRW"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range definitions {
			report, err := d.Measure(context.Background(), delivery(string(data)))
			if err != nil {
				require.Equal(t, domain.CodeMalformed, domain.CodeOf(err), "%v", err)
				return
			}
			sum, ok := report.Counts.Sum()
			require.True(t, ok)
			require.Equal(t, report.Counts.Read, sum)
		}
	})
}
