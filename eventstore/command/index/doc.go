// Package index keeps the book writer's local copy of what it cannot hold in
// memory: one record per transaction key (the keyed half of a book's state) and
// a snapshot of the hot half, one row per account and counter. It is a cache of the log in a
// Pebble database and may be deleted at any time.
//
//	h <book>                                 header: log, revision, event id, counts, hash
//	a <book> 0 <account>                     snapshot row of an account
//	c <book> 0 <counter>                     snapshot row of a counter
//	k <book> 0 <source> 0 {0 <id>|1 <hash>}  record of a key; long ids are hashed
//
// Why it is safe. Records, rows and header of a book move in one atomic batch,
// so what is read is always the state after some event of the stream, the one
// that the header names. Batches are not flushed: after a crash the database
// may be behind, never torn, and the writer folds the rest of the stream. The
// header says which log it belongs to and the id of the event it stands at; the
// writer compares both with the log before it trusts the index. Every value
// carries a checksum over key and value besides Pebble's own of its blocks.
// Whatever does not fit is ErrDamaged, and the answer to it is Reset: an empty
// index, rebuilt from the log. Keys are in the order of the source's own ids,
// for which Pebble is many times faster than for random ones.
//
// What the bytes of records and rows mean is not known here: package command
// writes and reads them. To keep one more kind of row, add a letter above.
package index
