// Package audit is the audit index: for every event of the log its position,
// stream, revision, type, actor and time, and the ids of what it concerns.
//
// The fold, in project.go, is pure: it numbers streams, types and actors and
// names the ids. store.go writes its rows; query.go reads the tables for the
// outside. The content of an event may not live here: it is read from the event
// store, which is the truth. An aggregate whose events should be found by id
// gives its cases to concerns in project.go.
package audit
