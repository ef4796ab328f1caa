package schedule

import (
	"sort"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
)

// State is one schedule: its versions, each an event, in order.
type State struct {
	versions []fee.Document
}

// Count is the number of events folded, and so the revision of the next one.
func (s *State) Count() uint64 { return uint64(len(s.versions)) }

// Version returns a published version, counted from 1.
func (s *State) Version(version int) (fee.Document, bool) {
	if version < 1 || version > len(s.versions) {
		return fee.Document{}, false
	}
	return s.versions[version-1], true
}

// On returns the version for a date.
func (s *State) On(date domain.Date) (fee.Document, bool) {
	return s.Version(VersionFor(len(s.versions), func(version int) domain.Date { return s.versions[version-1].EffectiveFrom }, date))
}

// VersionFor returns the highest version of 1 to latest that is effective on a
// date, 0 where none is. from gives a version's effective date; these never go back.
func VersionFor(latest int, from func(version int) domain.Date, date domain.Date) int {
	return sort.Search(latest, func(i int) bool { return from(i+1) > date })
}
