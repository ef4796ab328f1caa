package graph

import (
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/directory"
)

func (r *Resolver) source(s directory.Source) *generated.Source {
	return &generated.Source{
		ID: globalID(sourceKind, s.Source), SourceID: s.Source, Version: s.Version, Hash: s.Hash, Definition: s.Definition,
		Quarantined: s.Quarantined, Position: r.token(s.Position),
	}
}

const sourceConnection = "sources"

func (r *Resolver) sourcePage(rows []directory.Source, size int) *generated.SourceConnection {
	cursor := func(s directory.Source) string { return encodeCursor(sourceConnection, s.Source) }
	rows, info := cut(rows, size, cursor)
	page := &generated.SourceConnection{Edges: []*generated.SourceEdge{}, Nodes: []*generated.Source{}, PageInfo: info}
	for _, row := range rows {
		node := r.source(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.SourceEdge{Cursor: cursor(row), Node: node})
	}
	return page
}
