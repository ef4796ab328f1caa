package contract

import "github.com/jeongsan/jeongsan/domain"

func evolve(s *State, event domain.Event) *State {
	switch e := event.(type) {
	case ContractSigned:
		s.Exists, s.signed, s.Terms = true, e.Terms, e.Terms
	case ContractEnded:
		s.Terms.Until = e.Until
		s.ended = &ended{e.Until, s.count}
	}
	s.count++
	return s
}
