// Package projections keeps the read models in Postgres up with the log.
//
// One subscription to the whole log feeds all read models. Events are decoded
// once and cut into batches; each read model folds a batch to rows and commits
// them together with its checkpoint, so that every event takes effect exactly
// once, whatever is killed whenever:
//
//	          ┌ decode ┐   ┌ cut into batches ┐   ┌ account      ┐ one SQL transaction each:
//	log ────▶ │        │ ─▶│ ≤5,000 events,   │ ─▶│ transaction  │  1. move the checkpoint, if it is
//	          └────────┘   │ ≤20 ms old       │   │ daily        │     where I left it (the fence)
//	                       └──────────────────┘   │ directory    │  2. write the rows
//	                                              └ audit        ┘  3. commit
//
// Why this is safe:
//
//   - The fence names the position and the generation of the tables. Where
//     another projector or a rebuild was faster it matches no row: nothing is
//     written, what is remembered is dropped, and everything is read again.
//   - It comes first in the transaction, so a rebuild that holds the row of the
//     checkpoint finds no half-written batch and waits for none.
//   - An advisory lock lets one runner work while others stand by. It only saves
//     work; correctness rests on the fence.
//   - A failure of Postgres or the event store is waited out; nothing is skipped.
//     An event that one read model cannot take parks that read model there, with
//     the reason in its checkpoint. The others go on. It is tried again at every
//     start, and after a rebuild.
//   - The checkpoints belong to one log and incarnation. Over any other log the
//     read models start again from nothing.
//
// A rebuild makes the tables anew in "<name>_next" beside those in use, compares
// both at one position, and switches by renaming schemas.
//
// Queries, and anything the outside calls, may not live here. To add a read model,
// add its folder (project.go pure, store.go with its Model), its tables in package
// migrations, and its line in Models.
package projections
