// Package esdb is the event store over EventStoreDB's official client, and the
// only package that imports it. It serves the embedded node, a single EventStoreDB
// or KurrentDB, and clusters of them alike.
//
// It exists to close the client's traps, so that nobody else needs to know them:
//
//   - a nil expected revision means "any" and a nil start of a subscription means
//     "end": the contract's types have neither;
//   - calls hide the cause behind several wrappings, sometimes behind a bare io.EOF:
//     failure.go maps every one to an eventstore.Error;
//   - Recv takes no context: a feed (feed.go) reads ahead in its own goroutine, and
//     waiting for it can be given up without losing anything;
//   - the client closes for good when discovery fails once, leaks a connection
//     when it rediscovers, and may then block a call for ever: a link (link.go) is
//     thrown away at the first sign of trouble and another one is built;
//   - a connection string with a misspelt setting is accepted: config.go refuses it.
//
// Beside the contract it offers what a copy of a whole log needs (raw.go, and package
// logcopy below): events of any stream with all that is kept of them, and deletions.
//
// Rules about events and their content do not live here. To use another call of
// the client, add it to store.go inside Store.call, which bounds it in time.
package esdb
