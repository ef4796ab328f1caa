package graph

import (
	"context"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/hold"
)

// mostSums bounds a list of held sums.
const mostSums = 1000

func holdFilter(in *generated.HoldFilter) hold.Filter {
	f := given(in)
	return hold.Filter{
		Book: given(f.Book), Owner: given(f.Party), Account: given(f.Account), Into: given(f.Into), Currency: given(f.Currency),
		From: given(f.From), To: given(f.To),
	}
}

// purposeOf is the purpose of an account of the book.
func purposeOf(account string) string {
	_, purpose, _ := ledger.AccountID(account).Split()
	return purpose
}

const holdConnection = "holds"

// holds answers a connection of held sums, what falls due first before the rest.
func (r *Resolver) holds(ctx context.Context, filter hold.Filter, first *int, after *string) (*generated.HoldConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	var place hold.Place
	parts, err := decodeCursor(holdConnection, after, 4)
	if err != nil {
		return nil, err
	}
	if parts != nil {
		due, err := domain.ParseDate("after", parts[0])
		if err != nil {
			return nil, badCursor(holdConnection, *after)
		}
		place = hold.Place{Due: due, Book: parts[1], Account: parts[2], Into: parts[3]}
	}
	rows, err := hold.Slices(ctx, r.pool, filter, place, size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(s hold.Slice) string {
		return encodeCursor(holdConnection, string(s.Due), s.Book, s.Account, s.Into)
	}
	rows, info := cut(rows, size, cursor)
	page := &generated.HoldConnection{Edges: []*generated.HoldEdge{}, Nodes: []*generated.Hold{}, PageInfo: info}
	for _, s := range rows {
		node := &generated.Hold{
			Book: s.Book, Account: s.Account, Owner: s.Owner, Purpose: purposeOf(s.Account), Into: s.Into, Currency: s.Currency,
			Amount: written(s.Amount, s.Currency), Due: s.Due, Position: r.token(s.Position),
		}
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.HoldEdge{Cursor: cursor(s), Node: node})
	}
	return page, nil
}

// heldSums answers a list of held sums, over dates.
func (r *Resolver) heldSums(ctx context.Context, filter hold.Filter) ([]*generated.HeldSum, error) {
	found, err := hold.Sums(ctx, r.pool, filter, mostSums+1)
	if err != nil {
		return nil, err
	}
	if len(found) > mostSums {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "filter", Message: "more than " + strconv.Itoa(mostSums) + " accounts hold money back",
			Remedy: "narrow by book, party or currency, or page through holds",
		}
	}
	return each(found, r.heldSum), nil
}

func (r *Resolver) heldSum(s hold.Sum) *generated.HeldSum {
	return &generated.HeldSum{
		Book: s.Book, Account: s.Account, Owner: s.Owner, Purpose: purposeOf(s.Account), Into: s.Into, Currency: s.Currency,
		Amount: written(s.Amount, s.Currency), Next: s.Next, Last: s.Last, Dates: s.Slices, Position: r.token(s.Position),
	}
}

const releaseConnection = "releases"

// releases answers a connection of releases, newest first.
func (r *Resolver) releases(ctx context.Context, filter hold.Filter, first *int, after *string) (*generated.ReleaseConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	place, err := r.releasePlace(after)
	if err != nil {
		return nil, err
	}
	rows, err := hold.Releases(ctx, r.pool, hold.ReleaseFilter{Filter: filter}, place, size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(v hold.Release) string {
		return encodeCursor(releaseConnection, r.token(v.Position).String(), v.Account, v.Into, string(v.Due))
	}
	rows, info := cut(rows, size, cursor)
	page := &generated.ReleaseConnection{Edges: []*generated.ReleaseEdge{}, Nodes: []*generated.Release{}, PageInfo: info}
	for _, v := range rows {
		node := &generated.Release{
			Position: r.token(v.Position), Book: v.Book, Revision: int64(v.Revision), Account: v.Account, Owner: v.Owner, Purpose: purposeOf(v.Account),
			Into: v.Into, Currency: v.Currency, Amount: written(v.Amount, v.Currency), Due: v.Due, BusinessDate: v.BusinessDate, RecordedAt: v.RecordedAt,
		}
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.ReleaseEdge{Cursor: cursor(v), Node: node})
	}
	return page, nil
}

// releasePlace reads a cursor of releases.
func (r *Resolver) releasePlace(after *string) (hold.ReleasePlace, error) {
	parts, err := decodeCursor(releaseConnection, after, 4)
	if err != nil || parts == nil {
		return hold.ReleasePlace{}, err
	}
	token, err := eventstore.ParseToken(parts[0])
	if err != nil {
		return hold.ReleasePlace{}, badCursor(releaseConnection, *after)
	}
	due, err := domain.ParseDate("after", parts[3])
	if err != nil {
		return hold.ReleasePlace{}, badCursor(releaseConnection, *after)
	}
	return hold.ReleasePlace{Position: token.Position, Account: parts[1], Into: parts[2], Due: due}, r.own("after", token)
}

// holdChanges shows what an entry makes of what is held.
func holdChanges(list []book.Hold) []*generated.HoldChange {
	return each(list, func(h book.Hold) *generated.HoldChange {
		owner, purpose, currency := h.Account.Split()
		shown := &generated.HoldChange{
			Account: string(h.Account), Owner: owner, Purpose: purpose, Into: h.Into, Currency: currency, Due: h.On,
			Side: generated.SideCredit, Amount: writtenAmount(h.Change.Abs(), currency),
		}
		if h.Change.Sign() < 0 {
			shown.Side = generated.SideDebit
		}
		return shown
	})
}
