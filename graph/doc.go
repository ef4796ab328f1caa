// Package graph is the way out: GraphQL queries, mutations and subscriptions
// over HTTP, WebSocket and server-sent events.
//
// Queries read Postgres through the query.go of each read model; what only the
// log holds (entries, explanations, raw events) is read from the event store;
// mutations go through the command door and answer with the log position they
// reached; balances are pushed by package hub. Nothing here writes to Postgres
// or to the log, and no rule of the domain lives here.
//
//	schema/*.graphqls    what can be asked, by area; every field is described
//	generated/           code made from it: go generate ./graph
//	<area>.resolvers.go  one resolver per field that is not just held data
//	<area>.go            how held data and events become GraphQL objects
//	errors.go            the one place where errors are mapped to the outside
//
// To add a field over held data, add it to the schema, run go generate ./graph
// and fill it where its area's objects are made; for one that must be looked up,
// mark it "resolver: true" in gqlgen.yml and write the resolver in the stub.
package graph
