package graph_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// holding publishes a schedule that holds a tenth until the business day after next,
// and guarantees a month's fee; a contract uses it for orders.
func (w *world) holding() {
	w.t.Helper()
	w.must(w.mutate("publishCalendar", "PublishCalendarInput", vars{"document": vars{
		"calendar": "kr", "version": 1, "first_year": 2026, "last_year": 2027, "weekend": []string{"saturday", "sunday"},
		"holidays": []vars{{"on": "2026-03-02", "name": "Substitute holiday"}},
	}}))
	w.must(w.mutate("publishScheduleDocument", "PublishScheduleDocumentInput", vars{"document": vars{
		"schedule": "held", "version": 1, "effective_from": "2026-01-01", "funds": vars{"role": "supplier"},
		"accumulators": []vars{{"name": "fees", "measure": "lines.fee", "window": "calendar_month", "key": []string{"provider"}}},
		"rules": []vars{
			{"id": "fee", "to": vars{"role": "operator"}, "percent": 5, "priority": 1},
			{"id": "reserve", "to": vars{"role": "provider", "purpose": "reserve"}, "percent": 10.0, "priority": 2, "hold": vars{"into": "payable", "business_days": 2, "calendar": "kr"}},
			{"id": "rest", "to": vars{"role": "provider"}, "rest": true},
		},
		"periods": []vars{{
			"id": "minimum", "of": "fees", "grace_days": 1,
			"values":  []vars{{"name": "short", "is": "max(0, 100 - fees)"}},
			"entries": []vars{{"id": "true_up", "from": vars{"role": "provider"}, "to": vars{"role": "operator"}, "amount": "short"}},
		}},
		"recourse": []vars{{"role": "provider", "from": []string{"reserve"}, "when": `type == "chargeback"`}},
	}}))
	w.must(w.mutate("signContract", "SignContractInput", vars{
		"contract": "orders", "book": "seoul", "schedule": "held", "zone": "Asia/Seoul", "from": "2026-01-01", "applies": vars{"types": []string{"order", "chargeback", "won"}},
		"parties": []vars{{"role": "operator", "party": "house"}, {"role": "supplier", "party": "bank"}},
	}))
}

func (w *world) order(id, amount string, changes ...vars) payload {
	w.t.Helper()
	return w.settle(id, amount, append([]vars{{"type": "order", "occurredAt": "2026-03-02T03:00:00Z"}}, changes...)...)
}

type funds struct {
	Book, Currency, Available, AvailableSide, Held, NextRelease string
	Accounts                                                    []struct {
		Purpose, Amount, Side, Held, Free, FreeSide string
		Holds                                       []struct {
			Into, Amount, Next, Last string
			Dates                    int
		}
		Balance struct{ ID string }
	}
}

const fundsFields = `book currency available availableSide held nextRelease
	accounts { purpose amount side held free freeSide holds { into amount next last dates } balance { id } }`

func (w *world) funds(party, at string) []funds {
	w.t.Helper()
	var got struct{ Funds []funds }
	w.ask(&got, `query ($party: ID!, $at: Position) { funds(party: $party, atLeast: $at) { `+fundsFields+` } }`, vars{"party": party, "at": at})
	return got.Funds
}

func (w *world) advance(date string, changes ...vars) (p struct {
	payload
	Reached      bool
	Dates, Steps int
	BusinessDate struct {
		Date  string
		Event struct{ Type string }
	}
}) {
	w.t.Helper()
	input := vars{"book": "seoul", "date": date}
	for _, c := range changes {
		for key, value := range c {
			input[key] = value
		}
	}
	var data struct{ AdvanceBusinessDate any }
	data.AdvanceBusinessDate = &p
	w.ask(&data, `mutation ($input: AdvanceBusinessDateInput!) { advanceBusinessDate(input: $input) {
		`+payloadFields+` reached dates steps businessDate { date event { type } }
	} }`, vars{"input": input})
	return p
}

// Money is held, seen, released and closed over: the whole way through the API.
func TestHeldMoney(t *testing.T) {
	w := newWorld(t)
	w.platform()
	w.holding()
	first := w.advance("2026-03-02")
	require.Empty(t, first.UserErrors)
	require.True(t, first.Reached)
	require.Equal(t, "2026-03-02", first.BusinessDate.Date)
	require.Equal(t, "BusinessDateAdvanced.v1", first.BusinessDate.Event.Type)

	w.must(w.order("o-1", "1000"))
	last := w.must(w.order("o-2", "400", vars{"occurredAt": "2026-03-03T03:00:00Z"}))
	require.Equal(t, []string{"1190", "CREDIT", "140", "2026-03-04"}, func() []string {
		got := w.funds("studio", last.Position)
		require.Len(t, got, 1)
		require.Len(t, got[0].Accounts, 2)
		for _, a := range got[0].Accounts {
			if a.Purpose == "reserve" {
				require.Equal(t, []string{"140", "CREDIT", "140", "0", ""}, []string{a.Amount, a.Side, a.Held, a.Free, a.FreeSide})
				require.Equal(t, 2, a.Holds[0].Dates)
				require.Equal(t, []string{"payable", "140", "2026-03-04", "2026-03-05"}, []string{a.Holds[0].Into, a.Holds[0].Amount, a.Holds[0].Next, a.Holds[0].Last})
				require.Equal(t, "account:seoul/studio/reserve/KRW", a.Balance.ID)
			}
		}
		return []string{got[0].Available, got[0].AvailableSide, got[0].Held, got[0].NextRelease}
	}())

	// By due date, page by page.
	var dues []string
	var after *string
	for {
		var page struct {
			Holds struct {
				Nodes    []struct{ Account, Purpose, Into, Due, Amount string }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		w.ask(&page, `query ($after: String) { holds(filter: {party: "studio"}, first: 1, after: $after) {
			nodes { account purpose into due amount party { partyId } } pageInfo { hasNextPage endCursor } } }`, vars{"after": after})
		for _, h := range page.Holds.Nodes {
			dues = append(dues, h.Due+" "+h.Amount)
		}
		if !page.Holds.PageInfo.HasNextPage {
			break
		}
		after = &page.Holds.PageInfo.EndCursor
	}
	require.Equal(t, []string{"2026-03-04 100", "2026-03-05 40"}, dues)

	// The event of the sale tells what it held, and by which calendar.
	var sale struct {
		Transaction struct {
			Holds      []struct{ Account, Into, Due, Side, Amount string }
			Uses       []struct{ Stream string }
			Derivation struct {
				Agrees bool
				Rating struct {
					Shares   []struct{ Purpose, HeldUntil, Into string }
					Recourse []struct{ Role string }
				}
			}
		}
	}
	w.ask(&sale, `{ transaction(source: "pg", externalId: "o-1") { holds { account into due side amount } uses { stream }
		derivation { agrees rating { shares { purpose heldUntil into } recourse { role } } } } }`, nil)
	require.Len(t, sale.Transaction.Holds, 1)
	require.Equal(t, "studio/reserve/KRW payable 2026-03-04 CREDIT 100", fmt.Sprintf("%s %s %s %s %s", sale.Transaction.Holds[0].Account,
		sale.Transaction.Holds[0].Into, sale.Transaction.Holds[0].Due, sale.Transaction.Holds[0].Side, sale.Transaction.Holds[0].Amount))
	require.Contains(t, fmt.Sprint(sale.Transaction.Uses), "calendar-kr")
	require.True(t, sale.Transaction.Derivation.Agrees)
	require.Equal(t, "2026-03-04", sale.Transaction.Derivation.Rating.Shares[1].HeldUntil)

	// A date that has not begun is refused, whoever asks.
	ahead := w.advance("2100-01-01")
	require.Equal(t, "date", ahead.UserErrors[0].Field)
	require.False(t, ahead.Reached)

	done := w.advance("2026-04-02", vars{"clientKey": "night", "ahead": true})
	require.Empty(t, done.UserErrors)
	require.True(t, done.Reached)
	require.Equal(t, []any{"APPLIED", 31, "night"}, []any{done.Outcome, done.Dates, done.ClientKey})
	again := w.advance("2026-04-02")
	require.Equal(t, []any{"REPLAYED", true, 0}, []any{again.Outcome, again.Reached, again.Steps})

	var got struct {
		Releases struct {
			Nodes []struct {
				Account, Into, Amount, Due, BusinessDate string
				Step                                     struct {
					Kind     string
					Postings []struct{ Account, Side, Amount string }
					Holds    []struct{ Side, Amount string }
				}
			}
		}
		Steps struct {
			Nodes []struct {
				ID, Kind, BusinessDate, Accumulator, Window, First, Last, ContractID, ScheduleID string
				Key                                                                              []struct{ Name, Value string }
				Parties                                                                          []struct{ Role, PartyID string }
				Periods                                                                          []struct {
					Period string
					Lines  []struct {
						Line     struct{ Rule, Exact, Amount string }
						From, To string
						Opposite bool
					}
				}
				Derivation struct {
					Agrees      bool
					Differences []string
					Periods     []struct {
						Values []struct{ Name, Value string }
					}
				}
			}
		}
		Accumulators struct {
			Nodes []struct {
				Name, Closes string
				Closed       bool
				Closing      struct{ ID string }
			}
		}
		Open          struct{ Nodes []struct{ Name string } }
		BusinessDates struct{ Nodes []struct{ Book, Date string } }
		Balance       struct {
			Holds   []struct{ Amount string }
			Entries struct {
				Nodes []struct {
					Step        *struct{ Kind string }
					Transaction *struct{ ExternalID string }
				}
			}
		}
	}
	w.ask(&got, `query ($at: Position) {
		releases(filter: {party: "studio"}, atLeast: $at) { nodes { account into amount due businessDate step { kind postings { account side amount } holds { side amount } } } }
		steps(filter: {kind: CLOSING, party: "studio"}, atLeast: $at) { nodes { id kind businessDate accumulator window first last contractId scheduleId key { name value }
			parties { role partyId } periods { period lines { line { rule exact amount } from to opposite } }
			derivation { agrees differences periods { values { name value } } } } }
		accumulators(filter: {contract: "orders"}, atLeast: $at) { nodes { name closes closed closing { id } } }
		open: accumulators(filter: {open: true}, atLeast: $at) { nodes { name } }
		businessDates(atLeast: $at) { nodes { book date } }
		balance(book: "seoul", account: "studio/payable/KRW", atLeast: $at) { holds { amount } entries { nodes { step { kind } transaction { externalId } } } }
	}`, vars{"at": again.Position})
	require.Len(t, got.Releases.Nodes, 2)
	require.Equal(t, "2026-03-05", got.Releases.Nodes[0].BusinessDate, "the newest first")
	require.Equal(t, "100", got.Releases.Nodes[1].Amount)
	require.Equal(t, "RELEASE", got.Releases.Nodes[1].Step.Kind)
	require.Len(t, got.Releases.Nodes[1].Step.Postings, 2)
	require.Equal(t, "DEBIT", got.Releases.Nodes[1].Step.Holds[0].Side)

	require.Len(t, got.Steps.Nodes, 1)
	step := got.Steps.Nodes[0]
	require.Equal(t, []string{"2026-04-02", "fees", "2026-03", "2026-03-01", "2026-03-31", "orders", "held"},
		[]string{step.BusinessDate, step.Accumulator, step.Window, step.First, step.Last, step.ContractID, step.ScheduleID})
	require.Equal(t, "studio", step.Key[0].Value)
	require.Equal(t, "30", step.Periods[0].Lines[0].Line.Amount, "70 of 100 were earned")
	require.Equal(t, "studio/payable/KRW", step.Periods[0].Lines[0].From)
	require.True(t, step.Derivation.Agrees, step.Derivation.Differences)
	require.Equal(t, "30", step.Derivation.Periods[0].Values[0].Value)

	require.Equal(t, "2026-04-02", got.Accumulators.Nodes[0].Closes)
	require.True(t, got.Accumulators.Nodes[0].Closed)
	require.Equal(t, step.ID, got.Accumulators.Nodes[0].Closing.ID)
	require.Empty(t, got.Open.Nodes)
	require.Equal(t, "2026-04-02", got.BusinessDates.Nodes[0].Date)

	var kinds []string
	for _, e := range got.Balance.Entries.Nodes {
		require.NotEqual(t, e.Step == nil, e.Transaction == nil, "an entry is of one of the two")
		if e.Step != nil {
			kinds = append(kinds, e.Step.Kind)
		}
	}
	require.Equal(t, []string{"CLOSING", "RELEASE", "RELEASE"}, kinds)
	require.Empty(t, got.Balance.Holds)
	require.Equal(t, "1300", w.funds("studio", again.Position)[0].Available)

	var node struct {
		Node struct {
			Typename string `json:"__typename"`
			ID       string
		}
		Step *struct{ Kind string }
		None *struct{ Kind string }
	}
	w.ask(&node, `query ($id: ID!) { node(id: $id) { __typename id } none: step(book: "seoul", revision: 1) { kind } }`, vars{"id": step.ID})
	require.Equal(t, "Step", node.Node.Typename)
	require.Nil(t, node.None, "a settlement is no step")
}

// What is wrong with a date or a book is a user error; what was not understood too.
func TestAdvanceRefuses(t *testing.T) {
	w := newWorld(t)
	w.platform()
	require.Equal(t, "not_found", func() string {
		p := w.advance("2026-03-01", vars{"book": "nowhere"})
		return p.UserErrors[0].Code
	}())
	require.Equal(t, "book", w.advance("2026-03-01", vars{"book": "no book"}).UserErrors[0].Field)
	require.True(t, w.advance("2026-03-01").Reached)
	before := w.advance("2026-02-01")
	require.True(t, before.Reached, "it has come past it")
	require.Equal(t, "REPLAYED", before.Outcome)
	require.Equal(t, "2026-03-01", before.BusinessDate.Date)
}
