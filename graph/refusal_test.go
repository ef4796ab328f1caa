package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph"
)

// TestRefusals gives each kind of bad request its own clear error.
func TestRefusals(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Patience = 50 * time.Millisecond })
	w.platform()
	last := w.must(w.settle("t-1", "100"))
	var page struct {
		Transactions struct{ PageInfo struct{ EndCursor string } }
	}
	require.Eventually(t, func() bool {
		return len(w.raw(`query ($at: Position) { log(atLeast: $at) { logId } }`, vars{"at": last.Position}).Errors) == 0
	}, patience, time.Millisecond)
	w.ask(&page, `{ transactions(first: 1) { pageInfo { endCursor } } }`, nil)
	foreign := eventstore.Identity{LogID: uuid.New(), Incarnation: 1}.Token(5).String()
	restored := eventstore.Identity{LogID: w.identity.LogID, Incarnation: 2}.Token(5).String()
	future := w.identity.Token(1 << 40).String()

	settle := func(changes vars) (string, vars) {
		return `mutation ($input: SettleInput!) { settle(input: $input) { outcome } }`, vars{"input": sale("x", "1", changes)}
	}
	type refusal struct {
		query     string
		variables vars
		code      string
		value     string // in extensions.value, where one is expected
		path      string
	}
	with := func(query string, variables vars) func(code, value, path string) refusal {
		return func(code, value, path string) refusal { return refusal{query, variables, code, value, path} }
	}
	for name, test := range map[string]refusal{
		"decimal with an exponent":    with(settle(vars{"amount": "1e3"}))("invalid", "1e3", "[settle input amount]"),
		"decimal as a fraction":       with(settle(vars{"amount": 1.5}))("invalid", "1.5", "[settle input amount]"),
		"unknown currency":            with(settle(vars{"currency": "XXZ"}))("unknown_currency", "XXZ", "[settle input currency]"),
		"instant without zone":        with(settle(vars{"occurredAt": "2026-03-01T10:00:00"}))("invalid", "2026-03-01T10:00:00", "[settle input occurredAt]"),
		"unknown key":                 with(settle(vars{"colour": "red"}))("GRAPHQL_VALIDATION_FAILED", "", "[variable input colour]"),
		"date":                        {`{ dailyTotals(filter: {from: "2026-02-30"}) { nodes { day } } }`, nil, "invalid", "2026-02-30", "[dailyTotals filter from]"},
		"page size":                   {`{ transactions(first: 501) { nodes { id } } }`, nil, "invalid", "501", "[transactions]"},
		"page size of nothing":        {`{ parties(first: 0) { nodes { id } } }`, nil, "invalid", "0", "[parties]"},
		"cursor":                      {`{ parties(after: "!") { nodes { id } } }`, nil, "invalid", "!", "[parties]"},
		"cursor of another kind":      {`query ($c: String) { audit(after: $c) { nodes { id } } }`, vars{"c": page.Transactions.PageInfo.EndCursor}, "invalid", page.Transactions.PageInfo.EndCursor, "[audit]"},
		"position":                    {`{ log(atLeast: "abc") { logId } }`, nil, "invalid", "abc", "[log atLeast]"},
		"position of another log":     {`query ($p: Position) { balances(party: "studio", atLeast: $p) { id } }`, vars{"p": foreign}, "resync", foreign, "[balances]"},
		"position before a restore":   {`query ($p: Position) { events(after: $p) { nodes { id } } }`, vars{"p": restored}, "resync", restored, "[events]"},
		"position not yet visible":    {`query ($p: Position) { parties(atLeast: $p) { nodes { id } } }`, vars{"p": future}, "not_yet_visible", future, "[parties]"},
		"position not yet in the log": {`query ($p: Position) { events(atLeast: $p) { nodes { id } } }`, vars{"p": future}, "not_yet_visible", future, "[events]"},
		"global id":                   {`{ node(id: "studio") { id } }`, nil, "invalid", "studio", "[node]"},
		"global id of no kind":        {`{ node(id: "thing:a@1") { id } }`, nil, "invalid", "thing:a@1", "[node]"},
		"half a transaction key":      {`{ transaction(source: "pg") { id } }`, nil, "invalid", "", "[transaction]"},
		"negative revision":           {`{ transaction(book: "seoul", revision: -1) { id } }`, nil, "invalid", "-1", "[transaction]"},
		"text that no column holds":   {`{ party(id: "a\u0000b") { id } }`, nil, "invalid", "", "[party]"},
		"date of no year":             {`{ dailyTotals(filter: {from: "0000-01-01"}) { nodes { day } } }`, nil, "invalid", "0000-01-01", "[dailyTotals filter from]"},
		"no such field":               {`{ balances(party: "studio") { colour } }`, nil, "GRAPHQL_VALIDATION_FAILED", "", "[]"},
		"no query":                    {`{`, nil, "GRAPHQL_PARSE_FAILED", "", "[]"},
		"too deep":                    {`{` + strings.Repeat(`party(id: "a") { transactions { nodes { original {`, 1) + strings.Repeat(`original {`, 15) + `id` + strings.Repeat(`}`, 20), nil, "too_complex", "", "[]"},
		"too much":                    {`{ parties(first: 500) { nodes { transactions(first: 500) { nodes { id } } } } }`, nil, "COMPLEXITY_LIMIT_EXCEEDED", "", "[]"},
		"fragments that multiply":     {`{ ...a0 }` + multiplying(40), nil, "too_complex", "", "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			e := w.fail(test.query, test.variables)
			require.Equal(t, test.code, e.code(), e.Message)
			require.Equal(t, test.path, fmt.Sprint(e.Path))
			if test.value != "" {
				require.Equal(t, test.value, e.Extensions["value"])
				require.NotEmpty(t, e.Extensions["remedy"])
			}
			require.NotEmpty(t, e.Message)
		})
	}
}

// multiplying are fragments that each use the next one twice.
func multiplying(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " fragment a%d on Query { x%d: __typename ...a%d ... on Query { ...a%d } }", i, i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment a%d on Query { log { logId } }", n)
	return b.String()
}

// TestUserErrors tells in the payload what is wrong with the input.
func TestUserErrors(t *testing.T) {
	w := newWorld(t)
	w.platform()
	for name, test := range map[string]struct {
		payload payload
		code    string
		value   string
	}{
		"unknown party":    {w.settle("a", "1", vars{"parties": []vars{{"role": "provider", "party": "ghost"}}}), "unknown_party", "ghost"},
		"missing contract": {w.settle("b", "1", vars{"book": "busan"}), "missing_contract", ""},
		"too precise":      {w.settle("c", "1.5"), "too_precise", "1.5"},
		"role twice":       {w.settle("d", "1", vars{"parties": []vars{{"role": "provider", "party": "studio"}, {"role": "provider", "party": "house"}}}), "invalid", "provider"},
		"missing original": {w.settle("e", "-1", vars{"type": "refund"}), "missing_original", ""},
		"bad id":           {w.mutate("registerParty", "RegisterPartyInput", vars{"party": "Kim Lee", "kind": "SELLER"}), "invalid", "Kim Lee"},
		"party conflict":   {w.mutate("registerParty", "RegisterPartyInput", vars{"party": "studio", "kind": "SELLER"}), "conflict", ""},
		"currency twice": {w.mutate("publishSchedule", "PublishScheduleInput", vars{
			"schedule": "other", "version": 1, "effectiveFrom": "2026-01-01", "funds": vars{"role": "supplier"},
			"rules": []vars{{"id": "a", "to": vars{"role": "b"}, "flat": []vars{{"currency": "KRW", "amount": "1"}, {"currency": "KRW", "amount": "2"}}}},
		}), "invalid", "KRW"},
		"no rest": {w.mutate("publishSchedule", "PublishScheduleInput", vars{
			"schedule": "other", "version": 1, "effectiveFrom": "2026-01-01", "funds": vars{"role": "supplier"},
			"rules": []vars{{"id": "a", "to": vars{"role": "b"}, "percent": "10"}},
		}), "invalid", ""},
		"no such zone":    {w.mutate("signContract", "SignContractInput", vars{"contract": "c", "book": "b", "schedule": "standard", "zone": "Moon/Sea", "from": "2026-01-01"}), "invalid", "Moon/Sea"},
		"no contract":     {w.mutate("endContract", "EndContractInput", vars{"contract": "none", "until": "2026-12-31", "reason": "over"}), "not_found", ""},
		"nothing to undo": {w.mutate("reverse", "ReverseInput", vars{"source": "desk", "externalId": "r", "book": "seoul", "target": vars{"source": "pg", "externalId": "no"}, "reason": "x", "occurredAt": "2026-01-01T00:00:00Z"}), "missing_original", ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, test.payload.UserErrors, 1)
			e := test.payload.UserErrors[0]
			require.Equal(t, test.code, e.Code, e.Message)
			require.NotEmpty(t, e.Field)
			require.NotEmpty(t, e.Message)
			if test.value != "" {
				require.Equal(t, test.value, e.Value)
			}
			require.Empty(t, test.payload.Outcome)
			require.Empty(t, test.payload.Position)
		})
	}
}

// TestInternalErrorsLeakNothing breaks a read model's table.
func TestInternalErrorsLeakNothing(t *testing.T) {
	w := newWorld(t)
	w.platform()
	var ready struct{ Parties struct{ Nodes []any } }
	w.ask(&ready, `{ parties { nodes { id } } }`, nil)
	w.pause()
	_, err := w.pool.Exec(context.Background(), `ALTER TABLE directory.parties RENAME COLUMN kind TO secret_kind`)
	require.NoError(t, err)

	e := w.fail(`{ parties { nodes { id } } }`, nil)
	require.Equal(t, "internal", e.code())
	require.NotContains(t, e.Message, "kind")
	require.NotContains(t, fmt.Sprint(e.Extensions), "kind")
	require.NotEmpty(t, e.Extensions["request"])
	require.Contains(t, w.log.String(), "request="+fmt.Sprint(e.Extensions["request"]))
	require.Contains(t, w.log.String(), "kind")
}

// TestWritesWithoutReadModels stops the projections: mutations answer all the
// same, from the log; reading one's own write says that it is not visible yet.
func TestWritesWithoutReadModels(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Patience = 50 * time.Millisecond })
	w.platform()
	w.pause()
	var got struct {
		Settle struct {
			Position    string
			Transaction struct {
				ID       string
				Postings []struct{ Amount string }
				Event    struct{ Type string }
			}
		}
	}
	w.ask(&got, `mutation ($input: SettleInput!) { settle(input: $input) { position transaction { id postings { amount } event { type } } } }`,
		vars{"input": sale("t-1", "1000")})
	require.Len(t, got.Settle.Transaction.Postings, 5)
	require.Equal(t, "TransactionSettled.v2", got.Settle.Transaction.Event.Type)

	query := `query ($at: Position) { balances(party: "studio", atLeast: $at) { amount } }`
	require.Equal(t, "not_yet_visible", w.fail(query, vars{"at": got.Settle.Position}).code())
	// What a mutation's answer reads from the read models waits for them too.
	r := w.raw(`mutation ($input: SettleInput!) { settle(input: $input) { transaction { id contract { contractId } } } }`, vars{"input": sale("t-2", "1000")})
	require.Len(t, r.Errors, 1)
	require.Equal(t, "not_yet_visible", r.Errors[0].code())
	require.Contains(t, string(r.Data), `"contract":null`)

	w.resume()
	require.Eventually(t, func() bool { return len(w.raw(query, vars{"at": got.Settle.Position}).Errors) == 0 }, patience, time.Millisecond)
}

// TestRequestsEnd locks a table, so that a query on it would wait for ever.
func TestRequestsEnd(t *testing.T) {
	w := newWorld(t)
	var ready struct{ Parties struct{ Nodes []any } }
	w.ask(&ready, `{ parties { nodes { id } } }`, nil)
	w.pause()
	hasty := graph.NewHandler(graph.Config{
		Pool: w.pool, Store: w.store, Door: w.door, Keys: w.keys, Identity: w.identity, Logger: slog.New(slog.DiscardHandler), Timeout: 200 * time.Millisecond,
	})
	server := httptest.NewServer(hasty)
	t.Cleanup(func() {
		require.NoError(t, hasty.Close())
		server.Close()
	})
	patient := w.server
	ctx := context.Background()
	tx, err := w.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `LOCK TABLE directory.parties`)
	require.NoError(t, err)
	w.server = server
	e := w.fail(`{ parties { nodes { id } } }`, nil)
	require.Equal(t, "unavailable", e.code())
	require.NoError(t, tx.Rollback(ctx))
	w.server = patient
	w.ask(&ready, `{ parties { nodes { id } } }`, nil)
}
