package graph

import (
	"context"
	"net/url"
	"strings"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/scalar"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// counts shows what an entry made of accumulators.
func counts(list []fee.Count) ([]*generated.AccumulatorCount, error) {
	shown := make([]*generated.AccumulatorCount, 0, len(list))
	for _, c := range list {
		parts, err := transaction.PartsOf(c.Counter)
		if err != nil {
			return nil, err
		}
		count := &generated.AccumulatorCount{
			Counter: c.Counter, Name: parts.Name, Scope: parts.Scope, Owner: parts.Owner, Window: parts.Window,
			Currency: currencyOrNil(money.Currency(parts.Currency)), Key: counterKey(parts.Key),
			Before: counted(c.Before, parts.Currency), After: counted(c.After, parts.Currency),
		}
		if c.Days > 0 {
			count.Days = &c.Days
		}
		count.Closes = optional(c.Closes)
		shown = append(shown, count)
	}
	return shown, nil
}

// counted writes a sum with the decimals of its currency, if it has one.
func counted(sum money.Amount, currency string) scalar.Decimal {
	if currency == "" {
		return scalar.Decimal(sum.Decimal().String())
	}
	return writtenAmount(sum, money.Currency(currency))
}

func currencyOrNil(c money.Currency) *money.Currency {
	if c == "" {
		return nil
	}
	return &c
}

// counterKey takes the key of a counter apart: "role=party,input=value", values
// with what would be taken for a separator as %2C.
func counterKey(key string) []*generated.NamedText {
	list := []*generated.NamedText{}
	if key == "" {
		return list
	}
	for part := range strings.SplitSeq(key, ",") {
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		list = append(list, &generated.NamedText{Name: name, Value: value})
	}
	return list
}

func accumulatorFilter(in *generated.AccumulatorFilter) transaction.CounterFilter {
	f := given(in)
	held := transaction.CounterFilter{
		Book: given(f.Book), Contract: given(f.Contract), Schedule: given(f.Schedule), Name: given(f.Name),
		Window: given(f.Window), Currency: given(f.Currency),
	}
	held.Open = given(f.Open)
	if f.Key != nil {
		held.Of = fee.KeyPart(f.Key.Name, f.Key.Value)
	}
	return held
}

const accumulatorConnection = "accumulators"

// accumulators answers a connection of counters by book and text.
func (r *Resolver) accumulators(ctx context.Context, filter transaction.CounterFilter, first *int, after *string) (*generated.AccumulatorConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	place, err := decodeCursor(accumulatorConnection, after, 2)
	if err != nil {
		return nil, err
	}
	if place == nil {
		place = []string{"", ""}
	}
	rows, err := transaction.Counters(ctx, r.pool, filter, place[0], place[1], size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(c transaction.Counter) string { return encodeCursor(accumulatorConnection, c.Book, c.Counter) }
	rows, info := cut(rows, size, cursor)
	page := &generated.AccumulatorConnection{Edges: []*generated.AccumulatorEdge{}, Nodes: []*generated.Accumulator{}, PageInfo: info}
	for _, row := range rows {
		node := r.accumulator(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.AccumulatorEdge{Cursor: cursor(row), Node: node})
	}
	return page, nil
}

func (r *Resolver) accumulator(c transaction.Counter) *generated.Accumulator {
	shown := &generated.Accumulator{
		Book: c.Book, Counter: c.Counter, Name: c.Name, Scope: c.Scope, Owner: c.Owner, Window: c.Window,
		Currency: currencyOrNil(c.Currency), Key: counterKey(c.Key), Value: scalar.Decimal(c.Value.String()),
		Count: c.Transactions, Position: r.token(c.Position), Revision: int64(c.Revision),
		Closes: optional(c.Closes), Closed: c.ClosedBy != nil,
	}
	if c.ClosedBy != nil {
		shown.ClosedBy = new(int64(*c.ClosedBy))
	}
	if c.Currency != "" {
		shown.Value = written(c.Value, c.Currency)
	}
	return shown
}
