package derivation_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/derivation"
)

var at = time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)

const tiered = `{"schedule":"s","version":%d,"effective_from":"2026-01-01","funds":{"role":"pg"},"parameters":[{"name":"rate","is":"3%%"}],
	"accumulators":[{"name":"mtd","measure":"gross","window":"calendar_month","when":"type == \"sale\""}],
	"rules":[{"id":"fee","to":{"role":"hub"},"tiers":{"mode":"marginal","from":"mtd","steps":[{"up_to":"100","percent":"1"},{"percent":"rate * 100"}]}},
	{"id":"net","to":{"role":"seller"},"rest":true}]}`

// log is a store with a schedule and a contract that overrides it, ended later.
func log(t *testing.T) eventstore.Store {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	var d fee.Document
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, tiered, 1), &d))
	add(t, store, "schedule-s", 0, schedule.SchedulePublished{Document: d, RecordedAt: at})
	terms := contract.Terms{Contract: "c", Book: "b", Schedule: "s", Zone: "Asia/Seoul", From: "2026-01-01", Parameters: map[string]string{"rate": "5%"}}
	add(t, store, "contract-c", 0, contract.ContractSigned{Terms: terms, RecordedAt: at})
	add(t, store, "contract-c", 1, contract.ContractEnded{Contract: "c", Until: "2026-09-01", Reason: "over", RecordedAt: at})
	return store
}

func add(t *testing.T, store eventstore.Store, stream domain.StreamID, revision uint64, event domain.Event) {
	t.Helper()
	data, err := eventstore.Encode(event)
	require.NoError(t, err)
	meta, err := eventstore.Meta{Actor: "test", Authenticated: "none", RecordedAt: at}.Encode()
	require.NoError(t, err)
	_, err = store.Append(t.Context(), stream, eventstore.After(revision), eventstore.Proposed{
		ID: eventstore.EventID(stream, fmt.Sprint(revision), data), Type: event.EventType(), Data: data, Metadata: meta,
	})
	require.NoError(t, err)
}

// settled is a sale of 100.00 with 40.00 before it: 60.00 at 1 %, 40.00 at 5 %.
func settled() book.TransactionSettled {
	usd := func(cents int64) money.Amount { return money.New(cents, 2) }
	return book.TransactionSettled{
		Key: book.Key{Source: "till", ExternalID: "A1"}, ContentHash: "1:00", Type: "sale", OccurredAt: at, EffectiveOn: "2026-05-01", RecordedAt: at,
		Parties:  book.PartiesOf(map[string]string{"seller": "maker", "hub": "hub", "pg": "pg"}, func(string) book.Revision { return 0 }),
		Currency: "USD", Amount: usd(10000), Contract: "c", ContractRevision: 0, Schedule: "s", Version: 1, Engine: 2,
		Counts: []fee.Count{{Counter: "contract:c/mtd/2026-05/USD/", Before: usd(4000), After: usd(14000)}},
		Explanation: []fee.Line{
			{Rule: "fee", To: "hub", Base: usd(10000), Rate: "marginal 1% of 60, 5% of 40", Exact: "2.6", Rounding: "half_up 0.01", Amount: usd(260)},
			{Rule: "net", To: "seller", Base: usd(10000), Rate: "rest", Exact: "97.40", Amount: usd(9740)},
		},
	}
}

func TestDerive(t *testing.T) {
	store := log(t)
	e := settled()
	d, err := derivation.Derive(t.Context(), store, &e)
	require.NoError(t, err)
	require.Empty(t, d.Differences)
	require.Empty(t, d.Contract.Until, "the contract as it was then")
	require.Equal(t, "0.05", d.Explanation.Parameters[0].Value)
	require.Equal(t, "40.00", d.Explanation.Accumulators[0].Before.String())
	require.Len(t, d.Explanation.Rules, 2)

	add(t, store, "book-b", 0, e)
	refund := settled()
	refund.Type, refund.Amount, refund.Refunded = "refund", money.New(-5000, 2), money.New(5000, 2)
	refund.Original = &book.Original{Key: e.Key, Ref: domain.Ref{Stream: "book-b", Revision: 0}}
	refund.Counts = []fee.Count{{Counter: "contract:c/mtd/2026-05/USD/", Before: money.New(9000, 2), After: money.New(9000, 2)}}
	refund.Explanation = []fee.Line{
		{Rule: "fee", To: "hub", Base: money.New(260, 2), Rate: "pro_rata 100.00/100.00 - 1.30", Exact: "1.30", Rounding: "half_up 0.01", Amount: money.New(130, 2)},
		{Rule: "net", To: "seller", Base: money.New(5000, 2), Rate: "rest", Exact: "48.70", Amount: money.New(4870, 2)},
	}
	d, err = derivation.Derive(t.Context(), store, &refund)
	require.NoError(t, err)
	require.Empty(t, d.Differences)
}

// TestDeriveTellsDifferences changes one thing at a time in an event.
func TestDeriveTellsDifferences(t *testing.T) {
	store := log(t)
	for name, change := range map[string]func(*book.TransactionSettled){
		"an amount":      func(e *book.TransactionSettled) { e.Explanation[0].Amount = money.New(261, 2) },
		"a rate":         func(e *book.TransactionSettled) { e.Explanation[0].Rate = "2.6%" },
		"a line too few": func(e *book.TransactionSettled) { e.Explanation = e.Explanation[:1] },
		"a line more":    func(e *book.TransactionSettled) { e.Explanation = append(e.Explanation, e.Explanation[1]) },
		"the sum before": func(e *book.TransactionSettled) { e.Counts[0].Before = money.New(0, 2) },
		"the terms":      func(e *book.TransactionSettled) { e.Amount = money.New(10001, 2) },
	} {
		e := settled()
		change(&e)
		d, err := derivation.Derive(t.Context(), store, &e)
		require.NoError(t, err, name)
		require.NotEmpty(t, d.Differences, name)
	}
	for name, test := range map[string]struct {
		change func(*book.TransactionSettled)
		code   domain.Code
	}{
		"another engine":  {func(e *book.TransactionSettled) { e.Engine = 1 }, domain.CodeInternal},
		"no such version": {func(e *book.TransactionSettled) { e.Version = 2 }, domain.CodeNotFound},
		"no sum before":   {func(e *book.TransactionSettled) { e.Counts = nil }, domain.CodeNotFound},
		"a lost original": {func(e *book.TransactionSettled) {
			e.Original = &book.Original{Ref: domain.Ref{Stream: "contract-c", Revision: 1}}
		}, domain.CodeNotFound},
	} {
		e := settled()
		test.change(&e)
		_, err := derivation.Derive(t.Context(), store, &e)
		require.Equal(t, test.code, domain.CodeOf(err), "%s: %v", name, err)
	}
}

// TestDeriveWithACalendar reads the version that was looked at, not the newest.
func TestDeriveWithACalendar(t *testing.T) {
	store := log(t)
	var d fee.Document
	require.NoError(t, json.Unmarshal([]byte(`{"schedule":"h","version":1,"effective_from":"2026-01-01","funds":{"role":"pg"},"parameters":[{"name":"rate","is":"3%"}],
		"rules":[{"id":"net","to":{"role":"seller","purpose":"pending"},"rest":true,"hold":{"business_days":1,"calendar":"bank"}}]}`), &d))
	add(t, store, "schedule-h", 0, schedule.SchedulePublished{Document: d, RecordedAt: at})
	for i, holidays := range [][]calendar.Day{nil, {{On: "2026-05-04"}}} {
		add(t, store, "calendar-bank", uint64(i), calendar.CalendarPublished{Document: calendar.Document{
			Calendar: "bank", Version: i + 1, FirstYear: 2026, LastYear: 2026, Weekend: []calendar.Weekday{"saturday", "sunday"}, Holidays: holidays,
		}, RecordedAt: at})
	}
	e := settled()
	e.Schedule, e.Calendars = "h", map[string]book.Revision{"bank": 0}
	e.Explanation = []fee.Line{{Rule: "net", To: "seller", Base: e.Amount, Rate: "rest", Exact: "100.00", Amount: e.Amount}}
	due := func() domain.Date {
		derived, err := derivation.Derive(t.Context(), store, &e)
		require.NoError(t, err)
		require.Empty(t, derived.Differences)
		return derived.Explanation.Result.Shares[0].Hold.On
	}
	require.Equal(t, domain.Date("2026-05-04"), due(), "the Monday after")
	e.Calendars["bank"] = 1
	require.Equal(t, domain.Date("2026-05-05"), due())
	e.Calendars = nil
	_, err := derivation.Derive(t.Context(), store, &e)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
}

// TestDeriveARefundOfWhatWasRestated finds the re-rating that the refund rests on,
// between others.
func TestDeriveARefundOfWhatWasRestated(t *testing.T) {
	store := log(t)
	usd := func(cents int64) money.Amount { return money.New(cents, 2) }
	e := settled()
	add(t, store, "book-b", 0, e)
	named := &book.Original{Key: e.Key, Ref: domain.Ref{Stream: "book-b", Revision: 0}}
	restated := func(revision uint64, adjusts *book.Original, cents int64) {
		lines := settled().Explanation
		lines[0].Amount, lines[1].Amount = usd(cents), usd(10000-cents)
		add(t, store, "book-b", revision, book.AdjustmentPosted{
			Key: book.Key{Source: "rerating", ExternalID: fmt.Sprint(revision)}, ContentHash: "1:00", Adjusts: adjusts, Reason: "late", OccurredAt: at, EffectiveOn: "2026-06-01", RecordedAt: at,
			Postings: []ledger.Posting{}, Restates: &book.Restatement{
				Rerating: "r", Contract: "c", Schedule: "s", Version: 1, Engine: 2, Parties: e.Parties, Explanation: lines, Postings: []ledger.Posting{},
			},
		})
	}
	restated(1, named, 300)
	restated(2, named, 400)
	restated(3, &book.Original{Key: book.Key{Source: "till", ExternalID: "A9"}, Ref: domain.Ref{Stream: "book-b", Revision: 9}}, 800)
	refund := func(id string, fee1 int64) book.TransactionSettled {
		r := settled()
		r.ExternalID, r.Type, r.Amount, r.Original = id, "refund", usd(-5000), named
		r.Counts = []fee.Count{{Counter: "contract:c/mtd/2026-05/USD/", Before: usd(9000), After: usd(9000)}}
		r.Explanation = []fee.Line{
			{Rule: "fee", To: "hub", Base: usd(2 * fee1), Rate: "pro_rata 50.00/100.00", Exact: usd(fee1).String(), Rounding: "half_up 0.01", Amount: usd(fee1)},
			{Rule: "net", To: "seller", Base: usd(5000), Rate: "rest", Exact: usd(5000 - fee1).String(), Amount: usd(5000 - fee1)},
		}
		return r
	}
	r := refund("R1", 200)
	add(t, store, "book-b", 4, r)
	restated(5, named, 900) // which came after it
	derived, err := derivation.Derive(t.Context(), store, &r)
	require.NoError(t, err)
	require.Empty(t, derived.Differences)

	wrong := refund("R2", 150) // which no restatement bears out
	derived, err = derivation.Derive(t.Context(), store, &wrong)
	require.NoError(t, err)
	require.NotEmpty(t, derived.Differences)
}
