package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
)

// Config is what a handler works with. Pipeline is required.
type Config struct {
	Pipeline *collect.Pipeline
	Logger   *slog.Logger // nil discards
	// Dir is where deliveries are buffered, the system's temporary directory
	// where empty.
	Dir string
	// MaxBytes is the largest delivery, 4 GiB where 0.
	MaxBytes int64
	// AtOnce is how many deliveries are taken at the same time, 4 where 0; more
	// wait for their turn.
	AtOnce int
}

const (
	defaultMaxBytes = 4 << 30
	defaultAtOnce   = 4
	overhead        = 1 << 20 // of the multipart form
	progressEvery   = 200 * time.Millisecond
)

// NewHandler serves POST /v1/deliveries. It refuses requests that a browser sends
// on behalf of another site.
func NewHandler(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.AtOnce <= 0 {
		c.AtOnce = defaultAtOnce
	}
	h := &handler{config: c, turns: make(chan struct{}, c.AtOnce)}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.refuse(w, http.StatusForbidden, &domain.Error{Code: domain.CodeInvalid, Field: "origin", Message: "deliveries are not taken from pages of another site", Remedy: "send them with jeongsan ingest --server"})
	}))
	return protection.Handler(h)
}

type handler struct {
	config Config
	turns  chan struct{}
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, http.StatusMethodNotAllowed, &domain.Error{Code: domain.CodeInvalid, Field: "method", Value: r.Method, Message: "deliveries are sent with POST"})
		return
	}
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-r.Context().Done():
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, h.config.MaxBytes+mostDefinition+overhead)
	d, delivery, status, err := h.receive(r)
	if err != nil {
		h.refuse(w, status, err)
		return
	}
	defer func() {
		if err := delivery.Close(); err != nil {
			h.config.Logger.Error("buffered delivery could not be removed", "error", err)
		}
	}()
	h.ingest(w, r, d, delivery)
}

// receive reads both parts; the delivery is buffered on disk.
func (h *handler) receive(r *http.Request) (*collect.Definition, *collect.Delivery, int, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, http.StatusUnsupportedMediaType, malformed("content-type", "the request is not multipart/form-data", err)
	}
	part, err := h.part(parts, partDefinition)
	if err != nil {
		return nil, nil, statusOf(err), err
	}
	text, err := io.ReadAll(io.LimitReader(part, mostDefinition+1))
	if err != nil {
		return nil, nil, http.StatusBadRequest, malformed(partDefinition, "the definition did not arrive whole", err)
	}
	if len(text) > mostDefinition {
		return nil, nil, http.StatusRequestEntityTooLarge, &domain.Error{Code: domain.CodeOutOfRange, Field: partDefinition, Message: fmt.Sprintf("the definition is longer than %d bytes", mostDefinition), Remedy: "shorten it"}
	}
	d, err := collect.ParseDefinition(nameOf(part, "definition"), text)
	if err != nil {
		return nil, nil, http.StatusUnprocessableEntity, err
	}
	if part, err = h.part(parts, partData); err != nil {
		return nil, nil, statusOf(err), err
	}
	delivery, err := collect.Spool(nameOf(part, "delivery"), part, h.config.Dir, h.config.MaxBytes)
	if err != nil {
		return nil, nil, statusOf(err), err
	}
	return d, delivery, 0, nil
}

func (h *handler) part(parts *multipart.Reader, name string) (*multipart.Part, error) {
	part, err := parts.NextPart()
	if err != nil {
		return nil, malformed(name, "the request lacks its part "+name, err)
	}
	if part.FormName() != name {
		return nil, malformed(name, fmt.Sprintf("the part %q stands where %q is expected", part.FormName(), name), nil)
	}
	return part, nil
}

func nameOf(part *multipart.Part, otherwise string) string {
	if name := part.FileName(); name != "" {
		return name
	}
	return otherwise
}

func malformed(field, message string, err error) *domain.Error {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return &domain.Error{Code: domain.CodeMalformed, Field: field, Message: message, Remedy: "send the parts definition and data, in this order, or use jeongsan ingest --server", Err: err}
}

func statusOf(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), domain.CodeOf(err) == domain.CodeOutOfRange:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF), domain.CodeOf(err) == domain.CodeMalformed:
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

func (h *handler) refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(failureOf(err)); err != nil {
		h.config.Logger.Debug("answer not delivered", "error", err)
	}
}

// ingest settles and streams progress. The ingest goes on only as long as the
// caller listens: whoever loses the answer sends the delivery again.
func (h *handler) ingest(w http.ResponseWriter, r *http.Request, d *collect.Definition, delivery *collect.Delivery) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	w.Header().Set("Content-Type", contentTypeLine)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	out := json.NewEncoder(w)
	flusher := http.NewResponseController(w)
	send := func(l line) {
		if err := errors.Join(out.Encode(l), flusher.Flush()); err != nil {
			cancel(fmt.Errorf("the caller is gone: %w", err))
		}
	}
	var last time.Time
	report, err := h.config.Pipeline.Ingest(ctx, d, delivery, func(p collect.Progress) {
		if now := time.Now(); now.Sub(last) >= progressEvery {
			last = now
			send(line{Progress: &p})
		}
	})
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	h.config.Logger.Log(r.Context(), level, "delivery taken", "source", d.Source, "name", strings.ToValidUTF8(delivery.Name, "_"),
		"read", report.Counts.Read, "settled", report.Counts.Settled, "quarantined", report.Counts.Quarantined, "seconds", report.Seconds, "error", err)
	send(line{Report: &report, Error: failureOf(err)})
}
