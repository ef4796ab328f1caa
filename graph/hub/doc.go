// Package hub carries balance changes from the read model to the subscribers of
// one process.
//
// One goroutine reads the table account.changes by position, woken by NOTIFY and
// at least every second, once for all subscribers. Each follower has a box with
// the latest value per account; taking from the box empties it, so a follower
// that is slow sees fewer values in between, never a stale last one.
//
//	            snapshot (position > cursor)
//	Follow ──▶ ┌──────────┐ ──▶ Next ──▶ Next ──▶ …   cursor: all up to here is delivered
//	           │ box: one │
//	changes ──▶│ value per│   full box ──▶ ErrSlow, come back with the cursor
//	           │ account  │
//	           └──────────┘
//
// Why nothing is missed: a follower is registered before its snapshot is taken,
// and the snapshot says exactly which position it stands for. Changes up to that
// position are in the snapshot, all later ones pass through the box, since
// changes are committed in the order of positions by a single writer. Where the
// hub cannot be sure to have read every change (it begins, the tables were
// replaced, old changes were pruned before it read them), it has every follower
// take a snapshot from its cursor again.
//
// The package knows balances and positions; tokens, GraphQL and connections are
// the business of package graph. To push something else, add a hub of its kind
// beside this one.
package hub
