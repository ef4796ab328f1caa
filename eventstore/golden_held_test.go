package eventstore

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// The events of money that is held, falls due, is adjusted or waited for.

var (
	heldExample = []book.Hold{
		{Account: "studio-7/reserve/USD", Into: "payable", On: "2027-05-21", Change: money.New(150, 2)},
		{Account: "studio-7/reserve/USD", Into: "<payable>", On: "2027-05-20", Change: money.New(-25, 2)},
	}
	convertedExample = fee.Converted{
		Rule: "net", Conversion: fee.Conversion{
			From: "USD", Amount: money.New(1000, 2), To: "KRW", Mid: "1400", Rate: "4116/3", Exact: "13720", Rounding: "half_up 1",
			Value: money.New(14000, 0), Result: money.New(13720, 0), Spread: money.New(280, 0),
		},
	}

	// heldSettledExample has every field set that has come since the second version.
	heldSettledExample = func() book.TransactionSettled {
		e := settledExample
		e.Restores = &book.Original{Key: book.Key{Source: "pg-1", ExternalID: "A-0"}, Ref: domain.Ref{Stream: "book-main", Revision: 40}}
		e.Awaited = &domain.Ref{Stream: "book-main", Revision: 39}
		e.Calendars = map[string]book.Revision{"kr": 2, "us": book.NotRecorded, "<jp>": 0}
		e.Holds, e.Conversions = heldExample, []fee.Converted{convertedExample, {Rule: "none"}}
		e.Counts = append([]fee.Count{{Counter: "contract:c-1/month/2026-11/USD/", Before: money.New(100, 2), After: money.New(100, 2), Closes: "2026-12-04"}}, e.Counts...)
		return e
	}()

	heldReversedExample = func() book.EntryReversed {
		e := reversedExample
		e.Restores = &book.Original{Key: book.Key{Source: "pg-1", ExternalID: "A-00"}, Ref: domain.Ref{Stream: "book-main", Revision: 2}}
		e.Holds = heldExample
		return e
	}()

	releasedExample = book.HoldsReleased{
		BusinessDate: "2027-05-21", RecordedAt: at,
		Postings: []ledger.Posting{
			{Account: "studio-7/reserve/USD", Side: ledger.Debit, Amount: money.New(150, 2)},
			{Account: "studio-7/payable/USD", Side: ledger.Credit, Amount: money.New(150, 2)},
		},
		Holds: []book.Hold{{Account: "studio-7/reserve/USD", Into: "payable", On: "2027-05-21", Change: money.New(-150, 2)}},
	}

	closedExample = book.WindowClosed{
		BusinessDate: "2026-12-04", RecordedAt: at, Counter: "contract:c-1/month/2026-11/USD/provider=studio-7", First: "2026-11-01", Last: "2026-11-30",
		Currency: "USD", Contract: "c-1", ContractRevision: 1, Schedule: "guaranteed", ScheduleRevision: 2, Version: 3, Engine: 2,
		Parties: book.Parties{{Role: "operator", ID: "arcade"}, {Role: "provider", ID: "studio-7", Revision: 1}},
		Read:    []fee.Count{{Counter: "contract:c-1/month/2026-11/USD/provider=studio-7", Before: money.New(6000, 2), After: money.New(6000, 2)}},
		Periods: []book.PeriodLines{
			{Period: "guarantee", Lines: []book.PeriodLine{{
				Line: fee.Line{Rule: "true_up", To: "provider", Base: money.New(6000, 2), Rate: "100 - month", Exact: "40", Rounding: "half_up 0.01", Amount: money.New(4000, 2)},
				From: "arcade/income/USD", To: "studio-7/payable/USD",
			}, {Line: fee.Line{Rule: "back", Exact: "-0", Amount: money.New(0, 2)}, From: "arcade/income/USD", To: "studio-7/payable/USD", Opposite: true}}},
			{Period: "nothing"},
		},
		Postings: []ledger.Posting{
			{Account: "arcade/income/USD", Side: ledger.Debit, Amount: money.New(4000, 2)},
			{Account: "studio-7/payable/USD", Side: ledger.Credit, Amount: money.New(4000, 2)},
		},
		Counts: []fee.Count{{Counter: "contract:c-1/month/2026-12/USD/provider=studio-7", Before: money.New(1000, 2), After: money.New(-3000, 2), Closes: "2027-01-04"}},
	}

	// closedNothing is the end of a window that all contracts share, with nothing to do.
	closedNothing = book.WindowClosed{
		BusinessDate: "2027-01-01", RecordedAt: at, Counter: "schedule:all/ytd/2026/KRW/", First: "2026-01-01", Last: "2026-12-31", Currency: "KRW",
		ContractRevision: book.NotRecorded, Schedule: "all", Version: 1, Engine: 2, Periods: []book.PeriodLines{}, Postings: []ledger.Posting{},
	}

	adjustedExample = book.AdjustmentPosted{
		Key: book.Key{Source: "rerating", ExternalID: "r-1/pg-1/A-1"}, ContentHash: "1:aa",
		Adjusts: &book.Original{Key: book.Key{Source: "pg-1", ExternalID: "A-1"}, Ref: domain.Ref{Stream: "book-main", Revision: 41}},
		Reason:  "the corrected version", OccurredAt: at, EffectiveOn: "2026-11-22", RecordedAt: at,
		Postings: []ledger.Posting{
			{Account: "arcade/payable/USD", Side: ledger.Debit, Amount: money.New(100, 2)},
			{Account: "studio-7/reserve/USD", Side: ledger.Credit, Amount: money.New(100, 2)},
		},
		Holds: heldExample[:1],
		Restates: &book.Restatement{
			Rerating: "r-1", Replaces: 41, Refunded: money.New(500, 2), Contract: "c-1", ContractRevision: 1, Schedule: "standard", ScheduleRevision: 2, Version: 4, Engine: 2,
			Parties: settledExample.Parties, Counts: settledExample.Counts, Conversions: []fee.Converted{convertedExample},
			Explanation: settledExample.Explanation, Postings: settledExample.Postings, Holds: heldExample,
		},
	}

	awaitedRefund = book.OriginalAwaited{
		Key: book.Key{Source: "wallet", ExternalID: "R-1"}, ContentHash: "1:bb", Awaits: book.Key{Source: "wallet", ExternalID: "B-1"}, RecordedAt: at,
		Refund: &book.AwaitingRefund{
			Transaction: book.Transaction{
				Key: book.Key{Source: "wallet", ExternalID: "R-1"}, Book: "main", ContentHash: "1:bb", Type: "refund", Method: "wallet", Product: "slots",
				Parties: map[string]string{"operator": "arcade"}, Attributes: map[string]string{"grade": "small"}, OccurredAt: at, Currency: "USD", Amount: money.New(-100, 2), OriginalID: "B-1",
			},
			Policy: book.Policy{SettleUnmatched: true, SubMinor: true, Await: true},
		},
	}
	awaitedReversal = book.OriginalAwaited{
		Key: book.Key{Source: "wallet", ExternalID: "X-1"}, ContentHash: "1:cc", Awaits: book.Key{Source: "wallet", ExternalID: "B-2"}, RecordedAt: at,
		Reversal: &book.ReverseEntry{
			Key: book.Key{Source: "wallet", ExternalID: "X-1"}, Book: "main", ContentHash: "1:cc", Target: book.Key{Source: "wallet", ExternalID: "B-2"}, Reason: "rolled back", OccurredAt: at,
			Policy: book.Policy{Await: true},
		},
	}

	// heldSchedule has what schedules have gained with held money.
	heldSchedule = fee.Document{
		Schedule: "held", Version: 1, EffectiveFrom: "2026-01-01", Funds: fee.Target{Role: "supplier"},
		Recourse: []fee.Recourse{
			{Role: "provider", From: []string{"reserve", "pending"}, When: `type == "chargeback"`},
			{Role: "provider", From: []string{"pending"}},
		},
		Rules: []fee.Rule{
			{ID: "reserve", To: fee.Target{Role: "provider", Purpose: "reserve"}, Percent: "10", Hold: &fee.Hold{ValueDate: calendar.ValueDate{BusinessDays: new(2), Calendar: "kr"}, Into: "payable"}},
			{ID: "net", To: fee.Target{Role: "provider"}, Rest: true},
		},
		Accumulators: []fee.Accumulator{{Name: "month", Measure: "gross", Window: fee.Window{Name: fee.WindowMonth}}},
		Periods:      []fee.Period{{ID: "subscription", Of: "month", GraceDays: 3, Entries: []fee.PeriodEntry{{ID: "fee", From: fee.Target{Role: "provider"}, To: fee.Target{Role: "operator"}, Flat: map[money.Currency]money.Amount{"KRW": money.New(1000, 0)}}}}},
	}

	calendarExample = calendar.CalendarPublished{
		Document: calendar.Document{
			Calendar: "kr", Version: 2, Description: "Korea", FirstYear: 2026, LastYear: 2027, Weekend: []calendar.Weekday{"saturday", "sunday"},
			Holidays: []calendar.Day{{On: "2026-12-25", Name: "Christmas"}}, Workdays: []calendar.Day{{On: "2026-12-26"}},
		}, RecordedAt: at,
	}
)
