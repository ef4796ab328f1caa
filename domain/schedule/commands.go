package schedule

import (
	"time"

	"github.com/jeongsan/jeongsan/domain/fee"
)

// PublishSchedule asks to add a version. Versions count from 1 without gaps;
// the same version with the same content is a replay. Worked cases are no part of
// what is published.
type PublishSchedule struct {
	fee.Document

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (PublishSchedule) CommandType() string { return "PublishSchedule" }
