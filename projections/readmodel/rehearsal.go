package readmodel

// Rehearsal is a read model without Postgres: its fold, over rows in memory. The
// simulation drives it, and no process of the product. It belongs to one goroutine.
type Rehearsal interface {
	// Project folds events as a Projector does. Nothing has changed before commit
	// is called. Where it is not called, as in a transaction that was rolled back,
	// or where there is an error, Forget is called before anything else.
	Project(events []Event) (commit func(), err error)
	// Forget drops what is remembered beside the rows.
	Forget()
	// Rows gives the committed rows of each table as text, in any order. Where rows
	// hold several items, as chunks do, each item is given.
	Rows() map[string][][]string
}
