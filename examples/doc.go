// Package examples embeds the files that `jeongsan demo` starts from, so that the
// demo of a bare binary and the files that a reader opens are the same.
//
// The other files beside it are for people and tests: source definitions and
// terms to copy from, published fee schedules with their worked cases (schedules/),
// and calendars. No logic lives here. To add an example, add a file; what is under
// demo/ is embedded, and the tests read every schedule: its cases must pass, and
// docs/schedules.md must name it.
package examples
