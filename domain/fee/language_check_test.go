package fee_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// Each piece of a schedule is followed by the path of its fault and a part of what
// is said about it.
var wrong = []struct{ schedule, path, says string }{
	{`inputs: [{name: n, type: numbr}]`, "inputs[0].type", "use one of number"},
	{`inputs: [{name: n, type: list}]`, "inputs[0].type", "brings no lists"},
	{`inputs: [{name: Net, type: number}]`, "inputs[0].name", "not a name"},
	{`inputs: [{name: gross, type: number}]`, "inputs[0].name", "stands for something else"},
	{`inputs: [{name: n, type: number}, {name: n, type: text}]`, "inputs[1].name", "stands for something else"},
	{`inputs: [{name: n, type: number, default: ten}]`, "inputs[0].default", "not a number"},
	{`inputs: [{name: n, type: truth, default: "yes"}]`, "inputs[0].default", "neither true nor false"},
	{`inputs: [{name: n, type: date, default: "2026-02-30"}]`, "inputs[0].default", "not a date"},
	{`inputs: [{name: n, type: text, one_of: [a, b], default: c}]`, "inputs[0].default", "use a or b"},
	{`inputs: [{name: n, type: number, one_of: ["1"]}]`, "inputs[0].one_of", "only a text"},
	{`inputs: [{name: n, type: text, one_of: [a, a]}]`, "inputs[0].one_of[1]", "listed twice"},
	{`parameters: [{name: p}]`, "parameters[0]", "exactly one of is and amounts"},
	{`parameters: [{name: p, is: "1", amounts: {USD: 1}}]`, "parameters[0]", "exactly one of is and amounts"},
	{`parameters: [{name: p, is: "gross"}]`, "parameters[0].is", "unknown name"},
	{`parameters: [{name: p, is: "round(1.5, half_up)"}]`, "parameters[0].is", "a constant depends on nothing"},
	{`parameters: [{name: p, amounts: {XXX: 1}}]`, "parameters[0].amounts.XXX", "unknown currency"},
	{`accumulators: [{name: a, measure: gross}]`, "accumulators[0].window", "no window"},
	{`accumulators: [{name: a, measure: gross, window: week}]`, "accumulators[0].window", "calendar_month"},
	{`accumulators: [{name: a, measure: gross, window: {rolling_days: 401}}]`, "accumulators[0].window.rolling_days", "1 to 400"},
	{`accumulators: [{name: a, measure: gross, window: day, starts: 2026-01-01}]`, "accumulators[0].starts", "begin with the day"},
	{`accumulators: [{name: a, window: day}]`, "accumulators[0].measure", "no measure"},
	{`accumulators: [{name: a, measure: 'method', window: day}]`, "accumulators[0].measure", "a text where a number"},
	{`accumulators: [{name: a, measure: "1", window: day, scope: book}]`, "accumulators[0].scope", "contract or schedule"},
	{`accumulators: [{name: a, measure: "1", window: day, key: [seller, seller]}]`, "accumulators[0].key[1]", "listed twice"},
	{"inputs: [{name: n, type: number}]\naccumulators: [{name: a, measure: \"1\", window: day, key: [n]}]", "accumulators[0].key[0]", "only roles and text inputs"},
	{`values: [{name: v, is: "gros / 2"}]`, "values[0].is", "did you mean gross?"},
	{`values: [{name: v, is: "gross +"}]`, "values[0].is", "column 8"},
	{`values: [{name: v, is: "v + 1"}]`, "values[0].is", "defined by itself"},
	{`values: [{name: v, is: "w + 1"}, {name: w, is: "1"}]`, "values[0].is", "defined later"},
	{`values: [{name: v, is: "w + 1"}, {name: w, is: "2 * v"}]`, "values[0].is", "in a circle"},
	{`values: [{name: v, is: "remaining / 2"}]`, "values[0].is", "changes from rule to rule"},
	{`values: [{name: v, is: "line"}]`, "values[0].is", "known to `keep`"},
	{`values: [{name: v}]`, "values[0].is", "no formula"},
	{`rules: [{id: a, to: {role: a}, percent: "1", when: "gross"}]`, "rules[0].when", "a number where a truth"},
	{`rules: [{id: a, to: {role: a}, percent: "15%"}]`, "rules[0].percent", "write 15"},
	{`rules: [{id: a, to: {role: a}, amount: "lines.b"}, {id: b, to: {role: a}, percent: "1"}]`, "rules[0].amount", "applied later"},
	{`rules: [{id: a, to: {role: a}, amount: "lines.a"}]`, "rules[0].amount", "applied later, or is this one"},
	{"values: [{name: v, is: \"lines.b\"}]\nrules: [{id: a, to: {role: a}, amount: \"v\"}, {id: b, to: {role: a}, percent: \"1\"}]", "rules[0].amount", "applied later"},
	{`rules: [{id: a, to: {role: a}, amount: "1", priority: 2}, {id: b, to: {role: a}, amount: "lines.a", priority: 1}]`, "rules[1].amount", "applied later"},
	{`rules: [{id: a, to: {role: a}, amount: "line"}]`, "rules[0].amount", "known to `keep`"},
	{`rules: [{id: a, to: {role: a}, percent: "1", group: "A B"}]`, "rules[0].group", "not a valid name"},
	{`rules: [{id: a, to: {role: a}, percent: "1", on: sales}]`, "rules[0].on", "sale or refund"},
	{`rules: [{id: a, to: {role: a}, percent: "1", refund: all}]`, "rules[0].refund", "pro_rata"},
	{`rules: [{id: a, to: {role: a}, percent: "1", on: refund, refund: on_full}]`, "rules[0].refund", "or kept"},
	{`rules: [{id: a, to: {role: a}, percent: "1", on: refund, refund: {keep: "1"}}]`, "rules[0].refund", "or kept"},
	{`rules: [{id: a, to: {role: a}, percent: "1", refund: {keep: "taken"}}]`, "rules[0].refund.keep", "differ from refund to refund"},
	{`rules: [{id: a, to: {role: a}, per_unit: {units: "1"}}]`, "rules[0].per_unit", "per currency or as a formula"},
	{`rules: [{id: a, to: {role: a}, per_unit: {price: {USD: 1}}}]`, "rules[0].per_unit.units", "what is counted"},
	{`rules: [{id: a, to: {role: a}, tiers: {mode: all, steps: [{percent: "1"}]}}]`, "rules[0].tiers.mode", "marginal or slab"},
	{`rules: [{id: a, to: {role: a}, tiers: {mode: slab, from: "1", steps: [{percent: "1"}]}}]`, "rules[0].tiers.from", "marginal tiers only"},
	{`rules: [{id: a, to: {role: a}, tiers: {mode: slab, steps: []}}]`, "rules[0].tiers.steps", "1 to 50"},
	{`rules: [{id: a, to: {role: a}, tiers: {mode: slab, steps: [{up_to: "1", percent: "1"}]}}]`, "rules[0].tiers.steps[0].up_to", "above the last"},
	{`rules: [{id: a, to: {role: a}, tiers: {mode: slab, steps: [{percent: "1"}, {percent: "1"}]}}]`, "rules[0].tiers.steps[0].up_to", "only the last"},
	{`rules: [{id: a, to: {role: a}, tiers: {mode: slab, steps: [{}]}}]`, "rules[0].tiers.steps[0]", "percent, flat or both"},
	{`rules: [{id: a, to: {role: a}, tiers: {mode: slab, steps: [{up_to: "5", percent: "1"}, {up_to: "5", percent: "1"}, {percent: "1"}]}}]`, "rules[0].tiers.steps[1].up_to", "do not ascend"},
	{`rules: [{id: a, to: {role: a}, split: {of: gross, parts: [{id: x, to: {role: a}, weight: "1"}]}}]`, "rules[0].to", "targets of their own"},
	{`rules: [{id: a, split: {of: gross, parts: []}}]`, "rules[0].split.parts", "1 to 32"},
	{`rules: [{id: a, split: {parts: [{id: x, to: {role: a}, weight: "1"}]}}]`, "rules[0].split.of", "nothing to divide"},
	{`rules: [{id: a, split: {of: gross, remainder: x, parts: [{id: x, to: {role: a}, weight: "1"}]}}]`, "rules[0].split.remainder", "largest, first or last"},
	{`rules: [{id: a, split: {of: gross, parts: [{id: x, to: {role: a}, weight: "-1"}]}}]`, "rules[0].split.parts[0].weight", "negative"},
	{`rules: [{id: a, split: {of: gross, parts: [{id: x, to: {role: a}}]}}]`, "rules[0].split.parts[0].weight", "no weight"},
	{`rules: [{id: a, split: {of: gross, parts: [{id: x, to: {role: a}, weight: "1"}, {id: x, to: {role: a}, weight: "1"}]}}]`, "rules[0].split.parts[1].id", "another part"},
	{`rules: [{id: a, split: {of: gross, parts: [{id: x, to: {role: a}, weight: "1"}]}}, {id: a.x, to: {role: a}, amount: "1"}]`, "rules[0].split.parts[0].id", "a rule has the id a.x"},
	{`rules: [{id: a, to: {role: a}, percent: "1", amount: "1"}]`, "rules[0]", "a rule takes"},
	{`rules: [{id: a, to: {role: a, purpose: reserve}, percent: "1", hold: {days: 1, into: reserve}}]`, "rules[0].hold.into", "as purpose: pending"},
	{`rules: [{id: a, to: {role: a}, percent: "1", hold: {days: 1}}]`, "rules[0].hold.into", "as purpose: reserve"},
	{`rules: [{id: a, to: {role: a}, flat: {USD: 1}, minimum: {USD: 1}}]`, "rules[0].minimum", "with percent, per_unit"},
}

func TestCheckOfTheLanguage(t *testing.T) {
	for _, c := range wrong {
		d := framed(t, c.schedule)
		faults := fee.Check(d)
		require.Len(t, faults, 1, c.schedule)
		require.Equal(t, c.path, faults[0].Field, faults[0].Error())
		require.Contains(t, faults[0].Error(), c.says)
		require.NotEmpty(t, faults[0].Remedy, c.schedule)
		_, err := fee.Compile(d)
		require.Equal(t, error(faults[0]), err)
	}
}

func TestCheckFindsAllFaultsOfFormulas(t *testing.T) {
	d := framed(t, `
values: [{name: v, is: "1 +"}, {name: w, is: "v * x"}]
rules:
  - {id: a, to: {role: a}, when: 'methd == "card"', percent: "v *", at_most: "w"}
  - {id: a, to: {role: a}, amount: "lines.none"}`)
	var paths []string
	for _, fault := range fee.Check(d) {
		paths = append(paths, fault.Field)
	}
	require.Equal(t, []string{"rules[1].id", "values[0].is", "values[1].is", "rules[0].when", "rules[0].percent", "rules[1].amount"}, paths)
}

func TestDocumentSurvivesEveryForm(t *testing.T) {
	text := `{"schedule":"s","version":1,"effective_from":"2026-01-01","funds":{"role":"bank"},
		"inputs":[{"name":"n","type":"text","one_of":["a"],"default":"a"}],
		"parameters":[{"name":"p","is":"15%"},{"name":"q","amounts":{"USD":"40.00"}}],
		"accumulators":[{"name":"x","measure":"gross","key":["seller"],"window":"calendar_year","starts":"2026-04-01","scope":"schedule","when":"gross > 0","per_currency":false},
			{"name":"y","measure":"1","window":{"rolling_days":30}}],
		"values":[{"name":"v","is":"gross / 3"}],
		"rules":[
			{"id":"a","to":{"role":"a"},"when":"gross > 1","group":"g","of":"v","percent":"p * 100","flat":{"USD":"0.30"},"per_unit":{"units":"2","price":{"USD":"1"}},
			 "tiers":{"mode":"marginal","from":"x","by":"gross","edge":"exclusive","steps":[{"up_to":"10","percent":"1","flat":{"USD":"1"}},{"percent":"2"}]},
			 "at_least":"1","at_most":"q","refund":"kept"},
			{"id":"b","split":{"of":"1","parts":[{"id":"p","to":{"role":"a"},"weight":"1"}],"remainder":"last"},"refund":{"keep":"line / 2"}},
			{"id":"c","to":{"role":"a"},"amount":"1","on":"refund"},
			{"id":"net","to":{"role":"seller"},"rest":true}]}`
	var first, second, third fee.Document
	require.NoError(t, json.Unmarshal([]byte(text), &first))
	require.Empty(t, fee.Check(first))
	out, err := json.Marshal(first)
	require.NoError(t, err)
	require.JSONEq(t, text, string(out))
	require.NoError(t, json.Unmarshal(out, &second))
	require.True(t, first.Equal(second))
	schedule, err := fee.Compile(first)
	require.NoError(t, err)
	require.True(t, schedule.Document().Equal(first))

	require.NoError(t, yamldoc.Decode("again.yaml", []byte(text), &third).Err(), "JSON is YAML")
	require.True(t, first.Equal(third), string(out))

	second.Accumulators[1].Window.RollingDays = 31
	require.False(t, first.Equal(second))
	require.ErrorContains(t, json.Unmarshal([]byte(strings.Replace(text, "rolling_days", "days", 1)), &second), "days")
	require.Error(t, json.Unmarshal([]byte(strings.Replace(text, `"kept"`, `7`, 1)), &second))
}

func TestContractsOverrideParameters(t *testing.T) {
	s := compiled(t, `
parameters: [{name: rate, is: "15%"}, {name: kind, is: '"card"'}, {name: cap, amounts: {KRW: 50, USD: "4.00"}}]
rules: [{id: fee, to: {role: store}, when: "method == kind", percent: "rate * 100", at_most: cap}]`)
	with := func(overrides map[string]string, in string) string {
		bound, err := s.With(overrides)
		if err != nil {
			return err.Error()
		}
		return told(bound.Apply(input(t, in)))
	}
	const usd, krw = "10.00 USD method=card", "1000 KRW method=card"
	require.Equal(t, "fee 1.50 | net 8.50", with(nil, usd))
	require.Equal(t, "fee 3.00 | net 7.00", with(map[string]string{"rate": "30%"}, usd))
	require.Equal(t, "fee 3.00 | net 7.00", with(map[string]string{"rate": "20% + 0.1"}, usd))
	require.Equal(t, "net 10.00", with(map[string]string{"kind": `"ach"`}, usd))
	require.Equal(t, "fee 0.25 maximum 0.25 | net 9.75", with(map[string]string{"cap.USD": "0.25"}, usd))
	require.Equal(t, "fee 50 maximum 50 | net 950", with(map[string]string{"cap.USD": "0.25"}, krw))
	require.Equal(t, "fee 1.00 maximum 1 | net 9.00", with(map[string]string{"cap.EUR": "1"}, "10.00 EUR method=card"))
	require.Equal(t, "fee 1.50 | net 8.50", told(s.Apply(input(t, usd))), "the schedule itself stays as it was")

	_, err := s.Apply(input(t, "10.00 EUR method=card"))
	require.ErrorContains(t, err, "parameter cap has no amount in EUR")

	for overrides, says := range map[string]string{
		"rte=1":          "use rate, kind or cap",
		"rate=":          "empty",
		"rate=gross":     "unknown name",
		`rate="card"`:    "this is a text, the parameter is a number",
		"cap=5":          "name the currency, as cap.KRW",
		"cap.USD=x":      "not a decimal",
		"cap.USD=-1":     "negative",
		"cap.USD=0.001":  "finer than the minor unit",
		"cap.XXX=1":      "unknown currency",
		"rate.USD=1":     "write rate",
		"kind=\"\"\"\"=": "column",
	} {
		name, value, _ := strings.Cut(overrides, "=")
		faults := s.CheckOverrides(map[string]string{name: value, "rate.KRW": "1"})
		require.Len(t, faults, 1+map[bool]int{true: 1}[name != "rate.KRW"], overrides)
		require.Contains(t, with(map[string]string{name: value}, usd), says, overrides)
		_, err := s.With(map[string]string{name: value})
		var fault *domain.Error
		require.ErrorAs(t, err, &fault)
		require.Equal(t, "parameters."+name, fault.Field)
	}
}
