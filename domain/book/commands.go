package book

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Transaction is the business fact that a source sent, in canonical form.
type Transaction struct {
	Key
	Book        string            `json:"book"`
	ContentHash string            `json:"content_hash"`
	Type        string            `json:"type"` // sale, refund, win, top_up, …
	Method      string            `json:"method,omitempty"`
	Product     string            `json:"product,omitempty"`
	Parties     map[string]string `json:"parties,omitempty"` // role → party id
	// Attributes are what else schedules may ask for, by name.
	Attributes map[string]string `json:"attributes,omitempty"`
	OccurredAt time.Time         `json:"occurred_at"`
	Currency   money.Currency    `json:"currency"`
	Amount     money.Amount      `json:"amount"` // signed; negative gives money back
	// OriginalID is the external id, within the same source, that a refund names.
	OriginalID string `json:"original_id,omitempty"`
}

// Policy is what a source's definition says about borderline input.
type Policy struct {
	// SettleUnmatched lets a refund settle that names no original.
	SettleUnmatched bool `json:"settle_unmatched,omitempty"`
	// SubMinor lets amounts finer than the currency's minor unit settle; what is
	// finer goes to the schedule's rounding account.
	SubMinor bool `json:"sub_minor,omitempty"`
	// Await lets a refund or a reversal that comes before its original wait for it.
	Await bool `json:"await,omitempty"`
}

// Terms are the contract and schedule that the command door found for a
// transaction, with the revision of everything it looked at.
type Terms struct {
	Contract         string
	ContractRevision Revision
	Schedule         *fee.Schedule // with the contract's parameters
	ScheduleRevision Revision
	Parties          Parties // the transaction's and the contract's
	EffectiveOn      domain.Date
	Floors           []Floor
	// Calendar finds a calendar of business days with the revision of its stream.
	Calendar func(id string) (*calendar.Calendar, Revision, error)
}

// Floor is below what a transaction may not take an account of a role's party:
// credits less debits stay at Amounts or above, per currency.
type Floor struct {
	Role    string
	Purpose string
	Amounts map[money.Currency]money.Amount
}

// SettleTransaction asks to apply a contract to a transaction and post the entry.
type SettleTransaction struct {
	Transaction Transaction `json:"transaction"`
	Policy      Policy      `json:"policy"`

	// Filled by the command door, never by callers. Original is the event that settled
	// the transaction which this one names, where AsOriginal asks for it: the terms
	// are then those of that event.
	// What a re-rating has restated, Original says as restated.
	Terms      *Terms              `json:"-"`
	Original   *TransactionSettled `json:"-"`
	RecordedAt time.Time           `json:"-"`
}

// CommandType implements domain.Command.
func (SettleTransaction) CommandType() string { return "SettleTransaction" }

// ReverseEntry asks to take back the entry of a transaction as a whole.
type ReverseEntry struct {
	Key                   // of the reversal
	Book        string    `json:"book"`
	ContentHash string    `json:"content_hash"`
	Target      Key       `json:"target"`
	Reason      string    `json:"reason"`
	OccurredAt  time.Time `json:"occurred_at"`
	Policy      Policy    `json:"policy,omitzero"`

	// Filled by the command door: the event that settled the target, read from
	// the log, and the effective date. Nil where the book has no such transaction.
	Reversed    *TransactionSettled `json:"-"`
	EffectiveOn domain.Date         `json:"-"`
	RecordedAt  time.Time           `json:"-"`
}

// CommandType implements domain.Command.
func (ReverseEntry) CommandType() string { return "ReverseEntry" }
