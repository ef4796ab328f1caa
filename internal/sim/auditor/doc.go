// Package auditor knows what the ledger must have done. It is told, in plain
// words, what was sent and what was answered, reads the log event by event, and
// does the sums again with integers: what must have been settled, with which
// postings, what must lie in quarantine, what every account and every read model
// must hold. The first thing that is not so is the error.
//
// It judges by the log's own order: which of two conflicting inputs wins, or which
// refund still fits, is for the ledger to decide, and then binds it.
//
// Its worth is that it shares nothing with what it judges: it imports nothing of
// ours, has its own reading of events and its own arithmetic. Randomness, clocks
// and the running of the system are package sim's.
//
// To add a rule, add what it needs to know to facts.go, and the check where the
// event is taken or, for what must hold in the end, to finish.go.
package auditor
