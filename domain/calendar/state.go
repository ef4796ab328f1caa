package calendar

import "slices"

// State is one published calendar: its versions, each an event, in order.
type State struct {
	versions []Document
}

// Count is the number of events folded, and so the revision of the next one.
func (s *State) Count() uint64 { return uint64(len(s.versions)) }

// Version returns a published version, counted from 1.
func (s *State) Version(version int) (Document, bool) {
	if version < 1 || version > len(s.versions) {
		return Document{}, false
	}
	return s.versions[version-1], true
}

// Equal reports whether two documents say the same. The order of lists counts: a
// published version is kept as it was written.
func (d Document) Equal(o Document) bool {
	return d.Calendar == o.Calendar && d.Version == o.Version && d.Description == o.Description &&
		d.FirstYear == o.FirstYear && d.LastYear == o.LastYear &&
		slices.Equal(d.Weekend, o.Weekend) && slices.Equal(d.Holidays, o.Holidays) && slices.Equal(d.Workdays, o.Workdays)
}
