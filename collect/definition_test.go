package collect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/terms"
)

func TestEveryFaultOfADefinitionIsNamedWithLineAndPath(t *testing.T) {
	_, err := collect.ParseDefinition("shop.yaml", []byte(`source: Shop!
colour: red
format:
  encoding: euc-kr
  csv: { delimiter: ";;", columns: [id, amount, id], final_newline: maybe }
identity: { id: row.id, unit: row.id }
volatile: [sent]
transaction:
  book: shop
  type: '"Sale"'
  occurred_at: time(row.id, "%Y-%m-%d", "Mars/Base")
  currency: '"XYZ"'
  amount: decimal(row.amont) * 1.5
  parties:
    Seller: row.id
ignore:
  - rule: test
    when: row.id
policy:
  unknown_party: maybe
  party_kinds: { buyer: customer }
`))
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	got := err.Error()
	for _, want := range []string{
		`shop.yaml:1:9 source: not a valid identifier ("Shop!")`,
		`shop.yaml:2:1 colour: unknown key; use one of description, format, identity, ignore, policy, source, transaction, volatile`,
		`shop.yaml:4:13 format.encoding: this encoding is not supported ("euc-kr")`,
		`shop.yaml:5:21 format.csv.delimiter: not a usable delimiter`,
		`shop.yaml:5:49 format.csv.columns[2]: the column is listed twice ("id")`,
		`format.csv.final_newline: unknown choice ("maybe")`,
		`shop.yaml:6:`, `identity: a record needs one identity`,
		`shop.yaml:7:12 volatile[0]: the format has no such column ("sent")`,
		`shop.yaml:9:9 transaction.book: unknown name 'shop'`,
		`shop.yaml:10:9 transaction.type: not a valid name ("Sale")`,
		`shop.yaml:11:16 transaction.occurred_at: unknown time zone Mars/Base`,
		`shop.yaml:12:13 transaction.currency: unknown currency ("XYZ")`,
		`shop.yaml:13:11 transaction.amount: found no matching overload for '_*_'`,
		`shop.yaml:13:11 transaction.amount: row has no column "amont"`,
		`shop.yaml:15:13 transaction.parties.Seller: not a valid name`,
		`shop.yaml:18:11 ignore[0].when: the expression gives string where true or false is wanted`,
		`shop.yaml:20:18 policy.unknown_party: unknown choice ("maybe")`,
		`policy.party_kinds.buyer: unknown kind of party ("customer")`,
		`policy.party_kinds.buyer: transaction.parties maps no such role`,
	} {
		require.Contains(t, got, want)
	}
	require.Greater(t, strings.Count(got, "\n"), 14)
}

func TestMissingPartsOfADefinition(t *testing.T) {
	_, err := collect.ParseDefinition("x.yaml", []byte("source: x\nformat: { ndjson: {} }\ntransaction: {}\n"))
	for _, want := range []string{
		"identity: a record needs one identity", "transaction.book: transaction.book is missing", "transaction.type is missing",
		"transaction.occurred_at is missing", "transaction.currency is missing", "transaction.amount is missing",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = collect.ParseDefinition("x.yaml", []byte("source: x\nformat: {}\n"))
	require.ErrorContains(t, err, "x.yaml:2:9 format: the format is missing")
	_, err = collect.ParseDefinition("x.yaml", []byte("source: x\nformat: { ndjson: {}, csv: { columns: [a] } }\n"))
	require.ErrorContains(t, err, "more than one format")
	_, err = collect.ParseDefinition("x.yaml", []byte("source: [\n"))
	require.ErrorContains(t, err, "x.yaml:")
	_, err = collect.ParseDefinition("x.yaml", []byte(shop+"policy: { unknown_party: register }\n"))
	require.ErrorContains(t, err, "the kind of party seller is missing")
	_, err = collect.ParseDefinition("x.yaml", []byte(shop+"policy: { party_kinds: { seller: seller } }\n"))
	require.ErrorContains(t, err, "kinds are only used with unknown_party: register")
	_, err = collect.ParseDefinition("x.yaml", []byte(shop+"description: "+strings.Repeat("x", 300<<10)+"\n"))
	require.ErrorContains(t, err, "longer than 256 KiB")
}

func TestEmptyExpressionsAreRefused(t *testing.T) {
	_, err := collect.ParseDefinition("x.yaml", []byte(`source: x
format: { ndjson: {} }
identity: { id: "" }
transaction:
  book: ""
  type: '"sale"'
  method: ""
  occurred_at: row.at
  currency: '"USD"'
  amount: ""
  parties:
    seller: ""
ignore:
  - rule: test
    when: ""
`))
	for _, want := range []string{
		"x.yaml:3:17 identity.id: the expression is empty", "transaction.book: the expression is empty", "transaction.method: the expression is empty",
		"transaction.amount: the expression is empty", "transaction.parties.seller: the expression is empty", "ignore[0].when: the expression is empty",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestAllExamplesAreValid(t *testing.T) {
	files, err := filepath.Glob("../examples/*.yaml")
	require.NoError(t, err)
	more, err := filepath.Glob("../examples/demo/*.yaml") // those of schedules and calendars have tests of their own
	require.NoError(t, err)
	files = append(files, more...)
	require.GreaterOrEqual(t, len(files), 5)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(filepath.Base(file), "terms") {
			commands, err := terms.Parse(file, text)
			require.NoError(t, err)
			require.NotEmpty(t, commands)
			continue
		}
		_, err = collect.ParseDefinition(file, text)
		require.NoError(t, err)
	}
}
