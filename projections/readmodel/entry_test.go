package readmodel_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func debit(account string, units int64) ledger.Posting {
	return ledger.Posting{Account: ledger.AccountID(account), Side: ledger.Debit, Amount: money.New(units, 2)}
}

func credit(account string, units int64) ledger.Posting {
	return ledger.Posting{Account: ledger.AccountID(account), Side: ledger.Credit, Amount: money.New(units, 2)}
}

func decode(t *testing.T, event domain.Event) readmodel.Event {
	t.Helper()
	e := new(readmodel.Decoder).Decode(record(t, "book-a", event))
	require.NoError(t, e.Err)
	return e
}

var at = time.Unix(9, 0).UTC()

func TestDecodeWhatHoldsAndRestores(t *testing.T) {
	chargeback := &book.Original{Key: book.Key{Source: "pg", ExternalID: "cb"}, Ref: domain.Ref{Stream: "book-a", Revision: 2}}
	sale := &book.Original{Key: book.Key{Source: "pg", ExternalID: "s"}, Ref: domain.Ref{Stream: "book-a", Revision: 1}}
	holds := []book.Hold{{Account: "zoe/reserve/USD", Into: "payable", On: "2026-04-01", Change: money.New(100, 2)}}
	e := decode(t, book.TransactionSettled{
		Key: book.Key{Source: "pg", ExternalID: "won"}, ContentHash: "1:ab", Type: "chargeback", OccurredAt: at, EffectiveOn: "2026-03-01", RecordedAt: at,
		Currency: "USD", Amount: money.New(100, 2), Original: chargeback, Restores: sale, Contract: "c", Schedule: "s", Version: 1, Engine: 2,
		Calendars: map[string]book.Revision{"us": 3, "kr": 0, "jp": 1}, Holds: holds, Explanation: []fee.Line{},
		Postings: []ledger.Posting{debit("pg/receivable/USD", 100), credit("zoe/reserve/USD", 100)},
	})
	require.Equal(t, readmodel.Settlement, e.Entry.Kind)
	require.True(t, e.Entry.Transaction())
	require.Equal(t, readmodel.LinkRefund, e.Entry.Link)
	require.Equal(t, chargeback, e.Entry.Original)
	require.Equal(t, sale, e.Entry.Restores)
	require.Equal(t, holds, e.Entry.Holds)
	require.Equal(t, []string{"jp", "kr", "us"}, e.Entry.Calendars, "in one order: names are numbered by it")
	require.Nil(t, e.Event)
}

func TestDecodeAdjustment(t *testing.T) {
	original := &book.Original{Key: book.Key{Source: "pg", ExternalID: "1"}, Ref: domain.Ref{Stream: "book-a", Revision: 2}}
	restatement := &book.Restatement{
		Rerating: "june", Contract: "c", Schedule: "s", Version: 4, Engine: 2, Parties: book.Parties{{Role: "agent", ID: "ann"}}, Explanation: []fee.Line{},
		Counts:   []fee.Count{{Counter: "contract:c/ytd/2026/USD/", After: money.New(3, 2)}},
		Postings: []ledger.Posting{debit("zoe/payable/EUR", 900), credit("bob/fee/EUR", 900)},
	}
	won := ledger.Posting{Account: "bob/fee/KRW", Side: ledger.Credit, Amount: money.New(7, 0)}
	for name, test := range map[string]struct {
		adjusts  *book.Original
		restates *book.Restatement
		postings []ledger.Posting
		link     string
		currency money.Currency
		amount   string
		contract string
		parties  []string
	}{
		"alone": {nil, nil, []ledger.Posting{credit("zoe/payable/USD", 50), debit("bob/fee/USD", 30), debit("bob/tax/USD", 20)}, "", "USD", "0.5", "", []string{"bob", "zoe"}},
		"of a transaction": {original, nil, []ledger.Posting{debit("zoe/payable/USD", 50), credit("bob/fee/USD", 50)}, readmodel.LinkAdjustment, "USD", "0.5", "",
			[]string{"bob", "zoe"}},
		"in two currencies": {nil, nil, []ledger.Posting{debit("zoe/payable/USD", 50), credit("bob/fee/USD", 50), {Account: "zoe/payable/KRW", Amount: won.Amount}, won}, "", "USD", "0.5", "",
			[]string{"bob", "zoe"}},
		"restating": {original, restatement, []ledger.Posting{debit("zoe/payable/USD", 50), credit("bob/fee/USD", 50)}, readmodel.LinkRestatement, "USD", "0.5", "c",
			[]string{"ann", "bob", "zoe"}},
		"restating without a difference": {original, restatement, []ledger.Posting{}, readmodel.LinkRestatement, "EUR", "0", "c", []string{"ann"}},
		"of nothing":                     {nil, nil, []ledger.Posting{}, "", "", "0", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := decode(t, book.AdjustmentPosted{
				Key: book.Key{Source: "desk", ExternalID: "a"}, ContentHash: "1:ab", Adjusts: test.adjusts, Reason: "wrong rate", OccurredAt: at,
				EffectiveOn: "2026-03-01", RecordedAt: at, Postings: test.postings, Restates: test.restates,
			})
			entry := e.Entry
			require.True(t, entry.Transaction())
			require.Equal(t, []string{readmodel.Adjustment, readmodel.Adjustment, "a", "wrong rate", test.contract, test.link},
				[]string{entry.Kind, entry.Type, entry.Book, entry.Reason, entry.Contract, entry.Link})
			require.Equal(t, test.currency, entry.Currency)
			require.Equal(t, test.amount, entry.Amount.Decimal().String())
			require.Equal(t, test.adjusts, entry.Original)
			require.ElementsMatch(t, test.parties, entry.Parties)
			require.Empty(t, entry.Counts, "a re-rating counts in no accumulator")
		})
	}
}

// A sum that no book can have taken stops the read models there.
func TestDecodeAdjustmentThatDoesNotFit(t *testing.T) {
	most := ledger.Posting{Account: "zoe/payable/KRW", Side: ledger.Debit, Amount: money.New(math.MaxInt64, 0)}
	e := new(readmodel.Decoder).Decode(record(t, "book-a", book.AdjustmentPosted{Postings: []ledger.Posting{most, most}}))
	require.Error(t, e.Err)
	require.Nil(t, e.Entry)
}

func TestDecodeSteps(t *testing.T) {
	e := decode(t, book.HoldsReleased{
		BusinessDate: "2026-03-02", RecordedAt: at, Postings: []ledger.Posting{debit("zoe/reserve/USD", 5), credit("zoe/payable/USD", 5)},
		Holds: []book.Hold{{Account: "zoe/reserve/USD", Into: "payable", On: "2026-03-01", Change: money.New(-5, 2)}},
	})
	require.Equal(t, readmodel.Release, e.Entry.Kind)
	require.False(t, e.Entry.Transaction())
	require.Equal(t, domain.Date("2026-03-02"), e.Entry.EffectiveOn)
	require.Equal(t, []string{"zoe"}, e.Entry.Parties)
	require.Len(t, e.Entry.Holds, 1)
	require.Nil(t, e.Event)

	closed := book.WindowClosed{
		BusinessDate: "2026-03-02", RecordedAt: at, Counter: "contract:c/ytd/2026-02/USD/", First: "2026-02-01", Last: "2026-02-28", Currency: "USD", Contract: "c",
		Schedule: "s", Version: 2, Engine: 2, Parties: book.Parties{{Role: "agent", ID: "ann"}}, Periods: []book.PeriodLines{},
		Counts:   []fee.Count{{Counter: "contract:c/ytd/2026-03/USD/", After: money.New(3, 2)}},
		Postings: []ledger.Posting{debit("zoe/payable/USD", 5), credit("bob/fee/USD", 5)},
	}
	e = decode(t, closed)
	require.Equal(t, readmodel.Closing, e.Entry.Kind)
	require.False(t, e.Entry.Transaction())
	require.Equal(t, domain.Date("2026-03-02"), e.Entry.EffectiveOn)
	require.Equal(t, []string{"ann", "bob", "zoe"}, e.Entry.Parties)
	require.Equal(t, closed.Counts, e.Entry.Counts)
	require.Equal(t, closed.Counter, e.Event.(book.WindowClosed).Counter, "an entry does not say which window it was")
}

func TestDecodeWhatBooksNothing(t *testing.T) {
	for _, event := range []domain.Event{
		book.BusinessDateAdvanced{From: "2026-03-01", To: "2026-03-02", RecordedAt: at},
		book.OriginalAwaited{Key: book.Key{Source: "pg", ExternalID: "2"}, Awaits: book.Key{Source: "pg", ExternalID: "1"}, RecordedAt: at, Reversal: &book.ReverseEntry{}},
		calendar.CalendarPublished{Document: calendar.Document{Calendar: "kr", Version: 1}},
	} {
		e := decode(t, event)
		require.Nil(t, e.Entry)
		require.Equal(t, event.EventType(), e.Event.EventType())
	}
}
