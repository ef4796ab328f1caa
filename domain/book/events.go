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
	ContentHash string `json:"content_hash"`
	Type        string `json:"type"`
	Method      string `json:"method,omitempty"`
	Product     string `json:"product,omitempty"`
	// Attributes are those of the transaction that the schedule declares as inputs.
	Attributes  map[string]string `json:"attributes,omitempty"`
	Parties     Parties           `json:"parties,omitempty"` // as used
	OccurredAt  time.Time         `json:"occurred_at"`
	EffectiveOn domain.Date       `json:"effective_on"`
	RecordedAt  time.Time         `json:"recorded_at"`
	Currency    money.Currency    `json:"currency"`
	// Amount is the exact signed amount as the source sent it.
	Amount money.Amount `json:"amount"`
	// Original is the transaction that a refund names, and Refunded the absolute sum
	// of what was given back of it before this one.
	Original *Original    `json:"original,omitempty"`
	Refunded money.Amount `json:"refunded,omitzero"`
	// Restores is the sale behind Original, where that one is itself a refund or a
	// chargeback: what the sale has refunded goes down again by Amount.
	Restores *Original `json:"restores,omitempty"`
	// Awaited is the OriginalAwaited that waited for this transaction.
	Awaited *domain.Ref `json:"awaited,omitempty"`
	// Contract and Schedule with the revisions of their streams that were looked at,
	// and the version of the schedule. A refund that is rated as its original has
	// those of the original.
	Contract         string   `json:"contract"`
	ContractRevision Revision `json:"contract_revision"`
	Schedule         string   `json:"schedule"`
	ScheduleRevision Revision `json:"schedule_revision"`
	Version          int      `json:"version"`
	Engine           int      `json:"engine"` // version of the rating engine

	// Calendars are those that were looked at, by id, with the revisions of their streams.
	Calendars map[string]Revision `json:"calendars,omitempty"`

	Postings []ledger.Posting `json:"postings"`
	// Holds is what the transaction holds back until dates, or takes of what is held.
	Holds []Hold `json:"holds,omitempty"`
	// Conversions are the shares that are paid in another currency; their postings
	// follow those of the lines.
	Conversions []fee.Converted `json:"conversions,omitempty"`
	// Counts is what the transaction made of accumulators.
	Counts      []fee.Count `json:"counts,omitempty"`
	Explanation []fee.Line  `json:"explanation"`
}

// Original names an earlier transaction of the book by key and by event.
type Original struct {
	Key
	domain.Ref
}

// EventType implements domain.Event.
func (TransactionSettled) EventType() string { return "TransactionSettled.v2" }

// EntryReversed records an entry with the sides of an earlier one swapped.
type EntryReversed struct {
	Key                  // of the reversal itself
	ContentHash string   `json:"content_hash"`
	Reverses    Original `json:"reverses"`
	// Original is the transaction that the reversed one had named: its refunded
	// amount goes down again.
	Original *Original `json:"original,omitempty"`
	// Restores is that of the reversed transaction: what its sale has refunded goes
	// up again.
	Restores    *Original      `json:"restores,omitempty"`
	Reason      string         `json:"reason"`
	OccurredAt  time.Time      `json:"occurred_at"`
	EffectiveOn domain.Date    `json:"effective_on"`
	RecordedAt  time.Time      `json:"recorded_at"`
	Currency    money.Currency `json:"currency"`
	// Amount is the reversed transaction's amount with the other sign.
	Amount  money.Amount `json:"amount"`
	Type    string       `json:"type"` // of the reversed transaction
	Method  string       `json:"method,omitempty"`
	Product string       `json:"product,omitempty"`
	Parties Parties      `json:"parties,omitempty"`
	// Postings are those that stand for the reversed transaction with sides swapped;
	// what it held and has been released since is taken from where it went.
	Postings []ledger.Posting `json:"postings"`
	Holds    []Hold           `json:"holds,omitempty"`
	// Counts takes back what the reversed transaction made of accumulators.
	Counts []fee.Count `json:"counts,omitempty"`
}

// EventType implements domain.Event.
func (EntryReversed) EventType() string { return "EntryReversed.v2" }
