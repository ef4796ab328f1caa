// Package businessday takes books from one business date to the next: it decides
// which date it is, and repeats AdvanceBusinessDate until each book has come to it.
//
// # Why it is safe
//
// The date of a book is in the book, and only its events move it. A Scheduler keeps
// nothing that it could lose: whatever it believes, the book decides whether a date
// is the next one, a repetition, or too far ahead.
//
//	             ┌─────── a step was taken ───────┐
//	             ▼                                │
//	today ─▶ AdvanceBusinessDate(book, date) ─────┤
//	             ▲                                ├─▶ replay: the book is there
//	             └─ the date after the book's ◀───┘   too far: go date by date
//
// Killed between two steps, it begins anew with the same command. Two processes that
// do the same work race for the same appends; who loses decides again on what the
// other wrote, and finds a replay at the end. While the store is away commands fail,
// and are sent again until it is back; then dates that were missed are made up for
// in their order. A clock that goes back asks for dates that are replays; one that
// jumps far ahead is not believed, because a business date cannot be taken back.
//
// # What may not live here
//
// What a date brings about: that is decided in domain/book. Calendars: every date is
// a business date of a book, and contracts say when money falls due. Prometheus: an
// Observer hears of everything.
package businessday
