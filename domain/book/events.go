package book

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Category is the category of a book's stream: "book-<id>".
const Category = "book"

// Key identifies a transaction: the id that its source gave it, within that source.
type Key struct {
	Source     string `json:"source"`
	ExternalID string `json:"external_id"`
}

// TransactionSettled records that contracts were applied to a transaction. It
// holds the inputs, the rules that matched with base, rate, exact and rounded
// result, and all postings of the entry; a zero-value transaction has none.
type TransactionSettled struct {
	Key
	// ContentHash is "<scheme>:<hex>" over the decoded source fields.
	ContentHash string            `json:"content_hash"`
	Type        string            `json:"type"`
	Method      string            `json:"method,omitempty"`
	Product     string            `json:"product,omitempty"`
	Parties     map[string]string `json:"parties,omitempty"` // role → party id, as used
	OccurredAt  time.Time         `json:"occurred_at"`
	EffectiveOn domain.Date       `json:"effective_on"`
	RecordedAt  time.Time         `json:"recorded_at"`
	Currency    money.Currency    `json:"currency"`
	// Amount is the exact signed amount as the source sent it.
	Amount money.Amount `json:"amount"`
	// Original is the transaction that a refund names.
	Original *Original `json:"original,omitempty"`
	Contract string    `json:"contract"`
	Schedule string    `json:"schedule"`
	Version  int       `json:"version"` // of the schedule
	// Uses gives the revision of every reference stream that was looked at.
	Uses        map[domain.StreamID]uint64 `json:"uses"`
	Engine      int                        `json:"engine"` // version of the rating engine
	Postings    []ledger.Posting           `json:"postings"`
	Explanation []fee.Line                 `json:"explanation"`
}

// Original names an earlier transaction of the book by key and by event.
type Original struct {
	Key
	domain.Ref
}

// EventType implements domain.Event.
func (TransactionSettled) EventType() string { return "TransactionSettled.v1" }

// EntryReversed records an entry with the sides of an earlier one swapped.
type EntryReversed struct {
	Key                  // of the reversal itself
	ContentHash string   `json:"content_hash"`
	Reverses    Original `json:"reverses"`
	// Original is the transaction that the reversed one had named: its refunded
	// amount goes down again.
	Original    *Original      `json:"original,omitempty"`
	Reason      string         `json:"reason"`
	OccurredAt  time.Time      `json:"occurred_at"`
	EffectiveOn domain.Date    `json:"effective_on"`
	RecordedAt  time.Time      `json:"recorded_at"`
	Currency    money.Currency `json:"currency"`
	// Amount is the reversed transaction's amount with the other sign.
	Amount   money.Amount      `json:"amount"`
	Type     string            `json:"type"` // of the reversed transaction
	Method   string            `json:"method,omitempty"`
	Product  string            `json:"product,omitempty"`
	Parties  map[string]string `json:"parties,omitempty"`
	Postings []ledger.Posting  `json:"postings"`
}

// EventType implements domain.Event.
func (EntryReversed) EventType() string { return "EntryReversed.v1" }
