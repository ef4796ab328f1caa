package party

// State is one party. Exists is false before it is registered.
type State struct {
	Exists  bool
	Party   string
	Kind    Kind
	Country string

	count      uint64 // events
	registered []byte // digest of the personal data at registration; nil where none
	current    []byte // digest of the personal data now; nil where none
	changed    uint64 // revision of the event that current is from
}

// Count is the number of events folded, and so the revision of the next one.
func (s *State) Count() uint64 { return s.count }
