package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/directory"
)

func partyFromRow(p directory.Party) *generated.Party {
	return &generated.Party{
		ID: globalID(partyKind, p.Party), PartyID: p.Party, Kind: shownKind(p.Kind), Country: optional(p.Country),
		RegisteredAt: p.RegisteredAt, Personal: p.Personal,
	}
}

func partyFromEvent(e party.PartyRegistered) *generated.Party {
	return &generated.Party{
		ID: globalID(partyKind, e.Party), PartyID: e.Party, Kind: shownKind(e.Kind), Country: optional(e.Country),
		RegisteredAt: e.RecordedAt, Personal: e.Personal,
	}
}

// The enumeration of the schema and the kinds of the domain differ in case only.
func shownKind(k party.Kind) generated.PartyKind {
	return generated.PartyKind(strings.ToUpper(string(k)))
}

func heldKind(k generated.PartyKind) party.Kind { return party.Kind(strings.ToLower(string(k))) }

// unseal opens personal data. It returns nil where none was given, and erased
// where its key was destroyed.
func (r *Resolver) unseal(ctx context.Context, sealed *domain.Sealed) (details *generated.PartyDetails, erased bool, err error) {
	if sealed == nil {
		return nil, false, nil
	}
	plain, err := r.keys.Unseal(ctx, *sealed)
	if domain.CodeOf(err) == domain.CodeNotFound && isErased(err) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	var d party.Details
	if err := json.Unmarshal(plain, &d); err != nil {
		return nil, false, &domain.Error{Code: domain.CodeInternal, Field: "details", Value: sealed.Subject, Message: "the envelope does not hold the details of a party", Err: err}
	}
	return &generated.PartyDetails{
		Name: optional(d.Name), Email: optional(d.Email), Phone: optional(d.Phone),
		Account: optional(d.Account), TaxID: optional(d.TaxID),
	}, false, nil
}

// isErased tells a destroyed key from one that is merely not here.
func isErased(err error) bool {
	var e *domain.Error
	return errors.As(err, &e) && e.Message == "erased"
}

// roleParties returns parties by role as a list in the order of roles.
func roleParties(byRole map[string]string) []*generated.RoleParty {
	list := make([]*generated.RoleParty, 0, len(byRole))
	for role, id := range byRole {
		list = append(list, &generated.RoleParty{Role: role, PartyID: id})
	}
	slices.SortFunc(list, func(a, b *generated.RoleParty) int { return cmp.Compare(a.Role, b.Role) })
	return list
}

// roleHolders is roleParties of a transaction.
func roleHolders(parties book.Parties) []*generated.RoleParty {
	list := make([]*generated.RoleParty, 0, len(parties))
	for _, p := range parties {
		shown := &generated.RoleParty{Role: p.Role, PartyID: p.ID}
		if revision, recorded := p.Revision.Recorded(); recorded {
			shown.Revision = new(int64(revision))
		}
		list = append(list, shown)
	}
	return list
}

// roleMap is the opposite of roleParties; each role may be there once.
func roleMap(field string, list []*generated.RolePartyInput) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	byRole := make(map[string]string, len(list))
	for _, p := range list {
		if _, twice := byRole[p.Role]; twice {
			return nil, repeated(field, p.Role, "role")
		}
		byRole[p.Role] = p.Party
	}
	return byRole, nil
}

func repeated(field, value, what string) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: field, Value: value, Message: "the " + what + " is given twice",
		Remedy: "give each " + what + " at most once",
	}
}

const partyConnection = "parties"

func partyPage(rows []directory.Party, size int) *generated.PartyConnection {
	cursor := func(p directory.Party) string { return encodeCursor(partyConnection, p.Party) }
	rows, info := cut(rows, size, cursor)
	page := &generated.PartyConnection{Edges: []*generated.PartyEdge{}, Nodes: []*generated.Party{}, PageInfo: info}
	for _, row := range rows {
		node := partyFromRow(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.PartyEdge{Cursor: cursor(row), Node: node})
	}
	return page
}
