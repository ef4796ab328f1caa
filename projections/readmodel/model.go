package readmodel

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/migrations"
)

// Model is a read model: tables in Postgres that are a function of the log.
type Model interface {
	// Definition gives the name, the version and the tables.
	Definition() migrations.ReadModel
	// Categories lists the categories of streams whose events the model is given;
	// nil is all.
	Categories() []string
	// Projector returns a writer of the model's tables in a schema.
	Projector(schema string) Projector
	// Comparable lists what two copies of the model must have in common.
	Comparable() []Comparable
}

// Projector folds events into one copy of a read model's tables. It belongs to
// one goroutine at a time.
type Projector interface {
	// Project folds events, which follow those of the last call without a gap, and
	// writes what changes within the transaction. It is all or nothing: after an
	// error, or a commit that fails, Forget is called before anything else. At
	// least one event is given, and none with Err. How the log is cut into calls
	// makes no difference to what the tables say.
	Project(ctx context.Context, tx pgx.Tx, events []Event) error
	// Forget drops what the projector remembers of its tables. It is read again
	// from them when it is needed.
	Forget()
}

// Comparable is a query whose result must be the same, in any order, over two
// copies of a read model at the same position. SQL has {schema} for the schema
// and hides what may differ, such as where rows of chunks end.
type Comparable struct {
	Table string
	SQL   string
}

// In returns a statement with {schema} replaced.
func In(schema, sql string) string {
	return strings.ReplaceAll(sql, "{schema}", pgx.Identifier{schema}.Sanitize())
}
