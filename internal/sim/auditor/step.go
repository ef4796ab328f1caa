package auditor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// mostReleased is how many slices move at once.
const mostReleased = 200

// Advance is a business date that a book was asked to come to.
type Advance struct{ Book, Date string }

// step is an entry that a book posts by itself as it comes to a date.
type step struct {
	kind     string // "release" or "closing"
	ref      Ref
	position uint64
	recorded time.Time
	date     string
	legs     []leg
	holds    []holding
	// Of a closing:
	counter, first, last, contract, schedule string
	version                                  int
	parties                                  map[string]string
}

// day is when a book has come to a date.
type day struct {
	date     string
	position uint64
}

// dayStep is an event by which a book came to a date, the last one or one before.
type dayStep struct {
	date string
	last bool
}

// dated is what the events of a business date have in common.
type dated struct {
	BusinessDate string `json:"business_date"`
	From, To     string
	RecordedAt   time.Time `json:"recorded_at"`
	Postings     []posting
	Holds        []struct{ Account, Into, On, Change string }
}

// date judges an event by which a book comes to a business date, or nearer to one.
func (a *Auditor) date(id string, e Event) ([]string, error) {
	var event dated
	if err := json.Unmarshal(e.Data, &event); err != nil {
		return nil, err
	}
	b := a.ledger(id)
	if event.RecordedAt.Before(b.recorded) {
		return nil, fmt.Errorf("it was recorded at %v, before the event that precedes it at %v", event.RecordedAt, b.recorded)
	}
	if b.next != nil {
		return nil, fmt.Errorf("%s/%s has waited for the event before it and must follow", b.next.Source, b.next.Record)
	}
	date := cmp.Or(event.BusinessDate, event.To)
	if why := a.notNext(b, date); why != "" {
		return nil, fmt.Errorf("%s", why)
	}
	due := b.slices(func(h slice) bool { return h.on <= date })
	s := &step{ref: Ref{e.Stream, e.Revision}, position: e.Position, recorded: event.RecordedAt, date: date}
	switch e.Type {
	case "HoldsReleased.v1":
		if len(due) == 0 {
			return nil, fmt.Errorf("nothing is due")
		}
		s.kind = "release"
		m := movement{book: b}
		for _, h := range due[:min(len(due), mostReleased)] {
			units := m.there(h)
			m.take(h, units)
			m.post(h.goesTo(), false, units)
		}
		s.legs, s.holds = m.legs, m.holds
		if err := posted(event.Postings, s.legs); err != nil {
			return nil, err
		}
		if err := sayHolds(event.Holds, s.holds); err != nil {
			return nil, err
		}
		b.steps = append(b.steps, s)
		b.post(s.legs, s.position)
		if err := b.keep(s.holds, s.position); err != nil {
			return nil, err
		}
	case "WindowClosed.v1":
		if len(due) > 0 {
			return nil, fmt.Errorf("a window ends while %v is due", due[0])
		}
		s.kind = "closing"
		if err := a.close(b, s, e, &event); err != nil {
			return nil, err
		}
	default:
		if ending := b.ending(date); len(ending) > 0 {
			return nil, fmt.Errorf("the book cannot come to %s while %s is to be closed", date, ending[0])
		}
		if len(due) > 0 {
			return nil, fmt.Errorf("the book cannot come to %s while %v is due", date, due[0])
		}
		if event.From != b.date {
			return nil, fmt.Errorf("the book stood at %q before it", b.date)
		}
		b.date = date
		b.days = append(b.days, day{date, e.Position})
	}
	b.stepped[e.Revision] = dayStep{date, e.Type == "BusinessDateAdvanced.v1"}
	b.recorded = event.RecordedAt
	return s.ids(id), nil
}

// notNext says why a book cannot be on its way to a date; empty where it can.
func (a *Auditor) notNext(b *book, date string) string {
	asked, last := false, ""
	for _, advance := range a.advances {
		if advance.Book == b.id {
			asked, last = asked || advance.Date == date, max(last, advance.Date)
		}
	}
	switch {
	case b.date == "" && !asked:
		return "nobody asked the book to begin at " + date
	case b.date != "" && date != addDays(b.date, 1):
		return "the book stands at " + b.date + " and cannot go to " + date
	case date > last:
		return "nobody asked the book to come to " + date
	}
	return ""
}

// named are the parties of a step and the owners of its accounts.
func (s *step) named() (all []string) {
	for _, party := range s.parties {
		all = append(all, party)
	}
	for _, l := range s.legs {
		owner, _, _ := strings.Cut(l.account, "/")
		all = append(all, owner)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ids are what a step is about.
func (s *step) ids(id string) []string {
	ids := []string{"book:" + id}
	if s.kind == "closing" {
		ids = append(ids, "schedule:"+s.schedule)
		if s.contract != "" {
			ids = append(ids, "contract:"+s.contract)
		}
	}
	for _, party := range s.named() {
		ids = append(ids, "party:"+party)
	}
	return ids
}

// standsAt is the date of a book as of a position; empty where it had none.
func (b *book) standsAt(position uint64) (date string) {
	for _, d := range b.days {
		if d.position <= position {
			date = d.date
		}
	}
	return date
}

// Advanced judges what a caller was told who asked a book to come to a date.
func (a *Auditor) Advanced(asked Advance, answer Answer) error {
	fault := func(format string, arguments ...any) error {
		return fmt.Errorf("answer to %+v: %s", asked, fmt.Sprintf(format, arguments...))
	}
	b := a.ledger(asked.Book)
	if answer.Refused != "" {
		before := b.standsAt(answer.Asked)
		if answer.Refused == "conflict" && (b.date == "" || before != "" && asked.Date <= addDays(before, 1)) {
			return fault("refused, and the book stood at %q", before)
		}
		if answer.Refused != "conflict" {
			return fault("refused as %s", answer.Refused)
		}
		return nil
	}
	if err := a.Acknowledged(answer); err != nil {
		return err
	}
	step, stepped := b.stepped[answer.Ref.Revision]
	switch {
	case !stepped || answer.Ref.Stream != "book-"+asked.Book:
		return fault("%v is no step to a date", answer.Ref)
	case answer.Replayed && (step.date < asked.Date || !step.last):
		return fault("done before at %v, which is %+v", answer.Ref, step)
	case !answer.Replayed && step.date != asked.Date:
		return fault("%v is a step to %s", answer.Ref, step.date)
	}
	return nil
}

// stepRows are the entries that are no transactions, as the read model lists them.
func (a *Auditor) stepRows(must tables) {
	for _, b := range a.books {
		for _, s := range b.steps {
			seen := ""
			if s.kind == "closing" {
				seen = strings.Join(s.named(), " ")
			}
			must.add("steps", number(s.position), b.id, number(s.ref.Revision), s.kind, s.date, s.counter, s.first, s.last, s.contract, s.schedule, number(s.version), seen)
		}
	}
}

// arrived makes sure that every book has come to the last date that was asked for.
func (a *Auditor) arrived() error {
	for _, advance := range a.advances {
		if b := a.ledger(advance.Book); b.date < advance.Date {
			return fmt.Errorf("the book %s was to come to %s and stands at %q", advance.Book, advance.Date, b.date)
		}
	}
	return nil
}
