// Package node is an embedded EventStoreDB node: one process's log, reached over
// gRPC by the official clients like any other, kept by Pebble on one disk. It is
// the default store of Jeongsan on a single machine; a cluster of EventStoreDB
// takes its place without any other change.
//
// # What it offers
//
// The services Streams (append, batch append, read, delete, tombstone, and
// subscriptions with filters), ServerFeatures and Gossip, and on the same port over
// HTTP what load balancers and operators ask (listen.go, admin.go). Everything else
// is answered Unimplemented and is not listed, so that clients know.
//
// # Who may call
//
// Without a certificate everybody is an administrator, and the node listens on
// loopback unless told otherwise in so many words. With one, connections are
// encrypted (tls.go), an interceptor finds out who calls (authenticate.go; the users
// are package login's), and every handler asks allow (access.go) before anything
// else. Certificates of one's own are made by package certificate.
//
// # Why an answer can be trusted
//
//	Append calls ──▶ queue ──▶ commit loop ──▶ Pebble batch, flushed ──▶ tail ──▶ answers
//	(many)                     (one goroutine)  (many appends in one)    │
//	                                                                     ▼
//	                                                               subscribers, reads
//
// One goroutine decides every append, in order, so expected revisions and
// positions need no lock. Appends that wait while a flush is under way share the
// next one. Only after the flush do events become visible (tail.go), in the order
// of their positions, and only then are callers answered: what anyone has seen is
// on disk, and no position is ever given out twice. If a flush fails nobody can
// know what is on disk; the node then refuses all writes for good and says so
// through Done, for the process to be restarted.
//
// # How it is stored
//
// One append is one value, a block of records (record.go), under its position in
// the log; one more key per append leads from stream and revision to the block
// (store.go). A position is the place of a record's first byte in the log. Every
// record carries a checksum that is verified whenever it is read from disk: a
// damaged one is an error that names its position, it is never served and never
// skipped. Blocks, and the lines of a stream, follow each other without gap, so that
// a missing one is noticed as well. Damage that could be taken for the end of the log
// is looked for before the log is opened (witness.go, wal.go). All of this is proven
// for a whole log by check.go; backup.go and restore.go copy it while it is in use.
//
// An append is a repetition where its events stand behind the revision that it
// expects, at any age. Where it expects none, its ids are looked for (ids.go): only
// such appends add a key per event, and recent ids of all others are in memory.
// A stream is deleted by its metadata, or for good by an event at the last revision
// there is; what an append or a deletion brings with it is in the same flush
// (decide.go has the table, group.go carries it out).
//
// Rules of Jeongsan's business do not live here, and the package knows nothing of
// the rest of the project but its error type. To add a method of the protocol,
// add a file with its handler and list it in features.go.
package node
