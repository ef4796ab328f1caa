package export_test

import (
	stdcsv "encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/export"
)

func usd(units int64) money.Amount { return money.New(units, 2) }

func original(source, id string, revision uint64) *book.Original {
	return &book.Original{Key: book.Key{Source: source, ExternalID: id}, Ref: domain.Ref{Stream: "book-main", Revision: revision}}
}

// late is a history of what comes after a sale: held money, a chargeback that it
// pays, the dispute that is won, a release, a closing, adjustments.
func late(t testing.TB) *history {
	h := newHistory(t)
	held := func(account string, change money.Amount) book.Hold {
		return book.Hold{Account: ledger.AccountID(account), Into: "payable", On: "2026-11-25", Change: change}
	}
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.Amount = "S-1", usd(10000)
		e.Postings = []ledger.Posting{posting("card.pay/receivable/USD", dr, "100"), posting("seller-1/reserve/USD", cr, "10"), posting("seller-1/payable/USD", cr, "90")}
		e.Holds = []book.Hold{held("seller-1/reserve/USD", usd(1000))}
		e.Explanation = []fee.Line{{Rule: "reserve", To: "seller", Amount: usd(1000)}, {Rule: "rest", To: "seller", Amount: usd(9000)}}
	})
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.Type, e.Amount, e.Original, e.Currency = "C-1", "chargeback", usd(-5000), original("pg", "S-1", 0), "USD"
		e.Postings = []ledger.Posting{
			posting("card.pay/receivable/USD", cr, "50"), posting("seller-1/reserve/USD", dr, "5"), posting("seller-1/reserve/USD", dr, "5"), posting("seller-1/payable/USD", dr, "40"), posting("seller-1/payable/USD", dr, "15"), posting("shop/fee/USD", cr, "15"),
		}
		e.Holds = []book.Hold{held("seller-1/reserve/USD", usd(-1000))}
		e.Explanation = []fee.Line{
			{Rule: "reserve", To: "seller", Amount: usd(500)}, {Rule: "rest", To: "seller", Amount: usd(4500)}, {Rule: "dispute_fee", To: "operator", Amount: usd(1500)},
		}
	})
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.Type, e.Amount, e.EffectiveOn = "D-1", "dispute_won", usd(5000), "2026-11-23"
		e.Original, e.Restores = original("pg", "C-1", 1), original("pg", "S-1", 0)
		e.Postings = []ledger.Posting{posting("card.pay/receivable/USD", dr, "50"), posting("seller-1/payable/USD", cr, "50")}
		e.Explanation = []fee.Line{{Rule: "rest", To: "seller", Amount: usd(5000)}}
	})
	h.append("book-main", book.OriginalAwaited{
		Key: book.Key{Source: "pg", ExternalID: "R-9"}, ContentHash: "1:00", Awaits: book.Key{Source: "pg", ExternalID: "S-9"}, RecordedAt: h.at,
		Reversal: &book.ReverseEntry{Key: book.Key{Source: "pg", ExternalID: "R-9"}, Book: "main", ContentHash: "1:00", Target: book.Key{Source: "pg", ExternalID: "S-9"}, Reason: "void", OccurredAt: h.at},
	})
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.EffectiveOn, e.Amount = "X-1", "2026-11-24", usd(1000)
		e.Postings = []ledger.Posting{
			posting("card.pay/receivable/USD", dr, "10"), posting("shop/fee/USD", cr, "1"), posting("bank/fx/USD", cr, "9"),
			posting("seller-1/payable/KRW", cr, "12000"), posting("shop/fx_income/KRW", cr, "420"), posting("bank/fx/KRW", dr, "12420"),
		}
		e.Explanation = []fee.Line{{Rule: "fee", To: "operator", Amount: usd(100)}, {Rule: "abroad", To: "seller", Amount: usd(900)}}
		e.Conversions = []fee.Converted{{Rule: "abroad", Conversion: fee.Conversion{
			From: "USD", Amount: usd(900), To: "KRW", Mid: "1380", Rate: "4000/3", Exact: "12000", Rounding: "half_up 1", Value: money.New(12420, 0), Result: money.New(12000, 0), Spread: money.New(420, 0),
		}}}
	})
	h.at = h.at.Add(time.Minute)
	h.append("book-main", book.HoldsReleased{
		BusinessDate: "2026-11-25", RecordedAt: h.at,
		Postings: []ledger.Posting{posting("seller-1/reserve/USD", dr, "3"), posting("seller-1/payable/USD", cr, "3"), posting("seller-2/pending/KRW", dr, "700"), posting("seller-2/payable/KRW", cr, "700")},
		Holds:    []book.Hold{held("seller-1/reserve/USD", usd(-300)), held("seller-2/pending/KRW", money.New(-700, 0))},
	})
	for _, postings := range [][]ledger.Posting{
		{posting("shop/payable/USD", dr, "2.50"), posting("seller-1/payable/USD", cr, "2.50"), posting("seller-1/payable/USD", dr, "1"), posting("shop/fee/USD", cr, "1")}, {},
	} {
		h.append("book-main", book.WindowClosed{
			BusinessDate: "2026-12-01", RecordedAt: h.at, Counter: "contract:c-1/sales/2026-11/USD/seller=seller-1", First: "2026-11-01", Last: "2026-11-30", Currency: "USD",
			Contract: "c-1", ContractRevision: 4, Schedule: "standard", ScheduleRevision: 5, Version: 2, Engine: 2, Parties: parties("seller", "seller-1", "operator", "shop"),
			Periods: []book.PeriodLines{{Period: "monthly", Lines: []book.PeriodLine{
				{Line: fee.Line{Rule: "bonus", Amount: usd(250)}, From: "shop/payable/USD", To: "seller-1/payable/USD"},
				{Line: fee.Line{Rule: "waived"}, From: "shop/payable/USD", To: "seller-1/payable/USD"},
				{Line: fee.Line{Rule: "subscription", Amount: usd(100)}, From: "seller-1/payable/USD", To: "shop/fee/USD"},
			}}}, Postings: postings,
		})
	}
	h.append("book-main", book.BusinessDateAdvanced{From: "2026-11-30", To: "2026-12-01", RecordedAt: h.at})
	h.append("book-main", book.AdjustmentPosted{
		Key: book.Key{Source: "by-hand", ExternalID: "ADJ-1"}, ContentHash: "1:00", Reason: "goodwill", OccurredAt: h.at, EffectiveOn: "2026-12-02", RecordedAt: h.at,
		Postings: []ledger.Posting{posting("shop/payable/USD", dr, "7"), posting("seller-1/payable/USD", cr, "7")},
	})
	h.append("book-main", book.AdjustmentPosted{
		Key: book.Key{Source: "rerating", ExternalID: "fix-1/pg/S-1"}, ContentHash: "1:00", Adjusts: original("pg", "S-1", 0), Reason: "rate was wrong", OccurredAt: h.at, EffectiveOn: "2026-12-02", RecordedAt: h.at,
		Postings: []ledger.Posting{posting("seller-1/payable/USD", dr, "1"), posting("shop/fee/USD", cr, "1")},
		Restates: &book.Restatement{Rerating: "fix-1", Contract: "c-1", Schedule: "standard", Version: 3, Engine: 2, Postings: []ledger.Posting{}, Explanation: []fee.Line{}},
	})
	return h
}

func TestJournalOfEveryKind(t *testing.T) {
	text, summary := late(t).write(export.Hledger, nil)
	require.EqualValues(t, 9, summary.Entries)
	require.EqualValues(t, 1, summary.ZeroValue, "a closing of nothing")
	_, text, _ = strings.Cut(text, "2026-11-22 * (book-main@0)")
	require.Equal(t, ` sale pg/S-1
    ; contract c-1, schedule standard, version 2
    Assets:Main:CardDpay:Receivable  100.00 USD
    Liabilities:Main:Seller-1:Reserve  -10.00 USD  ; rule reserve
    Liabilities:Main:Seller-1:Payable  -90.00 USD  ; rule rest

2026-11-22 * (book-main@1) chargeback pg/C-1 of book-main@0
    ; contract c-1, schedule standard, version 2
    Assets:Main:CardDpay:Receivable  -50.00 USD
    Liabilities:Main:Seller-1:Reserve  5.00 USD  ; rule reserve
    Liabilities:Main:Seller-1:Reserve  5.00 USD  ; rule rest
    Liabilities:Main:Seller-1:Payable  40.00 USD  ; rule rest
    Liabilities:Main:Seller-1:Payable  15.00 USD
    Liabilities:Main:Shop:Fee  -15.00 USD  ; rule dispute_fee

2026-11-23 * (book-main@2) dispute_won pg/D-1 of book-main@1
    ; contract c-1, schedule standard, version 2
    Assets:Main:CardDpay:Receivable  50.00 USD
    Liabilities:Main:Seller-1:Payable  -50.00 USD  ; rule rest

2026-11-24 * (book-main@4) sale pg/X-1
    ; contract c-1, schedule standard, version 2
    Assets:Main:CardDpay:Receivable  10.00 USD
    Liabilities:Main:Shop:Fee  -1.00 USD  ; rule fee
    Equity:Main:Bank:Fx  -9.00 USD  ; rule abroad

2026-11-24 * (book-main@4) sale pg/X-1
    ; contract c-1, schedule standard, version 2
    Liabilities:Main:Seller-1:Payable  -12000 KRW  ; rule abroad
    Liabilities:Main:Shop:FxUincome  -420 KRW  ; rule abroad
    Equity:Main:Bank:Fx  12420 KRW  ; rule abroad

2026-11-25 * (book-main@5) release of what was held until 2026-11-25
    Liabilities:Main:Seller-1:Reserve  3.00 USD
    Liabilities:Main:Seller-1:Payable  -3.00 USD

2026-11-25 * (book-main@5) release of what was held until 2026-11-25
    Liabilities:Main:Seller-2:Pending  700 KRW
    Liabilities:Main:Seller-2:Payable  -700 KRW

2026-12-01 * (book-main@6) closing of contract%3Ac-1/sales/2026-11/USD/seller%3Dseller-1 from 2026-11-01 to 2026-11-30
    ; contract c-1, schedule standard, version 2
    Liabilities:Main:Shop:Payable  2.50 USD  ; rule monthly.bonus
    Liabilities:Main:Seller-1:Payable  -2.50 USD  ; rule monthly.bonus
    Liabilities:Main:Seller-1:Payable  1.00 USD  ; rule monthly.subscription
    Liabilities:Main:Shop:Fee  -1.00 USD  ; rule monthly.subscription

2026-12-01 * (book-main@7) closing of contract%3Ac-1/sales/2026-11/USD/seller%3Dseller-1 from 2026-11-01 to 2026-11-30
    ; contract c-1, schedule standard, version 2

2026-12-02 * (book-main@9) adjustment by-hand/ADJ-1
    ; reason goodwill
    Liabilities:Main:Shop:Payable  7.00 USD
    Liabilities:Main:Seller-1:Payable  -7.00 USD

2026-12-02 * (book-main@10) adjustment rerating/fix-1/pg/S-1 of book-main@0
    ; contract c-1, schedule standard, version 3
    ; rerating fix-1
    ; reason rate was wrong
    Liabilities:Main:Seller-1:Payable  1.00 USD
    Liabilities:Main:Shop:Fee  -1.00 USD

`, text)
}

func TestBeancountOfEveryKind(t *testing.T) {
	text, _ := late(t).write(export.Beancount, nil)
	for _, want := range []string{
		"2026-11-23 * \"dispute_won pg/D-1 of book-main@1\" ^book-main/2 ^book-main/1 ^book-main/0\n",
		"2026-11-25 * \"release of what was held until 2026-11-25\" ^book-main/5\n  id: \"book-main@5\"\n  recorded: \"2026-11-22T09:05:00Z\"\n    Liabilities:Main:Seller-1:Reserve  3.00 USD\n",
		"  counter: \"contract:c-1/sales/2026-11/USD/seller=seller-1\"\n  window: \"2026-11-01 2026-11-30\"\n    Liabilities:Main:Shop:Payable  2.50 USD\n      rule: \"monthly.bonus\"\n",
		"2026-12-02 * \"adjustment rerating/fix-1/pg/S-1 of book-main@0\" ^book-main/10 ^book-main/0\n",
		"  rerating: \"fix-1\"\n  reason: \"rate was wrong\"\n",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "R-9", "what waits has posted nothing")
}

func TestRowsOfEveryKind(t *testing.T) {
	text, _ := late(t).write(export.CSV, nil)
	records, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 1+3+6+2+6+4+4+1+2+2)
	columns := map[string]int{}
	for i, name := range export.Columns() {
		columns[name] = i
	}
	row := func(n int, names ...string) (values []string) {
		for _, name := range names {
			values = append(values, records[n][columns[name]])
		}
		return values
	}
	require.Equal(t, []string{"settlement", "1", "C-1", "0", "S-1"}, row(10, "kind", "original_revision", "original_external_id", "restores_revision", "restores_external_id"))
	require.Equal(t, []string{"abroad", "KRW", "", "420", "USD", "10.00"}, row(16, "rule", "currency", "debit", "credit", "transaction_currency", "transaction_amount"))
	require.Equal(t, []string{"release", "2026-11-25", "", "", "", "", "", "", "", ""},
		row(18, "kind", "effective_on", "occurred_at", "source", "external_id", "type", "transaction_currency", "transaction_amount", "contract_revision", "reason"))
	closing := []string{"closing", "monthly.bonus", "c-1", "4", "2", "contract:c-1/sales/2026-11/USD/seller=seller-1", "2026-11-01", "2026-11-30", "", "operator=shop seller=seller-1"}
	require.Equal(t, closing, row(22, "kind", "rule", "contract", "contract_revision", "schedule_version", "counter", "window_first", "window_last", "transaction_amount", "parties"))
	require.Equal(t, []string{"closing", "0", "", "USD", ""}, row(26, "kind", "posting", "account", "currency", "transaction_currency"))
	require.Equal(t, []string{"adjustment", "by-hand", "ADJ-1", "", "", "goodwill", ""}, row(27, "kind", "source", "external_id", "adjusts_revision", "contract_revision", "reason", "rerating"))
	require.Equal(t, []string{"adjustment", "0", "pg", "S-1", "fix-1", "3", "rate was wrong"}, row(29, "kind", "adjusts_revision", "adjusts_source", "adjusts_external_id", "rerating", "schedule_version", "reason"))
}
