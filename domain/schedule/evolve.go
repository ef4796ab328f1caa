package schedule

import "github.com/jeongsan/jeongsan/domain"

func evolve(s *State, event domain.Event) *State {
	if e, ok := event.(SchedulePublished); ok {
		s.versions = append(s.versions, e.Document)
	}
	return s
}
