package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
)

// readModelParked puts an event into the log that no program of this version would
// write: one of a known type whose data cannot be read. The read models that it
// concerns park there and say so wherever one looks; settling and the other read
// models go on.
func readModelParked(t *testing.T) {
	data := dataDirectory(t)
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	url := server.server.Server
	succeed(t, "apply", "testdata/terms.yaml", "--server", url)
	ingestJSON(t, "--source", "testdata/source.yaml", file(t, "till.csv", sales(0, 50)), "--server", url)

	stream := domain.Stream(source.Category, "foreign")
	unreadable := []byte(`{"source": {"not": "a string"}}`)
	meta, err := eventstore.Meta{Actor: "stranger", Authenticated: "none", RecordedAt: time.Now().UTC()}.Encode()
	require.NoError(t, err)
	store := connect(t, server.server.EventStore)
	_, err = store.Append(patience(t), stream, eventstore.NoStream(), eventstore.Proposed{
		ID: eventstore.EventID(stream, "foreign", unreadable), Type: source.SourceDefined{}.EventType(), Data: unreadable, Metadata: meta,
	})
	require.NoError(t, err)

	parked := map[string]bool{"directory": true, "audit": true}
	expectParked := func(url string) {
		t.Helper()
		type model struct {
			Model, State, Reason string
			ParkedAt             string `json:"parked_at"`
			Position, Log        uint64
		}
		var models []model
		every(patience(t), t, 50*time.Millisecond, func() bool {
			require.NoError(t, json.Unmarshal([]byte(succeed(t, "projections", "status", "--json", "--data", data)), &models))
			for _, m := range models {
				if parked[m.Model] != (m.State == "parked") || !parked[m.Model] && m.State != "live" {
					return false
				}
			}
			return len(models) == 6
		}, "the read models to park")
		for _, m := range models {
			if parked[m.Model] {
				require.Equal(t, "source-foreign@0", m.ParkedAt)
				require.NotEmpty(t, m.Reason)
			}
		}
		require.Contains(t, succeed(t, "projections", "status", "--data", data), "parked at source-foreign@0")

		var ready struct {
			Ready  bool
			Parked map[string]string
		}
		require.NoError(t, json.Unmarshal([]byte(get(t, url+"/readyz")), &ready))
		require.True(t, ready.Ready, "the others go on")
		require.Len(t, ready.Parked, len(parked))
		metrics := get(t, url+"/metrics")
		var answer struct {
			Projections []struct {
				Name   string
				Parked *struct{ Event, Reason string }
			}
		}
		query(t, url, `{ projections { name parked { event reason } } }`, &answer)
		for _, p := range answer.Projections {
			require.Equal(t, parked[p.Name], p.Parked != nil, p.Name)
			figure := 0
			if p.Parked != nil {
				figure = 1
				require.Equal(t, "source-foreign@0", p.Parked.Event)
				require.NotEmpty(t, p.Parked.Reason)
			}
			require.Contains(t, metrics, fmt.Sprintf("jeongsan_projections_parked{read_model=%q} %d", p.Name, figure))
		}
	}
	expectParked(url)

	// Settling goes on, and shows where no parked read model is asked.
	ingestJSON(t, "--source", "testdata/source.yaml", file(t, "till.csv", sales(50, 50)), "--server", url)
	var answer struct{ Balances []struct{ Account string } }
	var at struct{ Log struct{ Position string } }
	query(t, url, `{ log { position } }`, &at)
	query(t, url, `{ balances(party: "maker", atLeast: "`+at.Log.Position+`") { account } }`, &answer)
	require.Len(t, answer.Balances, 1)
	// Who asks for what a parked read model does not have is told, not kept waiting.
	begun := time.Now()
	faults := queryFaults(t, url, `{ audit(atLeast: "`+at.Log.Position+`") { nodes { type } } }`)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].Message+faults[0].Extensions.Code, "unavailable")
	require.Less(t, time.Since(begun), 20*time.Second)

	// After a restart it is still so, and nothing was skipped.
	server.stop()
	server = start(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	expectParked(server.server.Server)
	server.stop()
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}
