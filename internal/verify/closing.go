package verify

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// closing is what WindowClosed says beside what every entry of a book does.
type closing struct {
	counter, first, last string
	read                 []count
	periods              []closedPeriod
}

// closedPeriod is one period of it: its lines, from one on up to another.
type closedPeriod struct {
	id       string
	from, to int
}

// transfer says between which accounts the amount of a line has moved.
type transfer struct {
	from, to string
	opposite bool
}

func (f *fold) decodeClosing(e *event) error {
	n, s := &e.entry, &f.scan
	n.closing = &closing{}
	s.reset(e.data)
	defer f.namedUses(n)
	return s.whole(func(key []byte) (err error) {
		c := n.closing
		switch string(key) {
		case "business_date":
			n.step.date, err = f.date()
		case "recorded_at":
			e.recordedAt, err = s.instant()
		case "counter":
			c.counter, err = f.kept()
		case "first":
			c.first, err = f.word()
		case "last":
			c.last, err = f.word()
		case "currency":
			n.currency, err = f.word()
		case "contract":
			n.contract, err = f.word()
		case "contract_revision":
			n.contractAt, err = f.decodeRevision()
		case "schedule":
			n.schedule, err = f.word()
		case "schedule_revision":
			n.scheduleAt, err = f.decodeRevision()
		case "version":
			n.version, err = s.natural()
		case "engine":
			n.engine, err = s.natural()
		case "parties":
			err = f.decodeHolders(n)
		case "read":
			err = s.array(func() (err error) {
				c.read, err = f.decodeCount(c.read)
				return err
			})
		case "periods":
			err = s.array(func() error { return f.decodeClosedPeriod(n) })
		case "postings":
			err = s.array(func() error { return f.decodePosting(e, e.stream.book) })
		case "counts":
			err = s.array(func() (err error) {
				n.counts, err = f.decodeCount(n.counts)
				return err
			})
		default:
			err = s.skip()
		}
		return err
	})
}

func (f *fold) decodeClosedPeriod(n *entry) error {
	s := &f.scan
	p := closedPeriod{from: len(n.lines)}
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "period":
			p.id, err = f.word()
		case "lines":
			err = s.array(func() error { return f.decodeTransfer(n) })
		default:
			err = s.skip()
		}
		return err
	})
	p.to = len(n.lines)
	n.closing.periods = append(n.closing.periods, p)
	return err
}

func (f *fold) decodeTransfer(n *entry) error {
	var t transfer
	s, before := &f.scan, len(n.lines)
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "line":
			err = f.decodeLine(n)
		case "from":
			t.from, err = f.kept()
		case "to":
			t.to, err = f.kept()
		case "opposite":
			var word []byte
			word, err = s.word()
			t.opposite = string(word) == "true"
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && len(n.lines) != before+1 {
		err = s.fail("no line that explains a transfer")
	}
	n.transfers = append(n.transfers, t)
	return err
}

// checkClosed makes sure that the window which comes first ends, once and for good,
// by the periods of the version that it has to end by.
func (f *fold) checkClosed(e *event, b *book) error {
	n := &e.entry
	c := n.closing
	if err := f.nothingDue(e, b); err != nil {
		return err
	}
	if b.windows[c.counter].closed {
		return e.differs(checkClosings, "counter "+c.counter+" closed once", "it again")
	}
	switch next, on := b.nextClosing(); {
	case next == "" || on > n.step.date:
		return e.differs(checkClosings, "no window to be closed by "+n.step.date, "counter "+c.counter)
	case next != c.counter:
		return e.differs(checkClosings, "the closing of counter "+next+", due on "+on, "that of "+c.counter)
	}
	by, a, err := f.closingTerms(e, b)
	if err != nil {
		return err
	}
	if err := f.checkPeriods(e, b, by, a); err != nil {
		return err
	}
	b.notEnding(c.counter, b.windows[c.counter].closes)
	b.windows[c.counter] = window{closes: b.windows[c.counter].closes, closed: true}
	n.effectiveOn = n.step.date
	f.counts.Closings++
	f.checked.closings++
	return f.counted(e, b)
}

// newCounter takes the text of a counter apart.
func partsOf(counter string) *counterRow { return newCounterRow(counterPlace{counter: counter}) }

// closingTerms finds by what a window has to be closed, and compares that with what
// the event says.
func (f *fold) closingTerms(e *event, b *book) (by applied, a *accumulator, err error) {
	n := &e.entry
	c := partsOf(n.closing.counter)
	by.terms = &terms{}
	schedule := c.owner
	if c.scope == "contract" {
		if n.contract != c.owner {
			return by, nil, e.differs(checkClosings, "contract "+c.owner+", whose counter it is", orEmpty(n.contract))
		}
		used, ok := n.used("contract", n.contract)
		if !ok || used.revision >= used.stream.length {
			return by, nil, e.differs(checkReferences, "the revision of contract "+strconv.Quote(n.contract)+" among those used", n.listUses())
		}
		by.terms = &used.stream.contract[used.revision]
		schedule = by.terms.schedule
		if by.terms.book != b.id {
			return by, nil, e.differs(checkTerms, "a contract of book "+b.id, "one of book "+by.terms.book)
		}
	} else {
		by.terms.parameters = f.sharedParameters(b, schedule)
	}
	used, ok := n.used("schedule", n.schedule)
	if n.schedule != schedule || !ok || used.revision >= used.stream.length {
		return by, nil, e.differs(checkReferences, "the revision of schedule "+strconv.Quote(schedule)+" among those used", n.listUses())
	}
	versions := used.stream.schedule[:used.revision+1]
	right, last := closingVersion(versions, c, by.terms.until)
	if right == 0 || right != n.version {
		return by, nil, e.differs(checkTerms, "version "+strconv.FormatUint(right, 10)+" of schedule "+schedule, "version "+strconv.FormatUint(n.version, 10))
	}
	by.program = versions[right-1].program
	a = by.program.accumulator(c.name)
	first, _, _ := a.span(last)
	if n.closing.first != first.Format(time.DateOnly) || n.closing.last != last.Format(time.DateOnly) || n.currency != c.currency {
		return by, nil, e.differs(checkClosings, "the window of "+c.currency+" from "+first.Format(time.DateOnly)+" to "+last.Format(time.DateOnly), n.currency+" from "+n.closing.first+" to "+n.closing.last)
	}
	n.effectiveOn = n.closing.last
	return by, a, nil
}

// closingVersion finds the version that closes a window: the newest that is in force
// on its last day, and on one of the contract's, of those whose periods end it.
// Without one of the contract's days, it is the newest by the window's end.
func closingVersion(versions []document, c *counterRow, until string) (right uint64, last time.Time) {
	for i := len(versions) - 1; i >= 0; i-- {
		v := &versions[i]
		a := v.program.accumulator(c.name)
		if a == nil || a.scope != c.scope || len(v.program.closedBy(a.name)) == 0 || !a.keyed(c.key) {
			continue
		}
		day, ok := firstDay(c.period)
		if !ok {
			continue
		}
		_, next, ok := a.span(day)
		if name, err := a.windowOf(day); !ok || err != nil || name != c.period {
			continue
		}
		end := next.AddDate(0, 0, -1)
		switch {
		case v.effectiveFrom > end.Format(time.DateOnly):
		case until == "" || v.effectiveFrom < until:
			return v.version, end
		case right == 0:
			right, last = v.version, end
		}
	}
	return right, last
}

// firstDay is the first day of the window of a name.
func firstDay(window string) (time.Time, bool) {
	layout := time.DateOnly
	switch {
	case len(window) == len("2006-Q1") && window[5] == 'Q':
		window = window[:5] + [...]string{"01", "04", "07", "10"}[(window[6]-'1')&3]
		layout = "2006-01"
	case len(window) == len("2006-01"):
		layout = "2006-01"
	case len(window) == len("2006"):
		layout = "2006"
	}
	day, err := time.Parse(layout, window)
	return day, err == nil
}

// keyed reports whether a counter's key has the names of the accumulator's.
func (a *accumulator) keyed(key string) bool {
	var names []string
	for part := range strings.SplitSeq(key, ",") {
		if name, _, ok := strings.Cut(part, "="); ok {
			names = append(names, name)
		}
	}
	if len(names) != len(a.key) {
		return false
	}
	for i := range names {
		if names[i] != a.key[i] {
			return false
		}
	}
	return true
}

// keyOfCounter gives the names of a counter's key with their values.
func keyOfCounter(key string) (list []attribute) {
	for part := range strings.SplitSeq(key, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		var plain []byte
		for i := 0; i < len(value); i++ {
			if value[i] == '%' && i+2 < len(value) {
				if c, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
					plain, i = append(plain, byte(c)), i+2
					continue
				}
			}
			plain = append(plain, value[i])
		}
		list = append(list, attribute{name, string(plain)})
	}
	return list
}

// sharedParameters are those of the contracts of a book under a schedule, where all
// of them say the same.
func (f *fold) sharedParameters(b *book, schedule string) []attribute {
	var shared []attribute
	found := false
	for _, s := range f.streams {
		if s.category != "contract" || len(s.contract) == 0 {
			continue
		}
		t := &s.contract[len(s.contract)-1]
		if t.book != b.id || t.schedule != schedule {
			continue
		}
		if found && !bytes.Equal(appendAttributes(nil, shared), appendAttributes(nil, t.parameters)) {
			return nil
		}
		shared, found = t.parameters, true
	}
	return shared
}
