package collect_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/source"
)

func TestEveryRecordHasOneOutcome(t *testing.T) {
	l, d := openShop(t)
	report := l.must(d, rows(
		sale("a", "10.00"),
		sale("b", "0.00"),
		"r,2026-11-22 11:00,refund,mina,USD,-4.00,a,s1",
		"T1,2026-11-22 11:00,sale,mina,USD,99.00,,s1",
		sale("a", "10.00"), // sent twice: a replay
		"x,2026-11-22 11:00,sale,nobody,USD,5.00,,s1",
		"y,2026-11-22 11:00,sale,mina,XXX,5.00,,s1",
		"z,2026-11-22 11:00,sale,mina,USD,abc,,s1",
		"short,row",
	))
	require.Equal(t, source.Counts{Read: 9, Settled: 3, ZeroValue: 1, Replayed: 1, Quarantined: 4, Ignored: map[string]uint64{"test_order": 1}}, report.Counts)
	require.EqualValues(t, 3, report.Unmapped, "unknown currency, unreadable amount, malformed row")
	require.Equal(t, []source.Total{{
		Currency: "USD", Read: "120.00", Settled: "6.00", Replayed: "10.00", Quarantined: "5.00", Ignored: "99.00", Refused: "0.00",
	}}, report.Totals)

	settled := l.settlements("shop")
	require.Len(t, settled, 3)
	require.Len(t, settled["a"].Postings, 3)
	require.Empty(t, settled["b"].Postings)
	require.Equal(t, "a", settled["r"].Original.ExternalID)
	require.Equal(t, "2026-11-22T01:00:00Z", settled["a"].OccurredAt.Format("2006-01-02T15:04:05Z07:00"))

	events := l.stream("source-shop")
	closed := events[len(events)-1].(source.DeliveryIngested)
	require.Equal(t, report.Counts, closed.Counts)
	require.Equal(t, report.Totals, closed.Totals)
	require.Equal(t, report.Delivery, closed.Delivery)
}

func TestBadRecordsAreQuarantinedWithReasonAndBytes(t *testing.T) {
	for name, c := range map[string]struct {
		row    string
		code   domain.Code
		field  string
		record string
	}{
		"malformed row":       {"a,b", domain.CodeMalformed, "", "raw:"},
		"stray quote":         {`a,2026-11-22 11:00,sa"le,mina,USD,1.00,,s1`, domain.CodeMalformed, "", "raw:"},
		"no id":               {",2026-11-22 11:00,sale,mina,USD,1.00,,s1", domain.CodeInvalid, "identity.id", "raw:"},
		"unknown party":       {"a,2026-11-22 11:00,sale,nobody,USD,1.00,,s1", domain.CodeUnknownParty, "parties.seller", "a"},
		"missing contract":    {"a,2026-11-22 11:00,adjustment,mina,USD,1.00,,s1", domain.CodeMissingContract, "book", "a"},
		"before the contract": {"a,2025-11-22 11:00,sale,mina,USD,1.00,,s1", domain.CodeMissingContract, "book", "a"},
		"unknown currency":    {"a,2026-11-22 11:00,sale,mina,ABC,1.00,,s1", domain.CodeUnknownCurrency, "currency", "a"},
		"too many decimals":   {"a,2026-11-22 11:00,sale,mina,USD,1.001,,s1", domain.CodeTooPrecise, "amount", "a"},
		"decimals of won":     {"a,2026-11-22 11:00,sale,mina,KRW,1.5,,s1", domain.CodeTooPrecise, "amount", "a"},
		"no amount":           {"a,2026-11-22 11:00,sale,mina,USD,,,s1", domain.CodeInvalid, "transaction.amount", "a"},
		"float amount":        {"a,2026-11-22 11:00,sale,mina,USD,1e3,,s1", domain.CodeInvalid, "transaction.amount", "a"},
		"huge amount":         {"a,2026-11-22 11:00,sale,mina,USD,99999999999999999999.00,,s1", domain.CodeOutOfRange, "transaction.amount", "a"},
		"negative alone":      {"a,2026-11-22 11:00,refund,mina,USD,-1.00,,s1", domain.CodeMissingOriginal, "original_id", "a"},
		"original not there":  {"a,2026-11-22 11:00,refund,mina,USD,-1.00,zz,s1", domain.CodeMissingOriginal, "original_id", "a"},
		"bad date":            {"a,2026-02-30 11:00,sale,mina,USD,1.00,,s1", domain.CodeInvalid, "transaction.occurred_at", "a"},
		"bad party id":        {"a,2026-11-22 11:00,sale,Mina Kim,USD,1.00,,s1", "", "parties.seller", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openShop(t)
			report := l.must(d, rows(sale("good", "1.00"), c.row))
			require.EqualValues(t, 1, report.Counts.Settled)
			require.EqualValues(t, 1, report.Counts.Quarantined)
			entries := l.quarantine("shop", collect.Filter{Raw: true})
			require.Len(t, entries, 1)
			e := entries[0]
			if c.code != "" {
				require.Equal(t, c.code, e.Code, e.Reason)
			}
			require.Equal(t, c.field, e.Field, e.Reason)
			require.Equal(t, rows(c.row), e.Raw)
			require.EqualValues(t, 2, e.Offset)
			require.NotEmpty(t, e.Reason)
			if c.record == "raw:" {
				require.Contains(t, e.Record, c.record)
			} else {
				require.Equal(t, c.record, e.Record)
			}
			require.NotContains(t, e.Reason, "nobody")
			require.NotContains(t, e.Reason, "Mina")

			before := l.events()
			again := l.must(d, rows(sale("good", "1.00"), c.row))
			require.EqualValues(t, 2, again.Counts.Replayed, "met again it is a replay")
			require.EqualValues(t, 1, again.StillQuarantined)
			require.Equal(t, before, l.events())
		})
	}
}

func TestSameIDWithOtherContentIsAConflict(t *testing.T) {
	l, d := openShop(t)
	l.must(d, rows(sale("a", "10.00")))
	report := l.must(d, rows(sale("a", "11.00")))
	require.EqualValues(t, 1, report.Counts.Quarantined)
	require.Equal(t, domain.CodeConflict, report.Faults[0].Code)

	// The first content comes again: a replay, and the conflict stays open.
	report = l.must(d, rows(sale("a", "10.00")))
	require.EqualValues(t, 1, report.Counts.Replayed)
	require.Zero(t, report.Released)
	require.Len(t, l.quarantine("shop", collect.Filter{}), 1)

	// What the source declares volatile does not count.
	report = l.must(d, rows("a,2026-11-22 10:00,sale,mina,USD,10.00,,s2"))
	require.EqualValues(t, 1, report.Counts.Replayed)
	require.Zero(t, report.StillQuarantined)
}

func TestSecondRunAddsNoEvent(t *testing.T) {
	l, d := openShop(t)
	data := rows(sale("a", "10.00"), sale("b", "0.01"), "T1,x,sale,mina,USD,1,,", "x,y", sale("c", "1.005"))
	first := l.must(d, data)
	before := l.events()
	second := l.must(d, data)
	require.Equal(t, before, l.events())
	require.EqualValues(t, first.Counts.Settled+first.Counts.Quarantined, second.Counts.Replayed)
	require.Equal(t, first.Totals[0].Read, second.Totals[0].Read)
	require.Equal(t, first.Delivery, second.Delivery)
}

func TestQuarantinedRecordThatSettlesNowIsReleased(t *testing.T) {
	l, d := openShop(t)
	data := rows("x,2026-11-22 11:00,sale,joon,USD,5.00,,s1")
	require.EqualValues(t, 1, l.must(d, data).Counts.Quarantined)
	l.apply("more.yaml", "parties:\n  - { party: joon, kind: seller }\n")
	report := l.must(d, data)
	require.EqualValues(t, 1, report.Counts.Settled)
	require.EqualValues(t, 1, report.Released)
	require.Empty(t, l.quarantine("shop", collect.Filter{}))
	before := l.events()
	require.EqualValues(t, 1, l.must(d, data).Counts.Replayed)
	require.Equal(t, before, l.events())
}

func TestHonestDuplicatesSettleSeparately(t *testing.T) {
	l := newLedger(t)
	l.apply("terms.yaml", shopTerms)
	d := parse(t, invoices)
	data := "invoice,item,amount\n" +
		"1,pen,2.00\n1,pen,2.00\n" + // two equal lines of one invoice
		"2,pen,2.00\n" +
		"1,ink,3.00\n" // invoice 1 goes on: units need not stand together
	report := l.must(d, data)
	require.EqualValues(t, 4, report.Counts.Settled)
	settled := l.settlements("shop")
	require.Len(t, settled, 4)
	require.Equal(t, "3", settled["1/3"].Amount.In("USD").Decimal().String())

	// Whole units in another order: nothing new.
	before := l.events()
	shuffled := "invoice,item,amount\n" + "2,pen,2.00\n" + "1,pen,2.00\n1,pen,2.00\n1,ink,3.00\n"
	report = l.must(d, shuffled)
	require.EqualValues(t, 4, report.Counts.Replayed)
	require.Equal(t, before, l.events())
}

const invoices = `
source: invoices
format: { csv: { columns: [invoice, item, amount] } }
identity: { unit: row.invoice }
transaction:
  book: '"shop"'
  type: '"sale"'
  occurred_at: '"2026-11-22T00:00:00Z"'
  currency: '"USD"'
  amount: decimal(row.amount)
  parties: { seller: '"mina"' }
policy: { sub_minor: settle }
`

func TestRegisterPolicy(t *testing.T) {
	l := newLedger(t)
	l.apply("terms.yaml", shopTerms)
	d := parse(t, shop+"policy: { unknown_party: register, party_kinds: { seller: seller } }\n")
	report := l.must(d, rows(
		"a,2026-11-22 11:00,sale,joon,USD,5.00,,s1",
		"r,2026-11-22 11:00,refund,joon,USD,-5.00,a,s1", // in the same batch as its original
		sale("b", "1.00"),
		"c,2026-11-22 11:00,sale,Not An Id,USD,5.00,,s1",
	))
	require.EqualValues(t, 3, report.Counts.Settled)
	require.EqualValues(t, 1, report.Counts.Quarantined)
	require.Len(t, l.stream("party-joon"), 1)
	require.Len(t, l.stream("party-mina"), 1, "who is there already stays as registered")
}

func TestControlTotalsOfManyBatches(t *testing.T) {
	l := newLedger(t)
	l.apply("terms.yaml", shopTerms)
	l.pipeline = l.through(l.door, 7)
	lines := "invoice,item,amount\n"
	for range 100 {
		lines += "1,pen,0.001\n"
	}
	report := l.must(parse(t, invoices), lines)
	require.EqualValues(t, 100, report.Counts.Settled)
	require.Equal(t, "0.10", report.Totals[0].Settled)
}

// TestIdentityIsKept refuses a definition under which what has settled would
// settle once more.
func TestIdentityIsKept(t *testing.T) {
	l := newLedger(t)
	l.apply("terms.yaml", shopTerms)
	byInvoice := parse(t, invoices)
	l.must(byInvoice, "invoice,item,amount\n1,pen,2.00\n")
	before := l.events()

	byItem := parse(t, strings.Replace(invoices, "unit: row.invoice", "id: row.item", 1))
	_, err := l.pipeline.Ingest(context.Background(), byItem, delivery("invoice,item,amount\n1,pen,2.00\n"), nil)

	require.Equal(t, domain.CodeConflict, domain.CodeOf(err))
	require.ErrorContains(t, err, "unit: row.invoice")
	require.ErrorContains(t, err, "settle twice")
	require.Equal(t, before, l.events())
}
