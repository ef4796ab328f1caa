// Package eventstore is the contract of the log, the one place where truth is
// kept: what can be appended, read and followed, which errors there are, and how
// the domain's events become bytes and events again.
//
// # Why appending is safe
//
// An append names one stream and the state it must be in. The store takes all of
// its events or none, and answers after they are on disk. Whoever gets no definite
// answer (a timeout, a lost connection) repeats the identical append:
//
//	            ┌────────── OutcomeUnknown: the same append again ──────────┐
//	            ▼                                                           │
//	decide ─▶ append ─▶ taken ──────────────────────────▶ Appended          │
//	            │                                                           │
//	            ├─▶ taken before, ids match at its place ─▶ Appended (same)  │
//	            ├─▶ stream is elsewhere ─▶ CodeWrongExpected: read, decide again
//	            └─▶ no answer ──────────────────────────────────────────────┘
//
// The store recognises a repetition by the ids of the events at the expected
// revisions, at any age. That is exact only because ids are deterministic and
// because there is no expected revision "any": Expected has no such value.
//
// # What lives here
//
// The Store contract (eventstore.go), the checks that every implementation shares
// (check.go), and the catalogue of event types with its codec. Rules of business
// do not live here, nor does anything that knows a wire protocol, a file or a
// database: those are implementations, one package each (esdb over the official
// client, memory for simulations), all held to the suite in package storetest.
//
// To add another store, implement Store in a package of its own, return errors as
// *Error, call CheckAppend and CheckRead first, and run storetest.Run against it.
package eventstore
