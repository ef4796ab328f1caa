package businessday_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// ledger is a door to books that know nothing but their dates: each date takes some
// steps. It refuses what no book may take.
type ledger struct {
	mu    sync.Mutex
	dates map[string]domain.Date
	owed  map[string]int                         // steps that are left of the next date
	work  func(date domain.Date) int             // steps before the date is reached
	fault func(c book.AdvanceBusinessDate) error // planted, before anything is done
	log   map[string][]domain.Date               // dates reached, in order
	calls int
}

func newLedger(books ...string) *ledger {
	l := &ledger{dates: map[string]domain.Date{}, owed: map[string]int{}, log: map[string][]domain.Date{}}
	for _, id := range books {
		l.dates[id] = ""
	}
	return l
}

func (l *ledger) ids() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.dates))
}

func (l *ledger) date(id string) domain.Date {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dates[id]
}

func (l *ledger) reached(id string) []domain.Date {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.log[id])
}

func (l *ledger) Do(_ context.Context, requests ...command.Request) []command.Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	replies := make([]command.Reply, len(requests))
	for i, r := range requests {
		if r.Meta.Actor == "" {
			panic("nobody acts")
		}
		replies[i] = l.one(r.Command.(book.AdvanceBusinessDate))
	}
	return replies
}

func (l *ledger) one(c book.AdvanceBusinessDate) command.Reply {
	if l.fault != nil {
		if err := l.fault(c); err != nil {
			return command.Reply{Err: err}
		}
	}
	last, known := l.dates[c.Book]
	if !known {
		return command.Reply{Err: &domain.Error{Code: domain.CodeNotFound, Field: "book", Value: c.Book, Message: "no such book"}}
	}
	if last != "" {
		if c.Date <= last {
			return command.Reply{Outcome: command.Replayed, Position: eventstore.Position(100)}
		}
		next, err := calendar.AddDays(last, 1)
		if err != nil {
			return command.Reply{Err: err}
		}
		if c.Date > next {
			return command.Reply{Err: &domain.Error{Code: domain.CodeConflict, Field: "next_date", Value: string(next), Message: "the book stands at " + string(last)}}
		}
	}
	key := c.Book + "/" + string(c.Date)
	left, begun := l.owed[key]
	if !begun && l.work != nil {
		left = l.work(c.Date)
	}
	if left > 0 {
		l.owed[key] = left - 1
		return command.Reply{Outcome: command.Applied, Position: 1}
	}
	l.dates[c.Book] = c.Date
	l.log[c.Book] = append(l.log[c.Book], c.Date)
	return command.Reply{Outcome: command.Applied, Position: 2}
}

var errPlanted = &domain.Error{Code: domain.CodeUnavailable, Field: "eventstore", Message: "planted", Err: errors.New("away")}

// clock is set by hand. A timer fires when the test says that time passes.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers chan waiting
}

type waiting struct {
	d  time.Duration
	ch chan time.Time
}

func newClock(now time.Time) *clock { return &clock{now: now, timers: make(chan waiting)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (c *clock) Timer(d time.Duration) (<-chan time.Time, func()) {
	ch := make(chan time.Time, 1)
	c.timers <- waiting{d, ch}
	return ch, func() {}
}

// counts is an Observer.
type counts struct {
	mu     sync.Mutex
	dates  []string
	steps  int
	failed int
	behind int
}

func (c *counts) Advanced(book string, date domain.Date, steps int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dates = append(c.dates, book+" "+string(date)+" "+strconv.Itoa(steps))
	c.steps += steps
}

func (c *counts) Failed(string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed++
}

func (c *counts) Behind(books int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind = books
}
