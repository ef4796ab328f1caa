// Package bench measures the product on its real path, and in the same run what
// the machine can do: figures of one run may be divided by each other, figures
// of two runs may not.
//
//	calibrate (what the machine can do)        scenarios (what the product does)
//	  flush      one flush to this disk          end-to-end  mapped input → durable → in every read model
//	  storage    Pebble alone, the same bytes    durable     mapped input → durable
//	  yardstick  plain Postgres, written well    ingest      a file → … → in every read model
//	  bare       append → subscription → rows    graphql     one settle mutation per request
//	                                             node-…      the event store node alone, a process of its own
//	                                             …           see scenarios
//
// Every scenario works on a ledger of its own with the parts that a server has:
// the embedded node over the official client, the door for commands, the runner
// with all read models, the private Postgres, the HTTP listener. They are opened
// by Config.Open, which is the program's own wiring; the only thing put between
// is a store that notes when an append has returned (tap). Bulk input goes to
// the door in the batches and under the throttle that package collect uses.
//
// The node's scenarios need no ledger: Config.StartNode starts the program again, as
// "jeongsan node", so that the node's memory and CPU time are its own, and gives a
// client of the kind that the product uses. What it is compared with, Pebble alone
// and a plain file with the same bytes, runs before and after in the same scenario.
//
// What may not live here: anything that the server runs, settings that only a
// measurement would have, and code that makes a figure look better than a user
// would find it. Printing is the command's.
//
// To add a scenario: a function on bench in a file of its own, a line in
// scenarios, and where it has a floor a line in ratios.go.
package bench
