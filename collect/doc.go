// Package collect is the way in: it reads what a source delivered, maps every
// record to the canonical transaction by the source's definition, and hands the
// transactions to the command door.
//
//	bytes ─▶ check whole ─▶ decode ─▶ identity, hash ─▶ ignore rules ─▶ map ─▶ door
//	             │              │                            │           │      │
//	             ▼              └──────────── fault ─────────│───────────┴──────┤
//	          refused                                     ignored          quarantined,
//	                                                                   settled, replayed
//
// Why nothing disappears. A delivery is read twice. The first reading settles
// nothing: it makes sure that the bytes are whole, and counts the records. A
// delivery that is cut off or not in its encoding is refused as a whole. The
// second reading gives every record exactly one outcome, and the sum of outcomes
// must equal the first count. A record that cannot be settled goes into the log
// with its raw bytes, encrypted, and the reason.
//
// Why it can be repeated. The identity of a record comes from the record (or its
// place within its own unit), so reading a file again, whole or after a crash in
// the middle, only meets transactions that have settled: the ledger answers
// "replayed" and nothing changes. An unknown outcome is asked for again with the
// same keys until it is definite.
//
// Memory is bounded: records travel in batches, one being settled while the next
// is decoded; a throttle holds back while too many settlements are not visible.
//
// What may not live here: rules about money (domain/), reading Postgres, anything
// that appends to the log other than through the door. A file format is a folder
// under format/; an expression function a line in expression/; a way for files to
// arrive a folder of its own, like intake/.
package collect
