package yamldoc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// What package fee finds in a schedule is told at the line where it is written,
// also where the field at fault is not there.
func TestFaultsOfAScheduleHaveTheirLines(t *testing.T) {
	var d fee.Document
	doc := yamldoc.Decode("s.yaml", []byte(`schedule: s
version: 1
effective_from: 2026-01-01
funds: {role: gateway}
inputs:
  - {name: quantity, type: number}
parameters:
  - name: cap
    amounts: {KRW: 50000, XXX: 1}
accumulators:
  - name: ytd
    measure: gros
    window: {rolling_days: 500}
values:
  - {name: supply, is: "gross / "}
rules:
  - id: fee
    to: {role: platform, purpose: reserve}
    when: 'type == 5'
    of: supply
    tiers:
      mode: marginal
      from: ytd
      steps:
        - {up_to: "100", percent: "15"}
        - up_to: "200"
          percent: 8
    hold:
      weekly: {ends: sonntag}
      business_days: 15
  - id: net
    to: {role: seller}
    rest: true
    refund: {keep: 1, policy: kept}
periods:
  - id: month_end
    of: ytd
    entries:
      - id: share
        from: {role: platform}
        to: {role: seller}
        amount: ytd * quantity
`), &d)
	for _, fault := range fee.Check(d) {
		doc.FaultFrom(fault.Field, fault)
	}
	var places []string
	err := doc.Err()
	require.Error(t, err)
	for _, fault := range err.(yamldoc.Faults) { //nolint:errorlint // Err gives Faults as they are
		require.NotEmpty(t, fault.Message)
		places = append(places, fault.Field)
	}
	require.Equal(t, []string{
		"s.yaml:9:32 parameters[0].amounts.XXX",
		"s.yaml:12:14 accumulators[0].measure",
		"s.yaml:13:28 accumulators[0].window.rolling_days",
		"s.yaml:15:24 values[0].is",
		"s.yaml:19:11 rules[0].when",
		"s.yaml:26:18 rules[0].tiers.steps[1].up_to",
		"s.yaml:29:7 rules[0].hold.calendar",
		"s.yaml:29:22 rules[0].hold.weekly.ends",
		"s.yaml:34:13 rules[1].refund",
		"s.yaml:34:23 rules[1].refund.policy",
		"s.yaml:37:9 periods[0].of",
		"s.yaml:42:17 periods[0].entries[0].amount",
	}, places, "%v", err)
}

// A value with two forms is read in both, and at fault in neither.
func TestDecodeReadsBothForms(t *testing.T) {
	var d fee.Document
	doc := yamldoc.Decode("s.yaml", []byte(`
accumulators:
  - {name: a, measure: gross, window: lifetime}
  - {name: b, measure: gross, window: {rolling_days: 30}}
  - {name: c, measure: gross, window: [30]}
  - {name: d, measure: gross, window: {days: 30}}
rules:
  - {id: a, refund: kept}
  - {id: b, refund: {keep: "min(5, 20% * line)"}}
  - {id: c, flat: {USD: {keep: 1}}}
`), &d)
	require.EqualError(t, doc.Err(), `s.yaml:5:39 accumulators[2].window: text expected, found a list
s.yaml:6:40 accumulators[3].window.days: unknown key; use one of rolling_days
s.yaml:10:25 rules[2].flat.USD: text expected, found a mapping`)
	require.Equal(t, fee.Window{Name: fee.WindowLifetime}, d.Accumulators[0].Window)
	require.Equal(t, fee.Window{RollingDays: 30}, d.Accumulators[1].Window)
	require.Equal(t, fee.RefundKept, d.Rules[0].Refund.Policy)
	require.Equal(t, "min(5, 20% * line)", d.Rules[1].Refund.Keep)
}
