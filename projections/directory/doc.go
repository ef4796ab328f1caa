// Package directory is the read model of parties, contracts, schedules, calendars and
// sources as they are now, and of what is open in quarantine.
//
// The fold, in project.go, is pure: it brings a batch down to the rows that it
// adds or changes. store.go writes them; query.go reads the tables for the
// outside. Personal data passes through sealed; nothing that opens an envelope
// may live here. To add a kind of reference data, give it a table, a part of
// changeSet, and the cases of its events in fold.
package directory
