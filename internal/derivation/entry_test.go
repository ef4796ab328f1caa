package derivation_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/internal/derivation"
)

func leg(account ledger.AccountID, side ledger.Side, cents int64) ledger.Posting {
	return ledger.Posting{Account: account, Side: side, Amount: money.New(cents, 2)}
}

// A reversal gives each party back what it had, from wherever held money went.
func TestReverse(t *testing.T) {
	store := log(t)
	sale := settled()
	sale.Postings = []ledger.Posting{leg("pg/receivable/USD", ledger.Debit, 10000), leg("hub/payable/USD", ledger.Credit, 260), leg("maker/reserve/USD", ledger.Credit, 9740)}
	add(t, store, "book-b", 0, sale)
	back := func() *book.EntryReversed {
		return &book.EntryReversed{
			Key: book.Key{Source: "desk", ExternalID: "R"}, ContentHash: "1:00", Reverses: book.Original{Key: sale.Key, Ref: domain.Ref{Stream: "book-b", Revision: 0}},
			Reason: "wrong", OccurredAt: at, EffectiveOn: "2026-05-09", RecordedAt: at, Currency: "USD", Amount: money.New(-10000, 2), Type: "sale",
			Postings: []ledger.Posting{leg("pg/receivable/USD", ledger.Credit, 10000), leg("hub/payable/USD", ledger.Debit, 260), leg("maker/reserve/USD", ledger.Debit, 740), leg("maker/payable/USD", ledger.Debit, 9000)},
		}
	}
	ref := domain.Ref{Stream: "book-b", Revision: 1}
	d, err := derivation.Reverse(t.Context(), store, ref, back())
	require.NoError(t, err)
	require.Empty(t, d.Differences)
	require.Equal(t, domain.Ref{Stream: "book-b", Revision: 0}, d.RestsOn)
	var whys []string
	for _, m := range d.Moves {
		whys = append(whys, m.Why)
	}
	require.Equal(t, []string{
		"the opposite of what stood: debit 100.00", "the opposite of what stood: credit 2.60", "a part of the opposite of what stood: credit 97.40",
		"in place of what was held: it has been released since, or its date has come",
	}, whys)
	b, err := json.Marshal(d.Moves[1])
	require.NoError(t, err)
	require.JSONEq(t, `{"account":"hub/payable/USD","debit":"2.60","why":"the opposite of what stood: credit 2.60"}`, string(b))

	wrong := back()
	wrong.Postings[1], wrong.Postings[3] = leg("hub/payable/USD", ledger.Debit, 250), leg("maker/payable/USD", ledger.Debit, 9010)
	d, err = derivation.Reverse(t.Context(), store, ref, wrong)
	require.NoError(t, err)
	require.Equal(t, []string{"party hub in USD is not where it was before: 0.10 is left", "party maker in USD is not where it was before: -0.10 is left"}, d.Differences)

	// What a re-rating made of it by then is what counts.
	restated := book.AdjustmentPosted{
		Key: book.Key{Source: "rerating", ExternalID: "x/till/A1"}, ContentHash: "1:00", Reason: "rate", OccurredAt: at, EffectiveOn: "2026-05-08", RecordedAt: at,
		Adjusts:  &book.Original{Key: sale.Key, Ref: domain.Ref{Stream: "book-b", Revision: 0}},
		Postings: []ledger.Posting{leg("hub/payable/USD", ledger.Debit, 10), leg("maker/payable/USD", ledger.Credit, 10)},
		Restates: &book.Restatement{
			Rerating: "x", Contract: "c", Schedule: "s", Version: 1, Engine: 2, Parties: sale.Parties, Counts: sale.Counts, Explanation: sale.Explanation,
			Postings: []ledger.Posting{leg("pg/receivable/USD", ledger.Debit, 10000), leg("hub/payable/USD", ledger.Credit, 250), leg("maker/reserve/USD", ledger.Credit, 9740), leg("maker/payable/USD", ledger.Credit, 10)},
		},
	}
	add(t, store, "book-b", 1, restated)
	d, err = derivation.Reverse(t.Context(), store, domain.Ref{Stream: "book-b", Revision: 2}, wrong)
	require.NoError(t, err)
	require.Empty(t, d.Differences)
	require.Equal(t, domain.Ref{Stream: "book-b", Revision: 1}, d.RestsOn)

	a, err := derivation.Adjust(t.Context(), store, domain.Ref{Stream: "book-b", Revision: 1}, &restated)
	require.NoError(t, err)
	require.Empty(t, a.Differences)
	require.Equal(t, "stood at credit 2.60, stands at credit 2.50", a.Moves[0].Why)
	restated.Restates.Postings[1].Amount = money.New(251, 2)
	a, err = derivation.Adjust(t.Context(), store, domain.Ref{Stream: "book-b", Revision: 1}, &restated)
	require.NoError(t, err)
	require.Equal(t, []string{"account hub/payable/USD: what stood and what was posted is not what stands, by debit 0.01"}, a.Differences)
	restated.Restates.Explanation = restated.Restates.Explanation[:1]
	a, err = derivation.Adjust(t.Context(), store, domain.Ref{Stream: "book-b", Revision: 1}, &restated)
	require.NoError(t, err)
	require.Len(t, a.Differences, 2, "the rating is derived again")
}

const monthly = `{"schedule":"m","version":1,"effective_from":"2026-01-01","funds":{"role":"pg"},"parameters":[{"name":"least","is":"100"}],
	"accumulators":[{"name":"fees","measure":"lines.fee","window":"calendar_month","scope":%q},{"name":"debt","measure":"0","window":"calendar_month","scope":%q}],
	"rules":[{"id":"fee","to":{"role":"hub"},"percent":"10"},{"id":"net","to":{"role":"seller"},"rest":true}],
	"periods":[{"id":"minimum","of":"fees","values":[{"name":"short","is":"max(0, least - fees)"}],
		"entries":[{"id":"true_up","from":{"role":"seller"},"to":{"role":"hub"},"amount":"short"}],"carry":[{"accumulator":"debt","is":"short / 2"}]}]}`

// The periods of a window are computed again, and each difference is named.
func TestClose(t *testing.T) {
	for _, scope := range []string{"contract", "schedule"} {
		t.Run(scope, func(t *testing.T) {
			store := log(t)
			var d fee.Document
			require.NoError(t, json.Unmarshal(fmt.Appendf(nil, monthly, scope, scope), &d))
			add(t, store, "schedule-m", 0, schedule.SchedulePublished{Document: d, RecordedAt: at})
			terms := contract.Terms{Contract: "k", Book: "b", Schedule: "m", Zone: "UTC", From: "2026-01-01", Parameters: map[string]string{"least": "120"}}
			add(t, store, "contract-k", 0, contract.ContractSigned{Terms: terms, RecordedAt: at})
			sale := settled()
			sale.Contract, sale.Schedule = "k", "m"
			add(t, store, "book-b", 0, sale)
			owner, contractID := "contract:k", "k"
			if scope == "schedule" {
				owner, contractID = "schedule:m", ""
			}
			e := book.WindowClosed{
				BusinessDate: "2026-06-01", RecordedAt: at, Counter: owner + "/fees/2026-05/USD/", First: "2026-05-01", Last: "2026-05-31", Currency: "USD",
				Contract: contractID, Schedule: "m", Version: 1, Engine: 2, Parties: sale.Parties,
				Read: []fee.Count{{Counter: owner + "/fees/2026-05/USD/", Before: money.New(10000, 2), After: money.New(10000, 2)}},
				Periods: []book.PeriodLines{{Period: "minimum", Lines: []book.PeriodLine{{
					Line: fee.Line{Rule: "true_up", To: "hub", Base: money.New(2000, 2), Rate: "amount", Exact: "20.00", Rounding: "half_up 0.01", Amount: money.New(2000, 2)},
					From: "maker/payable/USD", To: "hub/payable/USD",
				}}}},
				Counts: []fee.Count{{Counter: owner + "/debt/2026-06/USD/", Before: money.New(100, 2), After: money.New(1100, 2)}},
			}
			ref := domain.Ref{Stream: "book-b", Revision: 1}
			c, err := derivation.Close(t.Context(), store, ref, &e)
			require.NoError(t, err)
			require.Len(t, c.Periods, 1)
			line := c.Periods[0].Lines[0]
			require.Equal(t, "20.00", line.Line.Amount.Format("USD"), "by the parameter of the contract: 120 less 100")
			e.Periods[0].Lines[0].Line = line.Line
			c, err = derivation.Close(t.Context(), store, ref, &e)
			require.NoError(t, err)
			require.Empty(t, c.Differences)
			require.Equal(t, "120", c.Parameters["least"])
			require.Equal(t, []fee.Shown{{Name: "short", Value: "20", Formula: "max(0, least - fees)"}}, c.Periods[0].Values)

			e.Periods[0].Lines[0].Line.Amount = money.New(2001, 2)
			e.Counts[0].After = money.New(1101, 2)
			c, err = derivation.Close(t.Context(), store, ref, &e)
			require.NoError(t, err)
			require.Len(t, c.Differences, 2)
			require.Contains(t, c.Differences[0], "true_up")
			require.Contains(t, c.Differences[1], "10.01 is carried into")
			e.Periods[0].Lines = nil
			c, err = derivation.Close(t.Context(), store, ref, &e)
			require.NoError(t, err)
			require.Contains(t, c.Differences[0], "is not in the event")
		})
	}
}
