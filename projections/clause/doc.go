// Package clause builds the WHERE clause of a read model's query from the
// conditions that a caller has given, with numbered placeholders. Values never
// become part of the SQL text.
//
// It knows no table and runs no query. There is nothing to add here for a new
// read model: its query.go lists its own conditions.
package clause
