// Package migrations holds the SQL of Jeongsan's Postgres database and brings a
// database up to it.
//
// There are two kinds. The base tables (which log the database follows, and how
// far each read model is) live in schema jeongsan and change by numbered
// migrations under base/, forward only. The read models need no migrations: each
// is a function of the log, so a read model whose tables or fold change gets a
// higher version and is built anew beside the old one. Their tables stand in
// readmodels/<name>.sql, one Postgres schema each, with {schema} for its name.
//
// No Go code that reads or writes rows may live here. To add a base migration,
// add base/<next number>_<what>.sql; to add a read model, add its file and its
// line in All; to change one, edit its file and raise its version.
package migrations
