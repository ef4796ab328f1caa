package businessday_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tester = eventstore.Meta{Actor: "test", Authenticated: "none"}

func TestAdvanceGoesDateByDate(t *testing.T) {
	l := newLedger("main")
	l.work = func(date domain.Date) int {
		if date == "2026-05-03" {
			return 150
		}
		return 0
	}
	to := func(date domain.Date, most int) (businessday.Progress, error) {
		return businessday.Advance(context.Background(), l, "main", date, most, tester, nil)
	}
	p, err := to("2026-05-01", 0)
	require.NoError(t, err)
	require.Equal(t, businessday.Progress{Date: "2026-05-01", Dates: 1, Steps: 1, Position: 100}, p, "the first date is any")
	p, err = to("2026-05-04", 0)
	require.NoError(t, err)
	require.Equal(t, businessday.Progress{Date: "2026-05-04", Dates: 3, Steps: 153, Position: 100}, p)
	require.Equal(t, []domain.Date{"2026-05-01", "2026-05-02", "2026-05-03", "2026-05-04"}, l.reached("main"))
	require.Less(t, l.calls, 15, "steps of one date are asked for together")

	for _, date := range []domain.Date{"2026-05-04", "2026-05-01", "2020-01-01"} {
		p, err = to(date, 0)
		require.NoError(t, err)
		require.Zero(t, p.Steps+p.Dates, "a replay")
	}
	p, err = to("2026-06-04", 30)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err))
	require.ErrorContains(t, err, "due for 2026-05-05")
	require.Zero(t, p.Steps)
	_, err = to("2026-06-03", 30)
	require.NoError(t, err)
	_, err = to("2026-06-31", 0)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	_, err = businessday.Advance(context.Background(), l, "other", "2026-06-01", 0, tester, nil)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
}

// However often it is interrupted, wherever: no date is left out, none comes twice.
func TestAdvanceGoesOnWhereItEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger("main")
		l.work = func(domain.Date) int { return rapid.IntRange(0, 100).Draw(t, "work") }
		l.dates["main"] = "2026-02-25"
		failing := true
		l.fault = func(book.AdvanceBusinessDate) error {
			if failing && rapid.IntRange(0, 40).Draw(t, "fails") == 0 {
				return errPlanted
			}
			return nil
		}
		to, err := calendar.AddDays("2026-02-25", rapid.IntRange(1, 12).Draw(t, "days"))
		require.NoError(t, err)
		for attempt := 0; ; attempt++ {
			failing = attempt < 20
			p, err := businessday.Advance(context.Background(), l, "main", to, 366, tester, nil)
			if err == nil {
				require.Equal(t, to, p.Date)
				break
			}
			require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
		}
		want := domain.Date("2026-02-25")
		for _, date := range l.reached("main") {
			want, err = calendar.AddDays(want, 1)
			require.NoError(t, err)
			require.Equal(t, want, date)
		}
		require.Equal(t, to, want)
	})
}

// stage runs a scheduler under a clock that the test holds.
type stage struct {
	t     *testing.T
	clock *clock
	seen  counts
	log   bytes.Buffer
	s     *businessday.Scheduler
	last  waiting
	end   func()
}

func newStage(t *testing.T, l *ledger, start string) *stage {
	st := &stage{t: t, clock: newClock(at(t, start))}
	st.s = businessday.New(businessday.Config{
		Door: l, Books: l.ids, Day: parseDay(t, "Asia/Seoul", "06:00"), Clock: st.clock,
		Logger: slog.New(slog.NewTextHandler(&st.log, nil)), Observer: &st.seen,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		st.s.Run(ctx)
	}()
	st.end = func() {
		cancel()
		<-done
	}
	st.last = <-st.clock.timers // the first round is over
	return st
}

// pass sets the clock and lets the scheduler make one more round.
func (st *stage) pass(now string) {
	st.clock.set(at(st.t, now))
	st.last.ch <- st.clock.Now()
	st.last = <-st.clock.timers
}

func TestSchedulerKeepsBooksOnTheirDates(t *testing.T) {
	l := newLedger("main", "other")
	l.work = func(domain.Date) int { return 2 }
	l.dates["other"] = "2026-05-01"
	st := newStage(t, l, "2026-05-03T20:59:00Z")
	defer st.end()
	require.Equal(t, domain.Date("2026-05-03"), l.date("main"), "the business day begins at six in Seoul")
	require.Equal(t, []domain.Date{"2026-05-03"}, l.reached("main"), "a book without a date begins today")
	require.Equal(t, []domain.Date{"2026-05-02", "2026-05-03"}, l.reached("other"), "what was missed is made up for")
	require.Equal(t, time.Minute, st.last.d)
	require.Equal(t, 9, st.seen.steps)
	require.Equal(t, 0, st.seen.behind)

	calls := l.calls
	st.pass("2026-05-03T20:59:30Z")
	require.Equal(t, calls, l.calls, "nothing is asked twice")
	require.Equal(t, 30*time.Second, st.last.d, "until the day begins")
	st.pass("2026-05-03T21:00:00Z")
	require.Equal(t, domain.Date("2026-05-04"), l.date("main"))
	require.Equal(t, domain.Date("2026-05-04"), l.date("other"))
	require.Equal(t, []businessday.Status{{Book: "main", Date: "2026-05-04", Due: "2026-05-04"}, {Book: "other", Date: "2026-05-04", Due: "2026-05-04"}}, st.s.Status())

	// The clock goes back, and forward over several days.
	calls = l.calls
	st.pass("2026-05-01T00:00:00Z")
	require.Equal(t, calls, l.calls)
	st.pass("2026-05-07T22:00:00Z")
	require.Equal(t, domain.Date("2026-05-08"), l.date("main"))
	require.Len(t, l.reached("main"), 6)

	// A book that is new is found within a minute.
	l.mu.Lock()
	l.dates["third"] = ""
	l.mu.Unlock()
	st.pass("2026-05-07T22:01:00Z")
	require.Equal(t, domain.Date("2026-05-08"), l.date("third"))
}

func TestSchedulerOutlivesAnOutage(t *testing.T) {
	l := newLedger("main", "other")
	l.fault = func(book.AdvanceBusinessDate) error { return errPlanted }
	st := newStage(t, l, "2026-05-03T22:00:00Z")
	defer st.end()
	require.Equal(t, time.Second, st.last.d)
	require.Equal(t, 2, st.seen.behind)
	for _, now := range []string{"2026-05-03T22:00:01Z", "2026-05-03T22:00:03Z", "2026-05-03T22:00:07Z"} {
		st.pass(now)
	}
	require.Equal(t, 8*time.Second, st.last.d, "longer and longer")
	require.Equal(t, 8, st.seen.failed)
	require.Equal(t, 2, strings.Count(st.log.String(), "does not come to its business date"), "once for each book")
	status := st.s.Status()
	require.Equal(t, domain.Date("2026-05-04"), status[0].Due)
	require.ErrorIs(t, status[0].Fault, error(errPlanted))
	require.Equal(t, at(t, "2026-05-03T22:00:00Z"), status[0].Since)

	// The clock is set back: what failed is tried all the same.
	l.mu.Lock()
	l.fault = func(c book.AdvanceBusinessDate) error {
		if c.Book == "other" {
			return errPlanted
		}
		return nil
	}
	l.mu.Unlock()
	st.pass("2026-05-03T21:00:00Z")
	require.Equal(t, domain.Date("2026-05-04"), l.date("main"), "one book does not wait for another")
	require.Equal(t, 1, st.seen.behind)
	l.mu.Lock()
	l.fault = nil
	l.mu.Unlock()
	st.pass("2026-05-05T21:00:00Z")
	require.Equal(t, []domain.Date{"2026-05-04", "2026-05-05", "2026-05-06"}, l.reached("main"))
	require.Equal(t, []domain.Date{"2026-05-06"}, l.reached("other"))
	require.Zero(t, st.seen.behind)
	require.NoError(t, st.s.Status()[1].Fault)
}

func TestAClockFarAheadIsNotBelieved(t *testing.T) {
	l := newLedger("main")
	st := newStage(t, l, "2026-05-03T22:00:00Z")
	defer st.end()
	st.pass("2126-05-03T22:00:00Z")
	require.Equal(t, domain.Date("2026-05-04"), l.date("main"))
	require.ErrorContains(t, st.s.Status()[0].Fault, "jeongsan advance --book main")
	st.pass("2026-05-04T22:00:00Z")
	require.Equal(t, domain.Date("2026-05-05"), l.date("main"))
	require.NoError(t, st.s.Status()[0].Fault)
}

// Several schedulers at once, with clocks that differ, over one ledger.
func TestSchedulersDoNotDisturbEachOther(t *testing.T) {
	l := newLedger("main", "other")
	l.work = func(domain.Date) int { return 3 }
	var stages []*stage
	for _, start := range []string{"2026-05-03T22:00:00Z", "2026-05-03T20:00:00Z", "2026-05-04T22:00:00Z"} {
		stages = append(stages, newStage(t, l, start))
	}
	for day := 5; day < 15; day++ {
		for i := range stages {
			st := stages[(i+day)%len(stages)]
			st.pass(time.Date(2026, 5, day, 20+i, 30, 0, 0, time.UTC).Format(time.RFC3339))
		}
	}
	for _, st := range stages {
		st.end()
	}
	for _, id := range l.ids() {
		dates := l.reached(id)
		require.Equal(t, domain.Date("2026-05-15"), dates[len(dates)-1])
		for i := range dates[1:] {
			next, err := calendar.AddDays(dates[i], 1)
			require.NoError(t, err)
			require.Equal(t, next, dates[i+1])
		}
	}
}

// The clock of the machine: a round is made at once, and Run ends with its context.
func TestSchedulerOnTheMachinesClock(t *testing.T) {
	l := newLedger("main")
	s := businessday.New(businessday.Config{Door: l, Books: l.ids, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	require.Eventually(t, func() bool { return l.date("main") != "" }, 10*time.Second, time.Millisecond)
	cancel()
	<-done
	require.Equal(t, domain.DateOf(time.Now(), time.UTC) >= l.date("main"), true)
}
