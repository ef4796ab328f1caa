package collect_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/source"
)

func (l *ledger) retry(id string, filter collect.Filter) collect.RetryReport {
	l.t.Helper()
	report, err := l.pipeline.Retry(context.Background(), id, filter, nil)
	require.NoError(l.t, err)
	require.Equal(l.t, report.Tried, report.Settled+report.AlreadySettled+report.Ignored+report.Remaining)
	return report
}

func TestListSelects(t *testing.T) {
	l, d := openShop(t)
	report := l.must(d, rows(
		"x,2026-11-22 11:00,sale,nobody,USD,5.00,,s1",
		"bad row",
		"y,2026-11-22 11:00,sale,mina,USD,5.005,,s1",
		"z,2026-11-22 11:00,sale,nobody,USD,7.00,,s1",
	))
	all := l.quarantine("shop", collect.Filter{})
	require.Len(t, all, 4)
	require.Empty(t, all[0].Raw, "raw bytes only on request")
	require.Equal(t, "5.00", all[0].Amount.String())
	require.EqualValues(t, "USD", all[0].Currency)
	require.Nil(t, all[1].Amount)
	require.Equal(t, report.Delivery, all[0].Delivery)
	require.NotZero(t, all[0].Position)
	require.Len(t, l.quarantine("shop", collect.Filter{Code: domain.CodeUnknownParty}), 2)
	require.Len(t, l.quarantine("shop", collect.Filter{Limit: 3}), 3)
	require.Len(t, l.quarantine("shop", collect.Filter{Record: "y"}), 1)
	require.Empty(t, l.quarantine("shop", collect.Filter{Delivery: "other"}))

	for _, err := range collect.List(context.Background(), l.store, l.keys, "nosuch", collect.Filter{}) {
		require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
	}
	for _, err := range collect.List(context.Background(), l.store, l.keys, "No Such", collect.Filter{}) {
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	}
}

func TestRawBytesAreEncryptedInTheLog(t *testing.T) {
	l, d := openShop(t)
	l.must(d, rows("x,2026-11-22 11:00,sale,very-secret-name,USD,5.00,,s1"))
	for r, err := range l.store.ReadAll(context.Background(), 0) {
		require.NoError(t, err)
		require.NotContains(t, string(r.Data), "very-secret-name")
		require.NotContains(t, string(r.Metadata), "very-secret-name")
	}
	require.NoError(t, l.keys.Destroy(context.Background(), "source-shop"))
	entry := l.quarantine("shop", collect.Filter{Raw: true})[0]
	require.True(t, entry.Erased)
	require.Empty(t, entry.Raw)
	require.EqualValues(t, 1, l.retry("shop", collect.Filter{}).Remaining)
}

func TestRetryAfterTheCauseIsGone(t *testing.T) {
	l, d := openShop(t)
	l.must(d, rows(
		"x,2026-11-22 11:00,sale,joon,USD,5.00,,s1",
		"y,2026-11-22 11:00,sale,nobody,USD,6.00,,s1",
		"r,2026-11-22 11:00,refund,joon,USD,-1.00,x,s1", // its original was not through
	))
	report := l.retry("shop", collect.Filter{})
	require.EqualValues(t, 3, report.Remaining)
	before := l.events()
	l.retry("shop", collect.Filter{})
	require.Equal(t, before, l.events(), "in vain, without a trace")

	l.apply("more.yaml", "parties:\n  - { party: joon, kind: seller }\n")
	report = l.retry("shop", collect.Filter{})
	require.EqualValues(t, 3, report.Tried)
	require.EqualValues(t, 2, report.Settled)
	require.EqualValues(t, 1, report.Remaining)
	require.Equal(t, domain.CodeUnknownParty, report.Faults[0].Code)
	require.Equal(t, "x", l.settlements("shop")["r"].Original.ExternalID)
	left := l.quarantine("shop", collect.Filter{})
	require.Len(t, left, 1)
	require.Equal(t, "y", left[0].Record)

	events := l.stream("source-shop")
	released := events[len(events)-1].(source.QuarantineReleased)
	require.EqualValues(t, "book-shop", released.Settled.Stream)
}

func TestRetryReadsWithTheCurrentDefinition(t *testing.T) {
	l, d := openShop(t)
	l.must(d, rows(
		`x,2026-11-22 11:00,sale,mina,USD,"1,005.00",,s1`,
		"n,2026-11-22 11:00,sale,mina,USD,x,,s1",
		"T-no,2026-11-22 11:00,sale,mina,USD,1,,s1",
	))
	require.Len(t, l.quarantine("shop", collect.Filter{}), 2)
	better := parse(t, strings.ReplaceAll(shop, "amount: row.amount", `amount: decimal(row.amount.replace(",", ""))`)+"  - { rule: unknown_amount, when: 'row.amount == \"x\"' }\n")
	l.must(better, rows(sale("ok", "1.00")))
	report := l.retry("shop", collect.Filter{})
	require.Equal(t, 2, report.Version)
	require.EqualValues(t, 1, report.Settled)
	require.EqualValues(t, 1, report.Ignored)
	require.Equal(t, "1005", l.settlements("shop")["x"].Amount.Decimal().String())
	require.Empty(t, l.quarantine("shop", collect.Filter{}), "settled, or taken by a rule")
	released := map[string]source.QuarantineReleased{}
	for _, event := range l.stream("source-shop") {
		if e, ok := event.(source.QuarantineReleased); ok {
			released[e.Record] = e
		}
	}
	require.NotEmpty(t, released["x"].Settled.Stream)
	require.Empty(t, released["x"].Ignored)
	require.Equal(t, "unknown_amount", released["n"].Ignored)
	require.Equal(t, 2, released["n"].Version)
	require.Empty(t, released["n"].Settled)
	before := l.events()
	require.Zero(t, l.retry("shop", collect.Filter{}).Tried)
	require.Equal(t, before, l.events())
}

// TestRuleThatComesAndGoes lets a rule take a record out of quarantine, by a retry or
// by the file coming again. Without the rule the record is back, and nothing is lost.
func TestRuleThatComesAndGoes(t *testing.T) {
	for _, by := range []string{"retry", "ingest"} {
		t.Run(by, func(t *testing.T) {
			l, d := openShop(t)
			bad := rows("n,2026-11-22 11:00,sale,mina,USD,x,,s1")
			require.EqualValues(t, 1, l.must(d, bad).Counts.Quarantined)
			require.EqualValues(t, 1, l.must(d, bad).StillQuarantined)
			with := parse(t, shop+"  - { rule: unknown_amount, when: 'row.amount == \"x\"' }\n")
			if by == "retry" {
				l.must(with, rows(sale("ok", "1.00")))
				require.EqualValues(t, 1, l.retry("shop", collect.Filter{}).Ignored)
			} else {
				report := l.must(with, bad)
				require.EqualValues(t, 1, report.Released)
				require.EqualValues(t, 1, report.Counts.Ignored["unknown_amount"])
			}
			require.Empty(t, l.quarantine("shop", collect.Filter{}))
			l.must(with, bad)
			before := l.events()
			l.must(with, bad)
			require.Equal(t, before, l.events(), "sent again, it adds nothing")

			report := l.must(d, bad)
			require.EqualValues(t, 1, report.Counts.Quarantined)
			require.Len(t, l.quarantine("shop", collect.Filter{}), 1)
			require.EqualValues(t, 1, l.must(d, bad).StillQuarantined)
		})
	}
}

// TestRetryNumbersRecordsAsTheirDeliveryDoes has records of two deliveries fail for
// one reason, and one more.
func TestRetryNumbersRecordsAsTheirDeliveryDoes(t *testing.T) {
	l, d := openShop(t)
	first := l.must(d, rows(sale("a", "1.00"), sale("b", "1.00"), "c,2026-11-22 11:00,sale,nobody,USD,5.00,,s1"))
	second := l.must(d, rows(sale("d", "1.00"), "e,2026-11-22 11:00,sale,nobody,USD,5.00,,s1", sale("f", "1.00"), sale("g", "1.00"), "h,2026-11-22 11:00,sale,mina,USD,x,,s1"))
	require.EqualValues(t, 3, first.Faults[0].First)
	require.Empty(t, first.Faults[0].Delivery)
	for _, filter := range []collect.Filter{{}, {Delivery: second.Delivery}} {
		report := l.retry("shop", filter)
		require.Len(t, report.Faults, 2)
		for _, fault := range report.Faults {
			switch {
			case fault.Code != domain.CodeUnknownParty:
				require.EqualValues(t, 5, fault.First)
				require.Equal(t, second.Delivery, fault.Delivery)
			case filter.Delivery == "":
				require.EqualValues(t, 2, fault.Records)
				require.EqualValues(t, 3, fault.First)
				require.Equal(t, first.Delivery, fault.Delivery)
			default:
				require.EqualValues(t, 2, fault.First)
				require.Equal(t, second.Delivery, fault.Delivery)
			}
		}
	}
}

// TestEveryRecordHasItsReason has more reasons than the report lists.
func TestEveryRecordHasItsReason(t *testing.T) {
	l, d := openShop(t)
	var before, lines []string
	for i := range 450 {
		// Other content under a known key: the reason names the first one's revision.
		id := fmt.Sprint("s-", i)
		before, lines = append(before, sale(id, "1.00")), append(lines, sale(id, "2.00"))
		if i%3 == 0 {
			lines = append(lines, sale(id, "3.00"))
		}
	}
	l.must(d, rows(before...))
	report := l.must(d, rows(lines...))
	require.EqualValues(t, len(lines), report.Counts.Quarantined)
	again := l.must(d, rows(lines...))
	require.EqualValues(t, len(lines), again.StillQuarantined)
	retried := l.retry("shop", collect.Filter{})
	require.EqualValues(t, len(lines), retried.Remaining)
	for name, faults := range map[string][]collect.FaultCount{"ingest": report.Faults, "again": again.Faults, "retry": retried.Faults} {
		require.Len(t, faults, 201, name)
		var records uint64
		for _, fault := range faults {
			records += fault.Records
		}
		require.EqualValues(t, len(lines), records, name)
		last := faults[200]
		require.EqualValues(t, "other", last.Code)
		require.Equal(t, "other reasons (250 distinct not listed)", last.Message)
		require.Greater(t, last.First, faults[199].First)
	}
}

func TestRetryOfRecordsWithoutID(t *testing.T) {
	l, _ := openShop(t)
	// The first definition takes the wrong field for the id.
	wrong := parse(t, strings.Replace(shop, "id: row.id", "id: row.refund_of", 1))
	data := rows(sale("a", "1.00"), sale("b", "2.00"))
	require.EqualValues(t, 2, l.must(wrong, data).Counts.Quarantined)
	for _, entry := range l.quarantine("shop", collect.Filter{}) {
		require.True(t, strings.HasPrefix(entry.Record, "raw:"))
	}
	right := parse(t, shop)
	l.must(right, rows(sale("c", "3.00")))
	require.EqualValues(t, 2, l.retry("shop", collect.Filter{}).Settled)
	require.Len(t, l.settlements("shop"), 3)
	require.Empty(t, l.quarantine("shop", collect.Filter{}))
}

func TestIngestReleasesRecordsWithoutID(t *testing.T) {
	l, _ := openShop(t)
	wrong := parse(t, strings.Replace(shop, "id: row.id", "id: row.refund_of", 1))
	data := rows(sale("a", "1.00"), sale("b", "2.00"))
	l.must(wrong, data)
	report := l.must(parse(t, shop), data)
	require.EqualValues(t, 2, report.Counts.Settled)
	require.EqualValues(t, 2, report.Released)
	require.Empty(t, l.quarantine("shop", collect.Filter{}))
}

func TestRetryOfUnits(t *testing.T) {
	l := newLedger(t)
	l.apply("terms.yaml", shopTerms)
	// No contract covers a correction until the definition calls it a sale.
	first := parse(t, strings.Replace(invoices, `type: '"sale"'`, `type: 'row.item == "ink" ? "correction" : "sale"'`, 1))
	report := l.must(first, "invoice,item,amount\n1,pen,2.00\n1,ink,3.00\n1,pen,4.00\n2,broken\n")
	require.EqualValues(t, 2, report.Counts.Quarantined)
	l.must(parse(t, invoices), "invoice,item,amount\n9,pen,2.00\n")
	retried := l.retry("invoices", collect.Filter{})
	require.EqualValues(t, 1, retried.Settled)
	require.EqualValues(t, 1, retried.Remaining)
	require.Contains(t, l.settlements("shop"), "1/2", "the place within the unit is that of the first arrival")
}

func TestRetryNeedsKeys(t *testing.T) {
	l, d := openShop(t)
	l.must(d, rows("x,y"))
	l.pipeline = collect.NewPipeline(collect.Config{Door: l.door, Store: l.store})
	_, err := l.pipeline.Retry(context.Background(), "shop", collect.Filter{}, nil)
	require.ErrorContains(t, err, "without the keys")
	_, err = l.pipeline.Retry(context.Background(), "nosuch", collect.Filter{}, nil)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
}
