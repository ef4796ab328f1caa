package graph_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
)

// TestReplayPassesWhatCannotBeRead pages through a log that holds events of another
// program among ours: each is shown with its bytes and why it cannot be read.
func TestReplayPassesWhatCannotBeRead(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.platform()
	stored := []struct{ kind, data, metadata string }{
		{"PartyRegistered.v1", `{"party":"x","kind":"seller"}`, "\x00no JSON\xff"},
		{"PartyRegistered.v1", "no JSON either", `{"actor":"operator:kim","authenticated":"none","recorded_at":"2026-03-01T00:00:00Z","schema":1}`},
		{"Foreign", `{"of":"another program"}`, ""},
		{"PartyRegistered.v1", `[]`, `{"schema":99}`},
	}
	var events []eventstore.Proposed
	for _, s := range stored {
		events = append(events, eventstore.Proposed{ID: uuid.New(), Type: s.kind, Data: []byte(s.data), Metadata: []byte(s.metadata)})
	}
	_, err := w.store.Append(ctx, "other-stream", eventstore.NoStream(), events...)
	require.NoError(t, err)
	w.must(w.mutate("registerParty", "RegisterPartyInput", vars{"party": "late", "kind": "SELLER", "country": "KR"}))

	type event struct {
		ID, Stream, Type         string
		Actor, RecordedAt        *string
		Data, Metadata           json.RawMessage
		DataFault, MetadataFault *string
		DataBytes, MetadataBytes string
		EventID, Position        string
		Revision                 json.RawMessage
	}
	const fields = `id stream revision type actor recordedAt eventId position data dataFault dataBytes metadata metadataFault metadataBytes`
	var seen []event
	var after any
	for {
		var data struct {
			Events struct {
				Nodes    []event
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		w.ask(&data, `query ($after: Position) { events(first: 2, after: $after) { nodes { `+fields+` } pageInfo { hasNextPage endCursor } } }`, vars{"after": after})
		seen = append(seen, data.Events.Nodes...)
		if !data.Events.PageInfo.HasNextPage {
			break
		}
		after = data.Events.PageInfo.EndCursor
	}
	require.Equal(t, "party-late", seen[len(seen)-1].Stream, "the log goes on behind them")
	var others []event
	for _, e := range seen {
		if e.Stream != "other-stream" {
			require.NotNil(t, e.Actor, e.ID)
			require.NotNil(t, e.RecordedAt, e.ID)
			require.Nil(t, e.DataFault, e.ID)
			require.Nil(t, e.MetadataFault, e.ID)
			continue
		}
		others = append(others, e)
		// The same by its id.
		var data struct{ Node event }
		w.ask(&data, `query ($id: ID!) { node(id: $id) { ... on Event { `+fields+` } } }`, vars{"id": e.ID})
		require.Equal(t, e, data.Node)
	}
	require.Len(t, others, len(stored))
	for i, e := range others {
		for text, shown := range map[string]string{stored[i].data: e.DataBytes, stored[i].metadata: e.MetadataBytes} {
			b, err := base64.StdEncoding.DecodeString(shown)
			require.NoError(t, err)
			require.Equal(t, text, string(b))
		}
	}
	require.Nil(t, others[0].Actor)
	require.Nil(t, others[0].RecordedAt)
	require.Equal(t, "null", string(others[0].Metadata))
	require.JSONEq(t, stored[0].data, string(others[0].Data))
	require.Contains(t, *others[0].MetadataFault, "metadata")

	require.Equal(t, "operator:kim", *others[1].Actor)
	require.Nil(t, others[1].MetadataFault)
	require.Equal(t, "null", string(others[1].Data))
	require.NotEmpty(t, *others[1].DataFault)

	require.NotNil(t, others[2].MetadataFault)
	require.Contains(t, *others[2].DataFault, "Foreign")
	require.Contains(t, *others[3].MetadataFault, "later version")
	require.JSONEq(t, stored[3].metadata, string(others[3].Metadata))
}
