// Package ledger holds the primitives of double entry: accounts, sides, postings
// and balances, and what must hold among them. An entry is a set of postings
// whose debits equal its credits in every currency, to the last digit.
//
// Debit and credit are sides, never signs: a posting's amount is greater than
// zero and a balance is two totals that only grow. Nothing here knows fees,
// contracts, parties or why an entry was made.
package ledger
