package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// tiered publishes a schedule that counts, and a contract that uses it for wins.
func (w *world) tiered() {
	w.t.Helper()
	w.must(w.mutate("publishScheduleDocument", "PublishScheduleDocumentInput", vars{"document": vars{
		"schedule": "tiered", "version": 1, "effective_from": "2026-01-01", "funds": vars{"role": "supplier"},
		"inputs": []vars{{"name": "grade", "type": "text", "default": "small"}},
		"accumulators": []vars{
			{"name": "year", "measure": "gross", "key": []string{"provider", "grade"}, "window": "calendar_year"},
			{"name": "wins", "measure": "1", "window": vars{"rolling_days": 7}, "scope": "schedule", "per_currency": false},
		},
		"rules": []vars{
			{"id": "fee", "to": vars{"role": "operator"}, "tiers": vars{"mode": "marginal", "from": "year", "steps": []vars{{"up_to": "1000", "percent": "10"}, {"percent": "20"}}}},
			{"id": "rest", "to": vars{"role": "provider"}, "rest": true},
		},
	}}))
	w.must(w.mutate("signContract", "SignContractInput", vars{
		"contract": "wins", "book": "seoul", "schedule": "tiered", "zone": "Asia/Seoul", "from": "2026-01-01", "applies": vars{"types": []string{"win"}},
		"parties": []vars{{"role": "operator", "party": "house"}, {"role": "supplier", "party": "bank"}},
	}))
}

type sum struct {
	Book, Counter, Name, Scope, Owner, Window, Currency, Value string
	Key                                                        []struct{ Name, Value string }
	Count                                                      int
	Transaction                                                struct{ ExternalID string }
}

const sumFields = `book counter name scope owner window currency key { name value } value count transaction { externalId }`

func TestAccumulators(t *testing.T) {
	w := newWorld(t)
	w.platform()
	w.tiered()
	win := vars{"type": "win", "attributes": []vars{{"name": "grade", "value": "a/b, c=d"}}}
	w.must(w.settle("w-1", "900", win))
	w.must(w.settle("w-2", "300", win))
	w.must(w.settle("plain", "100"))
	w.must(w.settle("w-3", "50", vars{"type": "win", "occurredAt": "2026-03-04T00:00:00Z"}))
	last := w.must(w.settle("back", "-100", win, vars{"originalId": "w-2", "occurredAt": "2026-03-05T00:00:00Z"}))

	var got struct {
		Accumulators struct {
			Nodes    []sum
			PageInfo struct{ HasNextPage bool }
		}
	}
	query := `query ($at: Position, $filter: AccumulatorFilter) { accumulators(filter: $filter, atLeast: $at) { nodes { ` + sumFields + ` } pageInfo { hasNextPage } } }`
	list := func(filter vars) []sum {
		got.Accumulators.Nodes = nil
		w.ask(&got, query, vars{"at": last.Position, "filter": filter})
		return got.Accumulators.Nodes
	}
	all := list(nil)
	require.Len(t, all, 5, "two keys of one year, and three days")
	require.False(t, got.Accumulators.PageInfo.HasNextPage)

	found := list(vars{"contract": "wins", "name": "year", "window": "2026", "currency": "KRW", "key": vars{"name": "grade", "value": "a/b, c=d"}})
	require.Len(t, found, 1)
	require.Equal(t, "contract:wins/year/2026/KRW/provider=studio,grade=a%2Fb%2C%20c%3Dd", found[0].Counter)
	require.Equal(t, []struct{ Name, Value string }{{"provider", "studio"}, {"grade", "a/b, c=d"}}, found[0].Key)
	require.Equal(t, "1100", found[0].Value)
	require.Equal(t, 3, found[0].Count)
	require.Equal(t, "back", found[0].Transaction.ExternalID)

	require.Len(t, list(vars{"schedule": "tiered"}), 3)
	require.Empty(t, list(vars{"schedule": "tiered", "currency": "KRW"}), "of no one currency")
	require.Empty(t, list(vars{"book": "busan"}))

	var shown struct {
		Transaction struct {
			Attributes []struct{ Name, Value string }
			Counts     []struct {
				Name, Window, Currency, Before, After string
				Days                                  int
			}
			RefundedBefore string
			Parties        []struct {
				Role     string
				Revision int
			}
			Explanation []struct{ Rule, Rate, Exact, Amount string }
			Engine      int
		}
	}
	w.ask(&shown, `query ($at: Position) { transaction(source: "pg", externalId: "w-2", atLeast: $at) {
		attributes { name value } counts { name window currency before after days } parties { role revision } explanation { rule rate exact amount } engine
	} }`, vars{"at": last.Position})
	sale := shown.Transaction
	require.Equal(t, 2, sale.Engine)
	require.Equal(t, []struct{ Name, Value string }{{"grade", "a/b, c=d"}}, sale.Attributes)
	require.Len(t, sale.Counts, 2)
	require.Equal(t, []string{"year", "2026", "KRW", "900", "1200"}, []string{sale.Counts[0].Name, sale.Counts[0].Window, sale.Counts[0].Currency, sale.Counts[0].Before, sale.Counts[0].After})
	require.Equal(t, 7, sale.Counts[1].Days)
	require.Len(t, sale.Parties, 3)
	require.Equal(t, "50", sale.Explanation[0].Amount, "10 % of 100 and 20 % of 200")

	w.ask(&shown, `query ($at: Position) { transaction(source: "pg", externalId: "back", atLeast: $at) { refundedBefore counts { name before after } } }`, vars{"at": last.Position})
	require.Equal(t, "0", shown.Transaction.RefundedBefore)
	require.Equal(t, "1100", shown.Transaction.Counts[0].After)
}

// Pages follow each other without a gap, whatever their size.
func TestAccumulatorsByPage(t *testing.T) {
	w := newWorld(t)
	w.platform()
	w.tiered()
	var last payload
	for _, grade := range []string{"a", "b", "c", "d"} {
		last = w.must(w.settle("w-"+grade, "10", vars{"type": "win", "attributes": []vars{{"name": "grade", "value": grade}}}))
	}
	var counters []string
	var after *string
	for {
		var got struct {
			Accumulators struct {
				Edges []struct {
					Cursor string
					Node   sum
				}
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		w.ask(&got, `query ($at: Position, $after: String) { accumulators(first: 2, after: $after, atLeast: $at) { edges { cursor node { counter } } pageInfo { hasNextPage endCursor } } }`,
			vars{"at": last.Position, "after": after})
		for _, e := range got.Accumulators.Edges {
			counters = append(counters, e.Node.Counter)
		}
		if !got.Accumulators.PageInfo.HasNextPage {
			break
		}
		after = &got.Accumulators.PageInfo.EndCursor
	}
	require.Equal(t, []string{
		"contract:wins/year/2026/KRW/provider=studio,grade=a", "contract:wins/year/2026/KRW/provider=studio,grade=b",
		"contract:wins/year/2026/KRW/provider=studio,grade=c", "contract:wins/year/2026/KRW/provider=studio,grade=d",
		"schedule:tiered/wins/2026-03-02//",
	}, counters)
}
