package calendar

import "time"

// Category is the category of a calendar's stream: "calendar-<id>".
const Category = "calendar"

// CalendarPublished records one version of a calendar. It replaces the version
// before it for everything decided from then on; what has been decided keeps the
// dates that it was given.
type CalendarPublished struct {
	Document
	RecordedAt time.Time `json:"recorded_at"`
}

// EventType implements domain.Event.
func (CalendarPublished) EventType() string { return "CalendarPublished.v1" }
