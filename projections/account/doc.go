// Package account is the read model of accounts, balances and entries, and of
// the changes of balances that live readers follow.
//
// The fold, in project.go, is pure: entries in, rows out, over the balances that
// State remembers. store.go loads State from the tables and writes the rows.
// query.go reads the tables for the outside. Nothing that decides (limits,
// releases, fees) may live here: a balance here is what the log says, later.
//
// The postings of one account in one batch share a row of the table entries, at
// most 64 of them. That is what keeps a busy account cheap to write and its
// newest entries cheap to read.
package account
