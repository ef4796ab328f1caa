package contract

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// Category is the category of a contract's stream: "contract-<id>".
const Category = "contract"

// ContractSigned records which schedule applies between which parties, from when.
type ContractSigned struct {
	Terms
	RecordedAt time.Time `json:"recorded_at"`
}

// EventType implements domain.Event.
func (ContractSigned) EventType() string { return "ContractSigned.v1" }

// ContractEnded records the first date on which the contract no longer applies.
type ContractEnded struct {
	Contract   string      `json:"contract"`
	Until      domain.Date `json:"until"`
	Reason     string      `json:"reason"`
	RecordedAt time.Time   `json:"recorded_at"`
}

// EventType implements domain.Event.
func (ContractEnded) EventType() string { return "ContractEnded.v1" }
