package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

// shop is a schedule with worked cases, of a version, with a percentage.
func shop(version, percent, from string) string {
	return strings.NewReplacer("VERSION", version, "PERCENT", percent, "FROM", from).Replace(`schedule: shop
version: VERSION
effective_from: FROM
funds: { role: card_supplier }
inputs:
  - { name: grade, type: text, one_of: [small, general], default: general }
parameters:
  - { name: rate, is: "PERCENT%" }
accumulators:
  - { name: ytd, measure: gross, key: [maker], window: calendar_year }
rules:
  - { id: small_fee, group: fee, when: 'grade == "small"', to: { role: platform }, percent: rate * 50 }
  - { id: fee, group: fee, to: { role: platform }, tiers: { mode: marginal, from: ytd, steps: [ { up_to: "1000", percent: 1 }, { percent: rate * 100 } ] } }
  - { id: rest, to: { role: operator }, rest: true }
cases:
  - name: crosses the tier
    transaction: { amount: 100.00, currency: USD, on: 2026-05-01 }
    before: { ytd: "950" }
    expect: { lines: { fee: "2.00", rest: "98.00" }, after: { ytd: "1050" } }
  - name: a small one
    transaction: { amount: 100.00, currency: USD, on: 2026-05-01, attributes: { grade: small } }
    expect: { lines: { small_fee: "1.50" }, absent: [fee] }
`)
}

func TestValidateNamesEveryFault(t *testing.T) {
	good := file(t, "good.yaml", shop("1", "3", "2026-01-01"))
	bad := file(t, "bad.yaml", strings.NewReplacer("role: operator", "role: Op!", "rate * 100", "rat * 100", "version: 1", "version: 0").Replace(shop("1", "3", "2026-01-01")))
	code, stdout, stderr := jeongsan(t, "schedule", "validate", good, bad)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, good+": schedule shop version 1, from 2026-01-01: 3 rules, 2 cases")
	for _, want := range []string{bad + ":2:10 version", bad + ":13:", "rules[1].tiers.steps[1].percent", "rate", bad + ":14:", "rules[2].to.role"} {
		require.Contains(t, stdout, want)
	}
	require.Contains(t, stderr, "1 of 2 files not valid")

	code, stdout, _ = jeongsan(t, "schedule", "validate", bad, "nowhere.yaml", "--json")
	require.Equal(t, exitFailed, code)
	var results []validated
	require.NoError(t, json.Unmarshal([]byte(stdout), &results))
	require.GreaterOrEqual(t, len(results[0].Faults), 3)
	require.Contains(t, results[1].Faults[0].Message, "cannot be read")

	// What cannot be read is not also said to be missing.
	unread := file(t, "unread.yaml", strings.Replace(shop("1", "3", "2026-01-01"), "rest: true", "rset: true", 1))
	_, stdout, _ = jeongsan(t, "schedule", "validate", unread)
	require.Contains(t, stdout, "rules[2].rset: unknown key")
	require.NotContains(t, stdout, "rules[2]:")
	require.Contains(t, stdout, "no rule takes the rest")
	_, stdout, _ = jeongsan(t, "schedule", "validate", file(t, "cut.json", `{"schedule": "shop"`))
	require.Equal(t, 1, strings.Count(stdout, "\n"), stdout)
	_, stdout, _ = jeongsan(t, "schedule", "validate", t.TempDir())
	require.Contains(t, stdout, "*.yaml")

	schema := succeed(t, "schedule", "validate", "--schema")
	require.True(t, json.Valid([]byte(schema)))
	require.Contains(t, schema, `"accumulators"`)
	require.Contains(t, succeed(t, "schedule", "validate", "testdata/terms.yaml"), "schedule simple version 1")
}

func TestWorkedCasesAreRun(t *testing.T) {
	good := file(t, "good.yaml", shop("1", "3", "2026-01-01"))
	out := succeed(t, "schedule", "test", good, "--verbose")
	require.Contains(t, out, "ok    "+good+": crosses the tier")

	wrong := file(t, "wrong.yaml", shop("1", "4", "2026-01-01"))
	code, stdout, stderr := jeongsan(t, "schedule", "test", good, wrong)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "FAIL  "+wrong+": crosses the tier")
	require.Contains(t, stdout, "lines.fee: expected 2.00, found 2.50")
	require.NotContains(t, stdout, "FAIL  "+good)
	require.Contains(t, stderr, "2 of 4 cases failed")

	code, _, stderr = jeongsan(t, "schedule", "test", good, "--case", "nothing like it")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, `no case to run (case = "nothing like it"); write a part of a case's name`)
}

func TestDiffOfFiles(t *testing.T) {
	earlier, later := file(t, "old.yaml", shop("1", "3", "2026-01-01")), file(t, "new.yaml", shop("2", "4", "2026-07-01"))
	out := succeed(t, "schedule", "diff", earlier, later, "--cases")
	for _, want := range []string{
		"effective_from 2026-01-01 → 2026-07-01", "parameter rate: is 3% → 4%",
		"2 worked cases, of which 2 change their amounts", "crosses the tier", "fee 2.00 → 2.50", "small_fee 1.50 → 2.00",
	} {
		require.Contains(t, out, want)
	}
	require.Contains(t, succeed(t, "schedule", "diff", earlier, earlier), "no difference")
	// A case is tried on both, though one knows nothing of its inputs and accumulators.
	plain := file(t, "plain.yaml", `schedule: shop
version: 3
effective_from: 2026-08-01
funds: { role: card_supplier }
rules:
  - { id: fee, to: { role: platform }, percent: 3 }
  - { id: rest, to: { role: operator }, rest: true }
`)
	out = succeed(t, "schedule", "diff", earlier, plain, "--cases")
	require.Contains(t, out, "fee 2.00 → 3.00")
	require.Contains(t, out, "small_fee 1.50 → none")
	require.NotContains(t, out, "refused")
	var d difference
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "schedule", "diff", earlier, later, "--json")), &d))
	require.Len(t, d.Changes, 2)
	require.Nil(t, d.Cases)
}

func TestSimulateExplains(t *testing.T) {
	shop := file(t, "shop.yaml", shop("1", "3", "2026-01-01"))
	out := succeed(t, "schedule", "simulate", shop, "--amount", "100.00", "--currency", "USD", "--on", "2026-05-01", "--before", "ytd=950", "--party", "maker=m-1")
	for _, want := range []string{
		`1. small_fee does not apply: when grade "general" == "small" is false`, "2. fee applies", "marginal 1% of 50, 3% of 50",
		"accumulator ytd 950.00 → 1050.00", "maker=m-1", "platform/payable", "nothing is posted",
	} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "is effective from")
	early := succeed(t, "schedule", "simulate", shop, "--amount", "1.00", "--currency", "USD", "--on", "2025-12-31")
	require.Contains(t, early, "no transaction of 2025-12-31 is rated by this version: it is effective from 2026-01-01")
	var r rating
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "schedule", "simulate", shop, "--amount", "-50", "--currency", "USD", "--refund-of", "100", "--refunded", "25",
		"--attribute", "grade=small", "--parameter", "rate=10%", "--json")), &r))
	require.Equal(t, "pro_rata 75.00/100.00 - 1.25", r.Lines[0].Rate)
	require.Equal(t, "2.50", r.Lines[0].Amount.String())
	require.Equal(t, "debit", r.Shares[0].Side)
	require.Contains(t, succeed(t, "schedule", "simulate", shop, "--case", "tier"), "marginal 1% of 50")

	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "--amount"},
		{[]string{"--amount", "1"}, exitUsage, "--currency"},
		{[]string{"--amount", "x", "--currency", "USD"}, exitUsage, "amount"},
		{[]string{"--amount", "1", "--currency", "USD", "--on", "today"}, exitUsage, "not a date"},
		{[]string{"--amount", "1", "--currency", "USD", "--before", "ytd"}, exitUsage, "--before name=value"},
		{[]string{"--amount", "1", "--currency", "USD", "--before", "mtd=1"}, exitFailed, "mtd"},
		{[]string{"--amount", "1", "--currency", "USD", "--attribute", "grade=big"}, exitFailed, "grade"},
		{[]string{"--amount", "1", "--currency", "USD", "--attribute", "grad=small"}, exitFailed, `no input of this name (attributes.grad = "grad"); use one of grade`},
		{[]string{"--amount", "1", "--currency", "USD", "--refunded", "1"}, exitUsage, "--refund-of"},
		{[]string{"--case", "tier", "--amount", "1"}, exitUsage, "leave one of them out"},
		{[]string{"--case", "nothing"}, exitUsage, "crosses the tier"},
		{[]string{"--random", "5"}, exitUsage, "--json"},
	} {
		code, _, stderr := jeongsan(t, append([]string{"schedule", "simulate", shop}, c.args...)...)
		require.Equal(t, c.code, code, "%v %s", c.args, stderr)
		require.Contains(t, stderr, c.says)
	}
	for name, flag := range map[string]string{"naver-smartstore-v2": "add --attribute grade=VALUE", "kr-calendar": "add --calendar kr=DATE"} {
		code, _, stderr := jeongsan(t, "schedule", "simulate", "../../examples/schedules/"+name+".yaml", "--amount", "1000", "--currency", "KRW")
		require.Equal(t, exitFailed, code)
		require.Contains(t, stderr, flag)
	}
}

// TestScheduleLife goes from a file to a published schedule, in the log of a data
// directory, and on to its next version.
func TestScheduleLife(t *testing.T) {
	data := dataDirectory(t)
	first, second := file(t, "one.yaml", shop("1", "3", "2026-01-01")), file(t, "two.yaml", shop("2", "4", "2026-07-01"))

	require.Contains(t, succeed(t, "schedule", "publish", first, "--dry-run", "--data", data), "would be published, effective from 2026-01-01")
	code, _, stderr := jeongsan(t, "schedule", "history", "shop", "--data", data)
	require.Equal(t, exitFailed, code, "a dry run publishes nothing")
	require.Contains(t, stderr, "no such schedule")

	require.Contains(t, succeed(t, "schedule", "publish", first, "--data", data), "no contract uses it yet")
	require.Contains(t, succeed(t, "schedule", "publish", first, "--data", data), "already so")
	code, _, stderr = jeongsan(t, "schedule", "publish", file(t, "other.yaml", shop("1", "9", "2026-01-01")), "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "publish the correction as version 2")

	succeed(t, "apply", file(t, "terms.yaml", `parties:
  - { party: shop, kind: operator }
contracts:
  - { contract: shop-1, book: shop, schedule: shop, zone: Asia/Seoul, from: 2026-03-01, parties: { operator: shop }, parameters: { rate: "5%" } }
`), "--data", data)
	// A dry run refuses what publishing would refuse: the contract gives a parameter.
	fixed := file(t, "fixed.yaml", strings.NewReplacer("rate * 50", "2", "rate * 100", "4", `  - { name: rate, is: "4%" }`, `  - { name: other, is: "4%" }`).Replace(shop("2", "4", "2026-07-01")))
	for _, more := range [][]string{{"--dry-run"}, nil} {
		code, _, stderr = jeongsan(t, append([]string{"schedule", "publish", fixed, "--data", data}, more...)...)
		require.Equal(t, exitFailed, code)
		require.Contains(t, stderr, "the parameters of contract shop-1 do not fit version 2 of schedule shop")
		require.Contains(t, stderr, "end the contract by 2026-07-01 first")
	}
	out := succeed(t, "schedule", "publish", second, "--data", data)
	for _, want := range []string{"version 2: published", "parameter rate: is 3% → 4%", "used by 1 contract", "shop-1 of book shop, from 2026-07-01 (2026-06-30T15:00Z, midnight in Asia/Seoul)"} {
		require.Contains(t, out, want)
	}
	out = succeed(t, "schedule", "history", "shop", "--data", data)
	for _, want := range []string{"shop version 1, effective from 2026-01-01 until 2026-07-01, published", "by cli", "shop version 2, effective from 2026-07-01, published", "parameter rate: is 3% → 4%"} {
		require.Contains(t, out, want)
	}
	var history []pastVersion
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "schedule", "history", "shop", "--json", "--data", data)), &history))
	require.Len(t, history, 2)

	require.Contains(t, succeed(t, "schedule", "diff", "shop@1", "shop", "--data", data), "parameter rate: is 3% → 4%")
	require.Contains(t, succeed(t, "schedule", "diff", "shop", second, "--data", data), "no difference")
	require.Contains(t, succeed(t, "schedule", "simulate", "shop@1", "--amount", "100", "--currency", "USD", "--before", "ytd=1000", "--data", data), "3% of 100")
	for args, says := range map[string]string{
		"schedule diff shop@1 shop@9":                        "its newest is 2",
		"schedule diff shop@1 nothing":                       "neither a file nor a schedule",
		"schedule diff shop@1 nothing.yaml":                  "no such file",
		"schedule history nothing":                           "no such schedule",
		"schedule history shop@1":                            "name it without a version: shop",
		"schedule simulate shop@0 --amount 1 --currency USD": "versions count from 1",
	} {
		code, _, stderr := jeongsan(t, append(strings.Fields(args), "--data", data)...)
		require.Equal(t, exitFailed, code, args)
		require.Contains(t, stderr, says, args)
	}
}

// TestExplainASettlement explains what a running server has settled.
func TestExplainASettlement(t *testing.T) {
	needsPostgres(t)
	data := dataDirectory(t)
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	succeed(t, "apply", "testdata/terms.yaml", "--server", server.server.Server)
	code, _, stderr := jeongsan(t, "schedule", "publish", file(t, "shop.yaml", shop("1", "3", "2026-01-01")), "--server", server.server.Server, "--dry-run")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "--eventstore")
	require.Contains(t, succeed(t, "schedule", "publish", file(t, "shop.yaml", shop("1", "3", "2026-01-01")), "--data", data), "version 1: published")
	succeed(t, "apply", file(t, "terms.yaml", `contracts:
  - { contract: tiered, book: shop, schedule: shop, zone: Asia/Seoul, from: 2026-01-01, priority: 9, parties: { operator: shop, card_supplier: card, platform: hub }, parameters: { rate: "5%" } }
`), "--server", server.server.Server)
	delivery := file(t, "till.csv", "id,at,kind,amount,currency,maker,refund_of\nA1,2026-03-01 09:00,sale,900.00,USD,maker,\nA2,2026-03-01 09:00,sale,300.00,USD,maker,\nA3,2026-03-02 09:00,refund,-100.00,USD,maker,A2\n")
	reports := ingestJSON(t, "--source", "testdata/source.yaml", delivery, "--server", server.server.Server)
	require.EqualValues(t, 3, reports[0].Report.Counts.Settled, "%+v", reports[0].Report.Faults)
	succeed(t, "verify", "--data", data) // waits for nothing, but the read models follow within it

	out := succeed(t, "explain", "till", "A2", "--data", data)
	for _, want := range []string{
		"sale A2 of source till: 300.00 USD", "contract tiered, schedule shop version 1, engine 2, event book-shop@1 of the log", "parameter rate = 0.05",
		"accumulator ytd 900.00 → 1200.00", "1. small_fee does not apply", "marginal 1% of 100, 5% of 200", "hub/payable/USD",
		"since then: given back by A3 of source till, event book-shop@2",
	} {
		require.Contains(t, out, want)
	}
	var shown explained
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "explain", "till", "A3", "--json", "--data", data)), &shown))
	require.True(t, shown.Agrees)
	require.Equal(t, "A2", shown.Original.ExternalID)
	require.Equal(t, "pro_rata 100.00/300.00", shown.Lines[0].Rate)
	require.Len(t, shown.Rules, 3)

	code, _, stderr = jeongsan(t, "explain", "till", "A9", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "no such transaction")
	definition, err := os.ReadFile("testdata/source.yaml")
	require.NoError(t, err)
	early := file(t, "early.yaml", string(definition)+"policy:\n  early: await\n")
	waits := file(t, "early.csv", "id,at,kind,amount,currency,maker,refund_of\nA8,2026-03-03 09:00,refund,-1.00,USD,maker,A7\n")
	succeed(t, "ingest", "--source", early, waits, "--server", server.server.Server)
	succeed(t, "verify", "--data", data)
	code, _, stderr = jeongsan(t, "explain", "till", "A8", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "came before its original A7 and waits for it in book shop")
	late := file(t, "late.csv", "id,at,kind,amount,currency,maker,refund_of\nA4,2026-03-03 09:00,refund,-900.00,USD,maker,A2\nA5,2026-03-03 09:00,sale,1.00,USD,maker,\n")
	succeed(t, "ingest", "--source", "testdata/source.yaml", late, "--server", server.server.Server)
	require.Contains(t, succeed(t, "explain", "till", "A5", "--data", data), "sale A5 of source till", "the read model is waited for")
	code, _, stderr = jeongsan(t, "explain", "till", "A4", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "it is in quarantine: refunds would exceed the original")
	server.stop()
	require.Contains(t, succeed(t, "explain", "till", "A1", "--data", data), "1% of 900", "also where no server runs")
}

// TestSimulationsRepeat: a seed gives the same transactions and explanations each
// time. tools/explanation-check.sh recomputes them with a script of its own.
func TestSimulationsRepeat(t *testing.T) {
	files, err := filepath.Glob("../../examples/schedules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		simulate := func(seed string) string {
			return succeed(t, "schedule", "simulate", name, "--random", "30", "--seed", seed, "--json")
		}
		first := simulate("7")
		require.Equal(t, first, simulate("7"))
		require.NotEqual(t, first, simulate("8"))
	}
}

// TestAVersionThatReachesBack is told apart from one that is to come.
func TestAVersionThatReachesBack(t *testing.T) {
	for date, want := range map[string]bool{"2000-01-01": true, "9000-01-01": false} {
		require.Equal(t, want, contractUse{From: domain.Date(date)}.begun(), date)
	}
}
