package party

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// Category is the category of a party's stream: "party-<id>".
const Category = "party"

// PartyRegistered records a new party. What is personal stands in the envelope.
type PartyRegistered struct {
	Party      string         `json:"party"`
	Kind       Kind           `json:"kind"`
	Country    string         `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Personal   *domain.Sealed `json:"personal,omitempty"`
	RecordedAt time.Time      `json:"recorded_at"`
}

// EventType implements domain.Event.
func (PartyRegistered) EventType() string { return "PartyRegistered.v1" }

// PartyDetailsChanged replaces the personal data of a party.
type PartyDetailsChanged struct {
	Party      string         `json:"party"`
	Personal   *domain.Sealed `json:"personal,omitempty"`
	RecordedAt time.Time      `json:"recorded_at"`
}

// EventType implements domain.Event.
func (PartyDetailsChanged) EventType() string { return "PartyDetailsChanged.v1" }
