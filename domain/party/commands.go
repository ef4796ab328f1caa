package party

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// Kind says what a party is to the platform.
type Kind string

// The kinds of party.
const (
	Operator  Kind = "operator"
	Provider  Kind = "provider"
	Supplier  Kind = "supplier"
	Affiliate Kind = "affiliate"
	Seller    Kind = "seller"
	TaxOffice Kind = "tax_office"
	Platform  Kind = "platform"
)

// Details is a party's personal data. It is sealed before it reaches the log.
type Details struct {
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Account string `json:"account,omitempty"` // bank account for payouts
	TaxID   string `json:"tax_id,omitempty"`
}

// RegisterParty asks to add a party. The same party with the same content is a
// replay; with other content a conflict.
type RegisterParty struct {
	Party   string   `json:"party"`
	Kind    Kind     `json:"kind"`
	Country string   `json:"country,omitempty"`
	Details *Details `json:"details,omitempty"`

	// Filled by the command door.
	Personal   *domain.Sealed `json:"-"`
	RecordedAt time.Time      `json:"-"`
}

// CommandType implements domain.Command.
func (RegisterParty) CommandType() string { return "RegisterParty" }

// ChangePartyDetails asks to replace a party's personal data.
type ChangePartyDetails struct {
	Party   string   `json:"party"`
	Details *Details `json:"details"`

	// Filled by the command door.
	Personal   *domain.Sealed `json:"-"`
	RecordedAt time.Time      `json:"-"`
}

// CommandType implements domain.Command.
func (ChangePartyDetails) CommandType() string { return "ChangePartyDetails" }
