package verify

import (
	"bytes"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// count is what an entry says that it made of one counter: one sum of an
// accumulator. The counter is valid as long as the event.
type count struct {
	counter       []byte
	days          uint64 // of the rolling window that the counter is a day of
	before, after figure
	closes        string // the business date on which its window may be closed, or ""
}

func (f *fold) decodeCount(into []count) ([]count, error) {
	var c count
	err := f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "counter":
			c.counter, err = f.scan.str()
		case "days":
			c.days, err = f.scan.natural()
		case "before":
			c.before, _, err = f.scan.decimal()
		case "after":
			c.after, _, err = f.scan.decimal()
		case "closes":
			c.closes, err = f.date()
		default:
			err = f.scan.skip()
		}
		return err
	})
	return append(into, c), err
}

// added is what the entry adds to the counter.
func (c *count) added() (figure, bool) { return c.after.plus(c.before.negated()) }

// same reports whether two counts say the same.
func (c *count) same(o *count) bool {
	return bytes.Equal(c.counter, o.counter) && c.days == o.days && c.before == o.before && c.after == o.after && c.closes == o.closes
}

// recount works out again what every accumulator of the schedule makes of a
// settlement, from the formulas of the schedule and the settlements before it, and
// compares it with what the event says. It may also tell the sums that it has
// looked at without counting.
func (f *fold) recount(e *event, sc *scene) error {
	n, at := sc.n, 0
	for i := range sc.p.accumulators {
		a := &sc.p.accumulators[i]
		want, counts, err := sc.count(a)
		if err != nil {
			return e.differs(checkCounted, "accumulator "+a.name+" of schedule "+n.schedule+" to be worked out", err.Error())
		}
		if at < len(n.counts) && n.counts[at].same(&want) {
			at++
			continue
		}
		told := at < len(n.counts) && bytes.Equal(n.counts[at].counter, want.counter)
		if !counts && !told {
			continue
		}
		found := "nothing of it"
		if at < len(n.counts) {
			found = n.counts[at].String()
		}
		return e.differs(checkCounted, want.String(), found)
	}
	if at < len(n.counts) {
		return e.differs(checkCounted, "no further count", n.counts[at].String())
	}
	return f.counted(e, sc.b)
}

// counted adds what an entry counts to the sums of its book.
func (f *fold) counted(e *event, b *book) error {
	for i := range e.entry.counts {
		c := &e.entry.counts[i]
		added, ok := c.added()
		sum := b.counter(c.counter)
		if ok {
			*sum, ok = sum.plus(added)
		}
		if !ok {
			return e.differs(checkCounted, "a sum within 128 bits", "more in "+string(c.counter))
		}
		if c.days > 0 && added.sign() != 0 {
			b.counts(c.counter)
		}
		if c.closes != "" {
			b.open(string(c.counter), c.closes)
		}
		f.checked.counted++
	}
	return nil
}

// keptDays is for how many days beyond its length a rolling window is kept, counted
// from the newest day that has counted.
const keptDays = 31

// splitDay takes the day out of the text of a rolling window's counter.
func splitDay(counter []byte) (before, day, behind string) {
	from := bytes.IndexByte(counter, '/') + 1
	from += bytes.IndexByte(counter[from:], '/') + 1
	window, _, _ := strings.Cut(string(counter[from:]), "/")
	return string(counter[:from]), window, string(counter[from+len(window):])
}

// counts notes that a day of a rolling window has counted.
func (b *book) counts(counter []byte) {
	before, day, behind := splitDay(counter)
	if b.newest == nil {
		b.newest = map[string]string{}
	}
	b.newest[before+behind] = max(b.newest[before+behind], day)
}

// standing fills in where a counter stands, of a rolling window the sum of its days
// as far as a book keeps them; kept is false where the day itself is not kept.
func (b *book) standing(c *count) (kept bool, err error) {
	if c.days == 0 {
		c.before = *b.counter(c.counter)
		return true, nil
	}
	prefix, text, suffix := splitDay(c.counter)
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return false, err
	}
	newest, err := time.Parse(time.DateOnly, b.newest[prefix+suffix])
	if err != nil {
		return false, err
	}
	oldest := newest.AddDate(0, 0, 1-int(c.days)-keptDays)
	for back := range int(c.days) {
		at := day.AddDate(0, 0, -back)
		if at.Before(oldest) {
			break
		}
		if sum, ok := b.counters[prefix+at.Format(time.DateOnly)+suffix]; ok {
			c.before, _ = c.before.plus(*sum) // days of one window, which fit together
		}
	}
	return !day.Before(oldest), nil
}

// counter finds the sum of a counter, nothing at first.
func (b *book) counter(id []byte) *figure {
	sum, ok := b.counters[string(id)]
	if !ok {
		sum = &figure{}
		if b.counters == nil {
			b.counters = map[string]*figure{}
		}
		b.counters[string(id)] = sum
	}
	return sum
}

// String is a count for people.
func (c *count) String() string {
	text := fmt.Sprintf("counter %s from %s to %s", c.counter, c.before, c.after)
	if c.closes != "" {
		text += ", to be closed on " + c.closes
	}
	return text
}

// count is what an accumulator must make of the entry; counts is false where it
// leaves it as it was.
func (sc *scene) count(a *accumulator) (want count, counts bool, err error) {
	day, err := time.Parse(time.DateOnly, sc.n.effectiveOn)
	if err != nil {
		return want, false, err
	}
	want.days = a.days
	if want.counter, err = sc.counter(a, day); err != nil {
		return want, false, err
	}
	before, err := sc.before(a)
	if err != nil {
		return want, false, err
	}
	var ok bool
	if want.before, ok = figureOf(before); !ok {
		return want, false, wrong("a sum beyond 128 bits")
	}
	want.after = want.before
	if a.when != nil {
		if counts, err = a.when.truth(sc.name); err != nil || !counts {
			return want, false, err
		}
	}
	measure, err := sc.number(a.measure)
	if err != nil {
		return want, false, err
	}
	added, ok := figureOf(a.measured(measure, sc.n.currency))
	if sc.n.amount.sign() < 0 {
		added = added.negated()
	}
	if ok {
		want.after, ok = want.before.plus(added)
	}
	if !ok {
		return want, false, wrong("a sum beyond 128 bits")
	}
	want.closes = sc.p.closes(a, day)
	return want, true, nil
}

// measured rounds a measure to the decimals that a sum keeps: four beyond the minor
// unit, or six where all currencies count together.
func (a *accumulator) measured(exact *big.Rat, currency string) *big.Rat {
	digits := 6
	if !a.all {
		digits = minorDecimals(currency) + 4
	}
	unit := figure{0, powersOfTen[places-digits]}.ratio()
	multiples, _ := toWhole(new(big.Rat).Quo(exact, unit), "half_up") // a mode that is known
	return unit.Mul(unit, new(big.Rat).SetInt(multiples))
}

// before sums what counts toward an accumulator before the entry.
func (sc *scene) before(a *accumulator) (*big.Rat, error) {
	if sc.restated {
		return sc.recalled(a)
	}
	day, err := time.Parse(time.DateOnly, sc.n.effectiveOn)
	if err != nil {
		return nil, err
	}
	sum := new(big.Rat)
	for back := range max(a.days, 1) {
		id, err := sc.counter(a, day.AddDate(0, 0, -int(back)))
		if err != nil {
			return nil, err
		}
		if bucket, ok := sc.b.counters[string(id)]; ok {
			sum.Add(sum, bucket.ratio())
		}
	}
	return sum, nil
}

// recalled finds where an accumulator stood as a restatement tells.
func (sc *scene) recalled(a *accumulator) (*big.Rat, error) {
	day, err := time.Parse(time.DateOnly, sc.n.effectiveOn)
	if err != nil {
		return nil, err
	}
	id, err := sc.counter(a, day)
	if err != nil {
		return nil, err
	}
	for i := range sc.told {
		if bytes.Equal(sc.told[i].counter, id) {
			return sc.told[i].before.ratio(), nil
		}
	}
	return nil, wrong("it is not told where counter " + string(id) + " stood")
}

// counter is the text by which events name the sum that a day counts toward:
// "<scope>:<owner>/<name>/<window>/<currency>/<key>".
func (sc *scene) counter(a *accumulator, day time.Time) ([]byte, error) {
	owner := sc.n.contract
	if a.scope == "schedule" {
		owner = sc.n.schedule
	}
	currency := sc.n.currency
	if a.all {
		currency = ""
	}
	window, err := a.windowOf(day)
	if err != nil {
		return nil, err
	}
	id := fmt.Appendf(nil, "%s:%s/%s/%s/%s/", a.scope, owner, a.name, window, currency)
	for i, name := range a.key {
		if i > 0 {
			id = append(id, ',')
		}
		value, err := sc.keyed(name)
		if err != nil {
			return nil, err
		}
		id = append(append(id, name...), '=')
		for _, c := range []byte(value) {
			if c <= ' ' || c == 0x7f || bytes.IndexByte([]byte("%/,="), c) >= 0 {
				id = fmt.Appendf(id, "%%%02X", c)
			} else {
				id = append(id, c)
			}
		}
	}
	return id, nil
}

// keyed gives the value of a part of a key: a party by its role, or a text that the
// transaction brings.
func (sc *scene) keyed(name string) (string, error) {
	for i := range sc.p.inputs {
		if in := &sc.p.inputs[i]; in.name == name {
			w, err := sc.input(in)
			return w.text, err
		}
	}
	return sc.n.party(name), nil
}

// windowOf is the name of the window that a day lies in.
func (a *accumulator) windowOf(day time.Time) (string, error) {
	if a.starts != "" && a.window != "lifetime" && a.days == 0 {
		first, _, ok := a.span(day)
		if !ok {
			return "", wrong("no window is called " + a.window)
		}
		return first.Format(time.DateOnly), nil
	}
	switch a.window {
	case "", "day":
		return day.Format(time.DateOnly), nil
	case "calendar_month":
		return day.Format("2006-01"), nil
	case "calendar_quarter":
		return day.Format("2006-Q") + strconv.Itoa((int(day.Month())+2)/3), nil
	case "calendar_year":
		return day.Format("2006"), nil
	case "lifetime":
		if day.Format(time.DateOnly) < a.starts {
			return "before", nil
		}
		return "lifetime", nil
	}
	return "", wrong("no window is called " + a.window)
}

// after is a date some months later, or the last of that month where it is shorter.
func after(date time.Time, months int) time.Time {
	first := time.Date(date.Year(), date.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(date.Day(), last)-1)
}

// figureOf is a fraction as a figure; ok is false where it has more decimals or
// does not fit.
func figureOf(ratio *big.Rat) (f figure, ok bool) {
	f, _, ok = parseFigure([]byte(ratio.FloatString(places)))
	return f, ok && f.ratio().Cmp(ratio) == 0
}
