package source

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// DefineSource asks to read a source with this definition from now on.
type DefineSource struct {
	Source     string `json:"source"`
	Definition string `json:"definition"` // YAML, already validated by package collect

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (DefineSource) CommandType() string { return "DefineSource" }

// QuarantineRecord asks to keep an input that could not be settled.
type QuarantineRecord struct {
	Source      string         `json:"source"`
	Record      string         `json:"record"`
	ContentHash string         `json:"content_hash,omitempty"`
	Delivery    string         `json:"delivery"`
	Offset      uint64         `json:"offset"`
	Code        domain.Code    `json:"code"`
	Field       string         `json:"field,omitempty"`
	Reason      string         `json:"reason"`
	Raw         []byte         `json:"raw"` // plain; sealed by the command door
	Currency    money.Currency `json:"currency,omitempty"`
	Amount      *money.Amount  `json:"amount,omitempty"`

	// Filled by the command door.
	Sealed     domain.Sealed `json:"-"`
	RecordedAt time.Time     `json:"-"`
}

// CommandType implements domain.Command.
func (QuarantineRecord) CommandType() string { return "QuarantineRecord" }

// ReleaseQuarantine asks to note that a quarantined input is done with: it has been
// settled, or a rule of the definition now ignores it. One of the two is given.
type ReleaseQuarantine struct {
	Source string `json:"source"`
	Record string `json:"record"`
	// ContentHash is that of the quarantined input, which tells apart what came
	// under one id with different content; empty releases all of the record.
	ContentHash string     `json:"content_hash,omitempty"`
	Settled     domain.Ref `json:"settled,omitzero"`
	Ignored     string     `json:"ignored,omitempty"` // the rule
	Version     int        `json:"version,omitempty"` // of the definition that has the rule

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (ReleaseQuarantine) CommandType() string { return "ReleaseQuarantine" }

// CloseDelivery asks to note what became of a delivery.
type CloseDelivery struct {
	Source   string  `json:"source"`
	Delivery string  `json:"delivery"`
	Name     string  `json:"name"`
	Bytes    int64   `json:"bytes"`
	Version  int     `json:"version"`
	Counts   Counts  `json:"counts"`
	Totals   []Total `json:"totals"`

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (CloseDelivery) CommandType() string { return "CloseDelivery" }
