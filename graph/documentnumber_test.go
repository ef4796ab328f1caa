package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A document may have numbers where the language has texts, in variables and in the
// operation itself; not a digit is lost on the way.
func TestNumbersInDocuments(t *testing.T) {
	w := newWorld(t)
	w.platform()
	var got struct {
		PublishScheduleDocument struct {
			payload
			Schedule struct {
				Rules []struct {
					Percent string
					Flat    []struct{ Currency, Amount string }
					Tiers   *struct {
						Steps []struct{ UpTo, Percent string }
					}
				}
				Accumulators []struct{ Window string }
			}
		}
	}
	w.ask(&got, `mutation { publishScheduleDocument(input: {document: {
		schedule: "numbers", version: 1, effective_from: "2026-01-01", funds: {role: "supplier"},
		accumulators: [{name: "week", measure: 1, window: {rolling_days: 7}}],
		rules: [
			{id: "fee", to: {role: "operator"}, percent: 2.9, flat: {KRW: 30}},
			{id: "tiered", to: {role: "operator"}, tiers: {mode: "marginal", steps: [{up_to: 1000, percent: 0.10}, {percent: 1}]}},
			{id: "rest", to: {role: "provider"}, rest: true}
		] } }) { `+payloadFields+` schedule { accumulators { window } rules { percent flat { currency amount } tiers { steps { upTo percent } } } } } }`, nil)
	require.Empty(t, got.PublishScheduleDocument.UserErrors)
	rules := got.PublishScheduleDocument.Schedule.Rules
	require.Equal(t, "2.9", rules[0].Percent)
	require.Equal(t, "30", rules[0].Flat[0].Amount)
	require.Equal(t, []string{"1000", "0.1"}, []string{rules[1].Tiers.Steps[0].UpTo, rules[1].Tiers.Steps[0].Percent})
	require.Equal(t, "7 days", got.PublishScheduleDocument.Schedule.Accumulators[0].Window)

	var exact struct {
		PublishScheduleDocument struct {
			payload
			Schedule struct{ Rules []struct{ Percent string } }
		}
	}
	long := number("0.123456789012345678901")
	w.ask(&exact, `mutation ($d: JSON!) { publishScheduleDocument(input: {document: $d}) { `+payloadFields+` schedule { rules { percent } } } }`, vars{"d": vars{
		"schedule": "exact", "version": 1, "effective_from": "2026-01-01", "funds": vars{"role": "supplier"},
		"rules": []vars{{"id": "fee", "to": vars{"role": "operator"}, "percent": long}, {"id": "rest", "to": vars{"role": "provider"}, "rest": true}},
	}})
	if len(exact.PublishScheduleDocument.UserErrors) == 0 {
		require.Equal(t, "0.123456789012345678901", exact.PublishScheduleDocument.Schedule.Rules[0].Percent)
	} else {
		require.Equal(t, "0.123456789012345678901", exact.PublishScheduleDocument.UserErrors[0].Value, "refused as it came")
	}
}

// number is a JSON number as it is written.
type number string

func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }
