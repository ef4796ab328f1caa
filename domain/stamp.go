package domain

import "time"

// Stamp brings a recorded time to the form events carry: UTC, microseconds, as
// the read models can hold it exactly.
func Stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Unfilled says that the command door left a field empty that it has to fill.
func Unfilled(field string) error {
	return &Error{Code: CodeInternal, Field: field, Message: "the command door left the field empty"}
}
