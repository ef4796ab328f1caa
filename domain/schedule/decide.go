package schedule

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
)

// Decider is the schedule as one pure aggregate. Its state is changed in place.
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
	c.Document = c.Published()
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
	if _, err := fee.Compile(c.Document); err != nil {
		return 0, false, err
	}
	if c.Version != latest+1 {
		return 0, false, &domain.Error{
			Code: domain.CodeInvalid, Field: "version", Value: strconv.Itoa(c.Version), Message: "versions count without gaps",
			Remedy: "publish version " + strconv.Itoa(latest+1),
		}
	}
	if latest > 0 && c.EffectiveFrom < s.versions[latest-1].EffectiveFrom {
		return 0, false, &domain.Error{
			Code: domain.CodeInvalid, Field: "effective_from", Value: string(c.EffectiveFrom),
			Message: "the version would be effective before version " + strconv.Itoa(latest) + ", from " + string(s.versions[latest-1].EffectiveFrom),
			Remedy:  "give that date or a later one",
		}
	}
	return 0, false, s.unmixed(&c.Document)
}

// unmixed refuses an accumulator whose sums a book would mix up with those of an
// earlier version under the same name, though they are of other days.
func (s *State) unmixed(d *fee.Document) error {
	for i := range d.Accumulators {
		a := &d.Accumulators[i]
		for _, earlier := range s.versions {
			for j := range earlier.Accumulators {
				b := &earlier.Accumulators[j]
				if a.Name != b.Name || a.Continues(b) {
					continue
				}
				return &domain.Error{
					Code: domain.CodeInvalid, Field: "accumulators[" + strconv.Itoa(i) + "].window", Value: a.Window.String(),
					Message: "version " + strconv.Itoa(earlier.Version) + " sums " + b.Window.String() + " under the name " + a.Name + ", and books keep the sums of both together",
					Remedy:  "give the accumulator another name, or the window and the start that it had",
				}
			}
		}
	}
	return nil
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
	return []domain.Event{SchedulePublished{Document: c.Published(), RecordedAt: domain.Stamp(c.RecordedAt)}}, nil
}

func published(command domain.Command) (PublishSchedule, error) {
	switch c := command.(type) {
	case PublishSchedule:
		return c, nil
	case *PublishSchedule:
		return *c, nil
	}
	return PublishSchedule{}, &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: command.CommandType(), Message: "a schedule does not know this command"}
}
