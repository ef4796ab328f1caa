package graph_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

const subscription = `subscription ($party: ID!, $after: Position) { balanceChanged(party: $party, after: $after) { cursor balances { account credits amount side position party { kind } } } }`

// change is one message of balanceChanged.
type change struct {
	Data struct {
		BalanceChanged struct {
			Cursor   string
			Balances []struct {
				Account, Credits, Amount, Side, Position string
				Party                                    *struct{ Kind string }
			}
		}
	}
	Errors []gqlError
}

func (c change) credits() map[string]string {
	m := map[string]string{}
	for _, b := range c.Data.BalanceChanged.Balances {
		m[b.Account] = b.Credits
	}
	return m
}

// subscriber reads the messages of a subscription; ok is false at its end.
type subscriber interface {
	next() (c change, ok bool)
	close()
}

// open subscribes over one of the two transports.
func (w *world) open(transport, party, after string) subscriber {
	w.t.Helper()
	variables := vars{"party": party}
	if after != "" {
		variables["after"] = after
	}
	if transport == "sse" {
		return w.openSSE(variables)
	}
	return w.openWS(variables)
}

type wsSubscriber struct {
	t    *testing.T
	conn *websocket.Conn
}

type wsMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// connect opens a WebSocket that is ready for operations.
func (w *world) connect(configure ...func(*websocket.Dialer)) *wsSubscriber {
	w.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	for _, c := range configure {
		c(&dialer)
	}
	conn, res, err := dialer.Dial(strings.Replace(w.server.URL, "http", "ws", 1), nil)
	require.NoError(w.t, err)
	require.NoError(w.t, res.Body.Close())
	s := &wsSubscriber{w.t, conn}
	require.Equal(w.t, "graphql-transport-ws", conn.Subprotocol())
	s.send(wsMessage{Type: "connection_init"})
	require.Equal(w.t, "connection_ack", s.receive().Type)
	return s
}

func (w *world) openWS(variables vars) *wsSubscriber {
	w.t.Helper()
	s := w.connect()
	payload, err := json.Marshal(vars{"query": subscription, "variables": variables})
	require.NoError(w.t, err)
	s.send(wsMessage{ID: "1", Type: "subscribe", Payload: payload})
	return s
}

func (s *wsSubscriber) send(m wsMessage) {
	s.t.Helper()
	require.NoError(s.t, s.conn.WriteJSON(m))
}

// receive answers pings on the way.
func (s *wsSubscriber) receive() wsMessage {
	s.t.Helper()
	for {
		var m wsMessage
		require.NoError(s.t, s.conn.ReadJSON(&m))
		if m.Type != "ping" {
			return m
		}
		s.send(wsMessage{Type: "pong"})
	}
}

func (s *wsSubscriber) next() (c change, ok bool) {
	s.t.Helper()
	m := s.receive()
	switch m.Type {
	case "next":
		require.NoError(s.t, json.Unmarshal(m.Payload, &c))
		return c, true
	case "complete":
		return c, false
	}
	s.t.Fatalf("unexpected message %s %s", m.Type, m.Payload)
	return c, false
}

func (s *wsSubscriber) close() { s.conn.Close() }

type sseSubscriber struct {
	t      *testing.T
	cancel context.CancelFunc
	lines  *bufio.Scanner
}

func (w *world) openSSE(variables vars) *sseSubscriber {
	w.t.Helper()
	body, err := json.Marshal(vars{"query": subscription, "variables": variables})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.server.URL, bytes.NewReader(body))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { res.Body.Close() })
	require.Equal(w.t, "text/event-stream", res.Header.Get("Content-Type"))
	return &sseSubscriber{w.t, cancel, bufio.NewScanner(res.Body)}
}

func (s *sseSubscriber) next() (c change, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == "event: complete" {
			return c, false
		}
		if data, found := strings.CutPrefix(line, "data: "); found {
			require.NoError(s.t, json.Unmarshal([]byte(data), &c))
			return c, true
		}
	}
	s.t.Fatal("the stream broke off: ", s.lines.Err())
	return c, false
}

func (s *sseSubscriber) close() { s.cancel() }
