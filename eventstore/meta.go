package eventstore

import "time"

// Meta is what is known about the act of recording an event. State never folds it.
type Meta struct {
	Actor         string    `json:"actor"`                 // who: "operator:kim", "source:pg-1", "system"
	Authenticated string    `json:"authenticated"`         // how: "none" in development, "key", "oidc", …
	Request       string    `json:"request,omitempty"`     // id of the request or run
	Correlation   string    `json:"correlation,omitempty"` // id of the business operation
	Causation     string    `json:"causation,omitempty"`   // "<stream>@<revision>" of the event that led to this
	Delivery      string    `json:"delivery,omitempty"`    // SHA-256 of the delivery, hex
	Offset        uint64    `json:"offset,omitempty"`      // record number in the delivery, from 1
	RecordedAt    time.Time `json:"recorded_at"`           // as in the event
	Schema        int       `json:"schema"`                // version of this structure
}
