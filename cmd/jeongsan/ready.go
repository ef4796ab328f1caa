package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/jeongsan/jeongsan/projections"
)

// readiness answers 200 when every part this process depends on answers, 503
// with the reasons otherwise. A parked read model, and a book that does not come to
// its business date, are shown but do not make the process unready: the others go on.
func (p *program) readiness(o *parts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		answer := struct {
			Ready  bool              `json:"ready"`
			Faults map[string]string `json:"faults,omitempty"`
			Parked map[string]string `json:"parked,omitempty"`
			Behind map[string]string `json:"behind,omitempty"`
		}{Ready: true}
		fault := func(part string, err error) {
			if answer.Faults == nil {
				answer.Faults = map[string]string{}
			}
			answer.Ready, answer.Faults[part] = false, err.Error()
		}
		if _, err := o.store.LastPosition(ctx); err != nil {
			fault("eventstore", err)
		}
		if health, ok := o.door.(interface{ Health() error }); ok {
			if err := health.Health(); err != nil {
				fault("commands", err)
			}
		}
		if o.pool != nil {
			models, err := projections.Status(ctx, o.pool)
			if err != nil {
				fault("database", err)
			}
			for _, m := range models {
				if m.Parked != nil {
					if answer.Parked == nil {
						answer.Parked = map[string]string{}
					}
					answer.Parked[m.Name] = m.Parked.Reason
				}
			}
		}
		if o.scheduler != nil {
			answer.Behind = o.scheduler.Behind()
		}
		w.Header().Set("Content-Type", "application/json")
		if !answer.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			p.log.Debug("readiness answer not delivered", "error", err)
		}
	})
}
