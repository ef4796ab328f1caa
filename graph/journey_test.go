package graph_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
)

// TestFollowASettlement goes the whole way: mutation, position, balance, entry,
// transaction, explanation, raw event, and back by every global id.
func TestFollowASettlement(t *testing.T) {
	w := newWorld(t)
	w.platform()

	var settled struct {
		Settle struct {
			payload
			Transaction struct {
				ID, EffectiveOn, Amount, ContractID, ScheduleID, ContentHash string
				ScheduleVersion, Engine                                      int
				Postings                                                     []struct{ Account, Owner, Purpose, Side, Amount string }
				Explanation                                                  []struct{ Rule, To, Base, Rate, Exact, Rounding, Amount string }
			}
		}
	}
	w.ask(&settled, `mutation ($input: SettleInput!) { settle(input: $input) { `+payloadFields+` transaction {
		id effectiveOn amount contractId scheduleId scheduleVersion engine contentHash
		postings { account owner purpose side amount } explanation { rule to base rate exact rounding amount }
	} } }`, vars{"input": sale("t-1", "1005", vars{"clientKey": "basket-9"})})
	done := settled.Settle
	require.Equal(t, "APPLIED", done.Outcome)
	require.Equal(t, "basket-9", done.ClientKey)
	require.Equal(t, "2026-03-02", done.Transaction.EffectiveOn, "the date in the contract's zone")
	require.Equal(t, "1005", done.Transaction.Amount)
	require.Regexp(t, `^1:[0-9a-f]{32}$`, done.Transaction.ContentHash)
	var legs []string
	for _, p := range done.Transaction.Postings {
		legs = append(legs, fmt.Sprintf("%s %s %s", p.Side, p.Account, p.Amount))
	}
	// 10 % of 1005 down is 100; half of 905 is 452.5, up 453; 30 flat; the rest is 422.
	require.Equal(t, []string{
		"DEBIT bank/receivable/KRW 1005", "CREDIT tax/payable/KRW 100", "CREDIT studio/payable/KRW 453",
		"CREDIT agent/payable/KRW 30", "CREDIT house/payable/KRW 422",
	}, legs)
	require.Len(t, done.Transaction.Explanation, 4)
	require.Equal(t, "905", done.Transaction.Explanation[1].Base)
	require.Equal(t, "452.5", done.Transaction.Explanation[1].Exact)

	token, err := eventstore.ParseToken(done.Position)
	require.NoError(t, err)
	require.Equal(t, w.identity, token.Identity)

	// Read your own write.
	var seen struct {
		Balances []struct {
			ID, Book, Account, Debits, Credits, Amount, Side, Position string
			Party                                                      struct{ PartyID, Kind string }
			Entries                                                    struct {
				Nodes []struct {
					Side, Amount, Debits, Credits string
					Transaction                   struct {
						ID, ExternalID string
						Parties        []struct {
							Role, PartyID string
							Party         struct{ Kind string }
						}
						Contract struct{ ContractID, Zone string }
						Schedule struct {
							ScheduleID string
							Rules      []struct{ ID string }
						}
						Event struct {
							ID, Stream, Type, Actor, EventID string
							Revision                         int
							Data, Metadata                   map[string]any
						}
					}
				}
			}
		}
	}
	w.ask(&seen, `query ($at: Position) { balances(party: "studio", atLeast: $at) {
		id book account debits credits amount side position party { partyId kind }
		entries { nodes { side amount debits credits transaction { id externalId
			parties { role partyId party { kind } } contract { contractId zone } schedule { scheduleId rules { id } }
			event { id stream revision type actor eventId data metadata }
		} } }
	} }`, vars{"at": done.Position})
	require.Len(t, seen.Balances, 1)
	balance := seen.Balances[0]
	require.Equal(t, []string{"seoul", "studio/payable/KRW", "0", "453", "453", "CREDIT", done.Position},
		[]string{balance.Book, balance.Account, balance.Debits, balance.Credits, balance.Amount, balance.Side, balance.Position})
	require.Equal(t, "PROVIDER", balance.Party.Kind)
	require.Len(t, balance.Entries.Nodes, 1)
	entry := balance.Entries.Nodes[0]
	require.Equal(t, []string{"CREDIT", "453", "0", "453"}, []string{entry.Side, entry.Amount, entry.Debits, entry.Credits})
	require.Equal(t, done.Transaction.ID, entry.Transaction.ID)
	require.Equal(t, "Asia/Seoul", entry.Transaction.Contract.Zone)
	require.Len(t, entry.Transaction.Schedule.Rules, 4)
	require.Len(t, entry.Transaction.Parties, 5)
	event := entry.Transaction.Event
	require.Equal(t, []string{"book-seoul", "TransactionSettled.v2", "anonymous"}, []string{event.Stream, event.Type, event.Actor})
	require.Equal(t, "t-1", event.Data["external_id"])
	require.Equal(t, "basket-9", event.Metadata["correlation"])
	require.Equal(t, "none", event.Metadata["authenticated"])

	// The same objects by their global ids.
	for id, typename := range map[string]string{
		balance.ID: "Balance", done.Transaction.ID: "Transaction", event.ID: "Event",
		"party:studio": "Party", "contract:games": "Contract", "schedule:standard@1": "Schedule",
	} {
		var node struct {
			Node struct {
				Typename string `json:"__typename"`
				ID       string
			}
		}
		w.ask(&node, `query ($id: ID!) { node(id: $id) { __typename id } }`, vars{"id": id})
		require.Equal(t, typename, node.Node.Typename)
		require.Equal(t, id, node.Node.ID)
	}
	for _, id := range []string{"party:nobody", "event:book-seoul@99", "transaction:seoul@99", "transaction:busan@0", "account:seoul/x/y/KRW", "source:none", "schedule:standard@9", "contract:none"} {
		var node struct{ Node any }
		w.ask(&node, `query ($id: ID!) { node(id: $id) { id } }`, vars{"id": id})
		require.Nil(t, node.Node, id)
	}

	// The audit trail of the transaction leads to the same event.
	var trail struct {
		Transaction struct {
			Audit struct{ Nodes []struct{ ID string } }
		}
		Audit struct{ Nodes []struct{ ID, Type string } }
	}
	w.ask(&trail, `query ($at: Position) {
		transaction(source: "pg", externalId: "t-1", atLeast: $at) { audit { nodes { id } } }
		audit(filter: {ids: ["party:studio"]}, atLeast: $at) { nodes { id type } }
	}`, vars{"at": done.Position})
	require.Len(t, trail.Transaction.Audit.Nodes, 1)
	require.Equal(t, event.ID, trail.Transaction.Audit.Nodes[0].ID)
	require.Equal(t, event.ID, trail.Audit.Nodes[0].ID)
	require.Equal(t, "PartyRegistered.v1", trail.Audit.Nodes[len(trail.Audit.Nodes)-1].Type)
}

func TestRepeatConflictRefundReversal(t *testing.T) {
	w := newWorld(t)
	w.platform()
	first := w.must(w.settle("t-1", "1000"))
	require.Equal(t, "REPLAYED", w.must(w.settle("t-1", "1000.0")).Outcome, "the same amount, written otherwise")

	conflict := w.settle("t-1", "1001")
	require.Empty(t, conflict.Outcome)
	require.Len(t, conflict.UserErrors, 1)
	require.Equal(t, "conflict", conflict.UserErrors[0].Code)
	require.NotEmpty(t, conflict.UserErrors[0].Remedy)

	w.must(w.settle("r-1", "-400", vars{"type": "refund", "originalId": "t-1"}))
	w.must(w.settle("t-2", "50"))
	last := w.must(w.mutate("reverse", "ReverseInput", vars{
		"source": "desk", "externalId": "rev-1", "book": "seoul", "target": vars{"source": "pg", "externalId": "t-2"},
		"reason": "sold twice", "occurredAt": "2026-03-03T00:00:00Z",
	}))
	require.NotEqual(t, first.Position, last.Position)

	type header struct {
		ID, Kind, Type, Amount, Reason, ExternalID string
		ContractID                                 *string
	}
	var found struct {
		Original struct {
			header
			Links []struct {
				Kind        string
				Transaction header
			}
		}
		Reversed struct {
			header
			Links []struct {
				Kind        string
				Transaction struct {
					header
					Original    header
					Postings    []struct{ Side string }
					Explanation []any
				}
			}
		}
		Refunds struct {
			Nodes []struct {
				header
				Original header
			}
		}
	}
	const headerFields = `id kind type amount reason externalId contractId`
	w.ask(&found, `query ($at: Position) {
		original: transaction(source: "pg", externalId: "t-1", atLeast: $at) { `+headerFields+` links { kind transaction { `+headerFields+` } } }
		reversed: transaction(source: "pg", externalId: "t-2", book: "seoul", atLeast: $at) { `+headerFields+` links { kind transaction { `+headerFields+`
			original { `+headerFields+` } postings { side } explanation { rule } } } }
		refunds: transactions(filter: {type: "refund", party: "studio"}, atLeast: $at) { nodes { `+headerFields+` original { `+headerFields+` } } }
	}`, vars{"at": last.Position})
	require.Len(t, found.Original.Links, 1)
	require.Equal(t, "REFUND", found.Original.Links[0].Kind)
	require.Equal(t, "r-1", found.Original.Links[0].Transaction.ExternalID)
	require.Equal(t, found.Original.ID, found.Refunds.Nodes[0].Original.ID)
	require.Equal(t, "-400", found.Refunds.Nodes[0].Amount)
	reversal := found.Reversed.Links[0].Transaction
	require.Equal(t, []string{"REVERSAL", "sold twice", "-50", "sale"}, []string{reversal.Kind, reversal.Reason, reversal.Amount, reversal.Type})
	require.Nil(t, reversal.ContractID)
	require.Equal(t, found.Reversed.ID, reversal.Original.ID)
	require.Equal(t, "CREDIT", reversal.Postings[0].Side)
	require.Empty(t, reversal.Explanation)
}

func TestPagingGivesEachOnce(t *testing.T) {
	w := newWorld(t)
	w.platform()
	const count = 23
	var last payload
	for i := range count {
		last = w.must(w.settle(fmt.Sprintf("t-%02d", i), fmt.Sprint(100+i), vars{"occurredAt": fmt.Sprintf("2026-03-%02dT12:00:00Z", 1+i%3)}))
	}
	type connection struct {
		Edges []struct {
			Cursor string
			Node   map[string]any
		}
		Nodes    []map[string]any
		PageInfo struct {
			EndCursor, StartCursor string
			HasNextPage            bool
		}
	}
	for name, test := range map[string]struct {
		query string
		want  int
	}{
		"transactions":          {`transactions(first: $first, after: $after, atLeast: $at) { edges { cursor node { id } } nodes { id } pageInfo { endCursor startCursor hasNextPage } }`, count},
		"transactions of party": {`c: party(id: "studio", atLeast: $at) { c: transactions(first: $first, after: $after) { edges { cursor node { id } } nodes { id } pageInfo { endCursor startCursor hasNextPage } } }`, count},
		"entries":               {`c: balance(book: "seoul", account: "bank/receivable/KRW", atLeast: $at) { c: entries(first: $first, after: $after) { edges { cursor node { id: position } } nodes { id: position } pageInfo { endCursor startCursor hasNextPage } } }`, count},
		"parties":               {`c: parties(first: $first, after: $after, atLeast: $at) { edges { cursor node { id } } nodes { id } pageInfo { endCursor startCursor hasNextPage } }`, 5},
		"contracts":             {`c: contracts(first: $first, after: $after, atLeast: $at) { edges { cursor node { id } } nodes { id } pageInfo { endCursor startCursor hasNextPage } }`, 1},
		"schedules":             {`c: schedules(first: $first, after: $after, atLeast: $at) { edges { cursor node { id } } nodes { id } pageInfo { endCursor startCursor hasNextPage } }`, 1},
		"sources":               {`c: sources(first: $first, after: $after, atLeast: $at) { edges { cursor node { id } } nodes { id } pageInfo { endCursor startCursor hasNextPage } }`, 0},
		"daily totals":          {`c: dailyTotals(first: $first, after: $after, atLeast: $at) { edges { cursor node { day party } } nodes { day party } pageInfo { endCursor startCursor hasNextPage } }`, 15},
		"audit":                 {`c: audit(first: $first, after: $after, atLeast: $at) { edges { cursor node { id } } nodes { id } pageInfo { endCursor startCursor hasNextPage } }`, count + 8},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			variables := vars{"first": 4, "at": last.Position}
			for range count {
				var data map[string]json.RawMessage
				w.ask(&data, `query ($first: Int, $after: String, $at: Position) { `+test.query+` }`, variables)
				var c connection
				for _, raw := range data {
					var outer struct{ C json.RawMessage }
					require.NoError(t, json.Unmarshal(raw, &outer))
					if outer.C != nil {
						raw = outer.C
					}
					require.NoError(t, json.Unmarshal(raw, &c))
				}
				require.Len(t, c.Nodes, len(c.Edges))
				for i, edge := range c.Edges {
					require.Equal(t, edge.Node, c.Nodes[i])
					key := fmt.Sprint(edge.Node)
					require.False(t, seen[key], "%s came twice", key)
					seen[key] = true
				}
				if n := len(c.Edges); n > 0 {
					require.Equal(t, c.Edges[n-1].Cursor, c.PageInfo.EndCursor)
					require.Equal(t, c.Edges[0].Cursor, c.PageInfo.StartCursor)
				}
				if !c.PageInfo.HasNextPage {
					break
				}
				variables["after"] = c.PageInfo.EndCursor
			}
			require.Len(t, seen, test.want)
		})
	}
}

func TestDailyTotalsLeadToTheirTransactions(t *testing.T) {
	w := newWorld(t)
	w.platform()
	w.must(w.settle("a", "100"))
	w.must(w.settle("b", "200"))
	w.must(w.settle("c", "300", vars{"product": nil}))
	last := w.must(w.settle("d", "0"))
	var got struct {
		DailyTotals struct {
			Nodes []struct {
				Day, Party, Product, Debits, Credits, Amount, Side string
				Count                                              int
				Transactions                                       struct{ Nodes []struct{ ExternalID string } }
			}
		}
	}
	w.ask(&got, `query ($at: Position) { dailyTotals(filter: {party: "bank", from: "2026-03-02", to: "2026-03-02"}, atLeast: $at) {
		nodes { day party product debits credits amount side count transactions { nodes { externalId } } } } }`, vars{"at": last.Position})
	nodes := got.DailyTotals.Nodes
	require.Len(t, nodes, 2)
	require.Equal(t, []string{"", "300", "DEBIT"}, []string{nodes[0].Product, nodes[0].Debits, nodes[0].Side})
	require.Len(t, nodes[0].Transactions.Nodes, 1, "only those without a product")
	require.Equal(t, []string{"game", "300", "0", "300"}, []string{nodes[1].Product, nodes[1].Debits, nodes[1].Credits, nodes[1].Amount})
	require.Equal(t, 3, nodes[1].Count)
	require.Len(t, nodes[1].Transactions.Nodes, 3)
}

func TestReplayTheLog(t *testing.T) {
	w := newWorld(t)
	w.platform()
	for i := range 7 {
		w.must(w.settle(fmt.Sprint("t", i), "100"))
	}
	type event struct {
		Stream, Type, Position, EventID string
		Revision                        int
		Data                            map[string]any
	}
	read := func(filter vars, first int) (all []event) {
		var after any
		for {
			var page struct {
				Events struct {
					Nodes    []event
					PageInfo struct {
						EndCursor   string
						HasNextPage bool
					}
				}
			}
			w.ask(&page, `query ($filter: EventFilter, $first: Int, $after: Position) { events(filter: $filter, first: $first, after: $after) {
				nodes { stream type position eventId revision data } pageInfo { endCursor hasNextPage } } }`, vars{"filter": filter, "first": first, "after": after})
			all = append(all, page.Events.Nodes...)
			require.LessOrEqual(t, len(page.Events.Nodes), first)
			require.NotEmpty(t, page.Events.PageInfo.EndCursor)
			after = page.Events.PageInfo.EndCursor
			if !page.Events.PageInfo.HasNextPage {
				return all
			}
		}
	}
	all := read(nil, 4)
	require.Len(t, all, 1+5+1+1+7)
	require.Equal(t, "LogStarted.v1", all[0].Type)
	require.Equal(t, all, read(nil, 500))
	settled := read(vars{"streams": []string{"book-"}, "types": []string{"TransactionSettled.v2"}}, 3)
	require.Equal(t, all[8:], settled)
	require.Empty(t, read(vars{"types": []string{"Nothing.v1"}}, 3))
	parties := read(vars{"streams": []string{"party-", "contract-"}}, 3)
	require.Len(t, parties, 6)
}
