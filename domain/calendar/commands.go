package calendar

import "time"

// PublishCalendar asks to publish a version. Versions count from 1 without gaps; the
// same version with the same content is a replay.
type PublishCalendar struct {
	Document

	RecordedAt time.Time `json:"-"` // filled by the command door
}

// CommandType implements domain.Command.
func (PublishCalendar) CommandType() string { return "PublishCalendar" }
