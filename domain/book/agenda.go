package book

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
)

// agenda keeps what falls due on dates so that the first of it is found without
// looking at the rest, however much is held. What stops being due stays on its day's
// list for a while and is passed over: adding and removing cost nearly nothing.
type agenda[T comparable] struct {
	compare func(a, b T) int              // the order within a date
	open    func(T, domain.Date) bool     // whether a thing still falls due on a date
	dates   []domain.Date                 // ascending
	days    map[domain.Date]*agendaDay[T] // by date
}

type agendaDay[T comparable] struct {
	things []T
	live   int // how many of them still fall due on the date
	sorted bool
	from   int // those before it are not due any more; while sorted
}

func newAgenda[T comparable](compare func(a, b T) int, open func(T, domain.Date) bool) agenda[T] {
	return agenda[T]{compare: compare, open: open, days: make(map[domain.Date]*agendaDay[T])}
}

// add puts a thing on a date, on which it was not due.
func (a *agenda[T]) add(on domain.Date, thing T) {
	d := a.days[on]
	if d == nil {
		d = new(agendaDay[T])
		a.days[on] = d
		at, _ := slices.BinarySearch(a.dates, on)
		a.dates = slices.Insert(a.dates, at, on)
	}
	d.things, d.live, d.sorted = append(d.things, thing), d.live+1, false
}

// remove notes that one thing of a date is not due then any more: open says so
// already.
func (a *agenda[T]) remove(on domain.Date) {
	d := a.days[on]
	d.live--
	switch {
	case d.live == 0:
		delete(a.days, on)
		at, _ := slices.BinarySearch(a.dates, on)
		a.dates = slices.Delete(a.dates, at, at+1)
	case len(d.things) > 2*d.live+64:
		a.tidy(on, d)
	}
}

// until gives up to most things that fall due up to a date, by date and within it
// in their order.
func (a *agenda[T]) until(date domain.Date, most int) []T {
	var due []T
	for _, on := range a.dates {
		if on > date || len(due) == most {
			break
		}
		d := a.days[on]
		if !d.sorted {
			a.tidy(on, d)
		}
		for i := d.from; i < len(d.things) && len(due) < most; i++ {
			if a.open(d.things[i], on) {
				due = append(due, d.things[i])
			} else if i == d.from {
				d.from++
			}
		}
	}
	return due
}

// tidy sorts a day's things and drops those that are not due then any more.
func (a *agenda[T]) tidy(on domain.Date, d *agendaDay[T]) {
	d.things = slices.DeleteFunc(d.things, func(thing T) bool { return !a.open(thing, on) })
	slices.SortFunc(d.things, a.compare)
	d.things = slices.Compact(d.things)
	d.sorted, d.from = true, 0
}
