package calendar

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// Decider is the published calendar as one pure aggregate. Its state is changed in
// place.
var Decider = domain.Decider[*State, domain.Command]{
	Initial: func() *State { return new(State) },
	Decide:  decide,
	Evolve:  evolve,
}

// Lookup tells whether a command changes nothing: replay with the revision of the
// event that it led to the first time. The error is the one that Decide gives.
func Lookup(s *State, command domain.Command) (revision uint64, replay bool, err error) {
	c, err := published(command)
	if err != nil {
		return 0, false, err
	}
	latest := len(s.versions)
	version, known := s.Version(c.Version)
	switch {
	case known && version.Equal(c.Document):
		return uint64(c.Version - 1), true, nil
	case known:
		return 0, false, &domain.Error{
			Code: domain.CodeConflict, Field: "version", Value: strconv.Itoa(c.Version), Message: "this version is published with other content and never changes",
			Remedy: "publish the correction as version " + strconv.Itoa(latest+1),
		}
	}
	if faults := Check(c.Document); len(faults) > 0 {
		return 0, false, faults[0]
	}
	if c.Version != latest+1 {
		return 0, false, &domain.Error{
			Code: domain.CodeInvalid, Field: "version", Value: strconv.Itoa(c.Version), Message: "versions count without gaps",
			Remedy: "publish version " + strconv.Itoa(latest+1),
		}
	}
	return 0, false, nil
}

// decide gives one event, none for a replay, or an error that says why not.
func decide(s *State, command domain.Command) ([]domain.Event, error) {
	_, replay, err := Lookup(s, command)
	if err != nil || replay {
		return nil, err
	}
	c, err := published(command)
	if err != nil {
		return nil, err
	}
	if c.RecordedAt.IsZero() {
		return nil, domain.Unfilled("recorded_at")
	}
	return []domain.Event{CalendarPublished{Document: c.Document, RecordedAt: domain.Stamp(c.RecordedAt)}}, nil
}

func published(command domain.Command) (PublishCalendar, error) {
	switch c := command.(type) {
	case PublishCalendar:
		return c, nil
	case *PublishCalendar:
		return *c, nil
	}
	return PublishCalendar{}, &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: command.CommandType(), Message: "a calendar does not know this command"}
}
