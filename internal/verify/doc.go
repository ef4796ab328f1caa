// Package verify is the second opinion: it reads the whole log, folds it again
// with code of its own, and compares the result with itself and with Postgres.
//
// Its worth lies in sharing nothing with what it checks. It imports neither
// domain/ nor projections/, nor does it use the codec of package eventstore: it
// has its own reader of JSON, its own 128-bit decimal and its own idea of what
// every event means. A fault in the rules, in the codec or in a read model is
// therefore not repeated here but found. Package archtest fails where that
// independence is lost.
//
//	log ──▶ scanner ──▶ fold: per event the checks of the log (book.go, reference.go, …)
//	                     │
//	                     └──▶ one expectation per read model (model_*.go), fed up to
//	                          that model's checkpoint, compared with its tables in
//	                          one repeatable-read snapshot of Postgres
//
// Transactions and audit rows are compared in step with the log, so they cost no
// memory. Entries are compared by a chain of keyed hashes per account; only where
// a chain differs is the log read a second time, to name the first posting that
// does. What grows with the history is the index of settled keys: 51 to 61 bytes
// for each settlement, without pointers (index.go); for one that the second rating
// engine has rated near 80 more, with what refunds are held to (rated.go). What is
// held costs by accounts and dates, not by sales.
//
// Keys and chains are told apart by 64-bit hashes with a seed drawn for every run,
// so nobody can aim at a collision. A key that seems to be settled twice is read
// from the log again and compared as it is: a collision is no difference, and equal
// keys always have equal hashes, so that check is exact. Where a chain, a mirrored
// entry or the key of an original is compared by hash alone, a fault goes unseen by
// chance once in 2^64.
//
// Settlements are not rated again: that an amount is what a contract asks for is
// said by the line that explains it. What is worked out again is whether each line
// follows from what it says (lines.go, returns.go), what bounds it, and what every
// accumulator counts (counters.go). For that the formulas of schedules are read by a
// parser of this package and computed in fractions (parse.go, formula.go, scene.go).
// So is where its amount goes, for settlements of the second engine: which accounts it
// is posted to, in which currency, and until when it is held there (posted.go,
// conversion.go, calendar.go).
//
// What lasts beyond an entry is folded again as well: what accounts hold back until
// dates (hold.go), the business dates of books, in order, with nothing passed over
// (advance.go), the ends of windows, with the entries of their periods worked out from
// the schedule (closing.go, closed.go, period.go), adjustments and what re-ratings
// restate (adjustment.go), and what waits for its original (await.go). To check a
// restatement, or the reversal of what was held, the settlement is read once more.
//
// From the same events come the sums per outcome (outcome.go) and the state, a
// hash of what the ledger says in whatever order it came to say it (state.go).
//
// The first difference ends the run and is returned as a *Difference, which says
// what was checked, where, what was expected and what was found.
//
// What may not live here: a repair, a write of any kind, an import of the code
// under test. To add a check of the log, add it where its event is folded and a
// constant in difference.go; to cover one more read model, add a file model_<name>.go
// that implements expectation, and one line in models.
package verify
