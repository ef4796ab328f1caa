// Package command is the one door for commands. Whoever wants something to
// happen calls Door.Do; nobody else appends to the log.
//
// # Rare aggregates
//
// Parties, contracts, schedules, calendars and sources go through one generic
// handler: read the stream, fold, decide, append with the exact expected revision;
// after a lost race, read on and decide again, a bounded number of times.
//
// # The book writer
//
// A book has one resident writer per process. Callers queue; the writer takes up
// to 500 commands, loads the records of their keys, decides them in order and
// appends all events in one append. One group is in flight at a time:
//
//	          ┌──────────────────────── next group ◀───────────────────┐
//	          ▼                                                        │
//	queue ─▶ load keys ─▶ mark, decide, evolve ─▶ append ─▶ durable: answer
//	          ▲                                    │ │ ▲
//	          │      another writer was faster:    │ │ │ outcome unknown:
//	          └── roll back, fold the tail ◀───────┘ └─┘ the identical group again
//
// Why this is safe. The expected revision is exact, so a group that was decided
// on an old state cannot be appended: correctness depends on no lock and no
// lease, and any number of processes may write one book. The id of an event is
// made of stream, key and data, so repeating a group is recognised, and a
// different decision is never mistaken for it. A caller is answered only when the
// outcome is definite; one that cannot wait gets CodeOutcomeUnknown and retries
// with the same key, which gives the first answer again.
//
// # What a command rests on
//
// A reversal needs the event that it takes back, and a refund the event of its
// original where that one was rated by the second engine: contract, version,
// parties and lines are then the original's, whatever has been signed or published
// since. So does what gives a refund back, since its sale can then be refunded again.
// Such an event is read from the log once the index has said at which
// revision it stands, or taken from the group itself where it was decided in the
// same group; what a re-rating has restated is taken as restated (earlier.go).
//
// What has waited for a transaction is decided right behind it, in the same append:
// nobody ever sees a sale whose refund has come but is not in its book. Where it
// cannot be carried out, the transaction stands alone, and who sends the other again
// learns why.
//
// # What is kept beside the log
//
// The keyed half of a book's state and a snapshot of its hot half are in package
// index, a cache that is checked against the log when a book is opened and
// rebuilt from it whenever it does not fit. The reference view (parties,
// contracts, schedules, calendars) is in memory and fed by a subscription; before
// it answers "missing" it reads to the end of the log.
//
// # Business dates
//
// AdvanceBusinessDate takes a book from one business date to the next in steps of
// one event each. Its caller repeats it until it is a replay: package businessday
// does so, and can be killed between any two steps, or run in several processes.
// What a window's end comes to is computed where the book is written (closing.go),
// by the contract, the version of the schedule and the parties of that window.
//
// # What may not live here
//
// Rules: they are in domain/. Reading Postgres: the write side works without it.
// Protocols of sources: they are in collect/.
//
// To add a command: a line in commands (wire.go), a case in route (route.go) if
// it needs something filled in, and the rule in its aggregate.
package command
