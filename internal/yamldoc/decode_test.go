package yamldoc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

type inner struct {
	Percent string                          `yaml:"percent"`
	Flat    map[money.Currency]money.Amount `yaml:"flat"`
	Rest    bool                            `yaml:"rest"`
	Order   int                             `yaml:"order"`
}

type base struct {
	ID string `yaml:"id"`
}

type outer struct {
	Base  base              `yaml:",inline"`
	Rules []inner           `yaml:"rules"`
	Tags  map[string]string `yaml:"tags"`
	Extra *inner            `yaml:"extra"`
}

func TestDecodeKeepsTheTextOfNumbers(t *testing.T) {
	var v outer
	doc := yamldoc.Decode("a.yaml", []byte(`
id: "007"
rules:
  - { percent: 2.750, flat: { USD: 0.30, KRW: 100 }, order: -3 }
  - rest: true
tags: { "a b": x }
extra: {}
`), &v)
	require.NoError(t, doc.Err())
	require.Equal(t, "007", v.Base.ID)
	require.Equal(t, "2.750", v.Rules[0].Percent)
	require.Equal(t, "0.30", v.Rules[0].Flat["USD"].String())
	require.Equal(t, "100", v.Rules[0].Flat["KRW"].String())
	require.Equal(t, -3, v.Rules[0].Order)
	require.True(t, v.Rules[1].Rest)
	require.Equal(t, "x", v.Tags["a b"])
	require.NotNil(t, v.Extra)
	require.Equal(t, 4, doc.Line("rules[0]"))
	require.Equal(t, 4, doc.Line("rules[0].percent.nothing[7]"))
}

func TestEveryFaultIsReportedWithItsLineAndPath(t *testing.T) {
	var v outer
	doc := yamldoc.Decode("a.yaml", []byte(`id: true
rules:
  - percnt: 3
    flat: { USD: 1e3 }
  - rest: 1
    order: 1.5
tags: [ x ]
extra:
`), &v)
	err := doc.Err()
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	require.Equal(t, `a.yaml:1:5 id: text expected, not a boolean ("true"); put it in quotes
a.yaml:3:5 rules[0].percnt: unknown key; use one of flat, order, percent, rest
a.yaml:4:18 rules[0].flat.USD: not a decimal amount that fits in 64 bits ("1e3"); write digits with an optional leading minus and one decimal point, as -1234.50
a.yaml:5:11 rules[1].rest: true or false expected, found a number ("1")
a.yaml:6:12 rules[1].order: a whole number expected, found a number with decimals ("1.5")
a.yaml:7:7 tags: a mapping expected, found a list
a.yaml:8:1 extra: the key has no value; give it a value or leave the key out`, err.Error())
}

func TestUnreadIsWhatLaterChecksNeedNotMiss(t *testing.T) {
	var v outer
	doc := yamldoc.Decode("a.yaml", []byte("id: true\nrules:\n  - percnt: 3\n  - rest: true\n"), &v)
	for path, want := range map[string]bool{
		"id": true, "id.part": true, "rules[0]": true, "rules[0].percnt": true,
		"": false, "i": false, "rules": false, "rules[0].percent": false, "rules[1]": false, "tags": false,
	} {
		require.Equal(t, want, doc.Unread(path), path)
	}
	require.True(t, yamldoc.Decode("a.yaml", []byte("rules: [\n"), &v).Unread("rules[3].rest"))
}

func TestRefusedDocuments(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"empty":      {"# nothing\n", "a.yaml:1:1: the document is empty"},
		"two":        {"id: a\n---\nid: b\n", "more than one YAML document"},
		"syntax":     {"id: a\nrules: [\n", "a.yaml:"},
		"duplicate":  {"id: a\nid: b\n", "a.yaml:2:"},
		"alias":      {"id: &x a\ntags: { k: *x }\n", "anchors, aliases and merge keys are not supported"},
		"tag":        {"id: !!str a\n", "YAML tags are not supported"},
		"not a map":  {"- a\n", "a mapping expected, found a list"},
		"scalar key": {"? [a]\n: b\n", "a.yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			var v outer
			err := yamldoc.Decode("a.yaml", []byte(c.yaml), &v).Err()
			require.Error(t, err)
			require.Contains(t, err.Error(), c.want)
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("id: a\nrules: [{percent: 1, flat: {USD: 2}}]\n")
	f.Add("a: &x [*x]\n")
	f.Add("- |\n  x\n? y\n")
	f.Fuzz(func(t *testing.T, s string) {
		var v outer
		if err := yamldoc.Decode("f.yaml", []byte(s), &v).Err(); err != nil {
			require.NotEmpty(t, err.Error())
		}
	})
}
