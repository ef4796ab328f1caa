package projections

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/projections/account"
	"github.com/jeongsan/jeongsan/projections/audit"
	"github.com/jeongsan/jeongsan/projections/daily"
	"github.com/jeongsan/jeongsan/projections/directory"
	"github.com/jeongsan/jeongsan/projections/hold"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// Model is a read model; see readmodel.Model.
type Model = readmodel.Model

// Models lists every read model.
func Models() []Model {
	return []Model{account.Model{}, transaction.Model{}, daily.Model{}, directory.Model{}, audit.Model{}, hold.Model{}}
}

// Find returns the read model of a name, or CodeNotFound.
func Find(name string) (Model, error) {
	names := ""
	for _, model := range Models() {
		definition := model.Definition()
		if definition.Name == name {
			return model, nil
		}
		names += " " + definition.Name
	}
	return nil, &domain.Error{Code: domain.CodeNotFound, Field: "read_model", Value: name, Message: "no such read model", Remedy: "name one of:" + names}
}

// prefixes are those of the streams that Jeongsan writes.
var prefixes = []string{"book-", "party-", "contract-", "schedule-", "calendar-", "source-", "log-"}
