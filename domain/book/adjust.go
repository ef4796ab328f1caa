package book

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// PostAdjustment asks to post an entry that no transaction brought: a correction
// with its reason, of a transaction where it names one.
type PostAdjustment struct {
	Key                     // of the adjustment
	Book        string      `json:"book"`
	ContentHash string      `json:"content_hash"`
	Adjusts     *Key        `json:"adjusts,omitempty"`
	Reason      string      `json:"reason"`
	OccurredAt  time.Time   `json:"occurred_at"`
	EffectiveOn domain.Date `json:"effective_on"`
	// Postings balance per currency. On an account that holds money until dates a debit
	// takes what falls due first; a credit says until when it is held.
	Postings []AdjustmentPosting `json:"postings"`
	// Restates is set by a re-rating alone.
	Restates *Restatement `json:"restates,omitempty"`

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (PostAdjustment) CommandType() string { return "PostAdjustment" }

// AdjustmentPosting is one leg of an adjustment.
type AdjustmentPosting struct {
	ledger.Posting
	// HoldUntil and Into are given for what is to be held back: a credit is held until
	// that date, a debit takes what is held until it. Where the date has come, and for
	// what is not held any more, the leg goes to the account of purpose Into.
	HoldUntil domain.Date `json:"hold_until,omitempty"`
	Into      string      `json:"into,omitempty"`
}

// AdjustmentPosted records such an entry.
type AdjustmentPosted struct {
	Key
	ContentHash string           `json:"content_hash"`
	Adjusts     *Original        `json:"adjusts,omitempty"`
	Reason      string           `json:"reason"`
	OccurredAt  time.Time        `json:"occurred_at"`
	EffectiveOn domain.Date      `json:"effective_on"`
	RecordedAt  time.Time        `json:"recorded_at"`
	Postings    []ledger.Posting `json:"postings"`
	Holds       []Hold           `json:"holds,omitempty"`
	Restates    *Restatement     `json:"restates,omitempty"`
}

// EventType implements domain.Event.
func (AdjustmentPosted) EventType() string { return "AdjustmentPosted.v1" }

// Restatement is how a re-rating would have settled a transaction. It stands for the
// transaction from then on: refunds and reversals rest on it.
type Restatement struct {
	Rerating string `json:"rerating"` // id of the operation
	// Replaces is the revision of the settlement or restatement that stood before.
	Replaces         uint64          `json:"replaces"`
	Refunded         money.Amount    `json:"refunded,omitzero"` // of the transaction, as the re-rating found it
	Contract         string          `json:"contract"`
	ContractRevision Revision        `json:"contract_revision"`
	Schedule         string          `json:"schedule"`
	ScheduleRevision Revision        `json:"schedule_revision"`
	Version          int             `json:"version"`
	Engine           int             `json:"engine"`
	Parties          Parties         `json:"parties,omitempty"`
	Counts           []fee.Count     `json:"counts,omitempty"` // what accumulators stood at, in the order of the re-rating
	Conversions      []fee.Converted `json:"conversions,omitempty"`
	Explanation      []fee.Line      `json:"explanation"`
	// Postings and Holds are those of the transaction in sum, not the difference.
	Postings []ledger.Posting `json:"postings"`
	Holds    []Hold           `json:"holds,omitempty"`
}
