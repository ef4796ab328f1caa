package party

import "github.com/jeongsan/jeongsan/domain"

func evolve(s *State, event domain.Event) *State {
	switch e := event.(type) {
	case PartyRegistered:
		s.Exists, s.Party, s.Kind, s.Country = true, e.Party, e.Kind, e.Country
		s.registered = digestOf(e.Personal)
		s.current, s.changed = s.registered, s.count
	case PartyDetailsChanged:
		s.current, s.changed = digestOf(e.Personal), s.count
	}
	s.count++
	return s
}
