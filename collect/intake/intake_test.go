package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/collect/intake"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/terms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type server struct {
	*httptest.Server
	definition []byte
	spool      string
}

// serve runs the handler with the market example over a whole write side.
func serve(t *testing.T, maxBytes int64) *server {
	t.Helper()
	ctx, store := context.Background(), memory.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	identity, err := eventstore.Identify(ctx, store)
	require.NoError(t, err)
	keys, err := keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	door, err := command.Open(ctx, command.Config{Store: store, Identity: identity, Keys: keys, IndexDir: filepath.Join(t.TempDir(), "index")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, door.Close()) })
	text, err := os.ReadFile("../../examples/demo/terms.yaml")
	require.NoError(t, err)
	commands, err := terms.Parse("terms.yaml", text)
	require.NoError(t, err)
	for _, c := range commands {
		require.NoError(t, door.Do(ctx, command.Request{Command: c, Meta: eventstore.Meta{Actor: "test", Authenticated: "none"}})[0].Err)
	}
	definition, err := os.ReadFile("../../examples/demo/market.yaml")
	require.NoError(t, err)
	s := &server{definition: definition, spool: t.TempDir()}
	pipeline := collect.NewPipeline(collect.Config{Door: door, Store: store})
	s.Server = httptest.NewServer(intake.NewHandler(intake.Config{Pipeline: pipeline, Dir: s.spool, MaxBytes: maxBytes}))
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return s
}

func (s *server) send(t *testing.T, definition, data string, progress func(collect.Progress)) (collect.Report, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	delivery := collect.NewDelivery("today.ndjson", strings.NewReader(data), int64(len(data)))
	return intake.NewClient(s.URL+"/", client).Send(context.Background(), "dir/market.yaml", []byte(definition), delivery, progress)
}

const one = `{"id":"k1","kind":"sale","seller":"seller-jeju","approved_at":"2026-11-22T10:00:00+09:00","payment":{"amount":12000,"currency":"KRW","method":"card"}}` + "\n"

func TestDeliveryArrivesOverHTTP(t *testing.T) {
	s := serve(t, 0)
	var seen []collect.Progress
	report, err := s.send(t, string(s.definition), one+strings.ReplaceAll(one, "seller-jeju", "nobody"), func(p collect.Progress) { seen = append(seen, p) })
	require.NoError(t, err)
	require.EqualValues(t, 2, report.Counts.Read)
	require.EqualValues(t, 1, report.Counts.Settled)
	require.EqualValues(t, 1, report.Counts.Quarantined)
	require.Equal(t, "24000", report.Totals[0].Read)
	require.Equal(t, "today.ndjson", report.Name)
	require.NotZero(t, report.Position)
	require.NotEmpty(t, seen)
	report, err = s.send(t, string(s.definition), one, nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, report.Counts.Replayed)
	left, err := os.ReadDir(s.spool)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestRefusedDeliveryComesBackWithItsReport(t *testing.T) {
	s := serve(t, 0)
	report, err := s.send(t, string(s.definition), one+one[:40], nil)
	require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
	require.ErrorContains(t, err, "not a whole JSON object")
	require.EqualValues(t, 2, report.Counts.Refused)
}

func TestInvalidDefinition(t *testing.T) {
	s := serve(t, 0)
	_, err := s.send(t, "source: x\ncolour: red\nformat: {}\n", one, nil)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	require.ErrorContains(t, err, "market.yaml:2:1 colour: unknown key")
	require.ErrorContains(t, err, "market.yaml:3:", "all faults travel")
}

func TestTooLarge(t *testing.T) {
	s := serve(t, 100)
	_, err := s.send(t, string(s.definition), one, nil)
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
	require.ErrorContains(t, err, "larger than 100 bytes")
	_, err = s.send(t, "# "+strings.Repeat("x", 300<<10), one, nil)
	require.ErrorContains(t, err, "the definition is longer")
	left, err := os.ReadDir(s.spool)
	require.NoError(t, err)
	require.Empty(t, left)
}

// form builds a multipart body of (name, content) pairs.
func form(t *testing.T, parts ...string) (io.Reader, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		part, err := w.CreateFormField(parts[i])
		require.NoError(t, err)
		_, err = part.Write([]byte(parts[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &b, w.FormDataContentType()
}

func TestRequestsThatAreRefused(t *testing.T) {
	s := serve(t, 0)
	wrongOrder, multipartType := form(t, "data", one, "definition", string(s.definition))
	onlyOne, onlyOneType := form(t, "definition", string(s.definition))
	cross, crossType := form(t, "definition", string(s.definition), "data", one)
	cut, cutType := form(t, "definition", string(s.definition), "data", one)
	whole, err := io.ReadAll(cut)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		method, contentType, origin string
		body                        io.Reader
		status                      int
		code                        domain.Code
	}{
		"get":          {http.MethodGet, "", "", http.NoBody, http.StatusMethodNotAllowed, domain.CodeInvalid},
		"not a form":   {http.MethodPost, "text/csv", "", strings.NewReader(one), http.StatusUnsupportedMediaType, domain.CodeMalformed},
		"wrong order":  {http.MethodPost, multipartType, "", wrongOrder, http.StatusBadRequest, domain.CodeMalformed},
		"no data":      {http.MethodPost, onlyOneType, "", onlyOne, http.StatusBadRequest, domain.CodeMalformed},
		"another site": {http.MethodPost, crossType, "https://evil.example", cross, http.StatusForbidden, domain.CodeInvalid},
		"cut off":      {http.MethodPost, cutType, "", bytes.NewReader(whole[:len(whole)-60]), http.StatusBadRequest, domain.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequest(c.method, s.URL+"/v1/deliveries", c.body)
			require.NoError(t, err)
			if c.contentType != "" {
				request.Header.Set("Content-Type", c.contentType)
			}
			if c.origin != "" {
				request.Header.Set("Origin", c.origin)
			}
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer func() { require.NoError(t, response.Body.Close()) }()
			require.Equal(t, c.status, response.StatusCode)
			var body map[string]any
			require.NoError(t, json.NewDecoder(response.Body).Decode(&body))
			require.Equal(t, string(c.code), body["code"], body)
			require.NotEmpty(t, body["message"])
		})
	}
}

func TestServersThatDoNotAnswerWell(t *testing.T) {
	delivery := collect.NewDelivery("x", strings.NewReader(one), int64(len(one)))
	send := func(url string) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
		_, err := intake.NewClient(url, client).Send(context.Background(), "d.yaml", []byte("x"), delivery, nil)
		return err
	}
	breaks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"progress":{"phase":"settle"}}`+"\n")
	}))
	defer breaks.Close()
	err := send(breaks.URL)
	require.Equal(t, domain.CodeOutcomeUnknown, domain.CodeOf(err))
	require.ErrorContains(t, err, "send the delivery again")
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	err = send(elsewhere.URL)
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
	require.ErrorContains(t, err, "does not take deliveries")
	elsewhere.Close()
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(send(elsewhere.URL)))
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(send("http://bad host")))
}
