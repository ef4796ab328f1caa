// Package datadir owns the data directory of an installation: it creates it,
// keeps a second process out of it, records the version of its layout, and names
// the places inside it. What stands in those places belongs to others.
//
//	<data>/VERSION      format of the directory and who created it
//	<data>/LOCK         held while a process uses the directory; names that process
//	<data>/node/        the embedded event store
//	<data>/index/       the local index of the command door, rebuilt from the log at need
//	<data>/postgres/    the private Postgres server, rebuilt from the log at need
//	<data>/keys/        the keys that close personal data: back them up with the log
//
// The lock is the kernel's (flock), so it ends with the process, whatever kills
// it; the file itself is never deleted, as that would let two processes lock two
// files of one name.
//
// What may not live here: knowledge about the content of any sub-directory. To
// add one, add a constant and a method beside the others; raise Format only if an
// older program would misread the directory.
package datadir
