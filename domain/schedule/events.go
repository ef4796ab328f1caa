package schedule

import (
	"time"

	"github.com/jeongsan/jeongsan/domain/fee"
)

// Category is the category of a schedule's stream: "schedule-<id>".
const Category = "schedule"

// SchedulePublished records one version of a schedule, immutable from then on.
type SchedulePublished struct {
	fee.Document
	RecordedAt time.Time `json:"recorded_at"`
}

// EventType implements domain.Event.
func (SchedulePublished) EventType() string { return "SchedulePublished.v1" }
