// Package transaction is the read model of transactions: their headers, the
// transactions of each party, the links from refunds and reversals to what they
// take back, and where the accumulators stand in which they count.
//
// The fold, in project.go, is pure and remembers nothing between batches. store.go
// writes its rows; query.go reads the tables for the outside. A header holds what
// every party of the transaction may see. Postings, attributes,
// rates and explanations may not live here: a partner must not find another's, so
// they stay in the event.
package transaction
