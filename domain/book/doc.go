// Package book is the aggregate that moves money: one operator's double-entry
// ledger, stream "book-<id>". Every rule that must hold at once is decided here:
// each key once, refunds within their original, entries that balance, balances
// that fit.
//
// # State
//
// The state has two halves. The hot half (balances, counters, what is held, business
// date, last recorded time, number of events) is held whole. The keyed half, one KeyRecord per transaction, grows
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
// # What comes early, and what is given back again
//
// A refund or a reversal whose source lets it wait is recorded before its original
// (OriginalAwaited): its key has a record, and so has that of the original, as a
// tombstone. One waits for one original. When that is settled, the event says what
// waited (Awaited), and the command door carries this out right behind it.
//
// What gives back a refund or a chargeback, as a dispute that was won does, restores
// the sale behind it: of this less is given back then, and it can be refunded again.
// The sum of refunds less that of what was restored never exceeds a sale.
//
// An adjustment posts what it asks for. That of a re-rating says also how its
// transaction would have been settled; refunds and reversals rest on that from then
// on (Restated). Counters never change by it.
//
// # Held money
//
// A share of a rule with a hold is posted to a purpose of its own, and the book keeps
// one sum for each account, purpose that it moves into, and date: a slice. Every event
// that changes slices says so beside its postings, and folding refuses less than
// nothing. What takes from such a share takes from its slice as far as that goes, and
// the rest from where the money has gone:
//
//	sale ──▶ owner/reserve ──its date comes──▶ owner/payable
//	             │ slice                          │
//	             └────◀── refund, chargeback ──▶──┘
//
// Nothing moves time but AdvanceBusinessDate, by one date at a time. It is carried out
// in steps, one event each: slices that are due are released, so many at a time; then
// windows of accumulators that have ended are closed, one at a time, by the periods of
// their schedule; when nothing is left the date is there. The state alone says which
// step is next, so that any number of callers may repeat the command whenever a
// process or a connection was lost: no step is taken twice and none is left out. An
// agenda of dates finds the next step without looking at what is not due.
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
