package migrations

import (
	"embed"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed readmodels/*.sql
var readModels embed.FS

// ReadModel names a read model. Its tables live in the Postgres schema of the
// same name.
type ReadModel struct {
	Name string
	// Version is raised with every change of the tables or of how they are
	// computed. Tables of another version are replaced.
	Version int
}

// The read models.
var (
	Account     = ReadModel{"account", 1}
	Transaction = ReadModel{"transaction", 3}
	Daily       = ReadModel{"daily", 2}
	Directory   = ReadModel{"directory", 2}
	Audit       = ReadModel{"audit", 2}
	Hold        = ReadModel{"hold", 1}
)

// All lists every read model.
func All() []ReadModel {
	return []ReadModel{Account, Transaction, Daily, Directory, Audit, Hold}
}

// Next is the name of the schema in which a read model is rebuilt aside.
func (m ReadModel) Next() string { return m.Name + "_next" }

// Tables returns the statements that create the read model's tables in a schema,
// the schema included.
func (m ReadModel) Tables(schema string) (string, error) {
	text, err := readModels.ReadFile("readmodels/" + m.Name + ".sql")
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(string(text), "{schema}", pgx.Identifier{schema}.Sanitize()), nil
}
