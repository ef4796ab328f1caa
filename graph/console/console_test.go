package console_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/graph/console"
)

func get(t *testing.T, path string, headers ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	console.Handler().ServeHTTP(w, r)
	return w, w.Body.String()
}

// TestPageIsSelfContained follows every reference of the page: all are served
// from here, and nothing names another host.
func TestPageIsSelfContained(t *testing.T) {
	page, html := get(t, "/")
	require.Equal(t, http.StatusOK, page.Code)
	require.Contains(t, page.Header().Get("Content-Type"), "text/html")
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "default-src 'none'")

	references := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(html, -1)
	require.Len(t, references, 6)
	for _, reference := range references {
		part, body := get(t, "/"+reference[1])
		require.Equal(t, http.StatusOK, part.Code, reference[1])
		require.NotEmpty(t, body)
		body = strings.ReplaceAll(body, `xmlns="http://www.w3.org/2000/svg"`, "")
		require.NotRegexp(t, `https?://`, body, reference[1])
		if strings.HasSuffix(reference[1], ".js") {
			require.Contains(t, part.Header().Get("Content-Type"), "javascript")
		}
	}
	require.NotRegexp(t, `https?://|<script>|style=|onclick`, html, "the content security policy forbids it")
}

func TestPathsAndTags(t *testing.T) {
	page, _ := get(t, "/")
	again, body := get(t, "/", "If-None-Match", page.Header().Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.Code)
	require.Empty(t, body)
	for _, path := range []string{"/nothing", "/../console.go", "/static/index.html"} {
		missing, _ := get(t, path)
		require.Equal(t, http.StatusNotFound, missing.Code, path)
	}
}
