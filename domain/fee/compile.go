package fee

// Schedule is a compiled Document: checked, sorted, its decimals parsed. It is
// immutable and safe for concurrent use.
type Schedule struct {
	document Document
}

// Document returns the document the schedule was compiled from.
func (s *Schedule) Document() Document { return s.document }
