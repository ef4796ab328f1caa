package calendar

import "github.com/jeongsan/jeongsan/domain"

func evolve(s *State, event domain.Event) *State {
	if e, ok := event.(CalendarPublished); ok {
		s.versions = append(s.versions, e.Document)
	}
	return s
}
