package terms

import (
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// ParseSchedules reads a file of schedules, in the order written; name is what
// errors call it. Such a file is one schedule document, or a terms file, of which
// only the schedules are taken. The error is yamldoc.Faults: all that is wrong
// with the file.
func ParseSchedules(name string, text []byte) ([]fee.Document, error) {
	if isTerms(text) {
		var keys document
		r := reader{doc: yamldoc.Decode(name, text, &keys), keys: &keys}
		r.parties()
		r.calendars()
		r.schedules()
		r.contracts()
		if len(keys.Schedules) == 0 {
			r.doc.Fault("schedules", "", "the file has no schedule", "name a file with a schedule document, or with schedules")
		}
		return keys.Schedules, r.doc.Err()
	}
	var single fee.Document
	doc := yamldoc.Decode(name, text, &single)
	for _, fault := range readable(doc, "", fee.Check(single)) {
		doc.FaultFrom(fault.Field, fault)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return []fee.Document{single}, nil
}

// readable leaves out the faults of values that could not be read, which follow
// from that. Paths are below a parent, empty for the document itself.
func readable(doc *yamldoc.Document, parent string, faults []*domain.Error) []*domain.Error {
	return slices.DeleteFunc(faults, func(fault *domain.Error) bool {
		path := fault.Field
		if parent != "" {
			path = parent + "." + path
		}
		return doc.Unread(path)
	})
}

// isTerms tells a terms file by its keys. What is no YAML at all is left to the
// reader, which says where.
func isTerms(text []byte) bool {
	var keys map[string]any
	if len(text) > yamldoc.MaxBytes || yaml.Unmarshal(text, &keys) != nil {
		return false
	}
	for _, key := range []string{"parties", "calendars", "schedules", "contracts"} {
		if _, has := keys[key]; has {
			return true
		}
	}
	return false
}
