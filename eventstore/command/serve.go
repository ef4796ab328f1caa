package command

import (
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"

	"github.com/jeongsan/jeongsan/domain"
)

// Serve opens a door to the other processes of the same installation: a handler
// for POST Path. It trusts its callers, who have authenticated whoever asked
// them; it belongs on loopback or a private network only. A call that cannot be
// read is answered with an error status and does nothing; else the status is 200
// and each request has its reply.
func Serve(door Door, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuseCall(w, logger, http.StatusMethodNotAllowed, &domain.Error{Code: domain.CodeInvalid, Field: "method", Value: r.Method, Message: "commands are sent by POST"})
			return
		}
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
			refuseCall(w, logger, http.StatusUnsupportedMediaType, &domain.Error{
				Code: domain.CodeInvalid, Field: "Content-Type", Value: r.Header.Get("Content-Type"), Message: "commands are JSON", Remedy: "send application/json",
			})
			return
		}
		requests, err := decodeRequests(http.MaxBytesReader(w, r.Body, mostBytes))
		if err != nil {
			status := http.StatusBadRequest
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			refuseCall(w, logger, status, err)
			return
		}
		var a answer
		for _, done := range door.Do(r.Context(), requests...) {
			one := reply{Outcome: done.Outcome, Awaiting: done.Awaiting, Position: done.Position, Error: faultOf(done.Err)}
			if done.Ref.Stream != "" {
				one.Ref = &done.Ref
			}
			a.Replies = append(a.Replies, one)
		}
		write(w, logger, http.StatusOK, a)
	})
}

func refuseCall(w http.ResponseWriter, logger *slog.Logger, status int, err error) {
	write(w, logger, status, faultOf(err))
}

func write(w http.ResponseWriter, logger *slog.Logger, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		// The caller is gone; it will find the outcome by retrying with the same keys.
		logger.Warn("an answer to commands could not be sent", "error", err)
	}
}
