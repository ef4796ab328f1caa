package fee_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

func asError(err error, target **domain.Error) bool { return errors.As(err, target) }

const rest = `{"id":"net","to":{"role":"seller"},"rest":true}`

func TestCheckNamesThePath(t *testing.T) {
	for name, c := range map[string]struct{ rules, path, code string }{
		"no rules":                {`[]`, "rules", "invalid"},
		"no rest":                 {`[{"id":"a","to":{"role":"a"},"percent":"1"}]`, "rules", "invalid"},
		"two rests":               {`[` + rest + `,{"id":"b","to":{"role":"a"},"rest":true}]`, "rules[1].rest", "invalid"},
		"rest before others":      {`[{"id":"a","to":{"role":"a"},"percent":"1","priority":9},{"id":"b","to":{"role":"a"},"rest":true,"priority":5}]`, "rules[1].priority", "invalid"},
		"no id":                   {`[{"to":{"role":"a"},"percent":"1"},` + rest + `]`, "rules[0].id", "invalid"},
		"id twice":                {`[{"id":"net","to":{"role":"a"},"percent":"1"},` + rest + `]`, "rules[1].id", "invalid"},
		"reserved id":             {`[{"id":"rounding_difference","to":{"role":"a"},"percent":"1"},` + rest + `]`, "rules[0].id", "invalid"},
		"no role":                 {`[{"id":"a","to":{},"percent":"1"},` + rest + `]`, "rules[0].to.role", "invalid"},
		"bad purpose":             {`[{"id":"a","to":{"role":"a","purpose":"pay/able"},"percent":"1"},` + rest + `]`, "rules[0].to.purpose", "invalid"},
		"no kind":                 {`[{"id":"a","to":{"role":"a"}},` + rest + `]`, "rules[0]", "invalid"},
		"two kinds":               {`[{"id":"a","to":{"role":"a"},"percent":"1","amount":"1"},` + rest + `]`, "rules[0]", "invalid"},
		"percent not a number":    {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"15%"}]`, "rules[1].percent", "invalid"},
		"percent negative":        {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"-1"}]`, "rules[1].percent", "invalid"},
		"percent above 100":       {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"100.01"}]`, "rules[1].percent", "invalid"},
		"percent too fine":        {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"0.000000001"}]`, "rules[1].percent", "invalid"},
		"unknown base":            {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"1","of":"net"}]`, "rules[1].of", "invalid"},
		"base of a flat rule":     {`[` + rest + `,{"id":"a","to":{"role":"a"},"flat":{"USD":"1"},"of":"remaining"}]`, "rules[1].of", "invalid"},
		"minimum of a flat rule":  {`[` + rest + `,{"id":"a","to":{"role":"a"},"flat":{"USD":"1"},"minimum":{"USD":"1"}}]`, "rules[1].minimum", "invalid"},
		"maximum of the rest":     {`[{"id":"net","to":{"role":"seller"},"rest":true,"maximum":{"USD":"1"}}]`, "rules[0].maximum", "invalid"},
		"rounding of the rest":    {`[{"id":"net","to":{"role":"seller"},"rest":true,"rounding":{"mode":"up"}}]`, "rules[0].rounding", "invalid"},
		"maximum below minimum":   {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"1","minimum":{"USD":"2"},"maximum":{"USD":"1.99"}}]`, "rules[1].maximum.USD", "invalid"},
		"unknown currency":        {`[` + rest + `,{"id":"a","to":{"role":"a"},"flat":{"usd":"1"}}]`, "rules[1].flat.usd", "unknown_currency"},
		"negative flat":           {`[` + rest + `,{"id":"a","to":{"role":"a"},"flat":{"USD":"-1"}}]`, "rules[1].flat.USD", "invalid"},
		"flat too fine":           {`[` + rest + `,{"id":"a","to":{"role":"a"},"flat":{"KRW":"0.5"}}]`, "rules[1].flat.KRW", "too_precise"},
		"unknown mode":            {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"1","rounding":{"mode":"bankers"}}]`, "rules[1].rounding.mode", "invalid"},
		"unit of zero":            {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"1","rounding":{"mode":"up","unit":{"USD":"0"}}}]`, "rules[1].rounding.unit.USD", "invalid"},
		"unit below the minor":    {`[` + rest + `,{"id":"a","to":{"role":"a"},"percent":"1","rounding":{"mode":"up","unit":{"USD":"0.001"}}}]`, "rules[1].rounding.unit.USD", "too_precise"},
		"too many rules":          {`[` + strings.Repeat(`{"id":"a","to":{"role":"a"},"percent":"1"},`, fee.MaxRules) + rest + `]`, "rules", "invalid"},
		"role not in lower snake": {`[` + rest + `,{"id":"a","to":{"role":"Provider"},"percent":"1"}]`, "rules[1].to.role", "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := fee.Check(document(t, c.rules))
			require.NotEmpty(t, faults)
			require.Equal(t, c.path, faults[0].Field, faults[0].Error())
			require.Equal(t, domain.Code(c.code), faults[0].Code)
			require.NotEmpty(t, faults[0].Message)
			require.NotEmpty(t, faults[0].Remedy)
			_, err := fee.Compile(document(t, c.rules))
			require.Equal(t, error(faults[0]), err)
		})
	}
}

func TestCheckFindsAllFaultsAtOnce(t *testing.T) {
	faults := fee.Check(fee.Document{
		Schedule: "No", EffectiveFrom: "2026-02-30", Funds: fee.Target{Role: "Bank"},
		RoundingDifference: &fee.Target{Purpose: "x y"}, Rules: []fee.Rule{{ID: "a"}},
	})
	var paths []string
	for _, fault := range faults {
		paths = append(paths, fault.Field)
	}
	require.Equal(t, []string{
		"schedule", "version", "effective_from", "funds.role", "rounding_difference.role", "rounding_difference.purpose",
		"rules[0].to.role", "rules[0]", "rules",
	}, paths)
}

func TestDocumentSurvivesJSON(t *testing.T) {
	const text = `{"schedule":"standard","version":3,"effective_from":"2026-01-01","description":"three parts",
		"funds":{"role":"acquirer"},"rounding_difference":{"role":"house","purpose":"difference"},
		"rules":[
			{"id":"a","to":{"role":"a","purpose":"royalty"},"priority":-1,"of":"remaining","percent":"2.750","minimum":{"USD":"0.10"},"maximum":{"KRW":"1000","USD":"1"},"rounding":{"mode":"floor","unit":{"KRW":"10"}}},
			{"id":"b","to":{"role":"b"},"flat":{"USD":"0.30"}},
			{"id":"net","to":{"role":"seller"},"rest":true}]}`
	var first, second fee.Document
	require.NoError(t, json.Unmarshal([]byte(text), &first))
	out, err := json.Marshal(first)
	require.NoError(t, err)
	require.JSONEq(t, text, string(out))
	require.NoError(t, json.Unmarshal(out, &second))
	require.Empty(t, cmp.Diff(first, second, cmp.Comparer(func(a, b money.Amount) bool { return a == b })))
	require.True(t, first.Equal(second))
}

func TestDocumentEqual(t *testing.T) {
	base := func() fee.Document {
		return document(t, `[{"id":"a","to":{"role":"a"},"percent":"1","minimum":{"USD":"1.00"},"rounding":{"mode":"up","unit":{"USD":"0.10"}}},`+rest+`]`)
	}
	same := base()
	same.Rules[0].Minimum["USD"] = money.New(1, 0)
	same.Rules[0].Rounding.Unit["USD"] = money.New(1, 1)
	require.True(t, base().Equal(same), "amounts compare by value")
	for name, change := range map[string]func(*fee.Document){
		"version":     func(d *fee.Document) { d.Version++ },
		"date":        func(d *fee.Document) { d.EffectiveFrom = "2026-01-02" },
		"description": func(d *fee.Document) { d.Description = "x" },
		"funds":       func(d *fee.Document) { d.Funds.Purpose = "float" },
		"rounding":    func(d *fee.Document) { d.RoundingDifference = nil },
		"percent":     func(d *fee.Document) { d.Rules[0].Percent = "1.0" },
		"minimum":     func(d *fee.Document) { d.Rules[0].Minimum["USD"] = money.New(101, 2) },
		"currency":    func(d *fee.Document) { d.Rules[0].Minimum["EUR"] = money.New(1, 0) },
		"mode":        func(d *fee.Document) { d.Rules[0].Rounding.Mode = "down" },
		"unit":        func(d *fee.Document) { d.Rules[0].Rounding = nil },
		"order":       func(d *fee.Document) { d.Rules[0], d.Rules[1] = d.Rules[1], d.Rules[0] },
		"fewer":       func(d *fee.Document) { d.Rules = d.Rules[:1] },
	} {
		other := base()
		change(&other)
		require.False(t, base().Equal(other), name)
		require.False(t, other.Equal(base()), name)
	}
}

func TestScheduleDoesNotFollowItsDocument(t *testing.T) {
	d := document(t, `[{"id":"a","to":{"role":"a"},"flat":{"USD":"1.00"}},`+rest+`]`)
	compiled, err := fee.Compile(d)
	require.NoError(t, err)
	d.Rules[0].Flat["USD"] = money.New(99, 0)
	d.RoundingDifference.Role = "other"
	result, err := compiled.Rate(money.New(2001, 3), "USD")
	require.NoError(t, err)
	require.Equal(t, "a 1.00 | net 1.00 | rounding_difference 0.001", describe(result, nil))
	require.Equal(t, "house", result.Shares[2].To.Role)
}

func TestScheduleTellsItsAccounts(t *testing.T) {
	compiled := compile(t, `[{"id":"a","to":{"role":"studio","purpose":"royalty"},"percent":"1"},{"id":"b","to":{"role":"studio"},"percent":"1"},`+rest+`]`)
	require.Equal(t, fee.Target{Role: "acquirer", Purpose: "receivable"}, compiled.Funds())
	target, ok := compiled.RoundingDifference()
	require.True(t, ok)
	require.Equal(t, fee.Target{Role: "house", Purpose: "rounding"}, target)
	require.Equal(t, []string{"acquirer", "house", "seller", "studio"}, compiled.Roles())
	result, err := compiled.Rate(money.New(100, 0), "USD")
	require.NoError(t, err)
	require.Equal(t, []fee.Target{{Role: "studio", Purpose: "royalty"}, {Role: "studio", Purpose: "payable"}, {Role: "seller", Purpose: "payable"}},
		[]fee.Target{result.Shares[0].To, result.Shares[1].To, result.Shares[2].To})
	require.Equal(t, "standard", compiled.Document().Schedule)
}
