package graph

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/daily"
)

func dailyFilter(in *generated.DailyTotalFilter) daily.Filter {
	f := given(in)
	return daily.Filter{
		From: given(f.From), To: given(f.To), Book: given(f.Book), Party: given(f.Party), Product: given(f.Product),
		Method: given(f.Method), Type: given(f.Type), Currency: given(f.Currency),
	}
}

const dailyConnection = "dailyTotals"

func dailyPage(rows []daily.Total, size int) *generated.DailyTotalConnection {
	cursor := func(t daily.Total) string {
		return encodeCursor(dailyConnection, string(t.Day), t.Book, t.Party, t.Product, t.Method, t.Type, string(t.Currency))
	}
	rows, info := cut(rows, size, cursor)
	page := &generated.DailyTotalConnection{Edges: []*generated.DailyTotalEdge{}, Nodes: []*generated.DailyTotal{}, PageInfo: info}
	for _, t := range rows {
		node := &generated.DailyTotal{
			Day: t.Day, Book: t.Book, Party: t.Party, Product: optional(t.Product), Method: optional(t.Method), Type: t.Type,
			Currency: t.Currency, Count: t.Transactions, Debits: written(t.Debits, t.Currency), Credits: written(t.Credits, t.Currency),
		}
		node.Amount, node.Side = difference(t.Debits, t.Credits, t.Currency)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.DailyTotalEdge{Cursor: cursor(t), Node: node})
	}
	return page
}

// dailyPlace reads a cursor of daily totals.
func dailyPlace(after *string) (daily.Place, error) {
	p, err := decodeCursor(dailyConnection, after, 7)
	if err != nil || p == nil {
		return daily.Place{}, err
	}
	day, err := domain.ParseDate("after", p[0])
	if err != nil {
		return daily.Place{}, badCursor(dailyConnection, *after)
	}
	return daily.Place{Day: day, Book: p[1], Party: p[2], Product: p[3], Method: p[4], Type: p[5], Currency: money.Currency(p[6])}, nil
}
