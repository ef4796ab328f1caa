package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/graph"
)

// slowQuery waits for a position that nothing will reach, as long as the server
// lets it.
func (w *world) slowQuery() (string, vars) {
	return `query ($at: Position) { balances(party: "studio", atLeast: $at) { id } }`, vars{"at": w.identity.Token(1 << 60).String()}
}

// answer sends a request and returns the whole answer.
func (w *world) answer(client http.Client, r *http.Request) string {
	w.t.Helper()
	res, err := client.Do(r)
	require.NoError(w.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return string(answer)
}

// TestEveryTransportLimitsTheTime asks by headers for a stream and sends a query.
func TestEveryTransportLimitsTheTime(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Timeout, c.Patience = 2*time.Second, time.Hour })
	query, variables := w.slowQuery()
	body, err := json.Marshal(vars{"query": query, "variables": variables})
	require.NoError(t, err)
	client := http.Client{Timeout: patience}

	t.Run("server-sent events", func(t *testing.T) {
		r, err := http.NewRequest(http.MethodPost, w.server.URL, strings.NewReader(string(body)))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "text/event-stream")
		require.Contains(t, w.answer(client, r), "unavailable")
	})
	t.Run("GET that accepts events", func(t *testing.T) {
		r, err := http.NewRequest(http.MethodGet, w.server.URL, nil)
		require.NoError(t, err)
		text, err := json.Marshal(variables)
		require.NoError(t, err)
		r.URL.RawQuery = url.Values{"query": {query}, "variables": {string(text)}}.Encode()
		r.Header.Set("Accept", "text/event-stream")
		require.Contains(t, w.answer(client, r), "unavailable")
	})
	t.Run("WebSocket", func(t *testing.T) {
		s := w.connect()
		defer s.close()
		s.send(wsMessage{ID: "q", Type: "subscribe", Payload: body})
		m := s.receive()
		require.Equal(t, "next", m.Type)
		require.Contains(t, string(m.Payload), "unavailable")
		require.Equal(t, "complete", s.receive().Type)
	})
	t.Run("a subscription is not limited", func(t *testing.T) {
		w.platform()
		var open []subscriber
		for _, transport := range transports {
			s := w.open(transport, "studio", "")
			defer s.close()
			received(t, s)
			open = append(open, s)
		}
		_ = w.raw(query, variables) // takes as long as a request may
		w.must(w.settle("t-1", "100"))
		for _, s := range open {
			require.NotEmpty(t, received(t, s).credits())
		}
	})
}

// TestOneAddressHoldsSoMuchOpen refuses streams and subscriptions beyond the limit,
// and takes others once some have ended.
func TestOneAddressHoldsSoMuchOpen(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.PerClient = 3 })
	w.platform()
	payload, err := json.Marshal(vars{"query": subscription, "variables": vars{"party": "studio"}})
	require.NoError(t, err)

	s := w.connect()
	defer s.close()
	for i := range 3 {
		s.send(wsMessage{ID: fmt.Sprint(i), Type: "subscribe", Payload: payload})
		require.Equal(t, "next", s.receive().Type)
	}
	s.send(wsMessage{ID: "one more", Type: "subscribe", Payload: payload})
	var refused change
	m := s.receive()
	require.NoError(t, json.Unmarshal(m.Payload, &refused))
	require.Len(t, refused.Errors, 1)
	require.Equal(t, "too_many", refused.Errors[0].code())
	require.Equal(t, "subscriptions", refused.Errors[0].Extensions["field"])
	require.Equal(t, "complete", s.receive().Type)
	// Other operations go on, and a subscription that ends makes room.
	s.send(wsMessage{ID: "q", Type: "subscribe", Payload: json.RawMessage(`{"query": "{ log { incarnation } }"}`)})
	require.JSONEq(t, `{"data":{"log":{"incarnation":1}}}`, string(s.receive().Payload))
	require.Equal(t, "complete", s.receive().Type)
	s.send(wsMessage{ID: "1", Type: "complete"})
	require.Equal(t, wsMessage{ID: "1", Type: "complete"}, s.receive())
	s.send(wsMessage{ID: "one more", Type: "subscribe", Payload: payload})
	require.Equal(t, "next", s.receive().Type)

	others := []*wsSubscriber{w.connect(), w.connect()}
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	_, res, err := dialer.Dial(strings.Replace(w.server.URL, "http", "ws", 1), nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode)
	var answer response
	require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
	require.NoError(t, res.Body.Close())
	require.Equal(t, "too_many", answer.Errors[0].code())
	require.Equal(t, "streams", answer.Errors[0].Extensions["field"])
	var data struct{ Log struct{ Incarnation int } }
	w.ask(&data, `{ log { incarnation } }`, nil) // no stream

	others[0].close()
	others[1].close()
	require.Eventually(t, func() bool {
		conn, res, err := dialer.Dial(strings.Replace(w.server.URL, "http", "ws", 1), nil)
		if err != nil {
			require.NoError(t, res.Body.Close())
			return false
		}
		require.NoError(t, conn.Close())
		return true
	}, patience, 10*time.Millisecond)
}

// TestMessagesAreBounded sends messages about as long as a request may be, in
// frames of several sizes.
func TestMessagesAreBounded(t *testing.T) {
	w := newWorld(t)
	const most = 1 << 20
	const query = `{"id":"q","type":"subscribe","payload":{"query":"{ log { incarnation } }"}}`
	for name, test := range map[string]struct {
		length int
		frame  int // bytes of each
		fits   bool
	}{
		"short":               {len(query), len(query), true},
		"of two length bytes": {1000, 1000, true},
		"the longest":         {most, most, true},
		"one byte too long":   {most + 1, most + 1, false},
		"much too long":       {4 * most, 4 * most, false},
		"the longest, parted": {most, 5000, true},
		"too long, parted":    {most + 1, 5000, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := w.connect(func(d *websocket.Dialer) { d.WriteBufferSize = test.frame }) // a frame is a buffer full
			defer s.close()
			for range 2 { // a message does not count towards the next
				err := s.conn.WriteMessage(websocket.TextMessage, []byte(query+strings.Repeat(" ", test.length-len(query))))
				if !test.fits { // also where the server closes before all is written
					for err = nil; err == nil; {
						_, _, err = s.conn.ReadMessage()
					}
					require.True(t, websocket.IsCloseError(err, websocket.CloseMessageTooBig), err)
					return
				}
				require.NoError(t, err)
				require.JSONEq(t, `{"data":{"log":{"incarnation":1}}}`, string(s.receive().Payload))
				require.Equal(t, "complete", s.receive().Type)
			}
		})
	}
}
