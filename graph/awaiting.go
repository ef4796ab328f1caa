package graph

import (
	"context"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

func (r *Resolver) awaiting(w transaction.Waiting) *generated.Awaiting {
	shown := &generated.Awaiting{
		Book: w.Book, Revision: int64(w.Revision), Position: r.token(w.Position), Kind: generated.AwaitingKindRefund,
		Source: w.Source, ExternalID: w.ExternalID, OriginalSource: w.OriginalSource, OriginalExternalID: w.OriginalExternalID,
		Type: optional(w.Type), Currency: currencyOrNil(w.Currency), Reason: optional(w.Reason), Parties: list(w.Parties),
		OccurredAt: w.OccurredAt, RecordedAt: w.RecordedAt,
	}
	if w.Kind == readmodel.LinkReversal {
		shown.Kind = generated.AwaitingKindReversal
	}
	if w.Amount != nil {
		shown.Amount = new(written(*w.Amount, w.Currency))
	}
	if w.Came != nil {
		shown.Came = new(int64(*w.Came))
	}
	return shown
}

// awaitingOf reads what an accepted command left waiting from the log; nil where the
// command led to an entry at once.
func (r *Resolver) awaitingOf(ctx context.Context, ref *domain.Ref) (*generated.Awaiting, error) {
	if ref == nil {
		return nil, nil
	}
	l, err := loadersOf(ctx).events.Load(ctx, *ref)
	if err == nil {
		err = l.undecoded
	}
	if err != nil {
		return nil, err
	}
	e, waits := l.event.(book.OriginalAwaited)
	if !waits {
		return nil, nil
	}
	_, id := ref.Stream.Split()
	shown := &generated.Awaiting{
		Book: id, Revision: int64(ref.Revision), Position: r.token(l.recorded.Position), Kind: generated.AwaitingKindRefund,
		Source: e.Source, ExternalID: e.ExternalID, OriginalSource: e.Awaits.Source, OriginalExternalID: e.Awaits.ExternalID,
		Parties: []string{}, RecordedAt: e.RecordedAt,
	}
	switch {
	case e.Refund != nil:
		t := &e.Refund.Transaction
		shown.Type, shown.Currency, shown.Amount, shown.OccurredAt = optional(t.Type), &t.Currency, new(writtenAmount(t.Amount, t.Currency)), t.OccurredAt
		shown.Parties = list(slices.Compact(slices.Sorted(maps.Values(t.Parties))))
	case e.Reversal != nil:
		shown.Kind, shown.Reason, shown.OccurredAt = generated.AwaitingKindReversal, &e.Reversal.Reason, e.Reversal.OccurredAt
	}
	return shown, nil
}

func awaitingFilter(in *generated.AwaitingFilter) transaction.AwaitingFilter {
	f := given(in)
	held := transaction.AwaitingFilter{Book: given(f.Book), Source: given(f.Source), Party: given(f.Party), Until: given(f.Until)}
	if f.Original != nil {
		held.Original = book.Key{Source: f.Original.Source, ExternalID: f.Original.ExternalID}
	}
	switch given(f.Kind) {
	case generated.AwaitingKindRefund:
		held.Kind = readmodel.LinkRefund
	case generated.AwaitingKindReversal:
		held.Kind = readmodel.LinkReversal
	}
	return held
}

const awaitingConnection = "awaiting"

// awaitingPage answers a connection of what waits, newest first.
func (r *Resolver) awaitingPage(ctx context.Context, filter transaction.AwaitingFilter, first *int, after *string) (*generated.AwaitingConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	before, err := r.cursorPosition(awaitingConnection, after)
	if err != nil {
		return nil, err
	}
	rows, err := transaction.Awaiting(ctx, r.pool, filter, before, size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(w transaction.Waiting) string { return r.positionCursor(awaitingConnection, w.Position) }
	rows, info := cut(rows, size, cursor)
	page := &generated.AwaitingConnection{Edges: []*generated.AwaitingEdge{}, Nodes: []*generated.Awaiting{}, PageInfo: info}
	for _, row := range rows {
		node := r.awaiting(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.AwaitingEdge{Cursor: cursor(row), Node: node})
	}
	return page, nil
}
