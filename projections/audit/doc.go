// Package audit is the audit index: for every event of the log its position,
// stream, revision, type, actor and time, and what it concerns.
//
// What events concern are subjects: parties, contracts, schedules, calendars, sources
// and books. They are numbered together with streams, types and actors, and a row of
// mentions lists the events of one subject. Transactions are too many for that:
// an event has the one or two that it concerns in columns of its own.
//
// The fold, in project.go, is pure: it numbers names (subject.go) and collects
// rows. store.go writes them; query.go reads the tables for the outside. The
// content of an event may not live here: it is read from the event store, which
// is the truth. An aggregate whose events should be found by id gives its cases to
// concern.of in subject.go, and its kind to the kinds there.
package audit
