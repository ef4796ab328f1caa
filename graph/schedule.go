package graph

import (
	"fmt"
	"strconv"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/scalar"
	"github.com/jeongsan/jeongsan/projections/directory"
)

func (r *Resolver) schedule(d fee.Document, position eventstore.Position) *generated.Schedule {
	s := &generated.Schedule{
		ID: numberedID(scheduleKind, d.Schedule, uint64(d.Version)), ScheduleID: d.Schedule, Version: d.Version,
		EffectiveFrom: d.EffectiveFrom, Description: optional(d.Description), Funds: target(d.Funds),
		Rules: make([]*generated.FeeRule, 0, len(d.Rules)), Position: r.token(position),
	}
	if d.RoundingDifference != nil {
		s.RoundingDifference = target(*d.RoundingDifference)
	}
	for _, rule := range d.Rules {
		shown := &generated.FeeRule{
			ID: rule.ID, To: target(rule.To), Priority: rule.Priority, Of: rule.Of, Rest: rule.Rest,
			Flat: moneyList(rule.Flat), Minimum: moneyList(rule.Minimum), Maximum: moneyList(rule.Maximum),
		}
		if shown.Of == "" {
			shown.Of = "gross"
		}
		if rule.Percent != "" {
			shown.Percent = new(scalar.Decimal(rule.Percent))
		}
		if rule.Rounding != nil {
			shown.Rounding = &generated.FeeRounding{Mode: rule.Rounding.Mode, Unit: moneyList(rule.Rounding.Unit)}
		}
		s.Rules = append(s.Rules, shown)
	}
	return s
}

func (r *Resolver) scheduleFromRow(s directory.Schedule) *generated.Schedule {
	return r.schedule(s.Document, s.Position)
}

func target(t fee.Target) *generated.FeeTarget {
	return &generated.FeeTarget{Role: t.Role, Purpose: optional(t.Purpose)}
}

// document is what an input says, as the domain knows it.
func document(in generated.PublishScheduleInput) (fee.Document, error) {
	d := fee.Document{
		Schedule: in.Schedule, Version: in.Version, EffectiveFrom: in.EffectiveFrom, Description: given(in.Description),
		Funds: *givenTarget(in.Funds), RoundingDifference: givenTarget(in.RoundingDifference),
	}
	for i, rule := range in.Rules {
		field := fmt.Sprintf("rules[%d]", i)
		made := fee.Rule{
			ID: rule.ID, To: *givenTarget(rule.To), Priority: given(rule.Priority), Of: given(rule.Of),
			Percent: string(given(rule.Percent)), Rest: given(rule.Rest),
		}
		var err error
		if made.Flat, err = moneyMap(field+".flat", rule.Flat); err != nil {
			return fee.Document{}, err
		}
		if made.Minimum, err = moneyMap(field+".minimum", rule.Minimum); err != nil {
			return fee.Document{}, err
		}
		if made.Maximum, err = moneyMap(field+".maximum", rule.Maximum); err != nil {
			return fee.Document{}, err
		}
		if rule.Rounding != nil {
			made.Rounding = &fee.Rounding{Mode: rule.Rounding.Mode}
			if made.Rounding.Unit, err = moneyMap(field+".rounding.unit", rule.Rounding.Unit); err != nil {
				return fee.Document{}, err
			}
		}
		d.Rules = append(d.Rules, made)
	}
	return d, nil
}

func givenTarget(t *generated.FeeTargetInput) *fee.Target {
	if t == nil {
		return nil
	}
	return &fee.Target{Role: t.Role, Purpose: given(t.Purpose)}
}

const scheduleConnection = "schedules"

func (r *Resolver) schedulePage(rows []directory.Schedule, size int) *generated.ScheduleConnection {
	cursor := func(s directory.Schedule) string {
		return encodeCursor(scheduleConnection, s.Document.Schedule, strconv.Itoa(s.Document.Version))
	}
	rows, info := cut(rows, size, cursor)
	page := &generated.ScheduleConnection{Edges: []*generated.ScheduleEdge{}, Nodes: []*generated.Schedule{}, PageInfo: info}
	for _, row := range rows {
		node := r.scheduleFromRow(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.ScheduleEdge{Cursor: cursor(row), Node: node})
	}
	return page
}

// schedulePlace reads a cursor of schedules.
func schedulePlace(after *string) (directory.Version, error) {
	parts, err := decodeCursor(scheduleConnection, after, 2)
	if err != nil || parts == nil {
		return directory.Version{}, err
	}
	version, err := strconv.Atoi(parts[1])
	if err != nil {
		return directory.Version{}, badCursor(scheduleConnection, *after)
	}
	return directory.Version{Schedule: parts[0], Version: version}, nil
}
