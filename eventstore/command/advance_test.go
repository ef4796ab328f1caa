package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// bank is a calendar of Saturdays, Sundays and some holidays of 2026.
func bank(version int, holidays ...domain.Date) calendar.PublishCalendar {
	d := calendar.Document{Calendar: "bank", Version: version, FirstYear: 2026, LastYear: 2026, Weekend: []calendar.Weekday{"saturday", "sunday"}}
	for _, on := range holidays {
		d.Holidays = append(d.Holidays, calendar.Day{On: on, Name: "holiday"})
	}
	return calendar.PublishCalendar{Document: d}
}

// guaranteed holds a fifth back for two business days, and gives the provider the
// parameter at least of a month.
func guaranteed(t testing.TB, version int, from string, more string) fee.Document {
	t.Helper()
	var d fee.Document
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"schedule":"guaranteed","version":%d,"effective_from":%q,"funds":{"role":"supplier"},
	"parameters":[{"name":"least","is":"50000"}],
	"accumulators":[{"name":"volume","measure":"gross","key":["provider"],"window":"calendar_month"}],
	"rules":[{"id":"fee","to":{"role":"operator"},"percent":"10"},
	         {"id":"reserve","to":{"role":"provider","purpose":"reserve"},"percent":"20","hold":{"business_days":2,"calendar":"bank"}},
	         {"id":"provider","to":{"role":"provider"},"rest":true}]%s}`, version, from, more), &d))
	return d
}

const guarantee = `,"periods":[{"id":"least","of":"volume","entries":[{"id":"top_up","from":{"role":"operator"},"to":{"role":"provider"},"amount":"max(0, least - volume)"}]}]`

func seedGuaranteed(t testing.TB, door Door) {
	t.Helper()
	commands := make([]domain.Command, 0, 8)
	for _, p := range parties {
		commands = append(commands, p)
	}
	applied(t, do(door, append(commands, bank(1))...)...)
	applied(t, do(door, schedule.PublishSchedule{Document: guaranteed(t, 1, "2026-01-01", guarantee)})...)
	signed := terms("held-2026", "main")
	signed.Schedule = "guaranteed"
	applied(t, do(door, contract.SignContract{Terms: signed})...)
}

func on(c book.SettleTransaction, at time.Time) book.SettleTransaction {
	c.Transaction.OccurredAt = at
	return c
}

// step sends a date once.
func step(door Door, date domain.Date) Reply {
	return do(door, book.AdvanceBusinessDate{Book: "main", Date: date})[0]
}

// come repeats a date until the book has come to it, and returns the events.
func (r *rig) come(door Door, dates ...domain.Date) (events []domain.Event) {
	r.t.Helper()
	for _, date := range dates {
		before := len(r.log("book-main"))
		for range 20 {
			reply := step(door, date)
			require.NoError(r.t, reply.Err)
			if reply.Outcome == Replayed {
				break
			}
		}
		replayed(r.t, step(door, date))
		events = append(events, r.log("book-main")[before:]...)
	}
	return events
}

func TestHeldMoneyFallsDueByTheCalendar(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	l := r.open(dir)
	replies := do(l, schedule.PublishSchedule{Document: guaranteed(t, 1, "2026-01-01", "")})
	refused(t, domain.CodeNotFound, replies...)
	require.ErrorContains(t, replies[0].Err, "rules[1].hold.calendar")
	seedGuaranteed(t, l)

	// A Thursday: two business days later it is Monday, and Tuesday by the second version.
	thursday := time.Date(2026, 11, 19, 3, 0, 0, 0, time.UTC)
	applied(t, do(l, on(sale("A-1"), thursday))...)
	applied(t, do(l, bank(2, "2026-11-20"))...)
	applied(t, do(l, on(sale("A-2"), thursday))...)
	first, second := settledAt(r, 0), settledAt(r, 1)
	require.Equal(t, map[string]book.Revision{"bank": 0}, first.Calendars)
	require.Equal(t, map[string]book.Revision{"bank": 1}, second.Calendars)
	require.Equal(t, domain.Date("2026-11-23"), first.Holds[0].On)
	require.Equal(t, domain.Date("2026-11-24"), second.Holds[0].On)

	// A refund takes from what its own sale has put back, whatever the calendar is now.
	require.NoError(t, l.Close())
	l = r.open(dir)
	applied(t, do(l, on(refund("R-1", "A-1", 5_000), thursday))...)
	back := settledAt(r, 2)
	require.Equal(t, map[string]book.Revision{"bank": 0}, back.Calendars)
	require.Equal(t, []book.Hold{{Account: "studio/reserve/KRW", Into: "payable", On: "2026-11-23", Change: money.New(-1_000, 0)}}, back.Holds)

	// What no version of the calendar covers settles when one does.
	later := on(sale("A-3"), time.Date(2027, 1, 5, 3, 0, 0, 0, time.UTC))
	refused(t, domain.CodeNotFound, do(l, later)...)
	third := bank(3)
	third.LastYear = 2027
	applied(t, do(l, third)...)
	applied(t, do(l, later)...)

	events := r.come(l, "2026-11-22", "2026-11-23", "2026-11-24")
	require.Len(t, events, 5)
	require.Equal(t, book.BusinessDateAdvanced{To: "2026-11-22", RecordedAt: events[0].(book.BusinessDateAdvanced).RecordedAt}, events[0])
	released := events[1].(book.HoldsReleased)
	require.Equal(t, domain.Date("2026-11-23"), released.BusinessDate)
	require.Equal(t, []ledger.Posting{
		{Account: "studio/reserve/KRW", Side: ledger.Debit, Amount: money.New(1_000, 0)},
		{Account: "studio/payable/KRW", Side: ledger.Credit, Amount: money.New(1_000, 0)},
	}, released.Postings)
	require.Equal(t, domain.Date("2026-11-24"), events[4].(book.BusinessDateAdvanced).To)
	require.Equal(t, "2000", held(t, r.fold()), "the sale of 2027 alone")
}

// TestADisputeOutlivesTheCalendar: what a chargeback of the next year took is held
// from that year on, which the calendar of the sale did not cover.
func TestADisputeOutlivesTheCalendar(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seedGuaranteed(t, l)
	november, january := time.Date(2026, 11, 19, 3, 0, 0, 0, time.UTC), time.Date(2027, 1, 5, 3, 0, 0, 0, time.UTC)
	applied(t, do(l, on(sale("A-1"), november))...)
	applied(t, do(l, on(refund("C-1", "A-1", 10_000), january))...)
	won := on(sale("W-1"), january.AddDate(0, 1, 0))
	won.Transaction.OriginalID = "C-1"
	refused(t, domain.CodeNotFound, do(l, won)...)
	second := bank(2, "2026-11-20")
	second.LastYear = 2027
	applied(t, do(l, second)...)
	applied(t, do(l, won)...)
	back, again := settledAt(r, 1), settledAt(r, 2)
	require.Equal(t, map[string]book.Revision{"bank": 0}, back.Calendars, "where the sale's money is held")
	require.Equal(t, map[string]book.Revision{"bank": 1}, again.Calendars)
	require.Equal(t, []book.Hold{{Account: "studio/reserve/KRW", Into: "payable", On: "2027-01-07", Change: money.New(2_000, 0)}}, again.Holds)
}

func TestWindowsAreClosedByTheTermsOfTheirLastDay(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seedGuaranteed(t, l)
	november := time.Date(2026, 11, 10, 3, 0, 0, 0, time.UTC)
	applied(t, do(l, on(sale("A-1"), november))...)

	// The version of mid-November is in force when the month ends; that of December is not.
	second := guaranteed(t, 2, "2026-11-15", guarantee)
	second.Parameters[0].Is = "30000"
	third := guaranteed(t, 3, "2026-12-01", guarantee)
	third.Parameters[0].Is = "99999"
	applied(t, do(l, schedule.PublishSchedule{Document: second}, schedule.PublishSchedule{Document: third})...)
	applied(t, do(l, on(sale("A-2"), november.AddDate(0, 0, 20)))...)
	applied(t, do(l, on(sale("B-1"), november.AddDate(0, 1, 0)))...)

	events := r.come(l, "2026-11-30", "2026-12-01")
	closed := events[len(events)-2].(book.WindowClosed)
	require.Equal(t, "contract:held-2026/volume/2026-11/KRW/provider=studio", closed.Counter)
	require.Equal(t, []domain.Date{"2026-12-01", "2026-11-01", "2026-11-30"}, []domain.Date{closed.BusinessDate, closed.First, closed.Last})
	require.Equal(t, []any{"held-2026", book.Revision(0), "guaranteed", book.Revision(2), 2, fee.Engine2},
		[]any{closed.Contract, closed.ContractRevision, closed.Schedule, closed.ScheduleRevision, closed.Version, closed.Engine})
	require.Equal(t, "studio", closed.Parties.Party("provider"))
	require.Equal(t, "arcade", closed.Parties.Party("operator"))
	require.Len(t, closed.Read, 1)
	require.Equal(t, "20000", closed.Read[0].Before.String())
	require.Equal(t, []ledger.Posting{
		{Account: "arcade/payable/KRW", Side: ledger.Debit, Amount: money.New(10_000, 0)},
		{Account: "studio/payable/KRW", Side: ledger.Credit, Amount: money.New(10_000, 0)},
	}, closed.Postings)

	// A contract's own parameter, and its end before the window's.
	applied(t, do(l, contract.EndContract{Contract: "held-2026", Until: "2026-12-11", Reason: "new terms"})...)
	fourth := guaranteed(t, 4, "2026-12-12", guarantee)
	fourth.Parameters[0].Is = "1"
	applied(t, do(l, schedule.PublishSchedule{Document: fourth})...)
	events = r.come(l, dates("2026-12-02", "2027-01-01")...)
	closed = events[len(events)-2].(book.WindowClosed)
	require.Equal(t, 3, closed.Version, "the last version of the contract")
	require.Equal(t, book.Revision(1), closed.ContractRevision)
	require.Equal(t, "89999", closed.Postings[0].Amount.String())
}

// dates lists the dates from one to another.
func dates(from, to domain.Date) (all []domain.Date) {
	for date := from; date <= to; {
		all = append(all, date)
		next, err := calendar.AddDays(date, 1)
		if err != nil {
			panic(err)
		}
		date = next
	}
	return all
}

func TestSharedWindowsFindTheirParties(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	commands := make([]domain.Command, 0, 8)
	for _, p := range parties {
		commands = append(commands, p)
	}
	shared := guaranteed(t, 1, "2026-01-01", guarantee)
	shared.Accumulators[0].Scope, shared.Rules[1].Hold, shared.Rules[1].To.Purpose = fee.ScopeSchedule, nil, ""
	applied(t, do(l, append(commands, schedule.PublishSchedule{Document: shared})...)...)
	for i, id := range []string{"one", "two"} {
		signed := terms(id, "main")
		signed.Schedule, signed.Priority, signed.Parameters = "guaranteed", i, map[string]string{"least": "25000"}
		signed.Applies.Products = [][]string{{"skin"}, {"boost"}}[i]
		applied(t, do(l, contract.SignContract{Terms: signed})...)
	}
	boost := sale("A-2")
	boost.Transaction.Product = "boost"
	applied(t, do(l, sale("A-1"), boost)...)
	r.come(l, "2026-11-30")

	// A third contract has another operator: nobody knows who tops up.
	signed := terms("three", "main")
	signed.Schedule, signed.Parties["operator"], signed.Applies.Products = "guaranteed", "card", []string{"none"}
	signed.Parameters = map[string]string{"least": "25000"}
	applied(t, do(l, contract.SignContract{Terms: signed})...)
	before := len(r.log("book-main"))
	for range 3 {
		reply := step(l, "2026-12-01")
		refused(t, domain.CodeUnknownParty, reply)
		require.ErrorContains(t, reply.Err, "parties.operator")
		require.ErrorContains(t, reply.Err, "top_up")
	}
	require.Len(t, r.log("book-main"), before, "the book stays on its date")
	refused(t, domain.CodeConflict, step(l, "2026-12-02"))
	applied(t, do(l, sale("A-3"))...)
	replayed(t, step(l, "2026-11-30"))

	// The next version has what was missing; it is in force by the last day.
	second := guaranteed(t, 2, "2026-11-30", guarantee)
	second.Accumulators[0].Scope, second.Rules[1].Hold, second.Rules[1].To.Purpose = fee.ScopeSchedule, nil, ""
	second.Periods[0].Entries[0].From = fee.Target{Role: "tax_office"}
	applied(t, do(l, schedule.PublishSchedule{Document: second})...)
	events := r.come(l, "2026-12-01")
	closed := events[0].(book.WindowClosed)
	require.Empty(t, closed.Contract)
	require.Equal(t, book.NotRecorded, closed.ContractRevision)
	require.Zero(t, len(closed.Postings), "30,000 of 25,000")
	require.Equal(t, 2, closed.Version)
}

func TestBusinessDatesOfBooksThatAreNone(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	require.Equal(t, []string{"main"}, l.Books())
	replies := do(l, book.AdvanceBusinessDate{Book: "nowhere", Date: "2026-11-22"}, book.AdvanceBusinessDate{Book: "No Book", Date: "2026-11-22"}, book.AdvanceBusinessDate{Book: "main", Date: "2026-11-31"})
	refused(t, domain.CodeNotFound, replies[0])
	refused(t, domain.CodeInvalid, replies[1:]...)
	require.Empty(t, r.log("book-nowhere"))
	applied(t, step(l, "2026-11-22"))
	replayed(t, step(l, "2026-11-22"), step(l, "2020-01-01"))
	reply := step(l, "2026-11-30")
	refused(t, domain.CodeConflict, reply)
	var fault *domain.Error
	require.ErrorAs(t, reply.Err, &fault)
	require.Equal(t, []string{"next_date", "2026-11-23"}, []string{fault.Field, fault.Value})
	require.Len(t, r.log("book-main"), 1)
}

// Several processes and a store that loses answers: every step is taken once, every
// date reached once and in order, while sales go on.
func TestProcessesRaceForBusinessDates(t *testing.T) {
	r, store := memoryRig(t)
	doors := []*Local{r.open(""), r.open(""), r.open("")}
	seedGuaranteed(t, doors[0])
	var commands []domain.Command
	for i := range 40 {
		commands = append(commands, on(sale(fmt.Sprintf("A-%02d", i)), time.Date(2026, 10, 1+i, 3, 0, 0, 0, time.UTC)))
	}
	applied(t, do(doors[0], commands...)...)
	var appends atomic.Int64
	store.OnAppend(func(memory.Append) memory.Fault {
		switch appends.Add(1) % 8 {
		case 0:
			return memory.Fault{Fail: errors.New("planted")}
		case 4:
			return memory.Fault{FailPersisted: errors.New("planted")}
		}
		return memory.Fault{}
	})
	var wait sync.WaitGroup
	for i, door := range doors {
		wait.Go(func() {
			for _, date := range dates("2026-10-01", "2026-12-02") {
				for {
					reply := step(door, date)
					if reply.Err == nil && reply.Outcome == Replayed {
						break
					}
					if reply.Err != nil && domain.CodeOf(reply.Err) != domain.CodeOutcomeUnknown {
						t.Error(reply.Err)
						return
					}
				}
			}
			_ = door.Do(context.Background(), Request{Command: on(sale(fmt.Sprint("B-", i)), noon), Meta: eventstore.Meta{Actor: "test"}})
		})
	}
	wait.Wait()
	store.OnAppend(nil)
	want, windows := domain.Date(""), 0
	for _, event := range r.log("book-main") {
		switch e := event.(type) {
		case book.BusinessDateAdvanced:
			require.Equal(t, want, e.From)
			if want != "" {
				next, err := calendar.AddDays(want, 1)
				require.NoError(t, err)
				require.Equal(t, next, e.To)
			}
			want = e.To
		case book.WindowClosed:
			windows++
		}
	}
	require.Equal(t, domain.Date("2026-12-02"), want)
	require.Equal(t, 2, windows)

	// The sales that came when their holds were due, into a month that is closed.
	require.Equal(t, "6000", held(t, r.fold()))
	events := r.come(doors[1], "2026-12-03")
	require.Len(t, events, 2, "one release, and no window closed again")
	require.Equal(t, "0", held(t, r.fold()))
	for _, door := range doors {
		replayed(t, step(door, "2026-12-03"))
	}
}

func held(t testing.TB, s *book.State) string {
	t.Helper()
	net, err := s.Balance("studio/reserve/KRW").NetOn(ledger.Credit)
	require.NoError(t, err)
	return net.String()
}

// TestPeriodsKnowTheirParties: what could not be closed is refused before it is counted.
func TestPeriodsKnowTheirParties(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seedGuaranteed(t, l)
	second := guaranteed(t, 2, "2026-11-15", guarantee)
	second.Periods[0].Entries[0].From.Role = "affiliate"
	replies := do(l, schedule.PublishSchedule{Document: second})
	refused(t, domain.CodeInvalid, replies...)
	require.ErrorContains(t, replies[0].Err, "periods[0].entries[0]")
	require.ErrorContains(t, replies[0].Err, "held-2026")
	applied(t, do(l, contract.EndContract{Contract: "held-2026", Until: "2026-11-15", Reason: "new terms"})...)
	applied(t, do(l, schedule.PublishSchedule{Document: second})...)

	signed := terms("next", "main")
	signed.Schedule, signed.From = "guaranteed", "2026-11-15"
	replies = do(l, contract.SignContract{Terms: signed})
	refused(t, domain.CodeInvalid, replies...)
	require.ErrorContains(t, replies[0].Err, "affiliate")

	// Whom every transaction of the contract names is known too.
	signed.Applies.Parties = map[string]string{"affiliate": "arcade"}
	applied(t, do(l, contract.SignContract{Terms: signed})...)
	named := on(sale("A-1"), time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC))
	named.Transaction.Parties["affiliate"] = "arcade"
	applied(t, do(l, named)...)
	events := r.come(l, "2026-11-30", "2026-12-01")
	closed := events[len(events)-2].(book.WindowClosed)
	require.Equal(t, ledger.AccountID("arcade/payable/KRW"), closed.Postings[0].Account)
	require.Equal(t, "40000", closed.Postings[0].Amount.String())
}

// TestTheWindowThatCannotBeClosedIsNamed: the book stays on its date, and goes on once
// a version closes it.
func TestTheWindowThatCannotBeClosedIsNamed(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seedGuaranteed(t, l)
	applied(t, do(l, schedule.PublishSchedule{Document: guaranteed(t, 2, "2026-01-01", strings.Replace(guarantee, "max(0, least - volume)", "1 / (volume - 10000)", 1))})...)
	applied(t, do(l, sale("s-1"))...)
	var last Reply
	for day := domain.Date("2026-11-30"); last.Err == nil; last = step(l, day) {
		if last.Outcome == Replayed {
			day = "2026-12-01"
		}
	}
	refused(t, domain.CodeInvalid, last)
	for _, want := range []string{"window contract:held-2026/volume/2026-11/KRW/provider=", "cannot be closed", "division by zero", "periods[0].entries[0].amount"} {
		require.ErrorContains(t, last.Err, want)
	}
	applied(t, do(l, schedule.PublishSchedule{Document: guaranteed(t, 3, "2026-01-01", guarantee)})...)
	applied(t, step(l, "2026-12-01"))
}
