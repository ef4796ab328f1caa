package contract

import "github.com/jeongsan/jeongsan/domain"

// State is one contract. Exists is false before it is signed.
type State struct {
	Exists bool
	// Terms are those in force: Until is the date of an early end where there is one.
	Terms Terms

	count  uint64 // events
	signed Terms  // as signed
	ended  *ended
}

type ended struct {
	until    domain.Date
	revision uint64
}

// Count is the number of events folded, and so the revision of the next one.
func (s *State) Count() uint64 { return s.count }
