package graph

import (
	"context"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/directory"
)

func (r *Resolver) contract(t contract.Terms, until domain.Date, position eventstore.Position) *generated.Contract {
	return &generated.Contract{
		ID: globalID(contractKind, t.Contract), ContractID: t.Contract, Book: t.Book, ScheduleID: t.Schedule, Zone: t.Zone,
		From: t.From, Until: optional(until), Priority: t.Priority, Parties: roleParties(t.Parties), Parameters: namedTexts(t.Parameters),
		Applies: &generated.ContractSelector{
			Sources: list(t.Applies.Sources), Types: list(t.Applies.Types), Methods: list(t.Applies.Methods),
			Products: list(t.Applies.Products), Parties: roleParties(t.Applies.Parties),
		},
		Position: r.token(position),
	}
}

// list is never nil: the schema promises a list.
func list(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}

func (r *Resolver) contractFromRow(c directory.Contract) *generated.Contract {
	return r.contract(c.Terms, c.Until, c.Position)
}

// contractFromLog returns a contract as its stream tells it, up to an event.
func (r *Resolver) contractFromLog(ctx context.Context, upTo domain.Ref) (*generated.Contract, error) {
	var terms contract.Terms
	var until domain.Date
	var position eventstore.Position
	for recorded, err := range r.store.ReadStream(ctx, upTo.Stream, eventstore.Forwards, 0, upTo.Revision+1) {
		if err != nil {
			return nil, err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return nil, err
		}
		switch e := event.(type) {
		case contract.ContractSigned:
			terms, until = e.Terms, e.Until
		case contract.ContractEnded:
			until = e.Until
		}
		position = recorded.Position
	}
	return r.contract(terms, until, position), nil
}

// terms is what an input says, as the domain knows it.
func terms(in generated.SignContractInput) (contract.Terms, error) {
	t := contract.Terms{
		Contract: in.Contract, Book: in.Book, Schedule: in.Schedule, Zone: in.Zone, From: in.From,
		Until: given(in.Until), Priority: given(in.Priority),
	}
	var err error
	if t.Parties, err = roleMap("parties", in.Parties); err != nil {
		return contract.Terms{}, err
	}
	if t.Parameters, err = textMap("parameters", in.Parameters); err != nil {
		return contract.Terms{}, err
	}
	if a := in.Applies; a != nil {
		t.Applies = contract.Applies{Sources: a.Sources, Types: a.Types, Methods: a.Methods, Products: a.Products}
		if t.Applies.Parties, err = roleMap("applies.parties", a.Parties); err != nil {
			return contract.Terms{}, err
		}
	}
	return t, nil
}

const contractConnection = "contracts"

// contracts answers a connection of contracts.
func (r *Resolver) contracts(ctx context.Context, filter directory.ContractFilter, first *int, after *string) (*generated.ContractConnection, error) {
	if err := r.also(ctx, directoryModel); err != nil {
		return nil, err
	}
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	place, err := decodeCursor(contractConnection, after, 1)
	if err != nil {
		return nil, err
	}
	rows, err := directory.Contracts(ctx, r.pool, filter, placeID(place), size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(c directory.Contract) string { return encodeCursor(contractConnection, c.Terms.Contract) }
	rows, info := cut(rows, size, cursor)
	page := &generated.ContractConnection{Edges: []*generated.ContractEdge{}, Nodes: []*generated.Contract{}, PageInfo: info}
	for _, row := range rows {
		node := r.contractFromRow(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.ContractEdge{Cursor: cursor(row), Node: node})
	}
	return page, nil
}

// placeID is the id in a cursor of one part, empty without a cursor.
func placeID(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return parts[0]
}
