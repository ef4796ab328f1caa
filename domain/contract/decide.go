package contract

import (
	"maps"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// Decider is the contract as one pure aggregate. Its state is changed in place.
var Decider = domain.Decider[*State, domain.Command]{
	Initial: func() *State { return new(State) },
	Decide:  decide,
	Evolve:  evolve,
}

const (
	longestReason = 500
	longestValue  = 128 // of a selector
	longestZone   = 64
	longestName   = 80   // of a parameter, with a currency
	longestIs     = 1000 // of a parameter's formula
	maxParameters = 64
	maxFloors     = 16
	maxSelectors  = 1000 // values in one list
)

// Lookup tells whether a command changes nothing: replay with the revision of the
// event that it led to the first time. The error is the one that Decide gives.
func Lookup(s *State, command domain.Command) (revision uint64, replay bool, err error) {
	switch c := command.(type) {
	case SignContract:
		return s.lookupSign(&c.Terms)
	case *SignContract:
		return s.lookupSign(&c.Terms)
	case EndContract:
		return s.lookupEnd(&c)
	case *EndContract:
		return s.lookupEnd(c)
	}
	return 0, false, &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: command.CommandType(), Message: "a contract does not know this command"}
}

func (s *State) lookupSign(t *Terms) (uint64, bool, error) {
	if err := t.check(); err != nil || !s.Exists {
		return 0, false, err
	}
	if t.equal(&s.signed) {
		return 0, true, nil
	}
	return 0, false, &domain.Error{
		Code: domain.CodeConflict, Field: "contract", Value: t.Contract, Message: "the contract is signed with other terms",
		Remedy: "end it and sign the new terms under another id",
	}
}

func (s *State) lookupEnd(c *EndContract) (uint64, bool, error) {
	if err := domain.CheckID("contract", c.Contract); err != nil {
		return 0, false, err
	}
	if _, err := domain.ParseDate("until", string(c.Until)); err != nil {
		return 0, false, err
	}
	if c.Reason == "" {
		return 0, false, invalid("reason", "", "an end needs a reason", "say why, for those who read the history")
	}
	if err := domain.CheckText("reason", c.Reason, longestReason); err != nil {
		return 0, false, err
	}
	switch {
	case !s.Exists:
		return 0, false, &domain.Error{Code: domain.CodeNotFound, Field: "contract", Value: c.Contract, Message: "no such contract", Remedy: "sign it first"}
	case s.ended != nil && s.ended.until == c.Until:
		return s.ended.revision, true, nil
	case s.ended != nil:
		return 0, false, &domain.Error{Code: domain.CodeConflict, Field: "until", Value: string(c.Until), Message: "the contract ends on " + string(s.ended.until) + " already", Remedy: "sign a new contract from the date it is wanted"}
	case c.Until < s.signed.From:
		return 0, false, invalid("until", string(c.Until), "the end lies before the contract's first day "+string(s.signed.From), "give that day or a later one")
	case s.signed.Until != "" && c.Until > s.signed.Until:
		return 0, false, invalid("until", string(c.Until), "the contract ends on "+string(s.signed.Until)+" anyway", "sign a new contract to go on")
	}
	return 0, false, nil
}

// decide gives one event, none for a replay, or an error that says why not.
func decide(s *State, command domain.Command) ([]domain.Event, error) {
	_, replay, err := Lookup(s, command)
	if err != nil || replay {
		return nil, err
	}
	switch c := command.(type) {
	case *SignContract:
		return decide(s, *c)
	case *EndContract:
		return decide(s, *c)
	case SignContract:
		if c.RecordedAt.IsZero() {
			return nil, domain.Unfilled("recorded_at")
		}
		return []domain.Event{ContractSigned{Terms: c.Terms, RecordedAt: domain.Stamp(c.RecordedAt)}}, nil
	case EndContract:
		if c.RecordedAt.IsZero() {
			return nil, domain.Unfilled("recorded_at")
		}
		return []domain.Event{ContractEnded{Contract: c.Contract, Until: c.Until, Reason: c.Reason, RecordedAt: domain.Stamp(c.RecordedAt)}}, nil
	}
	return nil, nil
}

// check refuses terms that no contract can have. That the zone, the schedule, its
// parameters and the parties exist is for the command door to say.
func (t *Terms) check() error {
	for _, id := range [...]struct{ field, id string }{{"contract", t.Contract}, {"book", t.Book}, {"schedule", t.Schedule}} {
		if err := domain.CheckID(id.field, id.id); err != nil {
			return err
		}
	}
	if t.Zone == "" {
		return invalid("zone", "", "a contract needs a time zone", "name the zone in which it reads dates, as Asia/Seoul")
	}
	if err := domain.CheckText("zone", t.Zone, longestZone); err != nil {
		return err
	}
	if _, err := domain.ParseDate("from", string(t.From)); err != nil {
		return err
	}
	if t.Until != "" {
		if _, err := domain.ParseDate("until", string(t.Until)); err != nil {
			return err
		}
		if t.Until <= t.From {
			return invalid("until", string(t.Until), "the contract ends before it begins on "+string(t.From), "until is the first day on which it no longer applies")
		}
	}
	if err := checkParties("parties", t.Parties); err != nil {
		return err
	}
	if err := checkParameters(t.Parameters); err != nil {
		return err
	}
	if err := checkFloors(t.Floors); err != nil {
		return err
	}
	return t.Applies.check()
}

// checkParameters refuses what no schedule could have as a parameter.
func checkParameters(parameters map[string]string) error {
	if len(parameters) > maxParameters {
		return invalid("parameters", strconv.Itoa(len(parameters)), "too many parameters", "override at most "+strconv.Itoa(maxParameters))
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if name == "" {
			return invalid("parameters", name, "a parameter has no name", "name one that the schedule declares")
		}
		if err := domain.CheckText("parameters", name, longestName); err != nil {
			return err
		}
		if err := domain.CheckText("parameters."+name, parameters[name], longestIs); err != nil {
			return err
		}
		if parameters[name] == "" {
			return invalid("parameters."+name, "", "the parameter has no value", "write a formula without variables, as 12.5%, or leave the parameter out")
		}
	}
	return nil
}

func (a *Applies) check() error {
	for _, id := range a.Sources {
		if err := domain.CheckID("applies.sources", id); err != nil {
			return err
		}
	}
	for _, name := range a.Types {
		if err := domain.CheckName("applies.types", name); err != nil {
			return err
		}
	}
	for _, list := range [...]struct {
		field  string
		values []string
	}{{"applies.sources", a.Sources}, {"applies.types", a.Types}, {"applies.methods", a.Methods}, {"applies.products", a.Products}} {
		if len(list.values) > maxSelectors {
			return invalid(list.field, strconv.Itoa(len(list.values)), "too many values", "list at most "+strconv.Itoa(maxSelectors)+", or sign several contracts")
		}
		for i, value := range list.values {
			if err := domain.CheckText(list.field, value, longestValue); err != nil {
				return err
			}
			if slices.Contains(list.values[:i], value) {
				return invalid(list.field, value, "listed twice", "list it once")
			}
		}
	}
	return checkParties("applies.parties", a.Parties)
}

func checkParties(field string, parties map[string]string) error {
	for _, role := range slices.Sorted(maps.Keys(parties)) {
		if err := domain.CheckName(field, role); err != nil {
			return err
		}
		if err := domain.CheckID(field+"."+role, parties[role]); err != nil {
			return err
		}
	}
	return nil
}

// equal compares what was signed; an absent list or map equals an empty one.
func (t *Terms) equal(o *Terms) bool {
	return t.Contract == o.Contract && t.Book == o.Book && t.Schedule == o.Schedule && t.Zone == o.Zone &&
		t.From == o.From && t.Until == o.Until && t.Priority == o.Priority && maps.Equal(t.Parties, o.Parties) && maps.Equal(t.Parameters, o.Parameters) &&
		slices.Equal(t.Applies.Sources, o.Applies.Sources) && slices.Equal(t.Applies.Types, o.Applies.Types) &&
		slices.Equal(t.Applies.Methods, o.Applies.Methods) && slices.Equal(t.Applies.Products, o.Applies.Products) &&
		maps.Equal(t.Applies.Parties, o.Applies.Parties) && slices.EqualFunc(t.Floors, o.Floors, Floor.equal)
}

func invalid(field, value, message, remedy string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: message, Remedy: remedy}
}
