package graph_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/graph"
)

func TestGuard(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Hosts = []string{"ledger.example.org"} })
	const query = `{"query": "{ log { incarnation } }"}`
	const ok = `{"data":{"log":{"incarnation":1}}}`
	type request struct {
		method, host, origin, media, body, target string
		status                                    int
		answer                                    string
	}
	for name, test := range map[string]request{
		"by address":               {host: "192.0.2.7:8080", status: 200, answer: ok},
		"by IPv6 address":          {host: "[::1]:8080", status: 200, answer: ok},
		"by localhost":             {host: "localhost:8080", status: 200, answer: ok},
		"by its name":              {host: "Ledger.example.org", status: 200, answer: ok},
		"from its own page":        {host: "ledger.example.org", origin: "https://ledger.example.org", status: 200, answer: ok},
		"from a page beside it":    {host: "127.0.0.1:8080", origin: "http://localhost:5173", status: 200, answer: ok},
		"by a name made to point":  {host: "evil.example.com", status: http.StatusMisdirectedRequest, answer: "evil.example.com"},
		"from a foreign page":      {origin: "https://evil.example.com", status: http.StatusForbidden, answer: "evil.example.com"},
		"from nowhere":             {origin: "null", status: http.StatusForbidden, answer: "Origin"},
		"from another port":        {host: "ledger.example.org", origin: "https://ledger.example.org:444", status: http.StatusForbidden, answer: "Origin"},
		"as a form":                {media: "application/x-www-form-urlencoded", body: "query=x", status: http.StatusUnsupportedMediaType, answer: "application/json"},
		"as text":                  {media: "text/plain", status: http.StatusUnsupportedMediaType, answer: "text/plain"},
		"cut off":                  {body: `{"query": "{ log`, status: http.StatusBadRequest, answer: "malformed"},
		"too long":                 {body: `{"query": "` + strings.Repeat(" ", 1<<20) + `"}`, status: http.StatusRequestEntityTooLarge, answer: "1 MiB"},
		"query by GET":             {method: "GET", target: "/graphql?query=" + url.QueryEscape("{ log { incarnation } }"), status: 200, answer: ok},
		"mutation by GET":          {method: "GET", target: "/graphql?query=" + url.QueryEscape("mutation { endContract(input: {contract: \"a\", until: \"2026-01-01\", reason: \"b\"}) { outcome } }"), status: http.StatusNotAcceptable, answer: "only allow query"},
		"WebSocket from elsewhere": {method: "GET", origin: "https://evil.example.com", status: http.StatusForbidden, answer: "Origin"},
	} {
		t.Run(name, func(t *testing.T) {
			or := func(s, usual string) string {
				if s == "" {
					return usual
				}
				return s
			}
			r := httptest.NewRequest(or(test.method, "POST"), or(test.target, "/graphql"), strings.NewReader(or(test.body, query)))
			r.Host = or(test.host, "localhost:8080")
			r.Header.Set("Content-Type", or(test.media, "application/json"))
			r.Header.Set("X-Request-Id", "mine-1")
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			answer := httptest.NewRecorder()
			w.api.ServeHTTP(answer, r)
			require.Equal(t, test.status, answer.Code, answer.Body)
			require.Contains(t, answer.Body.String(), test.answer)
			require.Equal(t, "mine-1", answer.Header().Get("X-Request-Id"))
		})
	}
	r := httptest.NewRequest("POST", "/graphql", strings.NewReader(query))
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-Id", "two\nlines")
	answer := httptest.NewRecorder()
	w.api.ServeHTTP(answer, r)
	require.Regexp(t, `^[0-9a-f-]{36}$`, answer.Header().Get("X-Request-Id"))
}
