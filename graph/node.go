package graph

import (
	"context"
	"math"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/directory"
)

// node fetches anything by its global id, nil where there is nothing under it.
func (r *Resolver) node(ctx context.Context, id string) (generated.Node, error) {
	kind, rest, err := splitID(id)
	if err != nil {
		return nil, err
	}
	switch kind {
	case partyKind:
		return nodeOf(load(ctx, loadersOf(ctx).parties, rest))
	case contractKind:
		return nodeOf(load(ctx, loadersOf(ctx).contracts, rest))
	case sourceKind:
		source, ok, err := directory.FindSource(ctx, r.pool, rest)
		if err != nil || !ok {
			return nil, err
		}
		return r.source(source), nil
	case accountKind:
		book, path, _ := strings.Cut(rest, "/")
		return nodeOf(r.balanceOf(ctx, book, path))
	}
	name, number, err := splitNumber(id, rest)
	if err != nil {
		return nil, err
	}
	switch kind {
	case scheduleKind:
		return nodeOf(load(ctx, loadersOf(ctx).schedules, directory.Version{Schedule: name, Version: int(number)}))
	case transactionKind:
		return nodeOf(r.transactionAt(ctx, bookRef(name, int64(number))))
	case stepKind:
		return nodeOf(r.stepAt(ctx, bookRef(name, int64(number))))
	case calendarKind:
		return nodeOf(r.calendarVersion(ctx, name, int(min(number, math.MaxInt32))))
	case eventKind:
		return nodeOf(r.eventAt(ctx, domain.Ref{Stream: domain.StreamID(name), Revision: number}))
	}
	return nil, badID(id)
}

// nodeOf keeps a nil object a nil node.
func nodeOf[T any, P interface {
	*T
	generated.Node
}](object P, err error) (generated.Node, error) {
	if err != nil || object == nil {
		return nil, err
	}
	return object, nil
}
