package graph_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

type partyAnswer struct {
	Party struct {
		PartyID string
		Country *string
		Erased  bool
		Details *struct{ Name, Email, Phone, Account, TaxID *string }
		Audit   struct {
			Nodes []struct{ Data map[string]any }
		}
	}
}

const partyQuery = `query ($id: ID!, $at: Position) { party(id: $id, atLeast: $at) { partyId country erased details { name email phone account taxId } audit { nodes { data } } } }`

func TestPersonalData(t *testing.T) {
	w := newWorld(t)
	plain := w.must(w.mutate("registerParty", "RegisterPartyInput", vars{"party": "plain", "kind": "SELLER"}))
	kim := w.must(w.mutate("registerParty", "RegisterPartyInput", vars{
		"party": "kim", "kind": "SELLER", "country": "KR", "details": vars{"name": "김하나", "email": "kim@example.org"},
	}))

	var got partyAnswer
	w.ask(&got, partyQuery, vars{"id": "plain", "at": plain.Position})
	require.Nil(t, got.Party.Details)
	require.Nil(t, got.Party.Country)
	require.False(t, got.Party.Erased)

	got = partyAnswer{}
	w.ask(&got, partyQuery, vars{"id": "kim", "at": kim.Position})
	require.Equal(t, "김하나", *got.Party.Details.Name)
	require.Equal(t, "kim@example.org", *got.Party.Details.Email)
	require.Nil(t, got.Party.Details.Phone)
	require.False(t, got.Party.Erased)
	personal := got.Party.Audit.Nodes[0].Data["personal"].(map[string]any)
	require.Equal(t, "party-kim", personal["subject"])
	require.NotContains(t, got.Party.Audit.Nodes[0].Data, "name", "the log holds it only sealed")

	require.NoError(t, w.keys.Destroy(context.Background(), "party-kim"))
	got = partyAnswer{}
	w.ask(&got, partyQuery, vars{"id": "kim"})
	require.Nil(t, got.Party.Details)
	require.True(t, got.Party.Erased)
	require.Equal(t, "KR", *got.Party.Country, "the history around it stays")
}

// TestReferenceData shows what was registered, published and signed, as the
// mutation answers it and as the read models do.
func TestReferenceData(t *testing.T) {
	w := newWorld(t)
	w.platform()
	const scheduleFields = `id scheduleId version effectiveFrom funds { role purpose } roundingDifference { role purpose }
		rules { id to { role } priority of percent flat { currency amount } rest rounding { mode unit { currency amount } } } audit { nodes { type } }`
	const contractFields = `id contractId book scheduleId zone from until priority parties { role partyId } applies { types parties { role partyId } } audit { nodes { type } }`
	input := vars{
		"schedule": "fine", "version": 1, "effectiveFrom": "2026-01-01", "funds": vars{"role": "supplier"},
		"rules": []vars{
			{"id": "fee", "to": vars{"role": "operator"}, "flat": []vars{{"currency": "USD", "amount": "0.3"}, {"currency": "KRW", "amount": "300"}},
				"rounding": vars{"mode": "half_even", "unit": []vars{{"currency": "USD", "amount": "0.05"}}}},
			{"id": "rest", "to": vars{"role": "provider"}, "rest": true},
		},
	}
	var published struct {
		PublishSchedule struct {
			Position string
			Schedule map[string]any
		}
	}
	w.ask(&published, `mutation ($input: PublishScheduleInput!) { publishSchedule(input: $input) { position schedule { `+scheduleFields+` } } }`, vars{"input": input})
	var read struct {
		Schedule, Latest map[string]any
		Schedules        struct{ Nodes []any }
	}
	w.ask(&read, `query ($at: Position) { schedule(id: "fine", version: 1, atLeast: $at) { `+scheduleFields+` } latest: schedule(id: "fine", atLeast: $at) { `+scheduleFields+` }
		schedules(schedule: "fine", atLeast: $at) { nodes { id } } }`, vars{"at": published.PublishSchedule.Position})
	require.Equal(t, published.PublishSchedule.Schedule, read.Schedule)
	require.Equal(t, read.Schedule, read.Latest)
	require.Len(t, read.Schedules.Nodes, 1)
	rule := read.Schedule["rules"].([]any)[0].(map[string]any)
	require.Equal(t, []any{map[string]any{"currency": "KRW", "amount": "300"}, map[string]any{"currency": "USD", "amount": "0.30"}}, rule["flat"])
	require.Equal(t, "gross", rule["of"])

	var ended struct {
		EndContract struct {
			Outcome, Position string
			Contract          map[string]any
		}
	}
	w.ask(&ended, `mutation { endContract(input: {contract: "games", until: "2026-12-31", reason: "over"}) { outcome position contract { `+contractFields+` } } }`, nil)
	require.Equal(t, "APPLIED", ended.EndContract.Outcome)
	require.Equal(t, "2026-12-31", ended.EndContract.Contract["until"])
	var contracts struct {
		Contract  map[string]any
		Contracts struct{ Nodes []map[string]any }
		Party     struct {
			Contracts struct{ Nodes []map[string]any }
		}
	}
	w.ask(&contracts, `query ($at: Position) { contract(id: "games", atLeast: $at) { `+contractFields+` } contracts(book: "seoul", party: "agent", atLeast: $at) { nodes { `+contractFields+` } }
		party(id: "tax", atLeast: $at) { contracts { nodes { `+contractFields+` } } } }`, vars{"at": ended.EndContract.Position})
	require.Equal(t, ended.EndContract.Contract, contracts.Contract)
	require.Equal(t, []map[string]any{contracts.Contract}, contracts.Contracts.Nodes)
	require.Equal(t, contracts.Contracts.Nodes, contracts.Party.Contracts.Nodes)

	var state struct {
		Log struct {
			LogID       string
			Incarnation int
			Position    string
		}
		Projections []struct {
			Name   string
			Parked any
		}
	}
	w.ask(&state, `query ($at: Position) { log(atLeast: $at) { logId incarnation position } projections(atLeast: $at) { name version position events updatedAt rebuilding parked { reason } } }`,
		vars{"at": ended.EndContract.Position})
	require.Equal(t, w.identity.LogID.String(), state.Log.LogID)
	require.Len(t, state.Projections, 6)
}
