package auditor

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// counted is what an event must say of one accumulator.
type counted struct {
	counter       counter
	before, after *big.Rat // in whole units
	closes        string   // when its window may be closed
	counts        bool     // false: it may be told that it was looked at
}

// counter names one sum; of a rolling window the day's.
type counter struct {
	scope, name, window, currency, key string
	days                               int
}

func (c counter) String() string {
	return c.scope + "/" + c.name + "/" + c.window + "/" + c.currency + "/" + c.key
}

// on is the counter of another day.
func (c counter) on(day string) counter {
	c.window = day
	return c
}

// standing is where a counter stands and what has made it so.
type standing struct {
	counter  counter
	value    *big.Rat
	closes   string  // when its window may be closed; empty where it is not
	said     string  // the same, as the newest event says
	closedBy *uint64 // revision
	entries  int64
	position uint64
	revision uint64
}

// keptDays is for how long a day of a rolling window is kept, beside the days of
// the window.
const keptDays = 31

func addDays(day string, n int) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return "no day " + day
	}
	return at.AddDate(0, 0, n).Format(time.DateOnly)
}

// grade is the attribute of the settlement, or of what it gives back.
func (s *settled) grade() string {
	switch {
	case s.tx.Grade != "":
		return s.tx.Grade
	case s.as && s.original.tx.Grade != "":
		return s.original.tx.Grade
	}
	return StandardGrade
}

// StandardGrade is that of transactions which name none.
const StandardGrade = "general"

// counter is the one that a settlement belongs to.
func (s *settled) counter(acc *Accumulator) counter {
	c := counter{scope: "contract:" + s.contract.ID, name: acc.Name, window: s.on, currency: s.tx.Currency, days: acc.Days}
	if acc.Shared {
		c.scope = "schedule:" + s.contract.Schedule
	}
	if acc.All {
		c.currency = ""
	}
	switch acc.Window {
	case "calendar_month":
		c.window = s.on[:len("2026-11")]
	case "lifetime":
		c.window = "lifetime"
	}
	var parts []string
	for _, name := range acc.Key {
		value := s.parties[name]
		if name == "grade" {
			value = s.grade()
		}
		parts = append(parts, name+"="+value)
	}
	c.key = strings.Join(parts, ",")
	return c
}

// rolling names all days of a rolling window together.
func (c counter) rolling() string { return c.on("").String() }

// oldest is the first day that the book keeps of a rolling window.
func (b *book) oldest(c counter) string {
	newest := b.newest[c.rolling()]
	if newest == "" {
		return ""
	}
	return addDays(newest, 1-c.days-keptDays)
}

// before sums what has counted towards a counter, or its window.
func (b *book) before(c counter) *big.Rat {
	sum := new(big.Rat)
	for back := range max(c.days, 1) {
		at := c
		if c.days > 0 {
			at = c.on(addDays(c.window, -back))
			if at.window < b.oldest(c) {
				break
			}
		}
		if s := b.counters[at.String()]; s != nil {
			sum.Add(sum, s.value)
		}
	}
	return sum
}

// late says of a settlement by the second engine which accumulator has forgotten
// days that it looks back upon; empty where none has.
func (a *Auditor) late(s *settled) string {
	b := a.books[s.book]
	v := &a.schedules[s.contract.Schedule].Versions[s.version-1]
	for i := range v.Accumulators {
		c := s.counter(&v.Accumulators[i])
		if b != nil && c.days > 0 && addDays(c.window, 1-c.days) < b.oldest(c) {
			return v.Accumulators[i].Name
		}
	}
	return ""
}

// tooLate reports whether the second engine would refuse a settlement as late.
func (a *Auditor) tooLate(s *settled) bool {
	return a.schedules[s.contract.Schedule].Versions[s.version-1].Second() && a.late(s) != ""
}

// count is what a settlement makes of the accumulators.
func (r *rating) count() (list []counted) {
	for i := range r.version.Accumulators {
		acc := &r.version.Accumulators[i]
		n := counted{counter: r.s.counter(acc)}
		n.before = r.a.books[r.s.book].before(n.counter)
		n.after = n.before
		if n.counts = acc.When == nil || r.matches(acc.When); n.counts {
			measure := rat(1)
			switch acc.Measure {
			case "one":
			case "gross":
				measure = new(big.Rat).Quo(rat(r.gross), r.scale())
			default:
				measure = new(big.Rat).Quo(rat(r.sum(acc.Measure)), r.scale())
			}
			if r.s.tx.Amount < 0 {
				measure.Neg(measure)
			}
			n.after = new(big.Rat).Add(n.before, measure)
			n.closes = n.counter.closes(r.version)
		}
		list = append(list, n)
	}
	return list
}

// uncounted is what a reversal makes of the accumulators: what the target did, taken
// back, but for days that are forgotten.
func (b *book) uncounted(target *settled) (list []counted) {
	for _, was := range target.counts {
		c := was.counter
		if was.before.Cmp(was.after) == 0 || c.days > 0 && c.window < b.oldest(c) {
			continue
		}
		n := counted{counter: c, before: b.before(c), counts: true}
		n.after = new(big.Rat).Sub(n.before, new(big.Rat).Sub(was.after, was.before))
		list = append(list, n)
	}
	return list
}

// saysCounts compares what an event says of accumulators, and takes it over.
func (b *book) saysCounts(s *settled, event *entry) error {
	is, i := event.Counts, 0
	for _, n := range s.counts {
		told := i < len(is) && is[i].Counter == n.counter.String()
		switch {
		case told && is[i].is(n.counter, n.before, n.after, n.closes):
			i++
		case told || n.counts:
			return fmt.Errorf("count %d must be %v from %s to %s, of %+v", i, n.counter, n.before.RatString(), n.after.RatString(), is)
		}
	}
	if i != len(is) {
		return fmt.Errorf("there are more than %d counts: %+v", i, is)
	}
	for _, n := range s.counts {
		change := new(big.Rat).Sub(n.after, n.before)
		if change.Sign() == 0 && n.closes == "" {
			continue
		}
		b.counts(n.counter, change, n.closes, s.position, s.ref.Revision)
		if n.counter.days > 0 {
			b.newest[n.counter.rolling()] = max(b.newest[n.counter.rolling()], n.counter.window)
		}
	}
	return nil
}

// counts adds to a counter.
func (b *book) counts(c counter, change *big.Rat, closes string, position, revision uint64) {
	stands := b.counters[c.String()]
	if stands == nil {
		stands = &standing{counter: c, value: new(big.Rat)}
		b.counters[c.String()] = stands
	}
	stands.value.Add(stands.value, change)
	stands.entries++
	stands.position, stands.revision = position, revision
	if closes == "" {
		return
	}
	if stands.said = closes; stands.closedBy == nil {
		stands.closes = closes
	}
}

func same(text string, value *big.Rat) bool {
	is, ok := new(big.Rat).SetString(text)
	return ok && is.Cmp(value) == 0
}

// counterRows are where accumulators stand, as the read model lists them.
func (a *Auditor) counterRows(must tables) {
	for _, b := range a.books {
		for _, id := range slices.Sorted(maps.Keys(b.counters)) {
			s := b.counters[id]
			must.add("counters", b.id, id, decimal(s.value), number(s.entries), number(s.position), number(s.revision))
			if s.said != "" {
				by := ""
				if s.closedBy != nil {
					by = number(*s.closedBy)
				}
				must.add("windows", b.id, id, s.said, by)
			}
		}
	}
}

// decimal writes a fraction whose denominator is a power of ten, without zeros at
// the end.
func decimal(value *big.Rat) string {
	text := value.FloatString(4)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
