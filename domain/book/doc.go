// Package book is the aggregate that moves money: one operator's double-entry
// ledger, stream "book-<id>". Every rule that must hold at once is decided here:
// each key once, refunds within their original, entries that balance, balances
// that fit.
//
// # State
//
// The state has two halves. The hot half (balances, counters, last recorded time,
// number of events) is held whole. The keyed half, one KeyRecord per transaction, grows
// with history and is held only as far as a decision needs it:
//
//	command ──Keys──▶ keys to load ──State.Load──▶ Decide ──events──▶ Evolve ──Changes──▶ index
//
// A writer that decides a group of commands marks the state, evolves it with each
// event before deciding the next command, and then either commits (the events are
// durable; Changes lists what the index must take over) or rolls back (another
// writer was faster; the state is as it was at the mark):
//
//	        Mark              durable: Commit, Drop
//	clean ────────▶ marked ─────────────────────────▶ clean
//	  ▲                │ Evolve …
//	  └────────────────┘ lost: Rollback
//
// A state made by Decider.Initial holds every key it has seen, so a plain fold of
// the stream needs none of this. A state that was restored, or has dropped keys,
// insists that a key is loaded before it is asked about.
//
// # Counters
//
// Accumulators of schedules count in the order of the book. What a transaction
// found and made of them is in its event, before and after; folding trusts the
// value after and refuses an event whose value before is not the book's. A reversal
// takes back what its target counted. Of a rolling window each day has a bucket and
// the window is their sum; a bucket that no window can need any more, not even that
// of a transaction which comes a month late, is dropped when a newer day is counted.
//
// # What may not live here
//
// I/O, clocks, the rating of fees (package fee), the search for contracts (package
// contract, done by the command door), and anything about other books: no entry
// spans two.
//
// # To add an event
//
// Its type in events.go, its command in commands.go, a case in decide.go and in
// evolve.go, the keys it touches in keys.go, and its line in the catalogue of
// package eventstore.
package book
