package collect_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/source"
)

const retailHeader = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

// Lines in the shape of the real file, written for this test.
const retailLines = retailHeader +
	"536365,85123A,HEART HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n" +
	"536365,85123A,HEART HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n" +
	"C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom\n" +
	"536370,POST,POSTAGE,3,2010-12-01 08:45:00,18.0,12583.0,France\n" +
	"536371,22139,,56,2010-12-01 09:00:00,0.0,,United Kingdom\n" +
	"550193,PADS,PADS TO MATCH,1,2011-04-15 09:27:00,0.001,13952.0,United Kingdom\n" +
	"A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom\n" +
	"536372,gift_0001_20,\"VOUCHER \"\"20\"\"\",1,2011-07-12 14:51:00,16.67,12345.0,Japan\n"

func TestOnlineRetailExample(t *testing.T) {
	l := newLedger(t)
	l.applyFile("../examples/online-retail-terms.yaml")
	report := l.must(example(t, "online-retail.yaml"), retailLines)
	require.Equal(t, source.Counts{Read: 8, Settled: 7, ZeroValue: 1, Quarantined: 1}, report.Counts)
	require.Equal(t, "-10988.289", report.Totals[0].Read)
	require.Equal(t, "73.771", report.Totals[0].Settled)
	require.EqualValues(t, "missing_contract", report.Faults[0].Code)

	uk := l.settlements("uk")
	require.Len(t, uk, 5)
	for id, want := range map[string][]string{ // type, product, provider, affiliate, first posting, occurred
		"536365/1":  {"sale", "goods", "provider-85", "affiliate-0", "15.3", "2010-12-01T08:26:00Z"},
		"536365/2":  {"sale", "goods", "provider-85", "affiliate-0", "15.3", "2010-12-01T08:26:00Z"},
		"C536379/1": {"refund", "discount", "provider-other", "affiliate-27", "27.5", "2010-12-01T09:41:00Z"},
		"536371/1":  {"sale", "goods", "provider-22", "house", "", "2010-12-01T09:00:00Z"},
		"550193/1":  {"sale", "goods", "provider-other", "affiliate-2", "0.001", "2011-04-15T08:27:00Z"},
	} {
		s := uk[id]
		require.Equal(t, want[0], s.Type, id)
		require.Equal(t, want[1], s.Product, id)
		require.Equal(t, want[2], s.Parties.Party("provider"), id)
		require.Equal(t, want[3], s.Parties.Party("affiliate"), id)
		require.Equal(t, "retail-uk", s.Parties.Party("operator"), id)
		require.Equal(t, "card", s.Method)
		require.Equal(t, want[5], s.OccurredAt.Format("2006-01-02T15:04:05Z07:00"), id)
		if want[4] == "" {
			require.Empty(t, s.Postings, id)
			continue
		}
		require.Equal(t, want[4], s.Postings[0].Amount.Decimal().String(), id)
	}
	require.Len(t, uk["536365/1"].Postings, 5, "at least four postings per sale")
	require.Len(t, uk["550193/1"].Postings, 2, "a tenth of a penny goes to the rounding account")
	require.Equal(t, "shipping", l.settlements("europe")["536370/1"].Product)
	require.Equal(t, "gift_voucher", l.settlements("world")["536372/1"].Product)
}

// TestOnlineRetailNegotiated settles the lines under the ten rules.
func TestOnlineRetailNegotiated(t *testing.T) {
	l := newLedger(t)
	l.applyFile("../examples/online-retail-negotiated-terms.yaml")
	report := l.must(example(t, "online-retail.yaml"), retailLines)
	require.Equal(t, source.Counts{Read: 8, Settled: 7, ZeroValue: 1, Quarantined: 1}, report.Counts)

	uk := l.settlements("uk")
	lines := map[string]string{}
	for _, line := range uk["536365/1"].Explanation {
		lines[line.Rule] = line.Amount.String()
	}
	require.Equal(t, map[string]string{ // 15.30 with 17.5 % of tax in it, in December
		"vat": "2.28", "card_fee": "0.21", "commission": "1.84", "christmas": "0.07", "affiliate": "0.65",
		"operator": "2.60", "reserve": "1.30", "provider": "6.35",
	}, lines)
	require.Equal(t, []book.Hold{
		{Account: "provider-85/reserve/GBP", Into: "payable", On: "2011-05-30", Change: money.New(130, 2)},
	}, uk["536365/1"].Holds)
	require.Empty(t, uk["C536379/1"].Holds, "of a refund without its sale, as of one after its sale has been released, all is taken from the account payable")
	require.Empty(t, uk["550193/1"].Holds)
	world := l.settlements("world")["536372/1"]
	for _, posting := range world.Postings {
		require.NotContains(t, posting.Account, "tax-office", "exports are free of tax")
	}
	require.Equal(t, money.New(167, 2), world.Holds[0].Change)
}

// TestOnlineRetailData maps the real file, without a ledger behind it.
func TestOnlineRetailData(t *testing.T) {
	d := example(t, "online-retail.yaml")
	file := sample(t, "dataset-online-retail", "online_retail.csv.gz")
	totals, err := d.Measure(context.Background(), file)
	require.NoError(t, err)
	require.EqualValues(t, 541_909, totals.Counts.Read)
	require.EqualValues(t, 541_909, totals.Counts.Settled)
	require.EqualValues(t, 2_515, totals.Counts.ZeroValue)
	require.Zero(t, totals.Unmapped)
	require.Len(t, totals.Totals, 1)
	require.Equal(t, "9747747.934", totals.Totals[0].Read)
}

// sample opens a file of the shared samples beside the repository.
func sample(t testing.TB, parts ...string) *collect.Delivery {
	t.Helper()
	for _, up := range []string{"../..", "../../.."} {
		path := filepath.Join(append([]string{up, "shared", "samples"}, parts...)...)
		if _, err := os.Stat(path); err == nil {
			file, err := collect.OpenFile(path, t.TempDir())
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, file.Close()) })
			return file
		}
	}
	t.Skipf("the data set %s is not beside the repository", filepath.Join(parts...))
	return nil
}
