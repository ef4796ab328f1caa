package verify

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hold is a change of what an account holds back until a date. The path is valid as
// long as the event.
type hold struct {
	path     []byte
	account  *account // found by held
	into, on string
	change   figure
}

// slice is what an account holds back until one date, to move into one purpose.
type slice struct {
	on, into string
	amount   figure
}

func compareSlices(a, b slice) int {
	return cmp.Or(strings.Compare(a.on, b.on), strings.Compare(a.into, b.into))
}

func (f *fold) decodeHold(n *entry) error {
	var h hold
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "account":
			h.path, err = s.str()
		case "into":
			h.into, err = f.word()
		case "on":
			h.on, err = f.date()
		case "change":
			h.change, _, err = s.decimal()
		default:
			err = s.skip()
		}
		return err
	})
	n.holds = append(n.holds, h)
	return err
}

// held makes sure that what an entry holds or releases is said in full, and posted.
func (f *fold) held(e *event, b *book) error {
	if err := f.known(e, b); err != nil {
		return err
	}
	for i := range e.entry.holds {
		if err := e.moved(e.entry.holds[i].account); err != nil {
			return err
		}
	}
	return nil
}

// known finds the accounts of what an entry holds or releases, and makes sure that
// every change says all that it must.
func (f *fold) known(e *event, b *book) error {
	for i := range e.entry.holds {
		h := &e.entry.holds[i]
		h.account = b.accounts[string(h.path)]
		switch {
		case h.account == nil:
			return e.differs(checkHolds, "a hold on an account that was posted to", strconv.Quote(string(h.path)))
		case h.on == "" || h.into == "" || h.into == h.account.purpose:
			return e.differs(checkHolds, "a hold until a date, into another purpose than "+h.account.purpose, h.String())
		case h.change.sign() == 0:
			return e.differs(checkHolds, "a change of what is held on "+h.account.path, "nothing")
		}
	}
	return nil
}

// moved makes sure that an entry posts to an account what it holds back there, and
// what it takes of what is held.
func (e *event) moved(a *account) error {
	n := &e.entry
	for _, side := range []struct {
		name   string
		credit bool
	}{{"credit", true}, {"debit", false}} {
		sum, ok := figure{}, true
		for i := range n.holds {
			if h := &n.holds[i]; h.account == a && ok && (h.change.sign() > 0) == side.credit {
				sum, ok = sum.plus(h.change.absolute())
			}
		}
		if found := n.posted(a.path, side.credit); !ok || sum.compare(found) > 0 {
			return e.differs(checkHolds, "a "+side.name+" of "+a.path+" for what is held, at least "+sum.String(), found.String())
		}
	}
	return nil
}

// String is a change for people.
func (h *hold) String() string {
	return h.change.String() + " on " + string(h.path) + " until " + orEmpty(h.on) + " into " + orEmpty(h.into)
}

// slice is what an account holds until a date, nothing where there is none.
func (a *account) slice(on, into string) figure {
	if at, ok := slices.BinarySearchFunc(a.slices, slice{on: on, into: into}, compareSlices); ok {
		return a.slices[at].amount
	}
	return figure{}
}

// hold changes a slice; ok is false where it would fall below zero or not fit.
func (b *book) hold(a *account, on, into string, change figure) (ok bool) {
	at, found := slices.BinarySearchFunc(a.slices, slice{on: on, into: into}, compareSlices)
	if !found {
		a.slices = slices.Insert(a.slices, at, slice{on: on, into: into})
	}
	sum, ok := a.slices[at].amount.plus(change)
	if !ok || sum.sign() < 0 {
		return false
	}
	if a.slices[at].amount = sum; sum.sign() == 0 {
		a.slices = slices.Delete(a.slices, at, at+1)
	}
	if slices.ContainsFunc(a.slices, func(s slice) bool { return s.on == on }) {
		if b.falling == nil {
			b.falling = map[string]map[*account]bool{}
		}
		if b.falling[on] == nil {
			b.falling[on] = map[*account]bool{}
		}
		b.falling[on][a] = true
	} else if delete(b.falling[on], a); len(b.falling[on]) == 0 {
		delete(b.falling, on)
	}
	return true
}

// mostReleased is how many slices one event releases at most.
const mostReleased = 200

// release is a slice that falls due.
type release struct {
	*account
	slice
}

// due lists what is held until a date or earlier, in the order in which it is
// released, and of it no more than one event releases.
func (b *book) due(date string) (due []release) {
	for _, on := range slices.Sorted(maps.Keys(b.falling)) {
		if on > date || len(due) > mostReleased {
			break
		}
		accounts := slices.SortedFunc(maps.Keys(b.falling[on]), func(a, o *account) int { return strings.Compare(a.path, o.path) })
		for _, a := range accounts {
			for _, s := range a.slices {
				if s.on == on {
					due = append(due, release{a, s})
				}
			}
		}
	}
	return due[:min(len(due), mostReleased)]
}

// move changes what is held as an entry says.
func (f *fold) move(e *event, b *book) error {
	n := &e.entry
	for i := range n.holds {
		h := &n.holds[i]
		if !b.hold(h.account, h.on, h.into, h.change) {
			return e.differs(checkHolds, "at most "+h.account.slice(h.on, h.into).String()+" to be released of "+h.account.path+" until "+h.on+" into "+h.into, h.change.negated().String())
		}
		f.checked.holds++
	}
	return nil
}

// dayAfter is the date after a date.
func dayAfter(date string) string {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return ""
	}
	return day.AddDate(0, 0, 1).Format(time.DateOnly)
}
