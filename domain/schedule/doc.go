// Package schedule is the aggregate of a fee schedule's versions: stream
// "schedule-<id>". A version is immutable once published; a correction is a new
// version. Versions count from 1 without gaps and their effective dates never go
// back; the one for a date is the highest whose date has come (VersionFor).
//
// What rules mean and how they are applied lives in package fee.
package schedule
