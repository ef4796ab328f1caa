package console_test

import (
	"cmp"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/graph/console"
)

// withGraphiQL and without are a bundle and the lack of one.
var (
	withGraphiQL = fstest.MapFS{
		"index.html":        {Data: []byte(`<title>Built</title><link href="page.css"><script type="module" src="main.js"></script>`)},
		"main.js":           {Data: []byte(`import './part-A.js';`)},
		"main.js.LEGAL.txt": {Data: []byte(`a licence`)},
		"part-A.js":         {Data: []byte(`'part';`)},
		"page.css":          {Data: []byte(`body {}`)},
		"main.js.map":       {Data: []byte(`{}`)},
		"below/secret.js":   {Data: []byte(`'secret';`)},
		".hidden":           {Data: []byte(`hidden`)},
	}
	without = fstest.MapFS{}
)

func site(t *testing.T, bundle fs.FS) http.Handler {
	t.Helper()
	handler, err := console.New(bundle)
	require.NoError(t, err)
	return handler
}

func get(t *testing.T, handler http.Handler, target string, headers ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.Path = target // as it stands, also what a client would not send
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w, w.Body.String()
}

var (
	references = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	imports    = regexp.MustCompile(`(?m)^import .*'([^']+)';$`)
)

// collect gets a page and whatever it refers to, and that again, by path.
func collect(t *testing.T, handler http.Handler, page string) map[string]string {
	t.Helper()
	found := map[string]string{}
	var visit func(at string)
	visit = func(at string) {
		if _, known := found[at]; known {
			return
		}
		answer, body := get(t, handler, at)
		require.Equal(t, http.StatusOK, answer.Code, at)
		require.NotEmpty(t, body, at)
		found[at] = body
		pattern := imports
		if strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
			pattern = references
		}
		for _, reference := range pattern.FindAllStringSubmatch(body, -1) {
			next, err := (&url.URL{Path: at}).Parse(reference[1])
			require.NoError(t, err)
			visit(next.Path)
		}
	}
	visit(page)
	return found
}

// TestOwnPageIsSelfContained follows every reference of our own page, wherever it
// stands: all are served from here, and nothing names another host.
func TestOwnPageIsSelfContained(t *testing.T) {
	handler := site(t, without)
	for _, page := range []string{"/", "/console/"} {
		parts := collect(t, handler, page)
		require.Len(t, parts, 7, page)
		for at, body := range parts {
			require.NotRegexp(t, `https?://`, strings.ReplaceAll(body, `xmlns="http://www.w3.org/2000/svg"`, ""), at)
			answer, _ := get(t, handler, at)
			require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; connect-src 'self';", at)
			require.NotContains(t, answer.Header().Get("Content-Security-Policy"), "unsafe", at)
		}
		require.NotRegexp(t, `<script>|style=|onclick|{{`, parts[page], "the content security policy forbids it")
		require.Contains(t, parts[page], "make console", "how to get GraphiQL")
	}
}

func TestGraphiQLStandsAboveOurOwnPage(t *testing.T) {
	handler := site(t, withGraphiQL)
	answer, html := get(t, handler, "/")
	require.Contains(t, html, "<title>Built</title>")
	policy := answer.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'; script-src 'self'; connect-src 'self';")
	require.Contains(t, policy, "worker-src 'self'")
	require.NotRegexp(t, `script-src [^;]*unsafe|https?:|\*`, policy)

	for name, media := range map[string]string{
		"/": "text/html; charset=utf-8", "/main.js": "text/javascript; charset=utf-8", "/part-A.js": "text/javascript; charset=utf-8",
		"/page.css": "text/css; charset=utf-8", "/main.js.LEGAL.txt": "text/plain; charset=utf-8",
	} {
		answer, body := get(t, handler, name)
		require.Equal(t, http.StatusOK, answer.Code, name)
		require.Equal(t, media, answer.Header().Get("Content-Type"))
		require.Equal(t, policy, answer.Header().Get("Content-Security-Policy"), "a worker has the policy of its own file")
		require.Equal(t, "nosniff", answer.Header().Get("X-Content-Type-Options"))
		require.Equal(t, string(withGraphiQL[cmp.Or(name[1:], "index.html")].Data), body)
	}

	_, own := get(t, handler, "/console/")
	require.Contains(t, own, `<a href="../">GraphiQL</a>`)
	require.NotContains(t, own, "make console")
	require.Len(t, collect(t, handler, "/console/console.js"), 4)
}

// TestEmbeddedPages holds for a binary with GraphiQL and for one without.
func TestEmbeddedPages(t *testing.T) {
	handler := console.Handler()
	for page, html := range collect(t, handler, "/") {
		require.NotRegexp(t, `(?:src|href)="(?:[a-z]+:)?//`, html, page)
	}
	missing, _ := get(t, handler, "/README.md")
	require.Equal(t, http.StatusNotFound, missing.Code)
}

func TestTags(t *testing.T) {
	for _, handler := range []http.Handler{site(t, without), site(t, withGraphiQL)} {
		for _, name := range []string{"/", "/console/", "/console/console.js"} {
			first, _ := get(t, handler, name)
			require.Equal(t, "no-cache", first.Header().Get("Cache-Control"))
			again, body := get(t, handler, name, "If-None-Match", first.Header().Get("ETag"))
			require.Equal(t, http.StatusNotModified, again.Code)
			require.Empty(t, body)
			changed, _ := get(t, handler, name, "If-None-Match", `"0123456789abcdef"`)
			require.Equal(t, http.StatusOK, changed.Code)
		}
	}
	one, _ := get(t, site(t, without), "/console/")
	other, _ := get(t, site(t, withGraphiQL), "/console/")
	require.NotEqual(t, one.Header().Get("ETag"), other.Header().Get("ETag"), "the pages differ")
}

func TestNothingElseIsServed(t *testing.T) {
	for _, handler := range []http.Handler{site(t, without), site(t, withGraphiQL)} {
		for _, name := range []string{
			"/nothing", "/index.html", "/console/index.html", "/../console.go", "/console/../doc.go", "/console/..", "//main.js", "/./main.js",
			"/static/console.js", "/built/README.md", "/README.md", "/main.js.map", "/below/secret.js", "/below", "/.hidden", "/main.js/", "",
		} {
			missing, _ := get(t, handler, name)
			require.Equal(t, http.StatusNotFound, missing.Code, name)
		}
		redirect, _ := get(t, handler, "/console")
		require.Equal(t, http.StatusFound, redirect.Code)
		require.Equal(t, "/console/", redirect.Header().Get("Location"))

		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
		require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
		require.Equal(t, http.StatusOK, w.Code)
		require.Empty(t, w.Body.String())
	}
}

// broken is a bundle whose files cannot be read.
type broken struct{ fs.FS }

var errBroken = errors.New("broken")

func (broken) Open(string) (fs.File, error) { return nil, errBroken }

func TestUnreadableBundleIsAnError(t *testing.T) {
	_, err := console.New(broken{})
	require.ErrorIs(t, err, errBroken)
}
