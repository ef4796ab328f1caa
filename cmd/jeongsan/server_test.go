package main

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFollowOneSettlement goes the whole way of the data through the public
// doors of one running server: terms, a provider's file, the balance, and back
// to the event.
func TestFollowOneSettlement(t *testing.T) {
	needsPostgres(t)
	data := dataDirectory(t)
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	url := server.server.Server

	succeed(t, "apply", "testdata/terms.yaml", "--server", url)
	delivery := file(t, "till.csv", "id,at,kind,amount,currency,maker,refund_of\nA1,2026-03-01 09:00,sale,100.00,USD,maker,\n")
	reports := ingestJSON(t, "--source", "testdata/source.yaml", delivery, "--server", url)
	require.EqualValues(t, 1, reports[0].Report.Counts.Settled)

	var at struct{ Log struct{ Position string } }
	query(t, url, `{ log { position } }`, &at)
	var balance struct {
		Balances []struct{ Account, Amount, Side string }
	}
	query(t, url, `{ balances(party: "maker", atLeast: "`+at.Log.Position+`") { account amount side } }`, &balance)
	require.Len(t, balance.Balances, 1)
	require.Equal(t, "maker/payable/USD", balance.Balances[0].Account)
	require.Equal(t, "60.00", balance.Balances[0].Amount)
	require.Equal(t, "CREDIT", balance.Balances[0].Side)

	t.Run("the demo's queries are valid", func(t *testing.T) {
		for _, text := range demoQueries {
			var answer json.RawMessage
			query(t, url, strings.NewReplacer("seller-jeju", "maker", "studio-comet", "maker").Replace(text), &answer)
		}
	})
	t.Run("readers attach to the running server", func(t *testing.T) {
		require.Contains(t, succeed(t, "verify", "--data", data), "no difference")
		require.Contains(t, succeed(t, "replay", "--data", data, "--owner", "maker"), "60.00")
		require.Contains(t, succeed(t, "projections", "status", "--data", data), "live")
	})
	t.Run("a writer is refused and told where to send", func(t *testing.T) {
		code, _, stderr := jeongsan(t, "ingest", "--source", "testdata/source.yaml", delivery, "--data", data)
		require.Equal(t, exitFailed, code)
		require.Contains(t, stderr, "--server "+url)
	})
	t.Run("the door is measured", func(t *testing.T) {
		response, err := http.Get(url + "/metrics")
		require.NoError(t, err)
		defer func() { require.NoError(t, response.Body.Close()) }()
		metrics, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Contains(t, string(metrics), `jeongsan_command_events_total{category="book"} 1`)
	})
	t.Run("every address answers", func(t *testing.T) {
		for _, path := range []string{"/readyz", "/healthz", "/metrics", "/"} {
			response, err := http.Get(url + path)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, http.StatusOK, response.StatusCode, path)
		}
	})
	server.stop()
}

// TestFourProcesses runs the four stages as processes of their own.
func TestFourProcesses(t *testing.T) {
	needsPostgres(t)
	data := dataDirectory(t)
	keys := filepath.Join(data, "keys")
	decide := start(t, "serve", "--roles", "process", "--data", data, "--listen", "127.0.0.1:0")
	project := start(t, "serve", "--roles", "project", "--data", dataDirectory(t), "--listen", "127.0.0.1:0",
		"--eventstore", decide.server.EventStore)
	shared := []string{"--eventstore", decide.server.EventStore, "--database", project.server.Database, "--keys", keys, "--process", decide.server.Server, "--listen", "127.0.0.1:0"}
	collect := start(t, append([]string{"serve", "--roles", "collect"}, shared...)...)
	api := start(t, append([]string{"serve", "--roles", "api"}, shared...)...)

	succeed(t, "apply", "testdata/terms.yaml", "--server", decide.server.Server)
	reports := ingestJSON(t, "--source", "testdata/source.yaml", file(t, "till.csv", sales(0, 3000)), "--server", collect.server.Server)
	require.EqualValues(t, 3000, reports[0].Report.Counts.Settled)

	var settled struct {
		Settle struct {
			Position   string
			UserErrors []struct{ Message string }
		}
	}
	query(t, api.server.Server, `mutation { settle(input: { source: "api", externalId: "M1", book: "shop", type: "sale", currency: "USD", amount: "10.00",
		occurredAt: "2026-03-01T00:00:00Z", parties: [{ role: "maker", party: "maker" }] }) { position userErrors { message } } }`, &settled)
	require.Empty(t, settled.Settle.UserErrors)
	var found struct {
		Transaction struct {
			Amount   string
			Postings []struct{ Account string }
		}
	}
	query(t, api.server.Server, `{ transaction(source: "api", externalId: "M1", atLeast: "`+settled.Settle.Position+`") { amount postings { account } } }`, &found)
	require.Equal(t, "10.00", found.Transaction.Amount)
	require.Len(t, found.Transaction.Postings, 5)

	require.Contains(t, succeed(t, "verify", "--eventstore", decide.server.EventStore, "--database", project.server.Database), "no difference")
	for _, p := range []*process{api, collect, project, decide} {
		p.stop()
	}
}

func ingestJSON(t *testing.T, args ...string) []ingested {
	t.Helper()
	var reports []ingested
	require.NoError(t, json.Unmarshal([]byte(succeed(t, append([]string{"ingest", "--json"}, args...)...)), &reports))
	return reports
}
