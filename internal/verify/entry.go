package verify

import (
	"bytes"
	"strconv"
)

// recordedRevision is the revision of a stream that an event says it looked at.
type recordedRevision struct {
	revision uint64
	recorded bool
}

func (f *fold) decodeRevision() (r recordedRevision, err error) {
	if f.scan.null() {
		return r, nil
	}
	r.revision, err = f.scan.natural()
	r.recorded = true
	return r, err
}

// decodeHolders reads parties by role, as {"seller":"p1@0"}: each with the revision
// of the party that was looked at, which may be missing.
func (f *fold) decodeHolders(n *entry) error {
	if f.scan.null() {
		return nil
	}
	return f.scan.object(func(key []byte) error {
		r := role{role: f.intern(key)}
		holder, err := f.scan.str()
		if err != nil {
			return err
		}
		at := bytes.LastIndexByte(holder, '@')
		if at < 0 {
			return f.scan.fail("no party with its revision: " + strconv.Quote(string(holder)))
		}
		r.party = f.intern(holder[:at])
		n.parties = append(n.parties, r)
		if at == len(holder)-1 {
			n.undated = r.party
			return nil
		}
		revision, err := strconv.ParseUint(string(holder[at+1:]), 10, 64)
		if err != nil {
			return f.scan.fail("no revision of a party: " + strconv.Quote(string(holder)))
		}
		f.uses(n, "party-", r.party, revision)
		return nil
	})
}

// decodeTexts reads texts by name.
func (f *fold) decodeTexts(into []attribute) ([]attribute, error) {
	if f.scan.null() {
		return into, nil
	}
	err := f.scan.object(func(key []byte) error {
		a := attribute{name: f.intern(key)}
		value, err := f.scan.str()
		a.value = string(value)
		into = append(into, a)
		return err
	})
	return into, err
}

// decodeCalendars reads calendars by id, each with the revision that was looked at.
func (f *fold) decodeCalendars(n *entry) error {
	if f.scan.null() {
		return nil
	}
	return f.scan.object(func(key []byte) error {
		id := f.intern(key)
		revision, err := f.decodeRevision()
		if err == nil && !revision.recorded {
			err = f.scan.fail("no revision of calendar " + id)
		}
		f.uses(n, "calendar-", id, revision.revision)
		n.calendars = append(n.calendars, n.uses[len(n.uses)-1])
		return err
	})
}

// uses notes that an entry looked at a stream.
func (f *fold) uses(n *entry, prefix, id string, revision uint64) {
	f.text = append(append(f.text[:0], prefix...), id...)
	u := use{stream: f.stream(f.text), revision: revision}
	if u.stream != nil {
		u.name = u.stream.name
	} else {
		u.name = string(f.text)
	}
	n.uses = append(n.uses, u)
}

// namedUses adds contract and schedule to what the entry looked at, where it says
// their revisions.
func (f *fold) namedUses(n *entry) {
	if n.contractAt.recorded {
		f.uses(n, "contract-", n.contract, n.contractAt.revision)
	}
	if n.scheduleAt.recorded {
		f.uses(n, "schedule-", n.schedule, n.scheduleAt.revision)
	}
}
