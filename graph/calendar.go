package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/directory"
)

func (r *Resolver) calendar(d calendar.Document, position eventstore.Position) *generated.Calendar {
	day := func(d calendar.Day) *generated.CalendarDay {
		return &generated.CalendarDay{On: d.On, Name: optional(d.Name)}
	}
	return &generated.Calendar{
		ID: numberedID(calendarKind, d.Calendar, uint64(d.Version)), CalendarID: d.Calendar, Version: d.Version, Description: optional(d.Description),
		FirstYear: d.FirstYear, LastYear: d.LastYear, Weekend: each(d.Weekend, func(w calendar.Weekday) string { return string(w) }),
		Holidays: each(d.Holidays, day), Workdays: each(d.Workdays, day), Position: r.token(position), Said: d,
	}
}

// calendarVersion answers one version of a calendar, nil where there is none.
func (r *Resolver) calendarVersion(ctx context.Context, id string, version int) (*generated.Calendar, error) {
	if version < 1 {
		return nil, nil
	}
	found, err := directory.CalendarVersions(ctx, r.pool, id, directory.CalendarPlace{Calendar: id, Version: version - 1}, 1)
	if err != nil || len(found) == 0 || found[0].Document.Calendar != id || found[0].Document.Version != version {
		return nil, err
	}
	return r.calendar(found[0].Document, found[0].Position), nil
}

const calendarConnection = "calendars"

// calendars answers a connection of calendars by id and version: the newest version
// of each, or all versions, of one calendar where it is given.
func (r *Resolver) calendars(ctx context.Context, id string, all bool, first *int, after *string) (*generated.CalendarConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	place, err := calendarPlace(after)
	if err != nil {
		return nil, err
	}
	var rows []directory.Calendar
	if all || id != "" {
		rows, err = directory.CalendarVersions(ctx, r.pool, id, place, size+1)
	} else {
		rows, err = directory.Calendars(ctx, r.pool, place.Calendar, size+1)
	}
	if err != nil {
		return nil, err
	}
	cursor := func(c directory.Calendar) string {
		return encodeCursor(calendarConnection, c.Document.Calendar, strconv.Itoa(c.Document.Version))
	}
	rows, info := cut(rows, size, cursor)
	page := &generated.CalendarConnection{Edges: []*generated.CalendarEdge{}, Nodes: []*generated.Calendar{}, PageInfo: info}
	for _, row := range rows {
		node := r.calendar(row.Document, row.Position)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.CalendarEdge{Cursor: cursor(row), Node: node})
	}
	return page, nil
}

// calendarPlace reads a cursor of calendars.
func calendarPlace(after *string) (directory.CalendarPlace, error) {
	parts, err := decodeCursor(calendarConnection, after, 2)
	if err != nil || parts == nil {
		return directory.CalendarPlace{}, err
	}
	version, err := strconv.Atoi(parts[1])
	if err != nil {
		return directory.CalendarPlace{}, badCursor(calendarConnection, *after)
	}
	return directory.CalendarPlace{Calendar: parts[0], Version: version}, nil
}

// calendarDocument reads a calendar that is given as JSON. Keys that it does not
// have are refused.
func calendarDocument(raw json.RawMessage) (calendar.Document, error) {
	var d calendar.Document
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, &domain.Error{
			Code: domain.CodeMalformed, Field: "document", Message: "cannot be read as a calendar: " + strings.TrimPrefix(err.Error(), "json: "),
			Remedy: "correct it; see docs/contracts.md", Err: err,
		}
	}
	return d, nil
}
