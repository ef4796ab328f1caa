package graph

import (
	"context"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/hold"
)

func (r *Resolver) businessDate(d hold.Date) *generated.BusinessDate {
	return &generated.BusinessDate{
		Book: d.Book, Date: d.BusinessDate, RecordedAt: d.RecordedAt, Position: r.token(d.Position), Revision: int64(d.Revision),
	}
}

// businessDateOf answers the date of one book, nil where it has none.
func (r *Resolver) businessDateOf(ctx context.Context, book string) (*generated.BusinessDate, error) {
	found, ok, err := hold.DateOf(ctx, r.pool, book)
	if err != nil || !ok {
		return nil, err
	}
	return r.businessDate(found), nil
}

const businessDateConnection = "businessDates"

func (r *Resolver) businessDates(ctx context.Context, first *int, after *string) (*generated.BusinessDateConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	place, err := decodeCursor(businessDateConnection, after, 1)
	if err != nil {
		return nil, err
	}
	rows, err := hold.Dates(ctx, r.pool, placeID(place), size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(d hold.Date) string { return encodeCursor(businessDateConnection, d.Book) }
	rows, info := cut(rows, size, cursor)
	page := &generated.BusinessDateConnection{Edges: []*generated.BusinessDateEdge{}, Nodes: []*generated.BusinessDate{}, PageInfo: info}
	for _, d := range rows {
		node := r.businessDate(d)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.BusinessDateEdge{Cursor: cursor(d), Node: node})
	}
	return page, nil
}

// advance takes a book to a business date, as far as there is time: the way may be
// long, and what was done on it stays done.
func (r *Resolver) advance(ctx context.Context, in generated.AdvanceBusinessDateInput) (*generated.AdvanceBusinessDatePayload, error) {
	payload := &generated.AdvanceBusinessDatePayload{Book: in.Book, ClientKey: in.ClientKey, UserErrors: []*generated.UserError{}}
	refuse := func(err error) (*generated.AdvanceBusinessDatePayload, error) {
		a, err := refused(err)
		payload.UserErrors = a.userErrors
		return payload, err
	}
	if err := domain.CheckID("book", in.Book); err != nil {
		return refuse(err)
	}
	if in.Date > r.day.On(time.Now()) && !given(in.Ahead) {
		return refuse(&domain.Error{
			Code: domain.CodeInvalid, Field: "date", Value: string(in.Date), Message: "this date has not begun in " + r.day.Zone().String() + ", and a business date cannot be taken back",
			Remedy: "correct it, or say ahead where it is meant",
		})
	}
	limited, cancel := context.WithTimeout(ctx, r.timeout/2)
	defer cancel()
	progress, err := businessday.Advance(limited, r.door, in.Book, in.Date, 0, eventstore.Meta{
		Actor: actor, Authenticated: authenticated, Request: requestID(ctx), Correlation: given(in.ClientKey),
	}, nil)
	if progress.Position != eventstore.Start {
		payload.Position = new(r.token(progress.Position))
		loadersOf(ctx).want(progress.Position)
	}
	payload.Dates, payload.Steps = progress.Dates, progress.Steps
	outOfTime := limited.Err() != nil && ctx.Err() == nil
	switch {
	case progress.Steps > 0:
		payload.Outcome = new(generated.OutcomeApplied)
	case err == nil:
		payload.Outcome = new(generated.OutcomeReplayed)
	}
	switch {
	case err == nil:
		payload.Reached = true
	case outOfTime && progress.Steps > 0:
		// The answer says that the way goes on.
	default:
		return refuse(err)
	}
	return payload, nil
}
