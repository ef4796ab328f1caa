package export_test

import (
	stdcsv "encoding/csv"
	"encoding/json"
	"math/big"
	"strconv"
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

// example is a history of every shape that an entry can have.
func example(t testing.TB) *history {
	h := newHistory(t)
	original := book.Original{Key: book.Key{Source: "pg", ExternalID: `A:1; "x"`}, Ref: domain.Ref{Stream: "book-main", Revision: 0}}
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.Product, e.Amount = original.ExternalID, "=SUM(A1)", money.New(100012, 4)
		e.Postings = []ledger.Posting{
			posting("card.pay/receivable/USD", dr, "100.0012"), posting("card.pay/fee/USD", cr, "3.20"), posting("seller-1/payable/USD", cr, "96.8"), posting("shop/rounding/USD", cr, "0.0012"),
		}
		e.Amount = money.New(1000012, 4)
		e.Explanation = []fee.Line{
			{Rule: "card_fee", To: "gateway", Exact: "3.2", Amount: money.New(320, 2)}, {Rule: "waived", To: "seller", Exact: "0", Amount: money.Zero},
			{Rule: "seller_rest", To: "seller", Exact: "96.80", Amount: money.New(9680, 2)}, {Rule: "rounding_difference", To: "operator", Exact: "0.0012", Amount: money.New(12, 4)},
		}
	})
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.Type, e.Original, e.Amount = "R-1", "refund", &original, money.New(-1000, 2)
		e.Postings = []ledger.Posting{posting("card.pay/receivable/USD", cr, "10.00"), posting("seller-1/payable/USD", dr, "10.00")}
		e.Explanation = []fee.Line{{Rule: "seller_rest", To: "seller", Exact: "10.00", Amount: money.New(1000, 2)}}
	})
	h.at = h.at.Add(time.Minute)
	h.append("book-main", book.EntryReversed{
		Key: book.Key{Source: "by-hand", ExternalID: "V-1"}, ContentHash: "1:00", Reverses: book.Original{Key: book.Key{Source: "pg", ExternalID: "R-1"}, Ref: domain.Ref{Stream: "book-main", Revision: 1}},
		Original: &original, Reason: "sent twice: see mail", OccurredAt: h.at, EffectiveOn: "2026-11-23", RecordedAt: h.at, Currency: "USD", Amount: money.New(1000, 2), Type: "refund", Method: "card",
		Parties: parties("operator", "shop"), Postings: []ledger.Posting{posting("card.pay/receivable/USD", dr, "10.00"), posting("seller-1/payable/USD", cr, "10.00")},
	})
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.EffectiveOn, e.Amount = "Z-1", "2026-11-23", money.Zero
	})
	h.settle("main", func(e *book.TransactionSettled) {
		e.ExternalID, e.EffectiveOn, e.Amount = "X-1", "2026-11-24", money.New(500, 2)
		e.Postings = []ledger.Posting{
			posting("card.pay/receivable/USD", dr, "5"), posting("shop/fx/USD", cr, "5"), posting("shop/fx/KRW", dr, "6900"), posting("seller-1/payable/KRW", cr, "6900"),
		}
	})
	return h
}

func TestJournal(t *testing.T) {
	text, summary := example(t).write(export.Hledger, func(c *export.Config) { c.Balances = true })
	require.Equal(t, strings.Replace(`; Entries of a Jeongsan log, debits positive, credits negative
; log 11111111-2222-4333-8444-555555555555 incarnation 1 up to position POSITION

commodity KRW
commodity USD

account Assets:Main:CardDpay:Receivable
account Equity:Main:Shop:Fx
account Equity:Main:Shop:Rounding
account Liabilities:Main:CardDpay:Fee
account Liabilities:Main:Seller-1:Payable

2026-11-22 * (book-main@0) sale pg/A%3A1%3B %22x%22
    ; contract c-1, schedule standard, version 2
    Assets:Main:CardDpay:Receivable  100.0012 USD
    Liabilities:Main:CardDpay:Fee  -3.20 USD  ; rule card_fee
    Liabilities:Main:Seller-1:Payable  -96.80 USD  ; rule seller_rest
    Equity:Main:Shop:Rounding  -0.0012 USD  ; rule rounding_difference

2026-11-22 * (book-main@1) refund pg/R-1 of book-main@0
    ; contract c-1, schedule standard, version 2
    Assets:Main:CardDpay:Receivable  -10.00 USD
    Liabilities:Main:Seller-1:Payable  10.00 USD  ; rule seller_rest

2026-11-23 * (book-main@2) reversal by-hand/V-1 of book-main@1
    ; reason sent twice%3A see mail
    Assets:Main:CardDpay:Receivable  10.00 USD
    Liabilities:Main:Seller-1:Payable  -10.00 USD

2026-11-23 * (book-main@3) sale pg/Z-1
    ; contract c-1, schedule standard, version 2

2026-11-24 * (book-main@4) sale pg/X-1
    ; contract c-1, schedule standard, version 2
    Assets:Main:CardDpay:Receivable  5.00 USD
    Equity:Main:Shop:Fx  -5.00 USD

2026-11-24 * (book-main@4) sale pg/X-1
    ; contract c-1, schedule standard, version 2
    Equity:Main:Shop:Fx  6900 KRW
    Liabilities:Main:Seller-1:Payable  -6900 KRW

2026-11-24 * (closing) balances in KRW
    Equity:Main:Shop:Fx  0 KRW = 6900 KRW
    Liabilities:Main:Seller-1:Payable  0 KRW = -6900 KRW

2026-11-24 * (closing) balances in USD
    Assets:Main:CardDpay:Receivable  0.00 USD = 105.0012 USD
    Equity:Main:Shop:Fx  0.00 USD = -5.00 USD
    Equity:Main:Shop:Rounding  0.00 USD = -0.0012 USD
    Liabilities:Main:CardDpay:Fee  0.00 USD = -3.20 USD
    Liabilities:Main:Seller-1:Payable  0.00 USD = -96.80 USD

`, "POSITION", strconv.FormatUint(uint64(summary.Position), 10), 1), text)
	for line := range strings.Lines(text) {
		if _, comment, found := strings.Cut(line, ";"); found {
			require.NotContains(t, comment, ":", "ledger would see a tag")
			require.NotContains(t, comment, "[", "ledger would see a date")
		}
	}
}

func TestBeancount(t *testing.T) {
	text, summary := example(t).write(export.Beancount, nil)
	require.Equal(t, strings.Replace(`; Entries of a Jeongsan log, debits positive, credits negative
; log 11111111-2222-4333-8444-555555555555 incarnation 1 up to position POSITION

option "title" "Jeongsan"
option "inferred_tolerance_multiplier" "0"
option "operating_currency" "KRW"
option "operating_currency" "USD"

2026-11-24 commodity KRW
2026-11-22 commodity USD

2026-11-22 open Assets:Main:CardDpay:Receivable USD
2026-11-24 open Equity:Main:Shop:Fx KRW,USD
2026-11-22 open Equity:Main:Shop:Rounding USD
2026-11-22 open Liabilities:Main:CardDpay:Fee USD
2026-11-22 open Liabilities:Main:Seller-1:Payable KRW,USD

2026-11-22 * "sale pg/A:1; \"x\"" ^book-main/0
  id: "book-main@0"
  source: "pg"
  external-id: "A:1; \"x\""
  recorded: "2026-11-22T09:01:00Z"
  contract: "c-1"
  schedule: "standard"
  schedule-version: "2"
    Assets:Main:CardDpay:Receivable  100.0012 USD
    Liabilities:Main:CardDpay:Fee  -3.20 USD
      rule: "card_fee"
    Liabilities:Main:Seller-1:Payable  -96.80 USD
      rule: "seller_rest"
    Equity:Main:Shop:Rounding  -0.0012 USD
      rule: "rounding_difference"

`, "POSITION", strconv.FormatUint(uint64(summary.Position), 10), 1), text[:strings.Index(text, "2026-11-22 * \"refund")])
	require.Contains(t, text, `2026-11-23 * "reversal by-hand/V-1 of book-main@1" ^book-main/2 ^book-main/1 ^book-main/0
  id: "book-main@2"
  source: "by-hand"
  external-id: "V-1"
  recorded: "2026-11-22T09:03:00Z"
  reason: "sent twice: see mail"
`)
	require.Equal(t, 2, strings.Count(text, `  id: "book-main@4"`), "an entry for each currency")
}

func TestCSV(t *testing.T) {
	text, _ := example(t).write(export.CSV, nil)
	require.NotContains(t, strings.ReplaceAll(text, "\r\n", ""), "\n")
	lines := strings.Split(text, "\r\n")
	require.Equal(t, `book,revision,event_id,kind,posting,account,owner,purpose,currency,debit,credit,rule,effective_on,occurred_at,recorded_at,`+
		`source,external_id,type,method,product,transaction_currency,transaction_amount,parties,contract,contract_revision,schedule,schedule_version,schedule_revision,engine,`+
		`original_revision,original_external_id,reverses_revision,reverses_source,reverses_external_id,reason,`+
		`restores_revision,restores_external_id,adjusts_revision,adjusts_source,adjusts_external_id,rerating,counter,window_first,window_last`, lines[0], "columns keep their places")
	records, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 1+4+2+2+1+4)
	at := func(row int, column string) string {
		for i, name := range export.Columns() {
			if name == column {
				return records[row][i]
			}
		}
		t.Fatal("no column ", column)
		return ""
	}
	require.Equal(t, "'=SUM(A1)", at(1, "product"), "no spreadsheet computes what a source sent")
	require.Equal(t, `A:1; "x"`, at(1, "external_id"))
	require.Equal(t, "100.0012", at(1, "debit"))
	require.Equal(t, []string{"", "96.80", "seller_rest", "3"}, []string{at(3, "debit"), at(3, "credit"), at(3, "rule"), at(3, "posting")})
	require.Equal(t, []string{"-10.00", "0", `A:1; "x"`}, []string{at(5, "transaction_amount"), at(5, "original_revision"), at(5, "original_external_id")})
	require.Equal(t, []string{"reversal", "1", "pg", "R-1", "", "", "sent twice: see mail"},
		[]string{at(7, "kind"), at(7, "reverses_revision"), at(7, "reverses_source"), at(7, "reverses_external_id"), at(7, "contract"), at(7, "engine"), at(7, "reason")})
	require.Equal(t, []string{"0", "", "", "", "USD", "0.00"}, []string{at(9, "posting"), at(9, "account"), at(9, "debit"), at(9, "credit"), at(9, "currency"), at(9, "transaction_amount")}, "a transaction of nothing has a row")
	require.Equal(t, []string{"KRW", "USD"}, []string{at(12, "currency"), at(12, "transaction_currency")})
}

func TestFormulasAreGuarded(t *testing.T) {
	for _, sent := range []string{"=1", "+1", "-1", "@a", "'=1", "'", "＝1"} {
		h := newHistory(t)
		h.settle("main", func(e *book.TransactionSettled) { e.ExternalID, e.Amount = sent, money.Zero })
		text, _ := h.write(export.CSV, nil)
		records, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, "'"+sent, records[1][16], "one apostrophe more, whatever stands there")
	}
}

func TestJSONLines(t *testing.T) {
	h := example(t)
	text, _ := h.write(export.JSONL, nil)
	first, _, _ := strings.Cut(text, "\n")
	require.Regexp(t, `^\{"book":"main","revision":0,"event_id":"[0-9a-f-]{36}","kind":"settlement","posting":1,"account":"card.pay/receivable/USD","owner":"card.pay","purpose":"receivable","currency":"USD",`+
		`"debit":"100.0012","credit":"","rule":"","effective_on":"2026-11-22","occurred_at":"2026-11-22T08:01:00Z","recorded_at":"2026-11-22T09:01:00Z",`+
		`"source":"pg","external_id":"A:1; \\"x\\"","type":"sale","method":"card","product":"=SUM\(A1\)","transaction_currency":"USD","transaction_amount":"100.0012",`+
		`"parties":"gateway=card.pay operator=shop seller=seller-1","contract":"c-1","contract_revision":[0-9nul]+,"schedule":"standard","schedule_version":2,"schedule_revision":[0-9nul]+,"engine":1,`+
		`"original_revision":null,"original_external_id":"","reverses_revision":null,"reverses_source":"","reverses_external_id":"","reason":"",`+
		`"restores_revision":null,"restores_external_id":"","adjusts_revision":null,"adjusts_source":"","adjusts_external_id":"","rerating":"","counter":"","window_first":"","window_last":""\}$`, first)
	sums := map[string]*big.Rat{}
	for line := range strings.Lines(text) {
		var row struct{ Account, Debit, Credit, Currency string }
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		if sums[row.Currency] == nil {
			sums[row.Currency] = new(big.Rat)
		}
		for _, side := range []struct {
			amount string
			sign   int64
		}{{row.Debit, 1}, {row.Credit, -1}} {
			if side.amount != "" {
				amount, ok := new(big.Rat).SetString(side.amount)
				require.True(t, ok)
				sums[row.Currency].Add(sums[row.Currency], amount.Mul(amount, big.NewRat(side.sign, 1)))
			}
		}
	}
	require.Len(t, sums, 2)
	for currency, sum := range sums {
		require.Zero(t, sum.Sign(), currency)
	}
}
