package contract

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Terms is what a contract says.
type Terms struct {
	Contract string `json:"contract" yaml:"contract"`
	Book     string `json:"book" yaml:"book"`
	Schedule string `json:"schedule" yaml:"schedule"`
	// Zone is the IANA time zone in which the contract reads dates.
	Zone  string      `json:"zone" yaml:"zone"`
	From  domain.Date `json:"from" yaml:"from"`                       // inclusive
	Until domain.Date `json:"until,omitempty" yaml:"until,omitempty"` // exclusive; empty is open-ended
	// Priority decides where several contracts apply: the highest wins, then the
	// one with more selectors, then the smaller id.
	Priority int `json:"priority,omitempty" yaml:"priority,omitempty"`
	// Parties gives the party of each role that the transaction does not name.
	Parties map[string]string `json:"parties,omitempty" yaml:"parties,omitempty"`
	// Parameters override those of the schedule, by name.
	Parameters map[string]string `json:"parameters,omitempty" yaml:"parameters,omitempty"`
	Applies    Applies           `json:"applies,omitzero" yaml:"applies,omitempty"`
	// Floors are below what the transactions of the contract may not take an account.
	Floors []Floor `json:"floors,omitempty" yaml:"floors,omitempty"`
}

// Floor bounds an account of a role's party, as the prepaid credit of an operator:
// its credits less its debits stay at Amounts or above, per currency. Negative
// amounts grant credit; a currency that is not named has no floor.
type Floor struct {
	Role    string                          `json:"role" yaml:"role"`
	Purpose string                          `json:"purpose" yaml:"purpose"`
	Amounts map[money.Currency]money.Amount `json:"amounts" yaml:"amounts"`
}

// Applies selects transactions; an empty list selects all.
type Applies struct {
	Sources  []string          `json:"sources,omitempty" yaml:"sources,omitempty"`
	Types    []string          `json:"types,omitempty" yaml:"types,omitempty"`
	Methods  []string          `json:"methods,omitempty" yaml:"methods,omitempty"`
	Products []string          `json:"products,omitempty" yaml:"products,omitempty"`
	Parties  map[string]string `json:"parties,omitempty" yaml:"parties,omitempty"` // role → party id the transaction must name
}

// SignContract asks to put a contract in force.
type SignContract struct {
	Terms

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (SignContract) CommandType() string { return "SignContract" }

// EndContract asks that a contract no longer applies from a date on.
type EndContract struct {
	Contract string      `json:"contract"`
	Until    domain.Date `json:"until"`
	Reason   string      `json:"reason"`

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (EndContract) CommandType() string { return "EndContract" }
