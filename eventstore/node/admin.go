package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node/login"
)

// BackupBytesHeader says about how many bytes a backup is going to have.
const BackupBytesHeader = "Jeongsan-Backup-Bytes"

// admin is what operators ask the node, over HTTP on its one port:
//
//	GET /stats    figures as JSON
//	GET /backup   a consistent copy of the log, as a tar archive
//	GET /metrics  the same figures for Prometheus, where the node was given a gatherer
//
// With TLS the caller must be a user in $admins or $ops; a backup, which is the whole
// log whatever the streams' own access lists say, is for $admins alone.
func (s *server) admin(mux *http.ServeMux, gatherer prometheus.Gatherer) {
	handle := func(pattern string, handler http.Handler, roles ...string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if s.authenticateHTTP(w, r, roles...) {
				handler.ServeHTTP(w, r)
			}
		})
	}
	handle("GET /stats", http.HandlerFunc(s.serveStats), login.Admins, login.Ops)
	handle("GET /backup", http.HandlerFunc(s.serveBackup), login.Admins)
	if gatherer != nil {
		handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}), login.Admins, login.Ops)
	}
}

func (s *server) serveStats(w http.ResponseWriter, _ *http.Request) {
	stats, err := s.store.stats(s.metrics)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(stats); err != nil {
		s.logger.Debug("event store node: figures were not taken", "error", err)
	}
}

// serveBackup sends a backup. What goes wrong after its beginning can be told only
// by ending early: the archive lacks its manifest then. A node on its way down does
// not wait for it.
func (s *server) serveBackup(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	control := http.NewResponseController(w)
	go func() {
		select {
		case <-s.drain:
			cancel()
			// Whoever does not read any more would hold up the end.
			if err := control.SetWriteDeadline(time.Unix(1, 0)); err != nil {
				s.logger.Debug("event store node: a backup cannot be cut off", "error", err)
			}
		case <-ctx.Done():
		}
	}()
	c, err := s.store.checkpoint()
	if err != nil {
		s.fail(w, err)
		return
	}
	started := time.Now()
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set(BackupBytesHeader, strconv.FormatInt(c.manifest.Bytes(), 10))
	err = c.write(ctx, w)
	if removeErr := c.remove(); removeErr != nil {
		s.logger.Error("event store node: the folder of a backup cannot be removed", "dir", c.dir, "error", removeErr)
	}
	if err != nil {
		s.logger.Warn("event store node: a backup was not finished", "error", err)
		panic(http.ErrAbortHandler) // so that the receiver notices
	}
	s.logger.Info("event store node: a backup was sent", "bytes", c.manifest.Bytes(), "end", c.manifest.End, "took", time.Since(started))
}

// fail answers with an error.
func (s *server) fail(w http.ResponseWriter, err error) {
	code, answer := http.StatusInternalServerError, &domain.Error{Code: domain.CodeInternal, Message: err.Error()}
	if errors.As(err, &answer) && answer.Code == domain.CodeConflict {
		code = http.StatusConflict
	}
	s.logger.Error("event store node: a request of an operator failed", "error", err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		s.logger.Debug("event store node: an error was not taken", "error", err)
	}
}
