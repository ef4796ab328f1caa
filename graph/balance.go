package graph

import (
	"context"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/account"
)

// mostBalances bounds the list of a party's balances.
const mostBalances = 1000

func (r *Resolver) balance(b account.Balance) *generated.Balance {
	shown := &generated.Balance{
		ID: globalID(accountKind, b.Book+"/"+b.Path), Book: b.Book, Account: b.Path, Owner: b.Owner, Purpose: b.Purpose,
		Currency: b.Currency, Debits: written(b.Debits, b.Currency), Credits: written(b.Credits, b.Currency),
		Position: r.token(b.Position),
	}
	shown.Amount, shown.Side = difference(b.Debits, b.Credits, b.Currency)
	return shown
}

func (r *Resolver) balanceList(balances []account.Balance) []*generated.Balance {
	shown := make([]*generated.Balance, 0, len(balances))
	for _, b := range balances {
		shown = append(shown, r.balance(b))
	}
	return shown
}

// balances answers the list of a party's balances.
func (r *Resolver) balances(ctx context.Context, party string, book *string, currency *money.Currency) ([]*generated.Balance, error) {
	if err := r.also(ctx, accountModel); err != nil {
		return nil, err
	}
	filter := account.Filter{Owner: party, Book: given(book), Currency: given(currency)}
	found, err := account.Balances(ctx, r.pool, filter, mostBalances+1)
	if err != nil {
		return nil, err
	}
	if len(found) > mostBalances {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "party", Value: party, Message: "the party has more than " + strconv.Itoa(mostBalances) + " accounts",
			Remedy: "narrow by book or currency",
		}
	}
	return r.balanceList(found), nil
}

// balanceOf answers the balance of one account, nil where nothing was posted to it.
func (r *Resolver) balanceOf(ctx context.Context, book, path string) (*generated.Balance, error) {
	found, ok, err := account.Find(ctx, r.pool, book, path)
	if err != nil || !ok {
		return nil, err
	}
	return r.balance(found), nil
}

const entryConnection = "entries"

// entries answers the connection of an account's postings.
func (r *Resolver) entries(ctx context.Context, of *generated.Balance, first *int, after *string) (*generated.AccountEntryConnection, error) {
	if err := r.also(ctx, accountModel); err != nil {
		return nil, err
	}
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	before, err := r.entryPlace(after)
	if err != nil {
		return nil, err
	}
	found, err := account.Entries(ctx, r.pool, of.Book, of.Account, before, size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(e account.Entry) string {
		return encodeCursor(entryConnection, r.token(e.Position).String(), strconv.Itoa(e.Number))
	}
	found, info := cut(found, size, cursor)
	page := &generated.AccountEntryConnection{Edges: []*generated.AccountEntryEdge{}, Nodes: []*generated.AccountEntry{}, PageInfo: info}
	for _, e := range found {
		node := &generated.AccountEntry{
			Position: r.token(e.Position), Side: side(e.Side), Amount: written(e.Amount, of.Currency),
			Debits: written(e.Debits, of.Currency), Credits: written(e.Credits, of.Currency),
		}
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.AccountEntryEdge{Cursor: cursor(e), Node: node})
	}
	return page, nil
}

// entryPlace reads a cursor of entries.
func (r *Resolver) entryPlace(after *string) (account.Place, error) {
	parts, err := decodeCursor(entryConnection, after, 2)
	if err != nil || parts == nil {
		return account.Place{}, err
	}
	token, err := eventstore.ParseToken(parts[0])
	if err != nil {
		return account.Place{}, badCursor(entryConnection, *after)
	}
	number, err := strconv.Atoi(parts[1])
	if err != nil || number < 0 {
		return account.Place{}, badCursor(entryConnection, *after)
	}
	return account.Place{Position: token.Position, Number: number}, r.own("after", token)
}
