package source

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Category is the category of a source's stream: "source-<id>".
const Category = "source"

// SourceDefined records the definition a source is read with from now on.
type SourceDefined struct {
	Source     string    `json:"source"`
	Version    int       `json:"version"` // 1, 2, … within the stream
	Hash       string    `json:"hash"`    // SHA-256 of the definition, hex
	Definition string    `json:"definition"`
	RecordedAt time.Time `json:"recorded_at"`
}

// EventType implements domain.Event.
func (SourceDefined) EventType() string { return "SourceDefined.v1" }

// RecordQuarantined keeps an input that could not be settled: where it stood,
// why, and its raw bytes in the envelope of the source.
type RecordQuarantined struct {
	Source string `json:"source"`
	// Record identifies the input: the external id where the record has one, else
	// "raw:<hash of its bytes>/<ordinal among equal ones in the delivery>".
	Record      string         `json:"record"`
	ContentHash string         `json:"content_hash,omitempty"`
	Delivery    string         `json:"delivery"` // SHA-256 of the delivery, hex
	Offset      uint64         `json:"offset"`   // number of the record in the delivery, from 1
	Code        domain.Code    `json:"code"`
	Field       string         `json:"field,omitempty"`
	Reason      string         `json:"reason"` // without values of the record
	Raw         domain.Sealed  `json:"raw"`
	Currency    money.Currency `json:"currency,omitempty"`
	Amount      *money.Amount  `json:"amount,omitempty"` // at stake, where it could be mapped
	RecordedAt  time.Time      `json:"recorded_at"`
}

// EventType implements domain.Event.
func (RecordQuarantined) EventType() string { return "RecordQuarantined.v1" }

// QuarantineReleased records that a quarantined input has been settled since, or
// that a rule of the definition ignores it since: one of the two is there. It
// closes what is open of the record with that content hash; all of the record
// where the hash is empty. What a rule took can come into quarantine again, when
// another definition has no such rule.
type QuarantineReleased struct {
	Source      string     `json:"source"`
	Record      string     `json:"record"`
	ContentHash string     `json:"content_hash,omitempty"`
	Settled     domain.Ref `json:"settled,omitzero"`
	Ignored     string     `json:"ignored,omitempty"` // the rule
	Version     int        `json:"version,omitempty"` // of the definition that has the rule
	RecordedAt  time.Time  `json:"recorded_at"`
}

// EventType implements domain.Event.
func (QuarantineReleased) EventType() string { return "QuarantineReleased.v1" }

// DeliveryIngested records what became of a delivery that changed something.
type DeliveryIngested struct {
	Source     string    `json:"source"`
	Delivery   string    `json:"delivery"` // SHA-256, hex
	Name       string    `json:"name"`     // base name of the file
	Bytes      int64     `json:"bytes"`
	Version    int       `json:"version"` // of the definition
	Counts     Counts    `json:"counts"`
	Totals     []Total   `json:"totals"`
	RecordedAt time.Time `json:"recorded_at"`
}

// EventType implements domain.Event.
func (DeliveryIngested) EventType() string { return "DeliveryIngested.v1" }

// Counts adds up: Read = Settled + Replayed + Quarantined + Ignored (+ Refused,
// where the whole delivery was refused). ZeroValue is the part of Settled that
// moved no money.
type Counts struct {
	Read        uint64            `json:"read"`
	Settled     uint64            `json:"settled"`
	ZeroValue   uint64            `json:"zero_value"`
	Replayed    uint64            `json:"replayed"`
	Quarantined uint64            `json:"quarantined"`
	Ignored     map[string]uint64 `json:"ignored,omitempty"` // by rule
	Refused     uint64            `json:"refused"`
}

// Total is the exact sum of mapped amounts of one currency by outcome.
type Total struct {
	Currency    money.Currency `json:"currency"`
	Read        string         `json:"read"`
	Settled     string         `json:"settled"`
	Replayed    string         `json:"replayed"`
	Quarantined string         `json:"quarantined"`
	Ignored     string         `json:"ignored"`
	Refused     string         `json:"refused"`
}
