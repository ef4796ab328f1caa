package graph

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
)

// Limits of one operation.
const (
	mostTokens     = 15_000
	mostFields     = 5_000   // with every fragment put in its places
	deepest        = 16      // levels of fields; introspection is exempt
	mostComplexity = 200_000 // fields times the sizes of the pages they stand in
	derivationCost = 100     // of rating a transaction again
	usualAccounts  = 4       // that a party has in one book and currency
)

// shape refuses operations that are too deep or too large once their fragments
// are put in. It looks at every fragment once, however often it is used.
type shape struct{}

func (shape) ExtensionName() string                          { return "Shape" }
func (shape) Validate(schema graphql.ExecutableSchema) error { return nil }

func (shape) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	m := measure{}
	got := m.set(op.Operation.SelectionSet)
	switch {
	case got.depth > deepest:
		return tooComplex("the operation is %d levels deep, more than %d", got.depth, deepest)
	case got.fields > mostFields:
		return tooComplex("the operation has more than %d fields", mostFields)
	}
	return nil
}

func tooComplex(format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    fmt.Sprintf(format, args...),
		Extensions: map[string]any{"code": codeTooComplex, "remedy": "ask for less at once"},
	}
}

type extent struct{ depth, fields int }

// measure holds the extent of each fragment measured so far.
type measure map[*ast.FragmentDefinition]extent

func (m measure) set(selections ast.SelectionSet) extent {
	var whole extent
	for _, selection := range selections {
		part := m.one(selection)
		whole.depth = max(whole.depth, part.depth)
		whole.fields = min(whole.fields+part.fields, mostFields+1)
	}
	return whole
}

func (m measure) one(selection ast.Selection) extent {
	switch s := selection.(type) {
	case *ast.Field:
		if s.Name == "__schema" || s.Name == "__type" {
			return extent{1, 1}
		}
		inner := m.set(s.SelectionSet)
		return extent{inner.depth + 1, inner.fields + 1}
	case *ast.InlineFragment:
		return m.set(s.SelectionSet)
	case *ast.FragmentSpread:
		if known, ok := m[s.Definition]; ok {
			return known
		}
		inner := m.set(s.Definition.SelectionSet)
		m[s.Definition] = inner
		return inner
	}
	return extent{}
}

// complexity counts what stands in a connection once per edge asked for.
func complexity() generated.ComplexityRoot {
	var c generated.ComplexityRoot
	nested := func(inner int, first *int, _ *string) int { return paged(inner, first) }
	c.Party.Audit, c.Party.Contracts = nested, nested
	c.Party.Transactions = func(inner int, _ *generated.TransactionFilter, first *int, _ *string) int { return paged(inner, first) }
	c.Party.Balances = func(inner int, _ *string, _ *money.Currency) int { return 1 + usualPage*inner }
	c.Balance.Entries, c.Contract.Audit, c.Schedule.Audit, c.Source.Audit = nested, nested, nested, nested
	c.Transaction.Audit, c.DailyTotal.Transactions = nested, nested
	c.Calendar.Audit = nested
	derived := func(inner int) int { return derivationCost + inner }
	c.Transaction.Derivation, c.Step.Derivation = derived, derived
	c.Party.Funds = func(inner int, _ *string, _ *money.Currency) int { return 1 + usualPage*inner }
	c.Funds.Accounts = func(inner int) int { return 1 + usualAccounts*inner }

	c.Query.Accumulators = func(inner int, _ *generated.AccumulatorFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Awaiting = func(inner int, _ *generated.AwaitingFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.BusinessDates = func(inner int, first *int, _ *string, _ *eventstore.Token) int { return paged(inner, first) }
	c.Query.Calendars = func(inner int, _ *string, _ *bool, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Funds = func(inner int, _ string, _ *string, _ *money.Currency, _ *eventstore.Token) int {
		return 1 + usualPage*inner
	}
	c.Query.HeldSums = func(inner int, _ *generated.HoldFilter, _ *eventstore.Token) int { return 1 + usualPage*inner }
	c.Query.Holds = func(inner int, _ *generated.HoldFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Releases = func(inner int, _ *generated.HoldFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Steps = func(inner int, _ *generated.StepFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Audit = func(inner int, _ *generated.AuditFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Balances = func(inner int, _ string, _ *string, _ *money.Currency, _ *eventstore.Token) int {
		return 1 + usualPage*inner
	}
	c.Query.Contracts = func(inner int, _, _ *string, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.DailyTotals = func(inner int, _ *generated.DailyTotalFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Events = func(inner int, _ *generated.EventFilter, first *int, _, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Parties = func(inner int, _ *generated.PartyKind, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Schedules = func(inner int, _ *string, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	c.Query.Sources = func(inner int, first *int, _ *string, _ *eventstore.Token) int { return paged(inner, first) }
	c.Query.Transactions = func(inner int, _ *generated.TransactionFilter, first *int, _ *string, _ *eventstore.Token) int {
		return paged(inner, first)
	}
	return c
}

// paged is the complexity of a page. A size that will be refused counts as the usual one.
func paged(inner int, first *int) int {
	size := usualPage
	if first != nil && *first > 0 {
		size = min(*first, longestPage)
	}
	return 1 + size*inner
}
