package daily

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestFold(t *testing.T) {
	entry := func(day domain.Date, typ string, parties []string, postings ...ledger.Posting) readmodel.Event {
		return readmodel.Event{Entry: &readmodel.Entry{
			Book: "b", EffectiveOn: day, Type: typ, Product: "p", Currency: "USD", Parties: parties, Postings: postings,
		}}
	}
	posting := func(account string, side ledger.Side, units int64) ledger.Posting {
		return ledger.Posting{Account: ledger.AccountID(account), Side: side, Amount: money.New(units, 2)}
	}
	totals := fold([]readmodel.Event{
		entry("2026-03-02", "sale", []string{"a", "p"}, posting("p/receivable/USD", ledger.Debit, 100), posting("a/payable/USD", ledger.Credit, 60), posting("a/tax/USD", ledger.Credit, 40)),
		{},
		entry("2026-03-02", "sale", []string{"a"}), // moved no money, counts
		entry("2026-03-01", "sale", []string{"a", "p"}, posting("a/payable/USD", ledger.Debit, 7), posting("p/receivable/USD", ledger.Credit, 7)),
		entry("2026-03-02", "refund", []string{"a"}, posting("a/payable/USD", ledger.Debit, 5)),
		{Entry: &readmodel.Entry{ // in no currency of its own, and no transaction
			Kind: readmodel.Release, Book: "b", EffectiveOn: "2026-03-02", Type: readmodel.Release, Product: "p", Parties: []string{"a"},
			Postings: []ledger.Posting{posting("a/reserve/USD", ledger.Debit, 9), posting("a/payable/USD", ledger.Credit, 9)},
		}},
	})
	var lines []string
	for _, s := range totals {
		require.Equal(t, "b", s.Book)
		require.Equal(t, money.Currency("USD"), s.Currency)
		lines = append(lines, fmt.Sprint(s.Day, " ", s.Party, " ", s.Product, " ", s.Type, " ", s.Transactions, " ", s.Debits.Decimal(), " ", s.Credits.Decimal()))
	}
	require.Equal(t, []string{
		"2026-03-02 a p sale 2 0 1",
		"2026-03-02 p p sale 1 1 0",
		"2026-03-01 a p sale 1 0.07 0",
		"2026-03-01 p p sale 1 0 0.07",
		"2026-03-02 a p refund 1 0.05 0",
		"2026-03-02 a p release 0 0.09 0.09",
	}, lines)
}
