package command

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

// termsCache shares the terms of transactions that find the same contract,
// version, date and parties. Whatever changes the view clears it.
type termsCache struct {
	seed  maphash.Seed
	held  map[termsKey]heldTerms
	dates map[int]domain.Date
}

type termsKey struct {
	contract *contract.Terms
	version  *fee.Schedule
	on       domain.Date
	parties  uint64 // hash
}

type heldTerms struct {
	terms   *book.Terms
	parties map[string]string // the transaction's
}

const (
	mostTerms = 1 << 13
	mostDates = 1 << 14
)

func (c *termsCache) clear() { clear(c.held) }

// hash of a map does not depend on its order.
func (c *termsCache) hash(parties map[string]string) uint64 {
	var sum uint64
	for role, id := range parties {
		sum += maphash.String(c.seed, role)*0x9e3779b97f4a7c15 ^ maphash.String(c.seed, id)
	}
	return sum
}

// date is domain.DateOf without an allocation.
func (c *termsCache) date(t time.Time, zone *time.Location) domain.Date {
	year, month, day := t.In(zone).Date()
	key := year<<9 | int(month)<<5 | day
	if date, held := c.dates[key]; held {
		return date
	}
	date := domain.DateOf(t, zone)
	if c.dates == nil || len(c.dates) >= mostDates {
		c.dates = map[int]domain.Date{}
	}
	c.dates[key] = date
	return date
}

// fill finds the terms of transactions and notes on each item why it has none.
// Before it says that something is missing it has read to the end of the log,
// once for all of them.
func (v *view) fill(ctx context.Context, items []item) {
	if !v.resolve(items) {
		return
	}
	err := v.sync(ctx)
	if err == nil {
		v.resolve(items)
		return
	}
	for i := range items {
		if items[i].missing != nil {
			items[i].missing = err
		}
	}
}

// resolve looks up the terms of items that have none; missing tells of failures.
func (v *view) resolve(items []item) (missing bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range items {
		if c := items[i].settle; c != nil && c.Terms == nil {
			c.Terms, items[i].missing = v.find(&c.Transaction)
			missing = missing || items[i].missing != nil
		}
	}
	return missing
}

// find applies the contract that covers a transaction. Requires mu.
func (v *view) find(t *book.Transaction) (*book.Terms, error) {
	facts := contract.Facts{Book: t.Book, Source: t.Source, Type: t.Type, Method: t.Method, Product: t.Product, Parties: t.Parties}
	var on domain.Date
	var zone string
	chosen := contract.Select(v.books[t.Book], &facts, func(name string) domain.Date {
		if name != zone {
			zone, on = name, v.terms.date(t.OccurredAt, v.zones[name])
		}
		return on
	})
	if chosen == nil {
		return nil, &domain.Error{
			Code: domain.CodeMissingContract, Field: "book", Value: t.Book, Message: "no contract of the book covers type " + t.Type + " from this source on this date",
			Remedy: "sign a contract that does, then send the transaction again",
		}
	}
	version, err := v.version(chosen, on)
	if err != nil {
		return nil, err
	}
	key := termsKey{chosen, version, on, v.terms.hash(t.Parties)}
	if held, found := v.terms.held[key]; found && maps.Equal(held.parties, t.Parties) {
		return held.terms, nil
	}
	terms, err := v.merge(t, chosen, version, on)
	if err != nil {
		return nil, err
	}
	if v.terms.held == nil || len(v.terms.held) >= mostTerms {
		v.terms.held = map[termsKey]heldTerms{}
	}
	v.terms.held[key] = heldTerms{terms, maps.Clone(t.Parties)}
	return terms, nil
}

// version is the compiled version of a contract's schedule for a date.
func (v *view) version(terms *contract.Terms, on domain.Date) (*fee.Schedule, error) {
	s := v.schedules[terms.Schedule]
	if s == nil {
		return nil, &domain.Error{
			Code: domain.CodeMissingSchedule, Field: "schedule", Value: terms.Schedule, Message: "contract " + terms.Contract + " names a schedule that is not published",
			Remedy: "publish it, then send the transaction again",
		}
	}
	n := schedule.VersionFor(len(s.versions), func(version int) domain.Date { return s.from[version-1] }, on)
	if n == 0 {
		return nil, &domain.Error{
			Code: domain.CodeMissingSchedule, Field: "schedule", Value: terms.Schedule, Message: "the schedule of contract " + terms.Contract + " has no version for " + string(on),
			Remedy: "publish a schedule that is effective by then and sign a contract that names it",
		}
	}
	return v.parametrized(terms, s.versions[n-1])
}

// bind makes the terms of a transaction that is rated as an earlier one: contract,
// version, parties and calendars are those of that one, with the revisions that it
// recorded.
func (v *view) bind(ctx context.Context, o *book.TransactionSettled, at time.Time) (*book.Terms, error) {
	for synced := false; ; synced = true {
		terms, err := v.bound(o, at)
		if terms != nil || err != nil && (synced || domain.CodeOf(err) != domain.CodeNotFound) {
			return terms, err
		}
		if synced {
			return nil, &domain.Error{
				Code: domain.CodeMissingContract, Field: "contract", Value: o.Contract, Message: "the contract of the original, or its version " + strconv.Itoa(o.Version) + " of schedule " + o.Schedule + ", is not in the log",
				Remedy: "run verify",
			}
		}
		if err := v.sync(ctx); err != nil {
			return nil, err
		}
	}
}

func (v *view) bound(o *book.TransactionSettled, at time.Time) (*book.Terms, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, s := v.contracts[o.Contract], v.schedules[o.Schedule]
	if c == nil || s == nil || o.Version < 1 || o.Version > len(s.versions) {
		return nil, nil
	}
	version, err := v.parametrized(c.terms, s.versions[o.Version-1])
	if err != nil {
		return nil, err
	}
	on := v.terms.date(at, v.zones[c.terms.Zone])
	calendars, err := v.calendarsOf(version, o.Calendars, func(rule *fee.Rule) domain.Date {
		if rule.On == fee.OnRefund && o.Original == nil {
			return on // a charge is of its own date
		}
		return o.EffectiveOn
	})
	if err != nil {
		return nil, err
	}
	return &book.Terms{
		Contract: o.Contract, ContractRevision: o.ContractRevision, Schedule: version, ScheduleRevision: o.ScheduleRevision,
		Parties: o.Parties, EffectiveOn: on, Floors: c.floors, Calendar: calendars,
	}, nil
}

// merge makes the terms: every role with its party, all registered, and the
// revision of everything that was looked at.
func (v *view) merge(t *book.Transaction, chosen *contract.Terms, version *fee.Schedule, on domain.Date) (*book.Terms, error) {
	ids := make(map[string]string, len(t.Parties)+len(chosen.Parties))
	maps.Copy(ids, chosen.Parties)
	maps.Copy(ids, t.Parties)
	parties := book.PartiesOf(ids, func(id string) book.Revision {
		if known := v.parties[id]; known != nil {
			return book.Revision(known.revision)
		}
		return book.NotRecorded
	})
	for _, party := range parties {
		if party.Revision == book.NotRecorded {
			return nil, unknownParty(party.Role, party.ID)
		}
	}
	calendars, err := v.calendarsOf(version, nil, nil)
	if err != nil {
		return nil, err
	}
	return &book.Terms{
		Contract: chosen.Contract, ContractRevision: book.Revision(v.contracts[chosen.Contract].revision),
		Schedule: version, ScheduleRevision: book.Revision(v.schedules[chosen.Schedule].revision),
		Parties: parties, EffectiveOn: on, Floors: v.contracts[chosen.Contract].floors, Calendar: calendars,
	}, nil
}

func unknownParty(role, id string) error {
	return &domain.Error{
		Code: domain.CodeUnknownParty, Field: "parties." + role, Value: id, Message: "the party is not registered",
		Remedy: "register it, then send this again",
	}
}

// effectiveOn is the date of an instant as a contract reads it.
func (v *view) effectiveOn(ctx context.Context, contractID string, t time.Time) (domain.Date, error) {
	for synced := false; ; synced = true {
		v.mu.Lock()
		s := v.contracts[contractID]
		var on domain.Date
		if s != nil {
			on = v.terms.date(t, v.zones[s.terms.Zone])
		}
		v.mu.Unlock()
		if s != nil {
			return on, nil
		}
		if synced {
			return "", &domain.Error{Code: domain.CodeMissingContract, Field: "contract", Value: contractID, Message: "the contract of the transaction is not in the log", Remedy: "run verify"}
		}
		if err := v.sync(ctx); err != nil {
			return "", err
		}
	}
}

// checkTerms makes sure that what a contract names exists.
func (v *view) checkTerms(ctx context.Context, terms *contract.Terms) error {
	if _, err := loadZone(terms.Zone); err != nil {
		return err
	}
	missing := func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		s := v.schedules[terms.Schedule]
		if s == nil {
			return &domain.Error{Code: domain.CodeMissingSchedule, Field: "schedule", Value: terms.Schedule, Message: "no such schedule", Remedy: "publish it before the contract is signed"}
		}
		for _, role := range slices.Sorted(maps.Keys(terms.Parties)) {
			if _, registered := v.parties[terms.Parties[role]]; !registered {
				return unknownParty(role, terms.Parties[role])
			}
		}
		return s.accepts(terms)
	}
	if missing() == nil {
		return nil
	}
	if err := v.sync(ctx); err != nil {
		return err
	}
	return missing()
}
