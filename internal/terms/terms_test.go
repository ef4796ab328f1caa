package terms_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/internal/terms"
)

func TestCommandsComeInTheOrderOfTheirReferences(t *testing.T) {
	commands, err := terms.Parse("t.yaml", []byte(`
contracts:
  - contract: c1
    book: b1
    schedule: s1
    zone: Asia/Seoul
    from: 2026-01-01
    until: 2027-01-01
    priority: 5
    parties: { operator: op }
    applies: { types: [sale], parties: { seller: mina } }
schedules:
  - { schedule: s1, version: 2, effective_from: 2026-06-01, funds: { role: gateway }, rules: [ { id: rest, to: { role: operator }, rest: true } ] }
  - schedule: s1
    version: 1
    effective_from: 2026-01-01
    funds: { role: gateway, purpose: receivable }
    rounding_difference: { role: operator, purpose: rounding }
    rules:
      - { id: fee, to: { role: operator }, percent: 2.750, of: remaining, minimum: { USD: 0.30, KRW: 100 }, rounding: { mode: floor, unit: { KRW: 10 } } }
      - { id: rest, to: { role: seller }, rest: true }
parties:
  - { party: op, kind: operator, country: KR, details: { name: 오퍼레이터, tax_id: "000" } }
`))
	require.NoError(t, err)
	require.Len(t, commands, 4)
	require.Equal(t, party.RegisterParty{Party: "op", Kind: party.Operator, Country: "KR", Details: &party.Details{Name: "오퍼레이터", TaxID: "000"}}, commands[0])
	first := commands[1].(schedule.PublishSchedule)
	require.Equal(t, 1, first.Version)
	require.Equal(t, "2.750", first.Rules[0].Percent, "digits stay as written")
	require.Equal(t, "0.30", first.Rules[0].Minimum["USD"].String())
	require.Equal(t, domain.Date("2026-01-01"), first.EffectiveFrom)
	require.Equal(t, &fee.Target{Role: "operator", Purpose: "rounding"}, first.RoundingDifference)
	require.Equal(t, 2, commands[2].(schedule.PublishSchedule).Version)
	signed := commands[3].(contract.SignContract)
	require.Equal(t, domain.Date("2027-01-01"), signed.Until)
	require.Equal(t, 5, signed.Priority)
	require.Equal(t, map[string]string{"seller": "mina"}, signed.Applies.Parties)
}

func TestEveryFaultIsNamedWithLineAndPath(t *testing.T) {
	_, err := terms.Parse("t.yaml", []byte(`parties:
  - { party: Op!, kind: operator }
  - { party: a, kind: boss, nick: b }
  - { party: a, kind: seller }
  - { party: k, kind: seller, country: Korea }
schedules:
  - schedule: s1
    version: 0
    effective_from: tomorrow
    funds: { role: gateway }
    rules:
      - { id: fee, to: { role: operator }, percent: many, minimum: { XXX: 1 } }
      - { id: fee, to: { role: operator }, percent: 1, flat: { USD: 1.x } }
contracts:
  - { contract: c1, book: b1, schedule: s1, zone: Mars/Base, from: 2026-01-01 }
  - { contract: c1, book: b1, schedule: s1, zone: Asia/Seoul, from: 2026-01-32 }
`))
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	for _, want := range []string{
		`t.yaml:2:14 parties[0].party: not a valid identifier ("Op!")`,
		`t.yaml:3:23 parties[1].kind: unknown kind of party ("boss")`,
		`t.yaml:3:29 parties[1].nick: unknown key; use one of country, details, kind, party`,
		`t.yaml:4:14 parties[2].party: the party is listed twice`,
		`t.yaml:5:40 parties[3].country: not a country code ("Korea")`,
		`t.yaml:8:14 schedules[0].version: a version is a whole number from 1`,
		`t.yaml:9:21 schedules[0].effective_from: not a date ("tomorrow")`,
		`t.yaml:12:53 schedules[0].rules[0].percent`,
		`t.yaml:13:69 schedules[0].rules[1].flat.USD: not a decimal amount`,
		`t.yaml:15:51 contracts[0].zone: unknown time zone ("Mars/Base")`,
		`contracts[1].contract: the contract is listed twice`,
		`t.yaml:16:69 contracts[1].from: not a date ("2026-01-32")`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestExamples(t *testing.T) {
	for file, n := range map[string]int{"online-retail-terms.yaml": 10, "online-retail-negotiated-terms.yaml": 11, "demo/terms.yaml": 22} {
		text, err := os.ReadFile("../../examples/" + file)
		require.NoError(t, err)
		commands, err := terms.Parse(file, text)
		require.NoError(t, err)
		require.Len(t, commands, n, file)
		documents, err := terms.ParseSchedules(file, text)
		require.NoError(t, err)
		for _, document := range documents {
			results, err := fee.RunCases(document)
			require.NoError(t, err)
			for _, result := range results {
				require.Empty(t, result.Differences, "%s: %s", file, result.Name)
			}
		}
	}
}
