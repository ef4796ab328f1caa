package collect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
)

const attributed = `source: att
format: { ndjson: {} }
identity: { id: row.id }
transaction:
  book: '"att"'
  type: '"sale"'
  occurred_at: row.at
  currency: '"USD"'
  amount: row.amount
  parties: { seller: row.seller }
  attributes:
    quantity: row.qty
    overseas: row.country != "KR"
    grade: 'has(row.grade) ? row.grade : ""'
    tip: 'decimal("0.10")'
    unknown: '"never asked for"'
`

// attributedTerms charge 0.25 for each unit, and 1.00 more from overseas.
const attributedTerms = `
parties:
  - { party: mina, kind: seller }
  - { party: shop, kind: operator }
schedules:
  - schedule: units
    version: 1
    effective_from: 2026-01-01
    funds: { role: operator }
    inputs:
      - { name: quantity, type: number }
      - { name: overseas, type: truth }
      - { name: tip, type: number, default: "0" }
      - { name: grade, type: text, one_of: [gold], default: "gold" }
    rules:
      - { id: unit, to: { role: operator }, per_unit: { units: quantity, price: { USD: "0.25" } } }
      - { id: abroad, to: { role: operator }, when: overseas, amount: "1 + tip" }
      - { id: rest, to: { role: seller }, rest: true }
contracts:
  - { contract: c, book: att, schedule: units, zone: UTC, from: 2026-01-01, parties: { operator: shop } }
`

func TestAttributesReachTheSchedule(t *testing.T) {
	l := newLedger(t)
	l.apply("terms.yaml", attributedTerms)
	d := parse(t, attributed)
	line := func(id, rest string) string {
		return `{"id":"` + id + `","at":"2026-11-22T09:00:00Z","amount":10,"seller":"mina",` + rest + "}\n"
	}
	data := line("a", `"qty":4,"country":"KR"`) + line("b", `"qty":"2.5","country":"US","grade":"gold"`) +
		line("c", `"qty":"two","country":"KR"`) + line("d", `"qty":1,"country":"KR","grade":"tin"`) + line("e", `"qty":"","country":"KR"`) + line("f", `"country":"KR"`)
	report := l.must(d, data)
	require.EqualValues(t, 2, report.Counts.Settled)
	require.EqualValues(t, 4, report.Counts.Quarantined)

	settled := l.settlements("att")
	require.Equal(t, map[string]string{"quantity": "4", "overseas": "false", "tip": "0.1"}, settled["a"].Attributes, "what the schedule declares")
	require.Equal(t, map[string]string{"quantity": "2.5", "overseas": "true", "tip": "0.1", "grade": "gold"}, settled["b"].Attributes)
	require.Equal(t, "1.00", settled["a"].Explanation[0].Amount.String())
	require.Equal(t, "1.10", settled["b"].Explanation[1].Amount.String())
	fields := map[string]string{}
	for _, e := range l.quarantine("att", collect.Filter{}) {
		require.Equal(t, domain.CodeInvalid, e.Code, e.Reason)
		fields[e.Record] = e.Field
	}
	require.Equal(t, map[string]string{"c": "attributes.quantity", "d": "attributes.grade", "e": "attributes.quantity", "f": "transaction.attributes.quantity"}, fields)

	require.EqualValues(t, 6, l.must(d, data).Counts.Replayed)
}

func TestFaultsOfMappedAttributes(t *testing.T) {
	_, err := collect.ParseDefinition("att.yaml", []byte(attributed+`    Grade: row.grade
    moment: timestamp(row.at)
    list: '[row.id]'
    empty: ""
    bell: '"\u0007"'
`))
	for _, want := range []string{
		"att.yaml:17:12 transaction.attributes.Grade: not a valid name",
		"att.yaml:18:13 transaction.attributes.moment: the expression gives google.protobuf.Timestamp where a text, a decimal, or true or false is wanted",
		"transaction.attributes.list: the expression gives list(dyn) where",
		"att.yaml:20:12 transaction.attributes.empty: the expression is empty",
		"att.yaml:21:11 transaction.attributes.bell: not plain text",
	} {
		require.ErrorContains(t, err, want)
	}
}
