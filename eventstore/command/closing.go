package command

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// closer is book.AdvanceBusinessDate.Close for a book. What it returns looks things
// up as they are when it is called, and belongs to the goroutine of the book's state.
//
// A window is closed by the version of its schedule that is in force on its last
// day, or on the last day of the contract where that comes first. Where that version
// has no period for the accumulator, or keeps another kind of sum under its name, it
// is the last version before it that closes this one.
func (v *view) closer(ctx context.Context, bookID string) func(*book.State, string) (*book.Closing, error) {
	return func(s *book.State, id string) (*book.Closing, error) {
		counter, err := fee.ParseCounter(id)
		if err != nil {
			return nil, err
		}
		for synced := false; ; synced = true {
			w, err := v.window(bookID, counter)
			if err == nil {
				closing, err := w.close(s)
				return closing, ofWindow(id, err)
			}
			if synced {
				return nil, ofWindow(id, err)
			}
			if err := v.sync(ctx); err != nil {
				return nil, err
			}
		}
	}
}

// ofWindow says which window it is that cannot be closed: a book has many.
func ofWindow(id string, err error) error {
	fault, is := errors.AsType[*domain.Error](err)
	if !is {
		return err
	}
	named := *fault
	named.Message = "window " + id + " cannot be closed: " + fault.Message
	return &named
}

// window is the window of one counter that has come to its end, with all that its
// periods need.
type window struct {
	counter    fee.Counter
	last       domain.Date
	until      domain.Date       // the end of the contract; empty where it has none
	parties    map[string]string // by role
	attributes map[string]string // text inputs of the key
	closing    book.Closing      // less what the periods make of it
}

// window finds what closes a counter.
func (v *view) window(bookID string, counter fee.Counter) (*window, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := &window{counter: counter, parties: map[string]string{}, attributes: map[string]string{}, closing: book.Closing{Currency: counter.Currency, ContractRevision: book.NotRecorded}}
	var terms *contract.Terms // none where contracts share the counter
	var scheduleID string
	var until domain.Date
	if counter.Scope == fee.ScopeContract {
		c := v.contracts[counter.Owner]
		if c == nil || c.terms.Book != bookID {
			return nil, &domain.Error{Code: domain.CodeMissingContract, Field: "contract", Value: counter.Owner, Message: "the contract of accumulator " + counter.Name + " is not in the log", Remedy: "run verify"}
		}
		terms, scheduleID, until = c.terms, c.terms.Schedule, c.terms.Until
		w.closing.Contract, w.closing.ContractRevision = counter.Owner, book.Revision(c.revision)
		w.parties = standing(terms)
	} else {
		scheduleID = counter.Owner
		terms = v.shared(bookID, scheduleID, w.parties)
	}
	s := v.schedules[scheduleID]
	if s == nil {
		return nil, &domain.Error{Code: domain.CodeMissingSchedule, Field: "schedule", Value: scheduleID, Message: "the schedule of accumulator " + counter.Name + " is not in the log", Remedy: "run verify"}
	}
	version, last := s.closes(counter, until)
	if version == nil {
		return nil, &domain.Error{
			Code: domain.CodeMissingSchedule, Field: "periods", Value: counter.ID(), Message: "no version of schedule " + scheduleID + " that was in force has a period for this window",
			Remedy: "publish a version effective by the end of the window, whose periods close it",
		}
	}
	w.last, w.until, w.closing.ScheduleRevision = last, until, book.Revision(s.revision)
	var err error
	if w.closing.Schedule = version; terms != nil {
		if w.closing.Schedule, err = v.parametrized(terms, version); err != nil {
			return nil, err
		}
	}
	inputs := version.Document().Inputs
	for name, value := range counter.Keys() {
		switch {
		case slices.ContainsFunc(inputs, func(in fee.Attribute) bool { return in.Name == name }):
			w.attributes[name] = value
		case value != "":
			w.parties[name] = value
		default:
			delete(w.parties, name) // nobody stood in that role
		}
	}
	w.closing.Parties = book.PartiesOf(w.parties, func(id string) book.Revision {
		if known := v.parties[id]; known != nil {
			return book.Revision(known.revision)
		}
		return book.NotRecorded
	})
	for _, party := range w.closing.Parties {
		if party.Revision == book.NotRecorded {
			return nil, unknownParty(party.Role, party.ID)
		}
	}
	return w, nil
}

// shared puts in the parties of the roles that all contracts of a book under a
// schedule give to the same party. It returns one of the contracts where all have
// the same parameters, else nil. Requires mu.
func (v *view) shared(bookID, scheduleID string, parties map[string]string) *contract.Terms {
	var first *contract.Terms
	same := true
	for _, terms := range v.books[bookID] {
		switch {
		case terms.Schedule != scheduleID:
		case first == nil:
			first = terms
			maps.Copy(parties, standing(terms))
		default:
			same = same && maps.Equal(first.Parameters, terms.Parameters)
			others := standing(terms)
			maps.DeleteFunc(parties, func(role, id string) bool { return others[role] != id })
		}
	}
	if !same {
		return nil
	}
	return first
}

// standing is who stands in which role in every transaction of a contract: whom it
// names, and whom transactions must name to be under it.
func standing(terms *contract.Terms) map[string]string {
	parties := make(map[string]string, len(terms.Parties)+len(terms.Applies.Parties))
	maps.Copy(parties, terms.Parties)
	maps.Copy(parties, terms.Applies.Parties)
	return parties
}

// closes returns the version that closes the window of a counter, with the last date
// of the window; nil where none does. until is the end of the contract. Where that
// was set before the window began, the last version by the end of the window stands
// in: what is counted is closed.
func (s *published) closes(counter fee.Counter, until domain.Date) (version *fee.Schedule, last domain.Date) {
	for n := len(s.versions) - 1; n >= 0; n-- {
		on := s.lastOf(n, counter)
		if on == "" || s.from[n] > on {
			continue
		}
		if until == "" || s.from[n] < until {
			return s.versions[n], on
		}
		if version == nil {
			version, last = s.versions[n], on
		}
	}
	return version, last
}

// lastOf is the last date of a counter's window as a version has it; empty where the
// periods of the version do not close this window.
func (s *published) lastOf(n int, counter fee.Counter) domain.Date {
	document := s.versions[n].Document()
	at := slices.IndexFunc(document.Accumulators, func(a fee.Accumulator) bool { return a.Name == counter.Name })
	if at < 0 || len(s.versions[n].PeriodsOf(counter.Name)) == 0 {
		return ""
	}
	a := &document.Accumulators[at]
	name, _, last := a.WindowOf(counter.First())
	if name != counter.Window || a.PerSchedule() != (counter.Scope == fee.ScopeSchedule) || !sameNames(a.Key, counter) {
		return ""
	}
	return last
}

// sameNames reports whether a counter has the key of its accumulator.
func sameNames(key []string, counter fee.Counter) bool {
	names := make([]string, 0, len(key))
	for name := range counter.Keys() {
		names = append(names, name)
	}
	return slices.Equal(key, names)
}

// close computes the periods of the window from what the book has counted.
func (w *window) close(s *book.State) (*book.Closing, error) {
	closing := w.closing
	end := fee.PeriodEnd{
		On: w.last, Currency: w.counter.Currency, Contract: closing.Contract, Attributes: w.attributes,
		Party: func(role string) string { return w.parties[role] },
		Before: func(c fee.Counter) (money.Amount, error) {
			if c.Days > 0 {
				return money.Zero, &domain.Error{Code: domain.CodeInternal, Field: "counter", Value: c.ID(), Message: "the formulas of a period read no rolling window"}
			}
			id := c.ID()
			value := s.Counter(id)
			if c.Currency != "" {
				value = value.In(c.Currency)
			}
			if !slices.ContainsFunc(closing.Read, func(n fee.Count) bool { return n.Counter == id }) {
				closing.Read = append(closing.Read, fee.Count{Counter: id, Before: value, After: value})
			}
			return value, nil
		},
	}
	for _, period := range closing.Schedule.PeriodsOf(w.counter.Name) {
		end.Period = period
		result, err := closing.Schedule.ClosePeriod(end)
		if err != nil {
			return nil, err
		}
		if result.Closed != w.counter.ID() {
			return nil, &domain.Error{Code: domain.CodeInternal, Field: "counter", Value: w.counter.ID(), Message: "period " + period + " closed another counter, " + result.Closed}
		}
		if err := w.everyParty(&result); err != nil {
			return nil, err
		}
		next, err := calendar.AddDays(result.Last, 1)
		if err != nil {
			return nil, err
		}
		if w.until != "" && w.until <= next {
			for i := range result.Carried {
				result.Carried[i].Closes = "" // what ended charges for no further window
			}
		}
		closing.Results = append(closing.Results, book.ClosedPeriod{Period: period, PeriodResult: result})
	}
	return &closing, nil
}

// everyParty refuses an entry from or to a role that nobody is known to stand in.
func (w *window) everyParty(result *fee.PeriodResult) error {
	for i := range result.Entries {
		entry := &result.Entries[i]
		if entry.Line.Amount.IsZero() {
			continue
		}
		for _, target := range []fee.Target{entry.From, entry.To} {
			if w.parties[target.Role] != "" {
				continue
			}
			remedy := "sign contracts of the book that name one party for it, or add the role to the accumulator's key"
			if w.counter.Scope == fee.ScopeContract {
				remedy = "publish a version whose accumulator has the role in its key, or whose entry names a role of the contract"
			}
			return &domain.Error{
				Code: domain.CodeUnknownParty, Field: "parties." + target.Role, Value: w.counter.ID(),
				Message: "entry " + entry.Line.Rule + " of a window that ended names a role of which it is not known who stood in it", Remedy: remedy,
			}
		}
	}
	return nil
}

// bookKnown is nil where a contract names the book, and says otherwise that none does.
func (v *view) bookKnown(ctx context.Context, id string) error {
	for synced := false; ; synced = true {
		v.mu.Lock()
		known := len(v.books[id]) > 0
		v.mu.Unlock()
		if known {
			return nil
		}
		if synced {
			return &domain.Error{
				Code: domain.CodeNotFound, Field: "book", Value: id, Message: "no contract names this book, and it has no entry",
				Remedy: "correct the name, or sign a contract for it first",
			}
		}
		if err := v.sync(ctx); err != nil {
			return err
		}
	}
}
