// Package console serves a page to try GraphQL on: an editor with samples, the
// answer, live subscriptions over WebSocket or server-sent events, a history, and
// the documentation of the schema by introspection.
//
// Everything is embedded: the page loads nothing from elsewhere and works without
// the internet. It knows no more than any other client of /graphql. To add a
// sample, add it to samples.js.
package console
