package domain

import (
	"time"
)

// Date is a calendar date without a zone, written 2026-11-22. Contracts read it
// in their own zone. Dates of four-digit years compare as strings.
type Date string

// DateOf returns the date of an instant in a zone.
func DateOf(t time.Time, zone *time.Location) Date {
	return Date(t.In(zone).Format(time.DateOnly))
}

// ParseDate accepts 2026-11-22 and nothing else; there is no year 0000.
func ParseDate(field, s string) (Date, error) {
	if at, err := time.Parse(time.DateOnly, s); err != nil || at.Year() < 1 {
		message := "not a date"
		if s == "" {
			message = "a date is missing"
		}
		return "", &Error{Code: CodeInvalid, Field: field, Value: s, Message: message, Remedy: "write it as 2026-11-22"}
	}
	return Date(s), nil
}
