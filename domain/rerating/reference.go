package rerating

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

// Categories are the streams whose events Reference takes in.
var Categories = []string{contract.Category, schedule.Category, calendar.Category}

// Reference is Terms from the events of contracts, schedules and calendars. Take in
// all events, then ask. It is not safe for concurrent use.
type Reference struct {
	contracts map[string]*signed
	schedules map[string]*published
	calendars map[string]*dates
	draft     *fee.Document
	bound     map[bound]*fee.Schedule
}

type signed struct {
	state    *contract.State
	revision uint64
}

type published struct {
	state    *schedule.State
	revision uint64
}

type dates struct {
	document calendar.Document
	compiled *calendar.Calendar
}

// bound names a version with the parameters of a contract; the draft has version 0.
type bound struct {
	contract, schedule string
	version            int
}

// NewReference makes an empty one. A draft stands in place of every version of its
// schedule, whatever its effective date; nil is none.
func NewReference(draft *fee.Document) *Reference {
	return &Reference{
		contracts: map[string]*signed{}, schedules: map[string]*published{}, calendars: map[string]*dates{},
		draft: draft, bound: map[bound]*fee.Schedule{},
	}
}

// Fold takes in the event of a stream at a revision; events of a stream come in order.
func (r *Reference) Fold(stream domain.StreamID, revision uint64, event domain.Event) {
	_, id := stream.Split()
	switch e := event.(type) {
	case contract.ContractSigned, contract.ContractEnded:
		s := r.contracts[id]
		if s == nil {
			s = &signed{state: contract.Decider.Initial()}
			r.contracts[id] = s
		}
		s.state, s.revision = contract.Decider.Evolve(s.state, event), revision
	case schedule.SchedulePublished:
		s := r.schedules[id]
		if s == nil {
			s = &published{state: schedule.Decider.Initial()}
			r.schedules[id] = s
		}
		s.state, s.revision = schedule.Decider.Evolve(s.state, event), revision
	case calendar.CalendarPublished:
		r.calendars[id] = &dates{document: e.Document}
	}
}

// Uses says by which contracts of a book a schedule is used now, whatever their
// dates; and whether the contract of a scope is one of the book.
func (r *Reference) Uses(bookID, scheduleID string) int {
	n := 0
	for _, s := range r.contracts {
		if t := &s.state.Terms; t.Book == bookID && t.Schedule == scheduleID {
			n++
		}
	}
	return n
}

// Names reports whether a contract is one of a book.
func (r *Reference) Names(bookID, contractID string) bool {
	s := r.contracts[contractID]
	return s != nil && s.state.Terms.Book == bookID
}

// Until implements Terms.
func (r *Reference) Until(contractID string) domain.Date {
	if s := r.contracts[contractID]; s != nil {
		return s.state.Terms.Until
	}
	return ""
}

// Present implements Terms.
func (r *Reference) Present(contractID string, on domain.Date) (Version, error) {
	c := r.contracts[contractID]
	if c == nil {
		return Version{}, unknown(domain.CodeMissingContract, "contract", contractID)
	}
	terms := &c.state.Terms
	if r.draft != nil && r.draft.Schedule == terms.Schedule {
		return r.version(c, terms.Schedule, 0, *r.draft)
	}
	s := r.schedules[terms.Schedule]
	if s == nil {
		return Version{}, unknown(domain.CodeMissingSchedule, "schedule", terms.Schedule)
	}
	document, found := s.state.On(on)
	if !found {
		return Version{}, &domain.Error{
			Code: domain.CodeMissingSchedule, Field: "schedule", Value: terms.Schedule, Message: "the schedule of contract " + contractID + " has no version for " + string(on),
			Remedy: "leave the date out of the period",
		}
	}
	return r.version(c, terms.Schedule, document.Version, document)
}

// Published implements Terms.
func (r *Reference) Published(contractID, scheduleID string, version int) (Version, error) {
	c, s := r.contracts[contractID], r.schedules[scheduleID]
	if c == nil {
		return Version{}, unknown(domain.CodeMissingContract, "contract", contractID)
	}
	if s == nil {
		return Version{}, unknown(domain.CodeMissingSchedule, "schedule", scheduleID)
	}
	document, found := s.state.Version(version)
	if !found {
		return Version{}, unknown(domain.CodeMissingSchedule, "version", scheduleID+"@"+strconv.Itoa(version))
	}
	return r.version(c, scheduleID, version, document)
}

func (r *Reference) version(c *signed, scheduleID string, version int, document fee.Document) (Version, error) {
	made := Version{ContractRevision: book.Revision(c.revision), ScheduleRevision: book.NotRecorded}
	if s := r.schedules[scheduleID]; s != nil {
		made.ScheduleRevision = book.Revision(s.revision)
	}
	name := bound{c.state.Terms.Contract, scheduleID, version}
	if made.Schedule = r.bound[name]; made.Schedule != nil {
		return made, nil
	}
	compiled, err := fee.Compile(document)
	if err == nil && len(c.state.Terms.Parameters) > 0 {
		compiled, err = compiled.With(c.state.Terms.Parameters)
	}
	if err != nil {
		return made, err
	}
	r.bound[name], made.Schedule = compiled, compiled
	return made, nil
}

// Calendar implements Terms.
func (r *Reference) Calendar(id string) (*calendar.Calendar, error) {
	d := r.calendars[id]
	if d == nil {
		return nil, unknown(domain.CodeNotFound, "calendar", id)
	}
	if d.compiled == nil {
		compiled, err := calendar.Compile(d.document)
		if err != nil {
			return nil, err
		}
		d.compiled = compiled
	}
	return d.compiled, nil
}

func unknown(code domain.Code, field, value string) error {
	return &domain.Error{Code: code, Field: field, Value: value, Message: "the log has no such " + field, Remedy: "check the id"}
}
