package auditor

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Period says what happens at the end of a window of an accumulator.
type Period struct {
	ID      string
	Of      string
	Grace   int // days that the window stays open after its last
	Entries []Transfer
	// Losses and Above carry into the next window what the sum is below zero, or
	// above so many whole units; 0 is nothing.
	Losses bool
	Above  int64
}

// Transfer is an entry of a period: a part of the sum, or a fixed amount.
type Transfer struct {
	ID         string
	From, To   Target
	Millionths int64
	Signed     bool // of a sum below zero too, which goes the other way
	Flat       map[string]int64
	Below      int64 // only where the sum is below so many whole units; 0: always
}

// closes is when a version closes the window of a counter; empty where it does not.
func (c counter) closes(v *Version) string {
	i := slices.IndexFunc(v.Periods, func(p Period) bool { return p.Of == c.name })
	if i < 0 {
		return ""
	}
	_, last := c.span()
	return addDays(last, 1+v.Periods[i].Grace)
}

// span is the window of a counter.
func (c counter) span() (first, last string) {
	if len(c.window) == len(time.DateOnly) {
		return c.window, c.window
	}
	at, err := time.Parse("2006-01", c.window)
	if err != nil {
		return "no window " + c.window, "no window " + c.window
	}
	return at.Format(time.DateOnly), at.AddDate(0, 1, -1).Format(time.DateOnly)
}

// after is the counter of the next window.
func (c counter) after() counter {
	_, last := c.span()
	return c.on(addDays(last, 1)[:len(c.window)])
}

// ending are the counters whose windows are to be closed by a date, in that order.
func (b *book) ending(date string) (ids []string) {
	for id, s := range b.counters {
		if s.closes != "" && s.closes <= date && s.closedBy == nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y string) int {
		return strings.Compare(b.counters[x].closes+" "+x, b.counters[y].closes+" "+y)
	})
	return ids
}

// closer finds the version that closes a counter, and who stood in which role.
func (a *Auditor) closer(b *book, c counter) (contract *Contract, schedule *Schedule, version int, parties map[string]string) {
	kind, owner, _ := strings.Cut(c.scope, ":")
	for _, one := range a.contracts {
		if one.Book == b.id && (kind == "contract" && one.ID == owner || kind == "schedule" && one.Schedule == owner) && a.signed[one.ID] != 0 {
			contract, schedule = one, a.schedules[one.Schedule]
		}
	}
	parties = maps.Clone(contract.Parties) // the same for all
	for _, part := range strings.Split(c.key, ",") {
		if role, party, keyed := strings.Cut(part, "="); keyed && role != "grade" {
			if parties[role] = party; party == "" {
				delete(parties, role)
			}
		}
	}
	if kind == "schedule" {
		contract = nil
	}
	_, last := c.span()
	for n := len(schedule.Versions); n > 0; n-- {
		v := &schedule.Versions[n-1]
		if v.From > last || !v.ends(c) {
			continue
		}
		if contract == nil || contract.Until == "" || v.From < contract.Until {
			return contract, schedule, n, parties
		}
		if version == 0 {
			version = n
		}
	}
	return contract, schedule, version, parties
}

// ends reports whether a version has a period for the window of a counter.
func (v *Version) ends(c counter) bool {
	i := slices.IndexFunc(v.Accumulators, func(acc Accumulator) bool { return acc.Name == c.name })
	if i < 0 || c.closes(v) == "" {
		return false
	}
	acc := &v.Accumulators[i]
	var names []string
	for _, part := range strings.Split(c.key, ",") {
		if name, _, keyed := strings.Cut(part, "="); keyed {
			names = append(names, name)
		}
	}
	months := len(c.window) == len("2026-11")
	return slices.Equal(names, acc.Key) && acc.Shared == strings.HasPrefix(c.scope, "schedule:") && (acc.Window == "calendar_month") == months && acc.Window != "lifetime"
}

// windowClosed is what the event says beside its postings.
type windowClosed struct {
	Counter          string
	First, Last      string
	Currency         string
	Contract         string
	ContractRevision *uint64 `json:"contract_revision"`
	Schedule         string
	ScheduleRevision *uint64 `json:"schedule_revision"`
	Version, Engine  int
	Parties          map[string]string
	Read, Counts     []countSaid
	Periods          []struct {
		Period string
		Lines  []struct {
			Line     explained
			From, To string
			Opposite bool
		}
	}
}

// close judges the end of a window.
func (a *Auditor) close(b *book, s *step, e Event, event *dated) error {
	var said windowClosed
	if err := json.Unmarshal(e.Data, &said); err != nil {
		return err
	}
	ending := b.ending(s.date)
	if len(ending) == 0 || ending[0] != said.Counter {
		return fmt.Errorf("next to be closed is %v", ending)
	}
	stands := b.counters[said.Counter]
	c := stands.counter
	contract, schedule, number, parties := a.closer(b, c)
	if number == 0 {
		return fmt.Errorf("nothing closes %v", c)
	}
	version := &schedule.Versions[number-1]
	s.counter, s.schedule, s.version, s.parties = said.Counter, schedule.ID, number, parties
	s.first, s.last = c.span()
	if contract != nil {
		s.contract = contract.ID
	}
	if said.First != s.first || said.Last != s.last || said.Currency != c.currency || said.Contract != s.contract || said.Schedule != schedule.ID || said.Version != number || said.Engine != 2 {
		return fmt.Errorf("it must be closed from %s to %s by the contract %q, version %d of %s", s.first, s.last, s.contract, number, schedule.ID)
	}
	for role, party := range parties {
		if id, revision, ok := held(said.Parties[role]); !ok || id != party || revision >= a.counts["party-"+party] {
			return fmt.Errorf("the %s is %q and must be %q", role, said.Parties[role], party)
		}
	}
	if len(said.Parties) != len(parties) {
		return fmt.Errorf("parties are %v and must be %v", said.Parties, parties)
	}
	if said.ScheduleRevision == nil || *said.ScheduleRevision >= a.counts["schedule-"+schedule.ID] || contract != nil && (said.ContractRevision == nil || *said.ContractRevision >= a.counts["contract-"+contract.ID]) {
		return fmt.Errorf("it must name what it used of the schedule and the contract")
	}
	if len(said.Read) != 1 || !said.Read[0].is(c, stands.value, stands.value, "") {
		return fmt.Errorf("it must have read %s at %s: %+v", c, stands.value.RatString(), said.Read)
	}
	i := slices.IndexFunc(version.Periods, func(p Period) bool { return p.Of == c.name })
	period := &version.Periods[i]
	if len(said.Periods) != 1 || said.Periods[0].Period != period.ID {
		return fmt.Errorf("the period %s must be told: %+v", period.ID, said.Periods)
	}
	lines := said.Periods[0].Lines
	m := movement{book: b}
	for _, t := range period.Entries {
		units, applies := t.amount(stands.value, c.currency)
		if !applies {
			continue
		}
		from, to := parties[t.From.Role]+"/"+t.From.Purpose+"/"+c.currency, parties[t.To.Role]+"/"+t.To.Purpose+"/"+c.currency
		if len(lines) == 0 || lines[0].Line.Rule != t.ID || lines[0].Line.amount() != Decimal(max(units, -units), c.currency) || lines[0].From != from || lines[0].To != to || lines[0].Opposite != (units < 0) {
			return fmt.Errorf("the entry %s must move %d from %s to %s: %+v", t.ID, units, from, to, lines)
		}
		lines = lines[1:]
		if units < 0 {
			from, to, units = to, from, -units
		}
		m.post(from, true, units)
		m.post(to, false, units)
	}
	if len(lines) > 0 {
		return fmt.Errorf("there are more entries: %+v", lines)
	}
	s.legs = m.legs
	if err := posted(event.Postings, s.legs); err != nil {
		return err
	}
	b.steps = append(b.steps, s)
	b.post(s.legs, s.position)
	stands.closedBy = &s.ref.Revision
	return b.carry(period, c, contract, s, said.Counts, version)
}

// carry judges what goes into the next window.
func (b *book) carry(period *Period, c counter, contract *Contract, s *step, said []countSaid, version *Version) error {
	value, carried := b.counters[c.String()].value, new(big.Rat)
	switch {
	case period.Losses && value.Sign() < 0:
		carried.Set(value)
	case period.Above > 0 && value.Cmp(rat(period.Above)) > 0:
		carried.Sub(value, rat(period.Above))
	}
	if carried.Sign() == 0 {
		if len(said) > 0 {
			return fmt.Errorf("nothing is carried: %+v", said)
		}
		return nil
	}
	next := c.after()
	closes := next.closes(version)
	if first, _ := next.span(); contract != nil && contract.Until != "" && contract.Until <= first {
		closes = ""
	}
	before := b.before(next)
	after := new(big.Rat).Add(before, carried)
	if len(said) != 1 || !said[0].is(next, before, after, closes) {
		return fmt.Errorf("%s must be carried into %s, which closes %s: %+v", carried.RatString(), next, closes, said)
	}
	b.counts(next, carried, closes, s.position, s.ref.Revision)
	return nil
}

// amount is what an entry moves, in minor units; below zero it goes the other way.
func (t *Transfer) amount(sum *big.Rat, currency string) (units int64, applies bool) {
	if t.Below != 0 && sum.Cmp(rat(t.Below)) >= 0 {
		return 0, false
	}
	if t.Flat != nil {
		return t.Flat[currency], true
	}
	if sum.Sign() < 0 && !t.Signed {
		return 0, true
	}
	exact := new(big.Rat).Mul(sum, big.NewRat(t.Millionths, 1_000_000))
	for range Exponents[currency] {
		exact.Mul(exact, rat(10))
	}
	return (&Rule{}).round(exact, currency), true
}
