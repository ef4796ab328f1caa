package graph_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/restatement"
)

func adjusting(id string, changes ...vars) vars {
	input := vars{
		"source": "desk", "externalId": id, "book": "seoul", "reason": "goodwill", "occurredAt": "2026-03-05T03:00:00Z", "effectiveOn": "2026-03-05",
		"legs": []vars{{"account": "house/payable/KRW", "side": "DEBIT", "amount": "20"}, {"account": "studio/payable/KRW", "side": "CREDIT", "amount": "20.00"}},
	}
	for _, c := range changes {
		for key, value := range c {
			input[key] = value
		}
	}
	return input
}

type adjusted struct {
	Kind, Type, Currency, Amount, Reason, EffectiveOn, ContractID string
	Original                                                      struct{ ExternalID string }
	Postings                                                      []struct{ Account, Side, Amount string }
	Restatement                                                   *struct{ Rerating string }
	Derivation                                                    struct {
		Agrees bool
		Moves  []struct{ Account, Side, Amount, Why string }
		Rating *struct{ Engine int }
	}
}

func TestPostAdjustment(t *testing.T) {
	w := newWorld(t)
	w.platform()
	w.must(w.settle("t-1", "1000"))
	var got struct {
		PostAdjustment struct {
			payload
			Transaction adjusted
		}
	}
	input := adjusting("a-1", vars{"adjusts": vars{"source": "pg", "externalId": "t-1"}, "clientKey": "k"})
	query := `mutation ($input: PostAdjustmentInput!) { postAdjustment(input: $input) { ` + payloadFields + ` transaction {
		kind type currency amount reason effectiveOn contractId original { externalId } postings { account side amount } restatement { rerating }
		derivation { agrees moves { account side amount why } rating { engine } } } } }`
	w.ask(&got, query, vars{"input": input})
	done := got.PostAdjustment
	require.Empty(t, done.UserErrors)
	require.Equal(t, "APPLIED", done.Outcome)
	require.Equal(t, []string{"ADJUSTMENT", "adjustment", "KRW", "20", "goodwill", "2026-03-05", "", "t-1"}, []string{
		done.Transaction.Kind, done.Transaction.Type, done.Transaction.Currency, done.Transaction.Amount, done.Transaction.Reason,
		done.Transaction.EffectiveOn, done.Transaction.ContractID, done.Transaction.Original.ExternalID,
	})
	require.Len(t, done.Transaction.Postings, 2)
	require.Nil(t, done.Transaction.Restatement)
	require.True(t, done.Transaction.Derivation.Agrees)
	require.Len(t, done.Transaction.Derivation.Moves, 2)
	require.Nil(t, done.Transaction.Derivation.Rating)

	// The same content in other words is a replay; other content is a conflict.
	input["legs"].([]vars)[0]["amount"] = "20.0"
	require.Equal(t, "REPLAYED", w.mutate("postAdjustment", "PostAdjustmentInput", input).Outcome)
	input["reason"] = "other"
	require.Equal(t, "conflict", w.mutate("postAdjustment", "PostAdjustmentInput", input).UserErrors[0].Code)

	for field, wrong := range map[string]vars{
		"legs[0].account":    {"legs": []vars{{"account": "house", "side": "DEBIT", "amount": "20"}}},
		"reason":             {"reason": ""},
		"adjusts":            {"adjusts": vars{"source": "pg", "externalId": "none"}},
		"postings[0].amount": {"legs": []vars{{"account": "house/payable/KRW", "side": "DEBIT", "amount": "-1"}, {"account": "studio/payable/KRW", "side": "CREDIT", "amount": "1"}}},
	} {
		p := w.mutate("postAdjustment", "PostAdjustmentInput", adjusting("a-x", wrong))
		require.NotEmpty(t, p.UserErrors, field)
		require.Contains(t, p.UserErrors[0].Field, field)
	}
	unbalanced := w.mutate("postAdjustment", "PostAdjustmentInput", adjusting("a-y", vars{"legs": []vars{{"account": "house/payable/KRW", "side": "DEBIT", "amount": "20"}}}))
	require.NotEmpty(t, unbalanced.UserErrors)
	stranger := w.mutate("postAdjustment", "PostAdjustmentInput", adjusting("a-z", vars{"legs": []vars{
		{"account": "nobody/payable/KRW", "side": "DEBIT", "amount": "20"}, {"account": "studio/payable/KRW", "side": "CREDIT", "amount": "20"},
	}}))
	require.Equal(t, "unknown_party", stranger.UserErrors[0].Code)

	var seen struct {
		Transaction struct {
			Links []struct {
				Kind        string
				Transaction struct{ ExternalID, Reason string }
			}
			None       []struct{ Kind string }
			RestatedBy *struct{ ExternalID string }
		}
		Transactions struct{ Nodes []adjusted }
	}
	w.ask(&seen, `query ($at: Position) {
		transaction(source: "pg", externalId: "t-1", atLeast: $at) { links { kind transaction { externalId reason } } none: links(kinds: [REFUND]) { kind } restatedBy { externalId } }
		transactions(filter: {kind: ADJUSTMENT}, atLeast: $at) { nodes { kind amount reason } }
	}`, vars{"at": done.Position})
	require.Len(t, seen.Transaction.Links, 1)
	require.Equal(t, "ADJUSTMENT", seen.Transaction.Links[0].Kind)
	require.Equal(t, "goodwill", seen.Transaction.Links[0].Transaction.Reason)
	require.Empty(t, seen.Transaction.None)
	require.Nil(t, seen.Transaction.RestatedBy)
	require.Len(t, seen.Transactions.Nodes, 1)
}

// A dispute takes what is held first, and its end gives it back to the sale.
func TestChargebackAndRestoration(t *testing.T) {
	w := newWorld(t)
	w.platform()
	w.holding()
	require.True(t, w.advance("2026-03-02").Reached)
	w.must(w.order("o-1", "1000"))
	w.must(w.order("cb", "-400", vars{"type": "chargeback", "originalId": "o-1", "occurredAt": "2026-03-03T03:00:00Z"}))
	w.must(w.order("won", "400", vars{"type": "won", "originalId": "cb", "occurredAt": "2026-03-03T05:00:00Z"}))
	last := w.must(w.mutate("reverse", "ReverseInput", vars{
		"source": "desk", "externalId": "r-1", "book": "seoul", "target": vars{"source": "pg", "externalId": "won"}, "reason": "bank withdrew", "occurredAt": "2026-03-03T06:00:00Z",
	}))
	type derived struct {
		Agrees      bool
		Differences []string
		Moves       []struct{ Account, Side, Amount, Why string }
		RestsOn     struct{ Revision int }
		Rating      *struct {
			Recourse []struct {
				Role  string
				From  []string
				Holds bool
				Why   string
			}
		}
	}
	var got struct {
		Chargeback struct {
			Holds      []struct{ Side, Amount string }
			Derivation derived
		}
		Won struct {
			Original, Restores struct{ ExternalID string }
		}
		Sale struct {
			Links []struct {
				Kind        string
				Transaction struct{ ExternalID string }
			}
		}
		Reversal struct {
			Original, Restores struct{ ExternalID string }
			Derivation         derived
		}
	}
	w.ask(&got, `query ($at: Position) {
		chargeback: transaction(source: "pg", externalId: "cb", atLeast: $at) { holds { side amount } derivation { agrees differences rating { recourse { role from holds why } } } }
		won: transaction(source: "pg", externalId: "won", atLeast: $at) { original { externalId } restores { externalId } }
		sale: transaction(source: "pg", externalId: "o-1", atLeast: $at) { links { kind transaction { externalId } } }
		reversal: transaction(source: "desk", externalId: "r-1", atLeast: $at) { original { externalId } restores { externalId }
			derivation { agrees differences moves { account side amount why } restsOn { revision } rating { recourse { role } } } }
	}`, vars{"at": last.Position})
	require.NotEmpty(t, got.Chargeback.Holds)
	require.Equal(t, "DEBIT", got.Chargeback.Holds[0].Side)
	require.True(t, got.Chargeback.Derivation.Agrees, got.Chargeback.Derivation.Differences)
	require.True(t, got.Chargeback.Derivation.Rating.Recourse[0].Holds)
	require.Equal(t, "cb", got.Won.Original.ExternalID)
	require.Equal(t, "o-1", got.Won.Restores.ExternalID)
	kinds := map[string]string{}
	for _, link := range got.Sale.Links {
		kinds[link.Transaction.ExternalID] = link.Kind
	}
	require.Equal(t, map[string]string{"cb": "REFUND", "won": "RESTORATION"}, kinds)
	require.Equal(t, "won", got.Reversal.Original.ExternalID)
	require.True(t, got.Reversal.Derivation.Agrees, got.Reversal.Derivation.Differences)
	require.Nil(t, got.Reversal.Derivation.Rating)
	require.NotEmpty(t, got.Reversal.Derivation.Moves)
	require.Contains(t, got.Reversal.Derivation.Moves[0].Why, "opposite of what stood")
}

func TestAwaiting(t *testing.T) {
	w := newWorld(t)
	w.platform()
	early := vars{"originalId": "t-1", "occurredAt": "2026-03-02T03:00:00Z"}
	require.Equal(t, "missing_original", w.settle("back", "-300", early).UserErrors[0].Code)

	type awaiting struct {
		Book, Kind, Source, ExternalID, OriginalExternalID, Amount, Reason string
		Original                                                           *struct{ ExternalID string }
		Event                                                              struct{ Type string }
	}
	const fields = `book kind source externalId originalExternalId amount reason original { externalId } event { type }`
	var settled struct {
		Settle struct {
			payload
			Transaction *struct{ ID string }
			Awaiting    *awaiting
		}
	}
	early["await"] = true
	query := `mutation ($input: SettleInput!) { settle(input: $input) { ` + payloadFields + ` transaction { id } awaiting { ` + fields + ` } } }`
	w.ask(&settled, query, vars{"input": sale("back", "-300", early)})
	require.Equal(t, "APPLIED", settled.Settle.Outcome)
	require.Nil(t, settled.Settle.Transaction)
	require.Equal(t, "OriginalAwaited.v1", settled.Settle.Awaiting.Event.Type)
	require.Equal(t, []string{"REFUND", "back", "t-1", "-300"}, []string{
		settled.Settle.Awaiting.Kind, settled.Settle.Awaiting.ExternalID, settled.Settle.Awaiting.OriginalExternalID, settled.Settle.Awaiting.Amount,
	})
	last := w.must(w.mutate("reverse", "ReverseInput", vars{
		"source": "desk", "externalId": "r-1", "book": "seoul", "target": vars{"source": "pg", "externalId": "t-2"}, "reason": "typo",
		"occurredAt": "2026-03-02T03:00:00Z", "await": true,
	}))

	var got struct {
		Awaiting struct{ Nodes []awaiting }
	}
	list := func(at string, filter vars) []awaiting {
		got.Awaiting.Nodes = nil
		w.ask(&got, `query ($at: Position, $filter: AwaitingFilter) { awaiting(filter: $filter, atLeast: $at) { nodes { `+fields+` } } }`, vars{"at": at, "filter": filter})
		return got.Awaiting.Nodes
	}
	waiting := list(last.Position, nil)
	require.Len(t, waiting, 2)
	require.Equal(t, []string{"REVERSAL", "r-1", "typo"}, []string{waiting[0].Kind, waiting[0].ExternalID, waiting[0].Reason})
	require.Nil(t, waiting[1].Original)
	require.Len(t, list(last.Position, vars{"kind": "REFUND", "party": "studio", "original": vars{"source": "pg", "externalId": "t-1"}}), 1)

	done := w.must(w.settle("t-1", "1000"))
	require.Len(t, list(done.Position, nil), 1)
	var seen struct {
		Transaction struct {
			Original struct {
				ExternalID string
				Awaited    struct{ Revision int }
			}
		}
	}
	w.ask(&seen, `query ($at: Position) { transaction(source: "pg", externalId: "back", atLeast: $at) { original { externalId awaited { revision } } } }`, vars{"at": done.Position})
	require.Equal(t, "t-1", seen.Transaction.Original.ExternalID, "carried out right behind its original")
	require.Equal(t, 0, seen.Transaction.Original.Awaited.Revision)
}

func TestCalendars(t *testing.T) {
	w := newWorld(t)
	document := func(id string, version int, weekend ...string) vars {
		return vars{"calendar": id, "version": version, "first_year": 2026, "last_year": 2026, "weekend": weekend, "holidays": []vars{{"on": "2026-05-05", "name": "Children's Day"}}}
	}
	publish := func(d vars) payload {
		return w.mutate("publishCalendar", "PublishCalendarInput", vars{"document": d})
	}
	w.must(publish(document("kr", 1, "saturday", "sunday")))
	require.Equal(t, "REPLAYED", publish(document("kr", 1, "saturday", "sunday")).Outcome)
	require.Equal(t, "conflict", publish(document("kr", 1, "sunday")).UserErrors[0].Code)
	require.Equal(t, "weekend[0]", publish(document("kr", 2, "funday")).UserErrors[0].Field)
	require.Equal(t, "malformed", publish(vars{"calender": "kr"}).UserErrors[0].Code)
	w.must(publish(document("kr", 2, "sunday")))
	last := w.must(publish(document("ae", 1, "friday")))

	type shown struct {
		ID, CalendarID string
		Version        int
		Weekend        []string
		Holidays       []struct{ On, Name string }
		Document       map[string]any
	}
	const fields = `id calendarId version weekend holidays { on name } document`
	var got struct {
		Newest, Old, None *shown
		Calendars, All    struct{ Nodes []shown }
		Node              struct{ ID string }
	}
	w.ask(&got, `query ($at: Position) {
		newest: calendar(id: "kr", atLeast: $at) { `+fields+` }
		old: calendar(id: "kr", version: 1, atLeast: $at) { `+fields+` }
		none: calendar(id: "kr", version: 3, atLeast: $at) { `+fields+` }
		calendars(atLeast: $at) { nodes { calendarId version } }
		all: calendars(calendar: "kr", atLeast: $at) { nodes { calendarId version } }
		node(id: "calendar:kr@1", atLeast: $at) { id }
	}`, vars{"at": last.Position})
	require.Equal(t, 2, got.Newest.Version)
	require.Equal(t, []string{"saturday", "sunday"}, got.Old.Weekend)
	require.Equal(t, "Children's Day", got.Old.Holidays[0].Name)
	require.Equal(t, "kr", got.Old.Document["calendar"])
	require.Nil(t, got.None)
	require.Len(t, got.Calendars.Nodes, 2)
	require.Equal(t, "ae", got.Calendars.Nodes[0].CalendarID)
	require.Equal(t, 2, got.Calendars.Nodes[1].Version)
	require.Len(t, got.All.Nodes, 2)
	require.Equal(t, "calendar:kr@1", got.Node.ID)
}

// A re-rating is an adjustment that stands for its transaction from then on; it is
// derived again, and what is reversed rests on it.
func TestRestatement(t *testing.T) {
	w := newWorld(t)
	w.platform()
	publish := func(version int, percent string) {
		w.must(w.mutate("publishScheduleDocument", "PublishScheduleDocumentInput", vars{"document": vars{
			"schedule": "orders", "version": version, "effective_from": "2026-01-01", "funds": vars{"role": "supplier"},
			"parameters": []vars{{"name": "rate", "is": percent}},
			"rules": []vars{
				{"id": "fee", "to": vars{"role": "operator"}, "percent": "rate"},
				{"id": "rest", "to": vars{"role": "provider"}, "rest": true},
			},
		}}))
	}
	publish(1, "10")
	w.must(w.mutate("signContract", "SignContractInput", vars{
		"contract": "orders", "book": "seoul", "schedule": "orders", "zone": "Asia/Seoul", "from": "2026-01-01", "applies": vars{"types": []string{"order"}},
		"parties": []vars{{"role": "operator", "party": "house"}, {"role": "supplier", "party": "bank"}},
	}))
	w.must(w.order("o-1", "1000"))
	w.must(w.order("o-2", "500"))
	publish(2, "5")
	rerate := func(id string) {
		_, err := restatement.Run(t.Context(), restatement.Config{Store: w.store, Scope: rerating.Scope{Book: "seoul", From: "2026-03-01", To: "2026-03-31"}}, w.door,
			eventstore.Meta{Actor: "test", Authenticated: "none"},
			rerating.Operation{ID: id, Reason: "half the fee", OccurredAt: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), EffectiveOn: "2026-04-01"}, nil)
		require.NoError(t, err)
	}
	rerate("first")
	publish(3, "4")
	rerate("second")
	last := w.must(w.mutate("reverse", "ReverseInput", vars{
		"source": "desk", "externalId": "r-1", "book": "seoul", "target": vars{"source": "pg", "externalId": "o-1"}, "reason": "wrong", "occurredAt": "2026-04-02T00:00:00Z",
	}))
	type move struct{ Account, Side, Amount, Why string }
	var got struct {
		Transaction struct {
			Explanation []struct{ Amount string }
			Links       []struct{ Kind string }
			RestatedBy  struct {
				ExternalID, Reason, Amount, ContractID string
				ScheduleVersion                        int
				Original                               struct{ ExternalID string }
				Restatement                            struct {
					Rerating        string
					Replaces        struct{ Revision int }
					ScheduleVersion int
					Explanation     []struct{ Rule, Amount string }
					Postings        []struct{ Account, Amount string }
				}
				Derivation struct {
					Agrees      bool
					Differences []string
					RestsOn     struct{ Revision int }
					Moves       []move
					Rating      struct {
						Version int
						Lines   []struct{ Amount string }
					}
				}
			}
		}
		Reversal struct {
			Derivation struct {
				Agrees  bool
				RestsOn struct{ Revision int }
				Moves   []move
			}
		}
	}
	w.ask(&got, `query ($at: Position) {
		transaction(source: "pg", externalId: "o-1", atLeast: $at) { explanation { amount } links { kind } restatedBy {
			externalId reason amount contractId scheduleVersion original { externalId }
			restatement { rerating replaces { revision } scheduleVersion explanation { rule amount } postings { account amount } }
			derivation { agrees differences restsOn { revision } moves { account side amount why } rating { version lines { amount } } }
		} }
		reversal: transaction(source: "desk", externalId: "r-1", atLeast: $at) { derivation { agrees restsOn { revision } moves { account side amount why } } }
	}`, vars{"at": last.Position})
	require.Equal(t, "100", got.Transaction.Explanation[0].Amount, "what was settled stays as it was")
	require.Len(t, got.Transaction.Links, 3, "two re-ratings and the reversal")
	by := got.Transaction.RestatedBy
	require.Equal(t, []string{"second/pg/o-1", "half the fee", "10", "orders", "o-1", "second"},
		[]string{by.ExternalID, by.Reason, by.Amount, by.ContractID, by.Original.ExternalID, by.Restatement.Rerating})
	require.Equal(t, 3, by.Restatement.ScheduleVersion)
	require.Equal(t, "40", by.Restatement.Explanation[0].Amount)
	require.True(t, by.Derivation.Agrees, by.Derivation.Differences)
	require.Equal(t, 3, by.Derivation.Rating.Version)
	require.Equal(t, "40", by.Derivation.Rating.Lines[0].Amount)
	require.Equal(t, by.Restatement.Replaces.Revision, by.Derivation.RestsOn.Revision, "the first re-rating stood before")
	require.NotZero(t, by.Derivation.RestsOn.Revision)
	whys := map[string]string{}
	for _, m := range by.Derivation.Moves {
		whys[m.Account] = m.Why
	}
	require.Equal(t, "stood at credit 50, stands at credit 40", whys["house/payable/KRW"])

	require.True(t, got.Reversal.Derivation.Agrees)
	require.Len(t, got.Reversal.Derivation.Moves, 3)
	for _, m := range got.Reversal.Derivation.Moves {
		if m.Account == "house/payable/KRW" {
			require.Equal(t, "DEBIT 40", m.Side+" "+m.Amount)
			require.Equal(t, "the opposite of what stood: credit 40", m.Why, "it rests on the last re-rating")
		}
	}
}
