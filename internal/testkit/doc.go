// Package testkit gives tests the real things: a Postgres database each, an
// event store node each. There are no fakes here.
//
// All databases of a test binary live in one private Postgres server, started
// when the first is asked for. A package that uses it calls Main from its
// TestMain, which stops the server and removes its files. Where a binary ends
// without that (a panic, a kill, no TestMain), the kernel ends the server with
// its parent, and the next test run removes what it left on disk.
//
// Only tests import this package. To add one more part, give it a function that
// takes a testing.TB, registers its own clean-up and calls Skip where the machine
// lacks what it needs.
package testkit
