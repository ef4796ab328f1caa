// Package console serves the pages to try GraphQL on in a browser.
//
// At "/" stands GraphiQL, if it was built (make console, which needs npm) before
// the binary was: its bundle is embedded from built/, which is empty in the
// repository. At "/console/", and at "/" without a bundle, stands a smaller page of
// our own: an editor with samples, the answer, live subscriptions over WebSocket or
// server-sent events, a history, and the documentation of the schema.
//
// Both are embedded and load nothing from elsewhere, so they work without the
// internet and under a strict content security policy. They know no more than any
// other client of /graphql. To add a sample, add it to static/samples.js; it
// becomes a tab of GraphiQL too.
package console
