package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/directory"
)

func (r *Resolver) schedule(d fee.Document, position eventstore.Position) *generated.Schedule {
	return &generated.Schedule{
		ID: numberedID(scheduleKind, d.Schedule, uint64(d.Version)), ScheduleID: d.Schedule, Version: d.Version,
		EffectiveFrom: d.EffectiveFrom, Description: optional(d.Description), Funds: target(d.Funds), RoundingDifference: targetIfAny(d.RoundingDifference),
		Inputs: each(d.Inputs, feeInput), Parameters: each(d.Parameters, feeParameter), Accumulators: each(d.Accumulators, feeAccumulator),
		Values: each(d.Values, feeValue), Rules: each(d.Rules, feeRule), Periods: each(d.Periods, feePeriod), Recourse: each(d.Recourse, feeRecourse),
		Engine: d.Engine(), Position: r.token(position), Said: d,
	}
}

func (r *Resolver) scheduleFromRow(s directory.Schedule) *generated.Schedule {
	return r.schedule(s.Document, s.Position)
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

// documentOf reads a document that is given as JSON. Keys that the language does not
// have are refused.
func documentOf(raw json.RawMessage) (fee.Document, error) {
	var d fee.Document
	raw, err := numbersAsTexts(raw, reflect.TypeOf(d))
	if err != nil {
		return d, unreadable(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, unreadable(err)
	}
	return d, nil
}

// unreadable says where a document is not one: by its key where that is known.
func unreadable(err error) error {
	const whole = "document"
	fault := &domain.Error{Code: domain.CodeMalformed, Field: whole, Remedy: "correct it; see docs/schedules.md", Err: err}
	var mistyped *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &mistyped):
		fault.Message = "cannot be read as a schedule document: " + strings.TrimPrefix(err.Error(), "json: ")
	case mistyped.Field == "":
		fault.Message = "a schedule document is an object, not a " + mistyped.Value
	default:
		fault.Field, fault.Message = whole+"."+mistyped.Field, "a JSON "+mistyped.Value+" cannot stand here"
		if mistyped.Type.Kind() == reflect.String {
			fault.Remedy = `write a text or a number, as "3%" or 3`
		}
	}
	return fault
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
