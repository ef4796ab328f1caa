package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/graph"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const patience = 20 * time.Second

// world is the whole product behind one GraphQL endpoint.
type world struct {
	t        *testing.T
	store    eventstore.Store
	identity eventstore.Identity
	keys     *keyring.Keyring
	door     command.Door
	pool     *pgxpool.Pool
	api      *graph.Handler
	server   *httptest.Server
	log      *bytes.Buffer
	pause    func() // stops the projections
	resume   func()
}

func newWorld(t *testing.T, configure ...func(*graph.Config)) *world {
	t.Helper()
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)
	w := &world{t: t, store: testkit.Store(t), pool: testkit.Database(t), log: &bytes.Buffer{}}

	var err error
	w.identity, err = eventstore.Identify(ctx, w.store)
	require.NoError(t, err)
	w.keys, err = keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	door, err := command.Open(ctx, command.Config{Store: w.store, Identity: w.identity, Keys: w.keys, IndexDir: filepath.Join(t.TempDir(), "index"), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, door.Close()) })
	w.door = door

	w.resume = func() {
		projecting, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		runner := projections.NewRunner(projections.Config{Store: w.store, Pool: w.pool, Identity: w.identity, Logger: quiet})
		go func() { done <- runner.Run(projecting) }()
		w.pause = func() { cancel(); require.NoError(t, <-done); w.pause = func() {} }
	}
	w.resume()
	t.Cleanup(func() { w.pause() })

	config := graph.Config{
		Pool: w.pool, Store: w.store, Door: w.door, Keys: w.keys, Identity: w.identity,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Patience: 10 * time.Second,
	}
	for _, c := range configure {
		c(&config)
	}
	w.api = graph.NewHandler(config)
	w.server = httptest.NewServer(w.api)
	t.Cleanup(func() {
		require.NoError(t, w.api.Close())
		w.server.Close()
	})
	return w
}

type vars = map[string]any

type gqlError struct {
	Message    string
	Path       []any
	Extensions map[string]any
}

func (e gqlError) code() string { return fmt.Sprint(e.Extensions["code"]) }

type response struct {
	Data   json.RawMessage
	Errors []gqlError
}

// raw posts an operation and returns the answer as it is.
func (w *world) raw(query string, variables vars) response {
	w.t.Helper()
	body, err := json.Marshal(vars{"query": query, "variables": variables})
	require.NoError(w.t, err)
	res, err := http.Post(w.server.URL, "application/json", bytes.NewReader(body))
	require.NoError(w.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	var r response
	require.NoError(w.t, json.Unmarshal(answer, &r), string(answer))
	return r
}

// ask posts an operation that must succeed and reads its data.
func (w *world) ask(into any, query string, variables vars) {
	w.t.Helper()
	r := w.raw(query, variables)
	require.Empty(w.t, r.Errors, query)
	decoder := json.NewDecoder(bytes.NewReader(r.Data))
	require.NoError(w.t, decoder.Decode(into), string(r.Data))
}

// fail posts an operation that must fail and returns its first error.
func (w *world) fail(query string, variables vars) gqlError {
	w.t.Helper()
	r := w.raw(query, variables)
	require.NotEmpty(w.t, r.Errors, string(r.Data))
	return r.Errors[0]
}

type userError struct{ Code, Field, Value, Message, Remedy string }

// payload is what all mutations answer.
type payload struct {
	Outcome, Position, ClientKey string
	UserErrors                   []userError
	Transaction                  struct{ ID, Book string }
}

const payloadFields = `outcome position clientKey userErrors { code field value message remedy }`

// mutate runs one mutation with its input.
func (w *world) mutate(name, inputType string, input vars) payload {
	w.t.Helper()
	var data map[string]payload
	w.ask(&data, fmt.Sprintf(`mutation ($input: %s!) { %s(input: $input) { %s } }`, inputType, name, payloadFields), vars{"input": input})
	return data[name]
}

func (w *world) must(p payload) payload {
	w.t.Helper()
	require.Empty(w.t, p.UserErrors)
	return p
}

// platform registers parties, a schedule of four rules and a contract.
func (w *world) platform() {
	w.t.Helper()
	for party, kind := range map[string]string{"house": "PLATFORM", "studio": "PROVIDER", "agent": "AFFILIATE", "bank": "SUPPLIER", "tax": "TAX_OFFICE"} {
		w.must(w.mutate("registerParty", "RegisterPartyInput", vars{"party": party, "kind": kind, "country": "KR"}))
	}
	w.must(w.mutate("publishSchedule", "PublishScheduleInput", vars{
		"schedule": "standard", "version": 1, "effectiveFrom": "2026-01-01", "funds": vars{"role": "supplier"},
		"roundingDifference": vars{"role": "operator", "purpose": "rounding"},
		"rules": []vars{
			{"id": "tax", "to": vars{"role": "tax"}, "percent": "10", "priority": 1, "rounding": vars{"mode": "floor"}},
			{"id": "share", "to": vars{"role": "provider"}, "percent": "50", "of": "remaining", "priority": 2},
			{"id": "commission", "to": vars{"role": "affiliate"}, "flat": []vars{{"currency": "KRW", "amount": "30"}}, "priority": 3},
			{"id": "house", "to": vars{"role": "operator"}, "rest": true},
		},
	}))
	w.must(w.mutate("signContract", "SignContractInput", vars{
		"contract": "games", "book": "seoul", "schedule": "standard", "zone": "Asia/Seoul", "from": "2026-01-01",
		"parties": []vars{{"role": "operator", "party": "house"}, {"role": "tax", "party": "tax"}, {"role": "supplier", "party": "bank"}, {"role": "affiliate", "party": "agent"}},
	}))
}

// sale is the input of a settlement.
func sale(id, amount string, changes ...vars) vars {
	input := vars{
		"source": "pg", "externalId": id, "book": "seoul", "type": "sale", "method": "card", "product": "game",
		"parties": []vars{{"role": "provider", "party": "studio"}}, "occurredAt": "2026-03-01T23:30:00Z", "currency": "KRW", "amount": amount,
	}
	for _, c := range changes {
		for key, value := range c {
			input[key] = value
		}
	}
	return input
}

func (w *world) settle(id, amount string, changes ...vars) payload {
	w.t.Helper()
	return w.mutate("settle", "SettleInput", sale(id, amount, changes...))
}
