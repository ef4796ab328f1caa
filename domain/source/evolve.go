package source

import "github.com/jeongsan/jeongsan/domain"

func evolve(s *State, event domain.Event) *State {
	switch e := event.(type) {
	case SourceDefined:
		s.version, s.hash, s.definedAt = e.Version, e.Hash, s.count
	case RecordQuarantined:
		s.seen[fingerprintOf(e.Record, e.ContentHash)] = s.count
		s.open[e.Record] = append(s.open[e.Record], Open{e.Record, e.ContentHash, s.count})
		s.openCount++
	case QuarantineReleased:
		s.release(&e)
	case DeliveryIngested:
		s.deliveries[e.Delivery] = delivery{accountOf(e.Version, &e.Counts, e.Totals), s.count}
	}
	s.count++
	return s
}

func (s *State) release(e *QuarantineReleased) {
	s.released[fingerprintOf(e.Record, e.ContentHash)] = s.count
	var left []Open
	for _, entry := range s.open[e.Record] {
		if e.ContentHash == "" || entry.ContentHash == e.ContentHash {
			input := fingerprintOf(entry.Record, entry.ContentHash)
			s.released[input] = s.count
			if e.Ignored != "" { // nothing has settled: without the rule it is an input again
				delete(s.seen, input)
			}
		} else {
			left = append(left, entry)
		}
	}
	s.openCount -= len(s.open[e.Record]) - len(left)
	if left == nil {
		delete(s.open, e.Record)
	} else {
		s.open[e.Record] = left
	}
}
