package command

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
)

// calendarFinder is book.Terms.Calendar.
type calendarFinder = func(id string) (*calendar.Calendar, book.Revision, error)

// dated is a calendar with the revision of its stream.
type dated struct {
	calendar *calendar.Calendar
	revision book.Revision
}

// calendarsOf gives a version of a schedule the calendars that it names: those of
// the revisions that an earlier transaction recorded, as long as they reach the dates
// that are counted from, else the newest. It is nil where the version names none, and
// CodeNotFound where one is not published. Requires mu; what it returns does not.
func (v *view) calendarsOf(version *fee.Schedule, recorded map[string]book.Revision, from func(*fee.Rule) domain.Date) (calendarFinder, error) {
	var found map[string]dated
	rules := version.Document().Rules
	for i := range rules {
		if rules[i].Hold == nil || rules[i].Hold.Calendar == "" {
			continue
		}
		id := rules[i].Hold.Calendar
		versions := v.calendars[id]
		if len(versions) == 0 {
			return nil, unknownCalendar("rules["+strconv.Itoa(i)+"].hold.calendar", id)
		}
		newest := len(versions) - 1
		at := newest
		if revision, told := recorded[id]; told && revision < book.Revision(len(versions)) {
			at = int(revision) //nolint:gosec // below the number of versions
		}
		if at < newest && !reaches(versions[at], rules[i].Hold, from(&rules[i])) {
			at = newest // a sale of one year may be disputed in the next
		}
		if other, known := found[id]; known {
			at = max(at, int(other.revision)) //nolint:gosec // below the number of versions
		}
		if found == nil {
			found = map[string]dated{}
		}
		found[id] = dated{versions[at], book.Revision(at)}
	}
	if found == nil {
		return nil, nil
	}
	return func(id string) (*calendar.Calendar, book.Revision, error) {
		if c, known := found[id]; known {
			return c.calendar, c.revision, nil
		}
		return nil, book.NotRecorded, unknownCalendar("calendar", id)
	}, nil
}

// reaches reports whether a calendar knows when what is held from a date on falls due.
func reaches(c *calendar.Calendar, hold *fee.Hold, from domain.Date) bool {
	_, err := hold.Due(from, func(string) (*calendar.Calendar, error) { return c, nil })
	return err == nil
}

func unknownCalendar(field, id string) error {
	return &domain.Error{
		Code: domain.CodeNotFound, Field: field, Value: id, Message: "the schedule names a calendar that is not published",
		Remedy: "publish it, see jeongsan calendar publish",
	}
}
