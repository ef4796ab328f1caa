// Package export writes what the log holds in forms that other programs read:
// the journal of hledger and ledger, beancount, and one row per posting as JSON
// lines or CSV. It reads the log and nothing else, so what comes out can be held
// against the read models by programs that share no code with this one.
//
// Events come in the order of the log. Row formats are written as they come. The
// accounting formats want booking dates in order: the text of an entry is put with
// the others of its day, in a temporary file once there is much of it (spill.go),
// so that memory grows with accounts and days and not with the history. The same
// log and selection give the same bytes.
//
// What may not live here: judging the log (internal/verify does), reading Postgres,
// opening files (the command does). To add a format of accounting programs,
// implement dialect; to add a column, add a line to columns, at its end.
package export
