// Package transaction is the read model of transactions: their headers, the
// transactions of each party, the links from refunds, reversals and adjustments to
// what they take back or correct, what waits for its original, and where the
// accumulators stand in which they count. What a book posts by itself as it comes to
// a business date, a step, stands apart: it has no key and is no transaction.
//
// The fold, in project.go, is pure and remembers nothing between batches. store.go
// writes its rows, step.go, awaiting.go and counter.go those of their tables; query.go
// reads the tables for the outside. A header holds what
// every party of the transaction may see. Postings, attributes,
// rates and explanations may not live here: a partner must not find another's, so
// they stay in the event.
package transaction
