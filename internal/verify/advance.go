package verify

import (
	"maps"
	"slices"
	"strconv"
)

// step is what an event says that moves time in a book.
type step struct {
	date string // that the book comes to; of BusinessDateAdvanced the one it has reached
	from string // the date before, of BusinessDateAdvanced
}

// decodeStep reads HoldsReleased and BusinessDateAdvanced.
func (f *fold) decodeStep(e *event) error {
	n, s := &e.entry, &f.scan
	s.reset(e.data)
	return s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "business_date", "to":
			n.step.date, err = f.date()
		case "from":
			n.step.from, err = f.date()
		case "recorded_at":
			e.recordedAt, err = s.instant()
		case "postings":
			err = s.array(func() error { return f.decodePosting(e, e.stream.book) })
		case "holds":
			err = s.array(func() error { return f.decodeHold(n) })
		default:
			err = s.skip()
		}
		return err
	})
}

// checkDate makes sure that a book goes from one business date to the next: the first
// may be any.
func (f *fold) checkDate(e *event, b *book) error {
	date := e.entry.step.date
	if want := dayAfter(b.date); date == "" || b.date != "" && date != want {
		if b.date == "" {
			want = "a date"
		}
		return e.differs(checkDates, "a step to "+want, orEmpty(date))
	}
	f.checked.dates++
	return nil
}

// checkReleased makes sure that a release moves what has fallen due, all of it in
// order as far as one event goes, to where it was held for.
func (f *fold) checkReleased(e *event, b *book) error {
	n := &e.entry
	due := b.due(n.step.date)
	if len(due) == 0 {
		return e.differs(checkReleases, "held money that falls due on "+n.step.date, "none")
	}
	w := &f.workings
	w.legs = w.legs[:0]
	for i := range due {
		r := &due[i]
		want := hold{path: []byte(r.path), account: r.account, on: r.on, into: r.into, change: r.amount.negated()}
		if i >= len(n.holds) {
			return e.differs(checkReleases, want.String(), "no further release")
		}
		if h := &n.holds[i]; h.account != want.account || h.on != want.on || h.into != want.into || h.change != want.change {
			return e.differs(checkReleases, want.String(), h.String())
		}
		if !w.legs.add(r.owner, r.purpose, r.currency, false, r.amount) || !w.legs.add(r.owner, r.into, r.currency, true, r.amount) {
			return e.differs(checkReleases, "a sum within 128 bits", "more on "+r.path)
		}
		f.checked.releases++
	}
	if len(n.holds) > len(due) {
		return e.differs(checkReleases, strconv.Itoa(len(due))+" sums of held money, as fall due until "+n.step.date, "also "+n.holds[len(due)].String())
	}
	return w.legs.compare(e, checkReleases)
}

// nothingDue makes sure that a step does not pass over what has fallen due.
func (f *fold) nothingDue(e *event, b *book) error {
	if due := b.due(e.entry.step.date); len(due) > 0 {
		left := hold{path: []byte(due[0].path), on: due[0].on, into: due[0].into, change: due[0].amount}
		return e.differs(checkReleases, "a release first of what has fallen due", "still held: "+left.String())
	}
	return nil
}

// checkAdvanced makes sure that a business date is reached when everything is done
// that it asks for.
func (f *fold) checkAdvanced(e *event, b *book) error {
	n := &e.entry
	if n.step.from != b.date {
		return e.differs(checkDates, "from "+orEmpty(b.date), "from "+orEmpty(n.step.from))
	}
	if err := f.nothingDue(e, b); err != nil {
		return err
	}
	if counter, on := b.nextClosing(); counter != "" && on <= n.step.date {
		return e.differs(checkClosings, "a closing first of counter "+counter+", due on "+on, "the date "+n.step.date)
	}
	b.date = n.step.date
	f.counts.BusinessDates++
	return nil
}

// window is a counter that a period ends.
type window struct {
	closes string
	closed bool
}

// open notes until when a counter is open; one that was closed stays so.
func (b *book) open(counter, closes string) {
	if b.windows == nil {
		b.windows, b.ending = map[string]window{}, map[string]map[string]bool{}
	}
	was, known := b.windows[counter]
	switch {
	case was.closed, known && was.closes == closes:
		return
	case known:
		b.notEnding(counter, was.closes)
	}
	b.windows[counter] = window{closes: closes}
	if b.ending[closes] == nil {
		b.ending[closes] = map[string]bool{}
	}
	b.ending[closes][counter] = true
	if closes <= b.queued {
		b.queue, b.queued = nil, ""
	}
}

func (b *book) notEnding(counter, closes string) {
	if delete(b.ending[closes], counter); len(b.ending[closes]) == 0 {
		delete(b.ending, closes)
	}
	if closes == b.queued {
		if len(b.queue) > 0 && b.queue[0] == counter {
			b.queue = b.queue[1:]
		} else {
			b.queue, b.queued = nil, ""
		}
	}
}

// nextClosing is the open window that is closed next, by date and counter; empty
// where none is open.
func (b *book) nextClosing() (counter, on string) {
	if len(b.queue) == 0 {
		b.queued = ""
		for date := range b.ending {
			if b.queued == "" || date < b.queued {
				b.queued = date
			}
		}
		b.queue = slices.Sorted(maps.Keys(b.ending[b.queued]))
	}
	if len(b.queue) == 0 {
		return "", ""
	}
	return b.queue[0], b.queued
}
