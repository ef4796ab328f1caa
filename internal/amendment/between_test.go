package amendment_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/internal/amendment"
)

const before = `{"schedule":"std","version":1,"effective_from":"2026-01-01","funds":{"role":"acquirer"},"rules":[
	{"id":"fee","to":{"role":"pg"},"percent":"3.4","minimum":{"USD":"0.10"}},
	{"id":"fixed","to":{"role":"pg"},"flat":{"USD":"0.30","KRW":"100"}},
	{"id":"old","to":{"role":"agent"},"percent":"1"},
	{"id":"net","to":{"role":"seller"},"rest":true}]}`

func document(t *testing.T, text string) fee.Document {
	t.Helper()
	var d fee.Document
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	return d
}

func words(changes []amendment.Change) []string {
	list := []string{}
	for _, c := range changes {
		list = append(list, c.String())
	}
	return list
}

func TestChangesInWords(t *testing.T) {
	after := `{"schedule":"std","version":2,"effective_from":"2026-07-01","description":"summer","funds":{"role":"acquirer","purpose":"cash"},
	"rounding_difference":{"role":"house"},"rules":[
	{"id":"fixed","to":{"role":"pg"},"flat":{"USD":"0.3","EUR":"0.00"}},
	{"id":"fee","to":{"role":"pg"},"percent":"3.2","minimum":{"USD":"0.10"},"rounding":{"mode":"floor","unit":{"KRW":"10"}}},
	{"id":"new","to":{"role":"tax","purpose":"vat"},"percent":"10","of":"remaining"},
	{"id":"net","to":{"role":"seller"},"rest":true}]}`
	require.Equal(t, []string{
		"effective_from 2026-01-01 → 2026-07-01",
		"description summer added",
		"funds.purpose cash added",
		"rounding_difference role house added",
		"rule fee: percent 3.4 → 3.2",
		"rule fee: rounding mode floor, unit.KRW 10 added",
		"rule fixed: flat.EUR 0.00 added",
		"rule fixed: flat.KRW 100 removed",
		"rule old removed: to.role agent, percent 1",
		"rule new added: to.role tax, to.purpose vat, of remaining, percent 10",
		"order of rules fee, fixed, net → fixed, fee, net",
	}, words(amendment.Between(document(t, before), document(t, after))))
}

// TestNoChange has a document that says the same, in other digits of its amounts.
func TestNoChange(t *testing.T) {
	same := document(t, before)
	same.Version = 9
	same.Rules[0].Minimum = document(t, `{"rules":[{"minimum":{"USD":"0.1"}}]}`).Rules[0].Minimum
	require.Empty(t, amendment.Between(document(t, before), same))
}

// TestTheWholeLanguage changes what rules of engine 2 have.
func TestTheWholeLanguage(t *testing.T) {
	one := document(t, `{"inputs":[{"name":"grade","type":"text","one_of":["a","b"]}],"parameters":[{"name":"cap","amounts":{"KRW":"50000"}}],
		"accumulators":[{"name":"ytd","measure":"gross","key":["seller"],"window":"calendar_year"}],"values":[{"name":"supply","is":"gross / 1.1"}],
		"rules":[{"id":"fee","to":{"role":"pg"},"tiers":{"mode":"marginal","from":"ytd","steps":[{"up_to":"100","percent":"1"},{"percent":"2"}]},"refund":"kept"},
		{"id":"net","to":{"role":"seller"},"rest":true,"hold":{"days":3}}],
		"periods":[{"id":"p","of":"ytd","entries":[{"id":"e","from":{"role":"a"},"to":{"role":"b"},"amount":"1"}]}],"cases":[{"name":"x"}]}`)
	two := document(t, `{"inputs":[{"name":"grade","type":"text","one_of":["a","b","c"],"default":"a"}],"parameters":[{"name":"cap","amounts":{"KRW":"60000"}}],
		"accumulators":[{"name":"ytd","measure":"gross","key":["seller"],"window":{"rolling_days":30}}],"values":[{"name":"supply","is":"gross / 1.2"}],
		"rules":[{"id":"fee","to":{"role":"pg"},"tiers":{"mode":"marginal","from":"ytd","steps":[{"up_to":"200","percent":"1"},{"up_to":"300","percent":"2"},{"percent":"3"}]},"refund":{"keep":"5"}},
		{"id":"net","to":{"role":"seller"},"rest":true,"hold":{"days":5,"into":"available"}}],
		"periods":[{"id":"p","of":"ytd","entries":[{"id":"e","from":{"role":"a"},"to":{"role":"b"},"amount":"2"}]}],"cases":[{"name":"y"}]}`)
	require.Equal(t, []string{
		"input grade: one_of [a, b] → [a, b, c]",
		"input grade: default a added",
		"parameter cap: amounts.KRW 50000 → 60000",
		"accumulator ytd: window calendar_year → 30 days",
		"value supply: is gross / 1.1 → gross / 1.2",
		"rule fee: tiers.steps[1].up_to 100 → 200",
		"rule fee: tiers.steps[2].up_to 300 added",
		"rule fee: tiers.steps[3] percent 3 added",
		`rule fee: refund kept → {"keep":"5"}`,
		"rule net: hold.days 3 → 5",
		"rule net: hold.into available added",
		"period p: entries[1].amount 1 → 2",
	}, words(amendment.Between(one, two)))
}

// TestThereAndBack swaps the documents: what came goes.
func TestThereAndBack(t *testing.T) {
	a, b := document(t, before), document(t, `{"schedule":"std","version":2,"effective_from":"2026-01-01","funds":{"role":"x"},"rules":[{"id":"net","to":{"role":"y"},"rest":true}]}`)
	there, back := amendment.Between(a, b), amendment.Between(b, a)
	require.Len(t, back, len(there))
	opposite := map[amendment.Kind]amendment.Kind{amendment.Added: amendment.Removed, amendment.Removed: amendment.Added, amendment.Changed: amendment.Changed}
	for _, c := range there {
		require.Contains(t, back, amendment.Change{Kind: opposite[c.Kind], Subject: c.Subject, Field: c.Field, From: c.To, To: c.From})
	}
}
