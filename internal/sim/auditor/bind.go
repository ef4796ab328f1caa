package auditor

import (
	"cmp"
	"fmt"
	"maps"
)

// asOriginal reports whether a refund of an entry is rated as that was: by the
// second engine alone.
func (a *Auditor) asOriginal(o *settled) bool {
	return o != nil && o.contract != nil && a.schedules[o.contract.Schedule].Versions[o.version-1].Second()
}

// bind finds the terms of a settlement.
func (a *Auditor) bind(s *settled) error {
	if o := s.original; a.asOriginal(o) {
		s.as, s.contract, s.version, s.parties, s.on = true, o.contract, o.version, o.parties, on(s.tx.At, o.contract.Zone)
		// What it does not say itself is as its original says.
		s.tx.Method, s.tx.Product, s.tx.Grade = cmp.Or(s.tx.Method, o.tx.Method), cmp.Or(s.tx.Product, o.tx.Product), cmp.Or(s.tx.Grade, o.tx.Grade)
		return nil
	}
	c := a.contractFor(&s.tx)
	if c == nil || a.signed[c.ID] == 0 {
		return fmt.Errorf("no contract covers it")
	}
	s.contract, s.parties, s.on = c, c.parties(&s.tx), on(s.tx.At, c.Zone)
	if s.version = a.schedules[c.Schedule].versionFor(s.on); s.version == 0 {
		return fmt.Errorf("the schedule %s has no version on %s", c.Schedule, s.on)
	}
	return nil
}

// refunds finds the original of a refund and makes sure that there is enough left.
func (a *Auditor) refunds(s *settled, refunded string) error {
	if s.tx.Original == "" {
		return nil
	}
	o := a.keys[record{s.input.Source, s.tx.Original}]
	if o == nil || o.book != s.book {
		return fmt.Errorf("the original %q has not settled", s.tx.Original)
	}
	if reason := o.refuses(&s.tx); reason != "" {
		return fmt.Errorf("the original %q %s", s.tx.Original, reason)
	}
	s.original = o
	if given := Decimal(o.refunded, s.tx.Currency); refunded != given && (refunded != "" || o.refunded != 0) {
		return fmt.Errorf("of the original %s is given back, not %q", given, refunded)
	}
	return nil
}

// uses makes sure that a settlement rests on what was in the log before it.
func (a *Auditor) uses(s *settled, event *entry) error {
	there := func(stream string, revision *uint64) error {
		if revision == nil || *revision >= a.counts[stream] {
			return fmt.Errorf("it must name what it used of %s, which has %d events", stream, a.counts[stream])
		}
		return nil
	}
	if s.as {
		if !maps.Equal(event.Parties, s.original.holders) {
			return fmt.Errorf("parties are %v and must be those of the original, %v", event.Parties, s.original.holders)
		}
	}
	for role, party := range s.parties {
		if a.registered[party] == 0 {
			return fmt.Errorf("the %s %q is not registered", role, party)
		}
		_, revision, ok := held(event.Parties[role])
		if !ok {
			return fmt.Errorf("the revision of the %s is missing: %q", role, event.Parties[role])
		}
		if err := there("party-"+party, &revision); err != nil {
			return err
		}
	}
	if err := there("contract-"+s.contract.ID, event.ContractRevision); err != nil {
		return err
	}
	if len(event.Calendars) != len(s.looked) {
		return fmt.Errorf("it must name the calendars %v, not %v", s.looked, event.Calendars)
	}
	for id := range s.looked {
		revision, named := event.Calendars[id]
		if !named {
			return fmt.Errorf("it must name the calendar %s", id)
		}
		if err := there("calendar-"+id, &revision); err != nil {
			return err
		}
	}
	return there("schedule-"+s.contract.Schedule, event.ScheduleRevision)
}
