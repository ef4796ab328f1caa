// Package postgres runs a private Postgres server as a child process, and
// connects to Postgres, this one or any other.
//
// The server listens on a Unix socket in a directory of its own and nowhere
// else. Its life is bound to ours:
//
//	          Start                 child exits
//	(nothing) ─────▶ initialising ─▶ running ───────────▶ waiting (back-off)
//	                                 │   ▲                   │
//	                            Stop │   └───────────────────┘ start again
//	                                 ▼
//	                              stopped
//
// Why this is safe:
//
//   - A parent that is killed takes the child along (on Linux by the kernel's
//     parent death signal, sent to a thread that lives as long as the child). A
//     child that outlived its parent all the same is found by the postmaster.pid
//     of its data directory, asked to shut down, and awaited before another is
//     started. The pid file is never deleted by us: Postgres judges for itself
//     whether it is stale.
//   - A second supervisor over the same directory is refused by a file lock.
//   - A data directory comes into being by a rename after initdb has finished, so
//     a half-made one is never opened.
//   - fsync, full page writes and checksums are on. A crash of the server is
//     Postgres' own crash recovery; the connection string stays the same.
//   - Postgres refuses to run as root, so under root the child runs as the owner
//     of the data directory: the account "postgres" where there is one, else the
//     number 65534. It has to be able to enter every parent folder; where it
//     cannot, the error names the folder.
//
// Nothing that knows Jeongsan's tables may live here. To support one more place
// where distributions install Postgres, add it to candidates in binaries.go.
package postgres
