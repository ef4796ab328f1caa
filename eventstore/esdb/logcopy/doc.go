// Package logcopy carries a whole log from one event store to another: from the
// embedded node to a cluster, and back.
//
// # What is carried
//
// All events of user streams, in the order of the whole log, with their ids, types,
// content types, data, metadata and revisions; the metadata of those streams; and
// their deletions, soft and for good. Links are carried as the events they are.
// Streams that belong to the store (users, settings, statistics, projections) stay
// where they are. Positions cannot be kept: they are places in the other log, which
// is why a copied log begins a new incarnation (eventstore.LogStarted).
//
// # Why a copy can be trusted
//
//	source ──▶ compare with what the target holds ──▶ append the rest ──▶ prove ──▶ new incarnation
//	           (differs: refused, nothing written)     one at a time       both sides read again
//
// Every append names the exact revision that its events had in the source, with
// their ids: an append whose answer was lost is repeated and adds nothing, and a
// second writer is noticed at once. One append is under way at a time, since only
// so the order of the whole log is sure to be the source's. What an interrupted
// copy had reached is derived from the target alone, by comparing the two logs
// event by event; no state is kept beside them.
//
// The proof reads both logs afresh and compares, per stream, the number of events
// and a hash over all that is carried of them, and the order across streams.
//
// # What the target does by itself
//
// An event store writes some events by its own hand, with ids that nobody can
// choose: the tombstone of a stream, and metadata where a deleted stream is made
// again. The copy brings those about (write.go) and recognises them by content; so
// ids of tombstones, and all but the content of a stream's newest metadata, are not
// part of the proof.
//
// Rules about events and their content do not live here; the package knows of
// Jeongsan only the identity of its logs. To carry something else of a stream, add
// it to what writer does and to what proof counts.
package logcopy
