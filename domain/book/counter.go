package book

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// lateDays is for how many days beyond its window a day bucket is kept.
const lateDays = fee.LateDays

// counter is one sum of an accumulator, or one day bucket of a rolling one. A
// plain counter of zero is as good as none, unless its window is to be closed; a
// bucket stays until its day is too old.
type counter struct {
	id string
	Counted
	base string // of a bucket: its id without the day
	day  domain.Date
	held bool // false: not there (yet, or any more)

	part    sum // of the hash
	stale   bool
	changed bool // since the last Commit
}

// Counted is the value of a counter as a snapshot holds it.
type Counted struct {
	Value money.Amount
	Days  int // of the rolling window that a bucket is part of; else 0
	// Closes is the first business date on which the window may be closed; empty where
	// nothing is to be done at its end. Closed says that it was. What comes late still
	// counts, but is not closed again.
	Closes domain.Date
	Closed bool
}

// end is the date on which an open window is to be closed; empty where it is not.
func (c *counter) end() domain.Date {
	if !c.held || c.Closed {
		return ""
	}
	return c.Closes
}

// ends reports whether the counter's window is to be closed on a date.
func (c *counter) ends(on domain.Date) bool { return c.end() == on }

// inDate orders the windows that are to be closed on one date.
func (c *counter) inDate(o *counter) int { return strings.Compare(c.id, o.id) }

// Ended lists up to most open windows that may be closed on a business date, by their
// counters' ids, in the order in which an advance closes them: by date and id.
func (s *State) Ended(until domain.Date, most int) []string {
	ended := s.ending.until(until, most)
	ids := make([]string, len(ended))
	for i, c := range ended {
		ids[i] = c.id
	}
	return ids
}

// Counted is the value of an accumulator as the end of a window finds it: what
// fee.PeriodEnd.Before asks for. CodeConflict says that a rolling window reaches back
// to days that the book has dropped.
func (s *State) Counted(c fee.Counter) (money.Amount, error) {
	if c.Days > 0 {
		base, day := splitBucket(c.ID())
		if buckets := s.buckets[base]; len(buckets) > 0 && s.late(buckets, day, c.Days) {
			return money.Zero, &domain.Error{
				Code: domain.CodeConflict, Field: "counter", Value: c.ID(),
				Message: "accumulator " + c.Name + " has counted on " + string(buckets[len(buckets)-1].day) + " and keeps no days that old",
				Remedy:  "let the period read an accumulator of its own window",
			}
		}
	}
	value, err := s.windowed(c.ID(), c.Days)
	if err != nil || c.Currency == "" {
		return value.Shorten(), err
	}
	return value.In(c.Currency), nil
}

// Counter returns the value of one counter or day bucket by fee.Counter's ID;
// zero where nothing was counted.
func (s *State) Counter(id string) money.Amount {
	if c := s.counters[id]; c != nil && c.held {
		return c.Value
	}
	return money.Zero
}

// Counters yields every counter that a snapshot must hold, in no order.
func (s *State) Counters() iter.Seq2[string, Counted] {
	return func(yield func(string, Counted) bool) {
		for id, c := range s.counters {
			if c.held && !yield(id, c.Counted) {
				return
			}
		}
	}
}

// before is what fee.Input.Before asks for: a counter, or the sum of the days of a
// rolling window. A window that reaches back to days which were dropped is refused:
// its sum would be wrong without anybody noticing. So is a day far ahead of the
// transaction's recording, which would drop the days of all that is still to come.
func (s *State) before(c fee.Counter, recorded time.Time) (money.Amount, error) {
	if c.Days > 0 {
		base, day := splitBucket(c.ID())
		if last := addDays(domain.DateOf(recorded, time.UTC), lateDays); day > last {
			return money.Zero, &domain.Error{
				Code: domain.CodeInvalid, Field: "occurred_at", Value: string(day),
				Message: "the transaction is dated more than " + strconv.Itoa(lateDays) + " days ahead, and accumulator " + c.Name + " would forget the days before it",
				Remedy:  "correct the date, or send it again when its time has come",
			}
		}
		if buckets := s.buckets[base]; len(buckets) > 0 && s.late(buckets, day, c.Days) {
			newest := string(buckets[len(buckets)-1].day)
			return money.Zero, &domain.Error{
				Code: domain.CodeConflict, Field: "occurred_at", Value: string(day),
				Message: "the transaction is too late for accumulator " + c.Name + ": the book has counted on " + newest + " and keeps no days that old",
				Remedy:  "settle it under a contract whose schedule does not look back, at most " + strconv.Itoa(lateDays) + " days late otherwise",
			}
		}
	}
	return s.windowed(c.ID(), c.Days)
}

// late reports whether a window begins before the days that are kept.
func (s *State) late(buckets []*counter, day domain.Date, days int) bool {
	return addDays(day, 1-days) < oldest(buckets[len(buckets)-1].day, days)
}

// windowed is the value of a counter, or of the window that ends with a bucket.
func (s *State) windowed(id string, days int) (total money.Amount, err error) {
	if days == 0 {
		return s.Counter(id), nil
	}
	base, day := splitBucket(id)
	buckets := s.buckets[base]
	if len(buckets) == 0 {
		return total, nil
	}
	at, _ := slices.BinarySearchFunc(buckets, addDays(day, 1-days), byDay)
	for ; at < len(buckets) && buckets[at].day <= day; at++ {
		if total, err = total.Add(buckets[at].Value); err != nil {
			return total, err
		}
	}
	return total, nil
}

func byDay(c *counter, day domain.Date) int { return strings.Compare(string(c.day), string(day)) }

// takeBack turns counts round. Buckets that were dropped since are left out: no
// window can need them.
func (s *State) takeBack(counts []fee.Count) ([]fee.Count, error) {
	var back []fee.Count
	for _, count := range counts {
		change, err := count.Before.Sub(count.After)
		if err != nil {
			return nil, err
		}
		if change.IsZero() || count.Days > 0 && s.dropped(count.Counter, count.Days) {
			continue
		}
		before, err := s.windowed(count.Counter, count.Days)
		if err != nil {
			return nil, err
		}
		if before, err = before.Add(money.New(0, change.Scale())); err != nil { // zeros are written alike
			return nil, err
		}
		after, err := before.Add(change)
		if err != nil {
			return nil, err
		}
		back = append(back, fee.Count{Counter: count.Counter, Days: count.Days, Before: before, After: after})
	}
	return back, nil
}

// dropped reports whether a bucket is of a day that is not kept any more.
func (s *State) dropped(id string, days int) bool {
	base, day := splitBucket(id)
	buckets := s.buckets[base]
	return len(buckets) > 0 && day < oldest(buckets[len(buckets)-1].day, days)
}

// oldest is the first day that is kept where newest is the last that was counted.
func oldest(newest domain.Date, days int) domain.Date { return addDays(newest, 1-days-lateDays) }

// tally applies what an event says of counters: it trusts the values after and
// makes sure that those before are the book's.
func (s *State) tally(counts []fee.Count) error {
	for i := range counts {
		n := &counts[i]
		if err := s.stood(counts[i : i+1]); err != nil {
			return err
		}
		value := n.After
		if n.Days > 0 {
			change, err := n.After.Sub(n.Before)
			if err != nil {
				return err
			}
			if value, err = s.Counter(n.Counter).Add(change); err != nil {
				return err
			}
		}
		if n.After.Cmp(n.Before) == 0 && n.Closes == "" {
			continue
		}
		c := s.counter(n.Counter)
		to := Counted{Value: value, Days: n.Days, Closes: c.Closes, Closed: c.Closed}
		if n.Closes != "" && !c.Closed {
			to.Closes = n.Closes
		}
		s.setCounter(c, to, n.Days > 0 || to.Closes != "" || !value.IsZero())
		if n.Days > 0 {
			s.dropOld(c.base)
		}
	}
	return nil
}

// stood makes sure that values before are the book's.
func (s *State) stood(counts []fee.Count) error {
	for i := range counts {
		n := &counts[i]
		held, err := s.windowed(n.Counter, n.Days)
		if err != nil {
			return err
		}
		if held.Cmp(n.Before) != 0 {
			return &domain.Error{Code: domain.CodeConflict, Field: "counts", Value: n.Counter, Message: "it stood at " + held.String() + ", not at " + n.Before.String()}
		}
	}
	return nil
}

// dropOld drops the buckets that are too old now that a day has been counted.
func (s *State) dropOld(base string) {
	buckets := s.buckets[base]
	newest := buckets[len(buckets)-1].day
	for buckets[0].day < oldest(newest, buckets[0].Days) { // the newest is not
		s.setCounter(buckets[0], Counted{Days: buckets[0].Days}, false)
		buckets = s.buckets[base]
	}
}

// counter finds a counter or makes one that is not held.
func (s *State) counter(id string) *counter {
	c := s.counters[id]
	if c == nil {
		c = &counter{id: id}
		s.counters[id] = c
	}
	return c
}

// setCounter changes a counter in the journal's sight.
func (s *State) setCounter(c *counter, to Counted, held bool) {
	if s.marked {
		s.undo.counters = append(s.undo.counters, counterUndo{c, c.Counted, c.held, c.changed})
	}
	if !c.changed {
		c.changed = true
		s.changedCounters = append(s.changedCounters, c)
	}
	s.putCounter(c, to, held)
}

func (s *State) putCounter(c *counter, to Counted, held bool) {
	if !c.stale {
		c.stale = true
		s.staleCounters = append(s.staleCounters, c)
	}
	filed, bucket := c.held && c.Days > 0, held && to.Days > 0
	if bucket && c.base == "" {
		c.base, c.day = splitBucket(c.id)
	}
	if filed != bucket {
		s.file(c, bucket)
	}
	before := c.end()
	c.Counted, c.held = to, held
	if after := c.end(); before != after {
		if before != "" {
			s.ending.remove(before)
		}
		if after != "" {
			s.ending.add(after, c)
		}
	}
}

// file puts a bucket on the list of its window's days, or takes it off.
func (s *State) file(c *counter, held bool) {
	buckets := s.buckets[c.base]
	at, _ := slices.BinarySearchFunc(buckets, c.day, byDay)
	switch {
	case held:
		s.buckets[c.base] = slices.Insert(buckets, at, c)
	case len(buckets) == 1:
		delete(s.buckets, c.base)
	default:
		s.buckets[c.base] = slices.Delete(buckets, at, at+1)
	}
}

// fingerprint is a counter's part of the hash.
func (c *counter) fingerprint() sum {
	var room [192]byte
	b := append(room[:0], 0) // no account has a name that begins so
	b = append(b, c.id...)
	b = append(b, 0)
	b = strconv.AppendInt(b, int64(c.Days), 10)
	b = append(b, 0)
	b = c.Value.Shorten().Append(b)
	if c.Closes != "" {
		b = append(append(b, 0), c.Closes...)
		b = strconv.AppendBool(append(b, 0), c.Closed)
	}
	return sumOf(b)
}

// splitBucket takes the day out of a bucket's id, where the window stands in it:
// "<scope>:<owner>/<name>/<window>/<currency>/<key>".
func splitBucket(id string) (base string, day domain.Date) {
	from := strings.IndexByte(id, '/') + 1
	from += strings.IndexByte(id[from:], '/') + 1
	window, _, _ := strings.Cut(id[from:], "/")
	return id[:from] + id[from+len(window):], domain.Date(window)
}

// addDays moves a date; one that is none stays as it is.
func addDays(day domain.Date, days int) domain.Date {
	at, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return day
	}
	return domain.DateOf(at.AddDate(0, 0, days), time.UTC)
}
