package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// store is a schedule with all that documents can say, of what books can post.
func store(version int, rate string) vars {
	return vars{
		"schedule": "store", "version": version, "effective_from": "2026-01-01", "funds": vars{"role": "supplier"},
		"inputs":       []vars{{"name": "grade", "type": "text", "one_of": []string{"small", "general"}}},
		"parameters":   []vars{{"name": "rate", "is": rate}, {"name": "cap", "amounts": vars{"KRW": "50000"}}},
		"accumulators": []vars{{"name": "ytd", "measure": "gross", "key": []string{"provider"}, "window": "calendar_year"}},
		"values":       []vars{{"name": "supply", "is": "gross / 1.1"}},
		"rules": []vars{
			{"id": "tax", "to": vars{"role": "tax"}, "amount": "gross - supply", "rounding": vars{"mode": "floor"}},
			{"id": "small_fee", "group": "fee", "when": `grade == "small"`, "to": vars{"role": "operator"}, "percent": "rate * 50", "at_most": "cap"},
			{"id": "fee", "group": "fee", "to": vars{"role": "operator"}, "tiers": vars{"mode": "marginal", "from": "ytd", "steps": []vars{
				{"up_to": "1000", "percent": "15"}, {"percent": "rate * 100"},
			}}, "refund": vars{"keep": "1"}},
			{"id": "shares", "split": vars{"of": "gross / 10", "parts": []vars{
				{"id": "a", "to": vars{"role": "affiliate"}, "weight": "1"}, {"id": "b", "to": vars{"role": "operator"}, "weight": "2"},
			}}},
			{"id": "net", "to": vars{"role": "provider"}, "rest": true},
		},
		"cases": []vars{{"name": "one", "transaction": vars{"amount": "100", "currency": "KRW", "attributes": vars{"grade": "small"}}, "expect": vars{"lines": vars{"small_fee": "15"}}}},
	}
}

const ratingFields = `rating { scheduleId version engine gross rated
	lines { rule to base rate exact bound rounding amount } shares { role purpose currency side amount }
	inputs { name value } parameters { name value } values { name value formula }
	rules { rule matched why steps { name value formula } lines { amount } } accumulators { name counter before after counts } }`

const simulate = `query ($input: SimulateScheduleInput!, $at: Position) { simulateSchedule(input: $input, atLeast: $at) { ` + ratingFields + ` userErrors { code field value message remedy } } }`

type shownRating struct {
	ScheduleID      string
	Version, Engine int
	Gross, Rated    string
	Lines           []struct{ Rule, To, Base, Rate, Exact, Bound, Rounding, Amount string }
	Shares          []struct{ Role, Purpose, Currency, Side, Amount string }
	Parameters      []struct{ Name, Value string }
	Values          []struct{ Name, Value, Formula string }
	Rules           []struct {
		Rule    string
		Matched bool
		Why     string
	}
	Accumulators []struct {
		Name, Before, After string
		Counts              bool
	}
}

type simulated struct {
	SimulateSchedule struct {
		Rating     *shownRating
		UserErrors []userError
	}
}

func (w *world) simulate(input vars) simulated {
	w.t.Helper()
	var now struct{ Log struct{ Position string } }
	w.ask(&now, `{ log { position } }`, nil)
	var s simulated
	w.ask(&s, simulate, vars{"input": input, "at": now.Log.Position})
	return s
}

func trial(changes ...vars) vars {
	input := vars{"document": store(1, "30%"), "amount": "1100", "currency": "KRW", "on": "2026-05-01", "attributes": []vars{{"name": "grade", "value": "general"}}}
	for _, c := range changes {
		for key, value := range c {
			if input[key] = value; value == nil {
				delete(input, key)
			}
		}
	}
	return input
}

// TestSimulatePublishSettleDerive follows a schedule from a draft to a settlement that
// is explained: each step shows what the one before it has promised.
func TestSimulatePublishSettleDerive(t *testing.T) {
	w := newWorld(t)
	w.platform()

	drafted := w.simulate(trial(vars{"before": []vars{{"name": "ytd", "value": "500"}}})).SimulateSchedule.Rating
	require.NotNil(t, drafted)
	require.Equal(t, 2, drafted.Engine)
	amounts := map[string]string{}
	for _, line := range drafted.Lines {
		amounts[line.Rule] = line.Amount
	}
	// 15 % of 500 and 30 % of 600; a tenth in thirds.
	require.Equal(t, map[string]string{"tax": "100", "fee": "255", "shares.a": "37", "shares.b": "73", "net": "635"}, amounts)
	require.Equal(t, "small_fee", drafted.Rules[1].Rule)
	require.False(t, drafted.Rules[1].Matched)
	require.Contains(t, drafted.Rules[1].Why, `grade "general" == "small" is false`)
	require.Equal(t, "500", drafted.Accumulators[0].Before)
	require.Equal(t, "1600", drafted.Accumulators[0].After)

	var published struct{ PublishScheduleDocument payload }
	publish := `mutation ($d: JSON!) { publishScheduleDocument(input: {document: $d, clientKey: "k"}) { ` + payloadFields + ` } }`
	w.ask(&published, publish, vars{"d": store(1, "30%")})
	w.must(published.PublishScheduleDocument)
	require.Equal(t, "k", published.PublishScheduleDocument.ClientKey)
	w.ask(&published, publish, vars{"d": store(1, "30%")})
	require.Equal(t, "REPLAYED", published.PublishScheduleDocument.Outcome)

	w.must(w.mutate("signContract", "SignContractInput", vars{
		"contract": "store-1", "book": "seoul", "schedule": "store", "zone": "Asia/Seoul", "from": "2026-01-01", "priority": 9,
		"parameters": []vars{{"name": "rate", "value": "20%"}}, "applies": vars{"methods": []string{"store"}},
		"parties": []vars{{"role": "operator", "party": "house"}, {"role": "tax", "party": "tax"}, {"role": "supplier", "party": "bank"}, {"role": "affiliate", "party": "agent"}},
	}))
	general := vars{"method": "store", "attributes": []vars{{"name": "grade", "value": "general"}}}
	first := w.must(w.settle("s1", "1100", general))
	second := w.must(w.settle("s2", "1000", general))
	refund := w.must(w.settle("s3", "-500", general, vars{"type": "refund", "originalId": "s1"}))
	require.NotEmpty(t, first.Position)
	require.NotEmpty(t, second.Position)

	for id, want := range map[string]string{"s1": "15%", "s2": "20%", "s3": "pro_rata"} {
		var found struct {
			Transaction struct {
				Attributes  []struct{ Name, Value string }
				Explanation []struct{ Rule, Rate, Exact, Amount string }
				Derivation  struct {
					Agrees      bool
					Differences []string
					Rating      shownRating
				}
			}
		}
		w.ask(&found, `query ($id: String!, $at: Position) { transaction(source: "pg", externalId: $id, atLeast: $at) {
			attributes { name value } explanation { rule rate exact amount } derivation { agrees differences `+ratingFields+` } } }`, vars{"id": id, "at": refund.Position})
		d := found.Transaction.Derivation
		require.True(t, d.Agrees, d.Differences)
		require.Empty(t, d.Differences)
		require.Equal(t, []struct{ Name, Value string }{{"grade", "general"}}, found.Transaction.Attributes)
		require.Len(t, d.Rating.Rules, 5)
		rates := ""
		for i, line := range found.Transaction.Explanation {
			rates += line.Rate + " "
			require.Equal(t, line.Amount, d.Rating.Lines[i].Amount)
		}
		require.Contains(t, rates, want, id)
		require.Equal(t, "0.2", d.Rating.Parameters[0].Value, "as the contract overrides it")
	}
}

// TestScheduleShowsAllThatItSays reads the published document back, field by field.
func TestScheduleShowsAllThatItSays(t *testing.T) {
	w := newWorld(t)
	var published struct {
		PublishScheduleDocument struct {
			UserErrors []userError
			Schedule   struct {
				Engine       int
				Document     map[string]any
				Inputs       []struct{ Name, Type string }
				Parameters   []struct{ Name, Is string }
				Accumulators []struct {
					Name, Window, Scope string
					PerCurrency         bool
				}
				Values []struct{ Name, Is string }
				Rules  []struct {
					ID                                               string
					To                                               *struct{ Role string }
					When, Group, Percent, Amount, AtMost, RefundKeep string
					Refund                                           *string
					Tiers                                            *struct {
						Mode, From, Edge string
						Steps            []struct{ UpTo, Percent string }
					}
					Split *struct {
						Of, Remainder string
						Parts         []struct{ ID, Weight string }
					}
				}
			}
		}
	}
	w.ask(&published, `mutation ($d: JSON!) { publishScheduleDocument(input: {document: $d}) { userErrors { message } schedule { engine document
		inputs { name type oneOf default } parameters { name is amounts { currency amount } } accumulators { name measure key window starts scope when perCurrency }
		values { name is } rules { id to { role } when group percent amount atMost refund refundKeep on perUnit { units } hold { into due } convert { to }
			tiers { mode from by edge steps { upTo percent flat { amount } } } split { of remainder parts { id to { role } weight } } }
		periods { id of entries { id } carry { is } } } } }`, vars{"d": store(1, "30%")})
	s := published.PublishScheduleDocument.Schedule
	require.Empty(t, published.PublishScheduleDocument.UserErrors)
	require.Equal(t, 2, s.Engine)
	require.NotContains(t, s.Document, "cases", "worked cases are not published")
	require.Equal(t, "calendar_year", s.Accumulators[0].Window)
	require.Equal(t, "contract", s.Accumulators[0].Scope)
	require.True(t, s.Accumulators[0].PerCurrency)
	require.Equal(t, "gross / 1.1", s.Values[0].Is)
	require.Equal(t, "rate * 50", s.Rules[1].Percent)
	require.Equal(t, "fee", s.Rules[1].Group)
	require.Equal(t, "pro_rata", *s.Rules[1].Refund)
	require.Equal(t, "1", s.Rules[2].RefundKeep)
	require.Nil(t, s.Rules[2].Refund)
	require.Equal(t, "ytd", s.Rules[2].Tiers.From)
	require.Equal(t, "inclusive", s.Rules[2].Tiers.Edge)
	require.Len(t, s.Rules[2].Tiers.Steps, 2)
	require.Nil(t, s.Rules[3].To)
	require.Equal(t, "largest", s.Rules[3].Split.Remainder)
}

func TestSimulateTellsWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	w.platform()
	broken := store(1, "30%")
	broken["values"] = []vars{{"name": "supply", "is": "gros / 1.1"}}
	broken["funds"] = vars{}
	unknown := store(1, "30%")
	unknown["tears"] = 1
	mistyped := store(1, "30%")
	mistyped["rules"] = []vars{{"id": "fee", "percent": true}}
	for name, test := range map[string]struct {
		input vars
		code  string
		field string
	}{
		"two faults":           {trial(vars{"document": broken}), "invalid", "funds.role"},
		"an unknown key":       {trial(vars{"document": unknown}), "malformed", "document"},
		"no number as percent": {trial(vars{"document": mistyped}), "malformed", "document.rules.percent"},
		"no object":            {trial(vars{"document": "store"}), "malformed", "document"},
		"no such input":        {trial(vars{"attributes": []vars{{"name": "grad", "value": "general"}}}), "invalid", "attributes.grad"},
		"no schedule":          {trial(vars{"document": nil}), "invalid", "document"},
		"both":                 {trial(vars{"schedule": "standard"}), "invalid", "document"},
		"no such schedule":     {trial(vars{"document": nil, "schedule": "nothing"}), "not_found", "schedule"},
		"no such version":      {trial(vars{"document": nil, "schedule": "standard", "version": 7}), "not_found", "version"},
		"no attribute":         {trial(vars{"attributes": nil}), "invalid", "attributes.grade"},
		"unknown accumulator":  {trial(vars{"before": []vars{{"name": "mtd", "value": "1"}}}), "invalid", "before.mtd"},
		"a parameter twice":    {trial(vars{"parameters": []vars{{"name": "rate", "value": "1"}, {"name": "rate", "value": "1"}}}), "invalid", "parameters"},
		"refund of its like":   {trial(vars{"refundOf": vars{"amount": "5"}}), "invalid", ""},
	} {
		got := w.simulate(test.input).SimulateSchedule
		require.Nil(t, got.Rating, name)
		require.NotEmpty(t, got.UserErrors, name)
		require.Equal(t, test.code, got.UserErrors[0].Code, name)
		if test.field != "" {
			require.Equal(t, test.field, got.UserErrors[0].Field, name)
		}
		if name == "an unknown key" {
			require.Contains(t, got.UserErrors[0].Message, "tears")
		}
		if name == "two faults" {
			require.Greater(t, len(got.UserErrors), 1, "every fault is told")
		}
	}
	refunded := w.simulate(trial(vars{"document": nil, "schedule": "standard", "attributes": nil, "amount": "-100", "refundOf": vars{"amount": "1000", "refunded": "900"}}))
	require.Empty(t, refunded.SimulateSchedule.UserErrors)
	require.Equal(t, "100", refunded.SimulateSchedule.Rating.Gross)
}
