package collect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	entry "github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/source"
)

// posted renders postings as "account debit|credit amount".
func posted(postings []entry.Posting) []string {
	var out []string
	for _, p := range postings {
		_, _, currency := p.Account.Split()
		out = append(out, string(p.Account)+" "+p.Side.String()+" "+p.Amount.Format(currency))
	}
	return out
}

func TestArcadeExample(t *testing.T) {
	l := newLedger(t)
	l.applyFile("../examples/demo/terms.yaml")
	report := l.must(example(t, "demo/arcade.yaml"), "order_id,ordered_at,type,game,studio,streamer,method,amount,refund_of,exported_at\n"+
		"A-1,11/22/2026 09:30:00,sale,Comet Run,comet,streamer-juno,card,19.99,,x\n"+
		"A-2,11/22/2026 09:31:00,top_up,Gems,paperfox,,card,\"1,250.00\",,x\n"+
		"A-3,11/23/2026 10:00:00,refund,Comet Run,comet,streamer-juno,card,-19.99,A-1,x\n"+
		"TEST-1,11/22/2026 09:30:00,sale,Comet Run,comet,,card,1.00,,x\n")
	require.Equal(t, source.Counts{Read: 4, Settled: 3, Ignored: map[string]uint64{"test_order": 1}}, report.Counts)
	settled := l.settlements("starlight")
	require.Equal(t, []string{
		"brightcard/receivable/USD debit 19.99",
		"brightcard/fee/USD credit 0.58",
		"brightcard/fee/USD credit 0.30",
		"studio-comet/payable/USD credit 13.38",
		"streamer-juno/payable/USD credit 1.00",
		"ledger-platform/payable/USD credit 0.20",
		"starlight-arcade/payable/USD credit 4.53",
	}, posted(settled["A-1"].Postings))
	require.Equal(t, "us-house", settled["A-2"].Parties.Party("streamer"), "the contract names who stands in")
	require.Equal(t, "us-house/payable/USD credit 10.00", posted(settled["A-2"].Postings)[4], "capped")
	require.Equal(t, "A-1", settled["A-3"].Original.ExternalID)
	require.Equal(t, "2026-11-22", string(settled["A-1"].EffectiveOn))
	require.Equal(t, "2026-11-22T17:30:00Z", settled["A-1"].OccurredAt.Format("2006-01-02T15:04:05Z07:00"))
}

func TestMarketExample(t *testing.T) {
	l := newLedger(t)
	l.applyFile("../examples/demo/terms.yaml")
	report := l.must(example(t, "demo/market.yaml"), `{"id":"p1","kind":"sale","seller":"seller-jeju","affiliate":"affiliate-mina","category":"food","approved_at":"2026-11-22T23:30:00+09:00","payment":{"method":"card","currency":"KRW","amount":33333}}
{"id":"p2","kind":"refund","cancels":"p1","seller":"seller-jeju","affiliate":"affiliate-mina","approved_at":"2026-11-23T09:00:00+09:00","payment":{"method":"card","currency":"KRW","amount":-3333}}
{"id":"p3","kind":"sale","seller":"seller-unknown","approved_at":"2026-11-22T23:30:00+09:00","payment":{"method":"card","currency":"KRW","amount":1000}}
`)
	require.Equal(t, source.Counts{Read: 3, Settled: 2, Quarantined: 1}, report.Counts)
	settled := l.settlements("hangang")
	require.Equal(t, []string{
		"namsan-pg/receivable/KRW debit 33333",
		"namsan-pg/fee/KRW credit 933",
		"hangang-market/payable/KRW credit 2000",
		"affiliate-mina/payable/KRW credit 999",
		"ledger-platform/payable/KRW credit 167",
		"kr-tax-office/payable/KRW credit 960",
		"seller-jeju/payable/KRW credit 28274",
	}, posted(settled["p1"].Postings))
	require.Equal(t, "uncategorised", settled["p2"].Product)
	require.Equal(t, "p1", settled["p2"].Original.ExternalID)
	require.Equal(t, "2026-11-22", string(settled["p1"].EffectiveOn))
}
