package graph

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/audit"
)

// eventID is how people write an event: "book-seoul@17".
func eventID(stream domain.StreamID, revision uint64) string {
	return string(stream) + "@" + strconv.FormatUint(revision, 10)
}

func eventRef(e *generated.Event) domain.Ref {
	return domain.Ref{Stream: domain.StreamID(e.Stream), Revision: uint64(e.Revision)}
}

// eventFromLog shows an event. What its metadata would tell is missing where that
// cannot be read; its fault says why.
func (r *Resolver) eventFromLog(recorded eventstore.Recorded) *generated.Event {
	shown := &generated.Event{
		ID: globalID(eventKind, eventID(recorded.Stream, recorded.Revision)), Stream: string(recorded.Stream),
		Revision: int64(recorded.Revision), Position: r.token(recorded.Position), Type: recorded.Type,
	}
	if meta, err := eventstore.DecodeMeta(recorded); err == nil {
		shown.Actor, shown.RecordedAt = &meta.Actor, &meta.RecordedAt
	}
	return shown
}

// faultText is why something cannot be read, nil where it can.
func faultText(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	return &text
}

func (r *Resolver) eventFromIndex(m audit.Mention) *generated.Event {
	return &generated.Event{
		ID: globalID(eventKind, eventID(m.Stream, m.Revision)), Stream: string(m.Stream), Revision: int64(m.Revision),
		Position: r.token(m.Position), Type: m.Type, Actor: &m.Actor, RecordedAt: &m.RecordedAt,
	}
}

// eventAt reads an event from the log, nil where there is none.
func (r *Resolver) eventAt(ctx context.Context, ref domain.Ref) (*generated.Event, error) {
	l, err := loadersOf(ctx).events.Load(ctx, ref)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.eventFromLog(l.recorded), nil
}

const auditConnection = "audit"

// audit answers a connection of events that the audit index knows, newest first.
func (r *Resolver) audit(ctx context.Context, filter audit.Filter, first *int, after *string) (*generated.EventConnection, error) {
	if err := r.also(ctx, auditModel); err != nil {
		return nil, err
	}
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	before, err := r.cursorPosition(auditConnection, after)
	if err != nil {
		return nil, err
	}
	found, err := audit.List(ctx, r.pool, filter, before, size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(m audit.Mention) string { return r.positionCursor(auditConnection, m.Position) }
	found, info := cut(found, size, cursor)
	page := &generated.EventConnection{Edges: []*generated.EventEdge{}, Nodes: []*generated.Event{}, PageInfo: info}
	for _, m := range found {
		node := r.eventFromIndex(m)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.EventEdge{Cursor: cursor(m), Node: node})
	}
	return page, nil
}

// concerning answers the events about one thing, as "party:studio-7".
func (r *Resolver) concerning(ctx context.Context, id string, first *int, after *string) (*generated.EventConnection, error) {
	return r.audit(ctx, audit.Filter{IDs: []string{id}}, first, after)
}

// mostScanned bounds the events that one page of the log may look at.
const mostScanned = 50_000

// replay answers a page of the log itself, oldest first.
func (r *Resolver) replay(ctx context.Context, filter *generated.EventFilter, first *int, after *eventstore.Token) (*generated.EventConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	from := eventstore.Start
	if after != nil {
		if err := r.own("after", *after); err != nil {
			return nil, err
		}
		from = after.Position
	}
	wanted := given(filter)
	page := &generated.EventConnection{Edges: []*generated.EventEdge{}, Nodes: []*generated.Event{}}
	seen, scanned := from, 0
	for recorded, err := range r.store.ReadAll(ctx, from) {
		if err != nil {
			return nil, err
		}
		scanned++
		seen = recorded.Position
		if matches(wanted, recorded) {
			r.addEvent(ctx, page, recorded)
		}
		if len(page.Edges) == size || scanned == mostScanned {
			break
		}
	}
	last, err := r.store.LastPosition(ctx)
	if err != nil {
		return nil, err
	}
	end := r.token(seen).String()
	page.PageInfo = &generated.PageInfo{EndCursor: &end, HasNextPage: seen < last}
	if len(page.Edges) > 0 {
		page.PageInfo.StartCursor = &page.Edges[0].Cursor
	}
	return page, nil
}

func (r *Resolver) addEvent(ctx context.Context, page *generated.EventConnection, recorded eventstore.Recorded) {
	node := r.eventFromLog(recorded)
	// Data and metadata are at hand: they need not be read again.
	loadersOf(ctx).keep(recorded)
	page.Nodes = append(page.Nodes, node)
	page.Edges = append(page.Edges, &generated.EventEdge{Cursor: node.Position.String(), Node: node})
}

func matches(f generated.EventFilter, recorded eventstore.Recorded) bool {
	inStream := func(prefix string) bool { return strings.HasPrefix(string(recorded.Stream), prefix) }
	return (len(f.Streams) == 0 || slices.ContainsFunc(f.Streams, inStream)) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, recorded.Type))
}
