package terms

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// ParseCalendars reads a file of calendars, in the order written; name is what
// errors call it. Such a file is one calendar document, or a terms file, of which
// only the calendars are taken. The error is yamldoc.Faults: all that is wrong with
// the file.
func ParseCalendars(name string, text []byte) ([]calendar.Document, error) {
	if isTerms(text) {
		var keys document
		r := reader{doc: yamldoc.Decode(name, text, &keys), keys: &keys}
		r.calendars()
		if len(keys.Calendars) == 0 {
			r.doc.Fault("calendars", "", "the file has no calendar", "name a file with a calendar document, or with calendars")
		}
		return keys.Calendars, r.doc.Err()
	}
	var single calendar.Document
	doc := yamldoc.Decode(name, text, &single)
	for _, fault := range readable(doc, "", calendar.Check(single)) {
		doc.FaultFrom(fault.Field, fault)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return []calendar.Document{single}, nil
}

func (r *reader) calendars() []domain.Command {
	documents := slices.Clone(r.keys.Calendars)
	for i, document := range documents {
		path := yamldoc.Index("calendars", i)
		for _, fault := range readable(r.doc, path, calendar.Check(document)) {
			r.under(path, fault)
		}
		if slices.ContainsFunc(documents[:i], func(o calendar.Document) bool {
			return o.Calendar == document.Calendar && o.Version == document.Version
		}) {
			r.doc.Fault(path+".version", "", "the calendar has this version twice", "count versions up from 1")
		}
	}
	slices.SortStableFunc(documents, func(a, b calendar.Document) int { return a.Version - b.Version })
	commands := make([]domain.Command, len(documents))
	for i, document := range documents {
		commands[i] = calendar.PublishCalendar{Document: document}
	}
	return commands
}
