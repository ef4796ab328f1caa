package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// longestBody bounds a request's body in bytes.
const longestBody = 1 << 20

// guard keeps other web sites out, whose scripts run in a browser beside us, and
// bodies that are no request. Names other than this machine's must be listed:
// a foreign name may be made to point here.
type guard struct{ hosts []string }

// check returns the request to serve, or the status and error to refuse it with.
func (g guard) check(w http.ResponseWriter, r *http.Request) (*http.Request, int, error) {
	if !g.known(r.Host) {
		return nil, http.StatusMisdirectedRequest, &domain.Error{
			Code: domain.CodeInvalid, Field: "Host", Value: r.Host, Message: "the server is not known by this name",
			Remedy: "use its address, or list the name in its configuration",
		}
	}
	if origin := r.Header.Get("Origin"); origin != "" && !g.same(origin, r.Host) {
		return nil, http.StatusForbidden, &domain.Error{
			Code: domain.CodeInvalid, Field: "Origin", Value: origin, Message: "requests from pages of other sites are refused",
			Remedy: "open the page on the same host as the server",
		}
	}
	if r.Method != http.MethodPost {
		return r, 0, nil
	}
	return jsonBody(w, r)
}

// known tells whether a host is an address, this machine, or a listed name.
func (g guard) known(host string) bool {
	name := hostname(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(g.hosts, name)
}

// same tells whether a page's origin is the host it asks, or on this machine too.
func (g guard) same(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, host) || loopback(u.Host) && loopback(host)
}

func loopback(host string) bool {
	name := hostname(host)
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// jsonBody refuses a body that is not JSON, or too long. A form or plain text is
// what foreign pages may send without being asked.
func jsonBody(w http.ResponseWriter, r *http.Request) (*http.Request, int, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, http.StatusUnsupportedMediaType, &domain.Error{
			Code: domain.CodeInvalid, Field: "Content-Type", Value: r.Header.Get("Content-Type"), Message: "the request is not JSON",
			Remedy: "send application/json",
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, http.StatusRequestEntityTooLarge, &domain.Error{Code: domain.CodeInvalid, Field: "body", Message: "the request is longer than 1 MiB", Remedy: "send less at once"}
	case err != nil:
		return nil, http.StatusBadRequest, &domain.Error{Code: domain.CodeMalformed, Field: "body", Message: "the request cannot be read", Err: err}
	case !json.Valid(body):
		return nil, http.StatusBadRequest, &domain.Error{Code: domain.CodeMalformed, Field: "body", Message: "the request is not valid JSON", Remedy: `send {"query": "…", "variables": {…}}`}
	}
	r = r.WithContext(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, 0, nil
}
