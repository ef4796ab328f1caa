package book_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

func runScenarios(t *testing.T, scenarios map[string]string) {
	t.Helper()
	for name, script := range scenarios {
		t.Run(name, func(t *testing.T) {
			r := &runner{t: t, state: book.Decider.Initial(), sent: map[string]domain.Command{}, now: start, schedule: standard, on: "2026-11-22"}
			var command string
			var expected []string
			for line := range strings.SplitSeq(strings.TrimSpace(script)+"\nend", "\n") {
				if strings.HasPrefix(line, "  ") {
					expected = append(expected, strings.Join(strings.Fields(line), " "))
					continue
				}
				if command != "" {
					r.run(command, expected)
				}
				command, expected = line, nil
			}
		})
	}
}

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

type runner struct {
	t      *testing.T
	state  *book.State
	policy book.Policy
	sent   map[string]domain.Command
	events []domain.Event
	now    time.Time

	schedule string
	on       domain.Date
	floors   []book.Floor
}

func (r *runner) run(line string, expected []string) {
	r.t.Helper()
	fields := strings.Fields(line)
	switch fields[0] {
	case "policy":
		r.policy = book.Policy{SettleUnmatched: strings.Contains(line, "unmatched"), SubMinor: strings.Contains(line, "sub_minor")}
		return
	case "schedule":
		name := strings.Join(fields[1:], " ")
		if r.schedule = schedules[name]; r.schedule == "" {
			r.schedule = heldSchedules[name]
		}
		require.NotEmpty(r.t, r.schedule, line)
		return
	case "floor":
		r.floors = append(r.floors, book.Floor{Role: fields[1], Purpose: fields[2], Amounts: map[money.Currency]money.Amount{money.Currency(fields[3]): amount(r.t, fields[4])}})
		return
	case "date":
		r.on = domain.Date(fields[1])
		return
	case "held":
		var got []string
		for h := range r.state.Held(ledger.AccountID(fields[1])) {
			got = append(got, string(h.On), h.Change.String())
		}
		require.Equal(r.t, strings.Join(fields[2:], " "), strings.Join(got, " "), line)
		return
	case "come":
		for n := 0; ; n++ {
			require.Less(r.t, n, 1000)
			step := []string{"advance", fmt.Sprintf("%s-%d", fields[1], n), fields[1]}
			if _, replay, err := book.Lookup(r.state, r.command(step)); replay {
				require.NoError(r.t, err)
				return
			}
			r.run(strings.Join(step, " "), nil)
		}
	case "counter":
		want, got := amount(r.t, fields[2]), r.state.Counter(fields[1])
		require.Zero(r.t, want.Cmp(got), "%s\ngot %s", line, got)
		return
	case "balance":
		got := r.state.Balance(ledger.AccountID(fields[1]))
		want := ledger.Balance{Debits: amount(r.t, fields[2]), Credits: amount(r.t, fields[3])}
		require.True(r.t, want.Equal(got), "%s\ngot %v", line, got)
		return
	}
	command := r.command(fields)
	before, count := r.state.Hash(), r.state.Count()
	revision, replay, lookupErr := book.Lookup(r.state, command)
	events, err := book.Decider.Decide(r.state, command)
	require.Equal(r.t, before, r.state.Hash(), "%s: deciding changed the state", line)
	var got []string
	switch {
	case err != nil:
		var fault *domain.Error
		require.ErrorAs(r.t, err, &fault)
		require.NotEmpty(r.t, fault.Remedy, fault.Error())
		got = []string{fmt.Sprintf("error %s %s", fault.Code, fault.Field)}
		if expected == nil {
			require.NoError(r.t, err, line)
		}
	case replay:
		require.Empty(r.t, events, line)
		got = []string{fmt.Sprintf("replay %d", revision)}
	default:
		require.NoError(r.t, lookupErr)
		require.Len(r.t, events, 1, line)
		for _, p := range postings(events[0]) {
			got = append(got, fmt.Sprintf("%s %s %s", p.Side, p.Account, p.Amount))
		}
		if got == nil {
			got = []string{"nothing"}
		}
		for _, h := range holds(events[0]) {
			got = append(got, fmt.Sprintf("hold %s %s %s %s", h.Account, h.Into, h.On, h.Change))
		}
		for _, c := range counts(events[0]) {
			got = append(got, fmt.Sprintf("count %s %s %s", c.Counter, c.Before, c.After))
		}
		switch e := events[0].(type) {
		case book.HoldsReleased:
			got = append(got, "released "+string(e.BusinessDate))
		case book.WindowClosed:
			got = append(got, fmt.Sprintf("closed %s %s %s", e.BusinessDate, e.First, e.Last))
		case book.BusinessDateAdvanced:
			got = append(got, strings.TrimSpace(fmt.Sprintf("advanced %s %s", e.To, e.From)))
		}
		r.state = book.Decider.Evolve(r.state, events[0])
		require.NoError(r.t, r.state.Err())
		require.Equal(r.t, count+1, r.state.Count())
		r.events = append(r.events, events[0])
		r.sent[fields[1]] = command
	}
	if expected != nil {
		require.Equal(r.t, expected, got, line)
	}
}

func (r *runner) command(fields []string) domain.Command {
	id := fields[1]
	switch fields[0] {
	case "again":
		return r.sent[id]
	case "altered":
		switch c := r.sent[id].(type) {
		case book.SettleTransaction:
			c.Transaction.ContentHash = "1:ffff"
			return c
		case book.ReverseEntry:
			c.ContentHash = "1:ffff"
			return c
		}
	case "advance":
		return book.AdvanceBusinessDate{Book: "main", Date: domain.Date(fields[2]), RecordedAt: r.now, Close: r.close}
	case "reverse":
		c := book.ReverseEntry{
			Key: key(id), Book: "main", ContentHash: "1:" + fmt.Sprintf("%x", id), Target: key(fields[3]), Reason: "wrong",
			OccurredAt: r.now, EffectiveOn: r.on, RecordedAt: r.now,
		}
		// The door reads the event that the record names.
		if record, found, _ := r.state.Record(c.Target); found {
			if settled, ok := r.events[record.Revision].(book.TransactionSettled); ok {
				c.Reversed = &settled
			}
		}
		return c
	}
	c := book.SettleTransaction{Policy: r.policy, RecordedAt: r.now}
	t := &c.Transaction
	t.Key, t.Book, t.Type, t.ContentHash, t.OccurredAt = key(id), "main", fields[0], "1:"+fmt.Sprintf("%x", id), r.now
	rest := fields[2:]
	if rest[0] == "of" {
		t.OriginalID, rest = rest[1], rest[2:]
	}
	t.Amount, t.Currency = amount(r.t, rest[0]), money.Currency(rest[1])
	all := map[string]string{}
	for role, party := range parties {
		all[role] = party
	}
	for _, pair := range rest[2:] {
		role, party, _ := strings.Cut(pair, "=")
		if name, is := strings.CutPrefix(role, "+"); is {
			if t.Attributes == nil {
				t.Attributes = map[string]string{}
			}
			t.Attributes[name] = party
			continue
		}
		if party == "-" {
			delete(all, role)
			continue
		}
		if t.Parties == nil {
			t.Parties = map[string]string{}
		}
		all[role], t.Parties[role] = party, party
	}
	c.Terms = terms(r.t, r.schedule, all)
	c.Terms.EffectiveOn, c.Terms.Floors = r.on, r.floors
	if r.state.NeedsOriginal(t) {
		// The door reads the event that the record names and, where it says so, binds
		// its terms.
		record, _, _ := r.state.Record(book.Key{Source: t.Source, ExternalID: t.OriginalID})
		if settled, ok := r.events[record.Revision].(book.TransactionSettled); ok {
			c.Original = &settled
			if r.state.AsOriginal(t) {
				bound := *r.sent[t.OriginalID].(book.SettleTransaction).Terms
				bound.EffectiveOn = r.on
				c.Terms = &bound
			}
		}
	}
	return c
}

// close ends a window as the command door does, with the schedule of now.
func (r *runner) close(s *book.State, id string) (*book.Closing, error) {
	return closing(r.t, terms(r.t, r.schedule, parties), s, id)
}

// closing computes the end of a window of a month by the periods of a schedule. The
// counter's key names the studio.
func closing(t require.TestingT, of *book.Terms, s *book.State, id string) (*book.Closing, error) {
	counter, err := fee.ParseCounter(id)
	require.NoError(t, err)
	all := map[string]string{}
	for role, party := range of.Parties.All() {
		all[role] = party
	}
	for name, value := range counter.Keys() {
		all[name] = value
	}
	c := &book.Closing{
		Contract: counter.Owner, ContractRevision: 1, Schedule: of.Schedule, ScheduleRevision: 2, Currency: counter.Currency,
		Parties: book.PartiesOf(all, func(string) book.Revision { return 3 }),
	}
	for _, period := range of.Schedule.PeriodsOf(counter.Name) {
		result, err := of.Schedule.ClosePeriod(fee.PeriodEnd{
			Period: period, On: domain.Date(counter.Window + "-01"), Currency: counter.Currency, Contract: counter.Owner, Party: c.Parties.Party,
			Before: func(read fee.Counter) (money.Amount, error) {
				value, err := s.Counted(read)
				c.Read = append(c.Read, fee.Count{Counter: read.ID(), Days: read.Days, Before: value, After: value})
				return value, err
			},
		})
		if err != nil {
			return nil, err
		}
		c.Results = append(c.Results, book.ClosedPeriod{Period: period, PeriodResult: result})
	}
	return c, nil
}

func counts(event domain.Event) []fee.Count {
	switch e := event.(type) {
	case book.TransactionSettled:
		return e.Counts
	case book.EntryReversed:
		return e.Counts
	case book.WindowClosed:
		return e.Counts
	}
	return nil
}

func holds(event domain.Event) []book.Hold {
	switch e := event.(type) {
	case book.TransactionSettled:
		return e.Holds
	case book.EntryReversed:
		return e.Holds
	case book.HoldsReleased:
		return e.Holds
	case book.AdjustmentPosted:
		return e.Holds
	}
	return nil
}

func terms(t testing.TB, schedule string, parties map[string]string) *book.Terms {
	t.Helper()
	var document fee.Document
	require.NoError(t, json.Unmarshal([]byte(schedule), &document))
	compiled, err := fee.Compile(document)
	require.NoError(t, err)
	return &book.Terms{
		Contract: "c-1", Schedule: compiled, ScheduleRevision: 1, EffectiveOn: "2026-11-22",
		Parties: book.PartiesOf(parties, func(string) book.Revision { return 3 }),
	}
}

func key(id string) book.Key { return book.Key{Source: "feed", ExternalID: id} }

func amount(t testing.TB, s string) money.Amount {
	t.Helper()
	a, err := money.Parse(s)
	require.NoError(t, err)
	return a
}

func postings(event domain.Event) []ledger.Posting {
	switch e := event.(type) {
	case book.TransactionSettled:
		return e.Postings
	case book.EntryReversed:
		return e.Postings
	case book.HoldsReleased:
		return e.Postings
	case book.WindowClosed:
		return e.Postings
	case book.AdjustmentPosted:
		return e.Postings
	}
	return nil
}
