// Package hold is the read model of held money: what each account of a book holds
// back until which date, what has been released, and the business date of each book.
//
// The fold, in project.go, is pure and remembers nothing between batches: it sums
// what a batch changes. store.go adds the sums to the table; query.go reads the
// tables for the outside. Nothing that decides when money is released may live here:
// a book does that from its own state, and this is what the log says, later. Rows
// belong to one owner each, so that everybody can be shown his own.
package hold
