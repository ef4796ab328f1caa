package businessday

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

const (
	// MostBehind is how many dates a scheduler takes a book ahead by itself. A clock
	// that asks for more has more likely gone wrong than the installation been off.
	MostBehind = 366
	// longestWait is how long the beginning of a date, a clock that was set, and a
	// book that is new may go unnoticed. Rounds are made on the minute, as dates begin.
	longestWait = time.Minute
	firstRetry  = time.Second
	booksAtOnce = 4
)

// Config says what a Scheduler works with.
type Config struct {
	Door command.Door
	// Books lists the books to keep on their dates. It is asked every round.
	Books    func() []string
	Day      Day
	Clock    Clock        // nil is the machine's
	Logger   *slog.Logger // nil is slog.Default
	Observer Observer     // may be nil
}

// Observer hears of what a Scheduler does, for metrics. It is called from many
// goroutines and must not block.
type Observer interface {
	// Advanced tells that a book has come to a date, and by how many events.
	Advanced(book string, date domain.Date, steps int)
	// Failed tells that a book could not be taken on; it is tried again.
	Failed(book string)
	// Behind tells after each round by how many books the date has not been reached.
	Behind(books int)
}

// Status is where a scheduler has seen a book.
type Status struct {
	Book string `json:"book"`
	// Date is the last one that the book is known to have reached, Due the one that it
	// should have; both empty before the first round.
	Date domain.Date `json:"date,omitempty"`
	Due  domain.Date `json:"due,omitempty"`
	// Fault is why it has not, since when.
	Fault error     `json:"-"`
	Since time.Time `json:"since,omitzero"`
}

// Scheduler keeps all books on the business date. It is safe for concurrent use.
type Scheduler struct {
	config Config

	mu    sync.Mutex
	books map[string]*kept
}

// kept is one book. It belongs to the round; Status takes copies under mu.
type kept struct {
	Status
	pause   time.Duration // before the next attempt
	attempt time.Time     // not before
}

// New makes a scheduler; Run starts it.
func New(config Config) *Scheduler {
	if config.Clock == nil {
		config.Clock = system{}
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return &Scheduler{config: config, books: map[string]*kept{}}
}

// Run keeps books on their dates until ctx ends. What is under way then is given up
// between two steps; whoever runs next goes on there.
func (s *Scheduler) Run(ctx context.Context) {
	for {
		wait := s.round(ctx)
		timer, stop := s.config.Clock.Timer(wait)
		select {
		case <-timer:
		case <-ctx.Done():
			stop()
			return
		}
	}
}

// round takes on every book that is not on today's date, and returns how long to wait.
func (s *Scheduler) round(ctx context.Context) time.Duration {
	now := s.config.Clock.Now()
	today := s.config.Day.On(now)
	var group errgroup.Group
	group.SetLimit(booksAtOnce)
	for _, b := range s.due(now, today) {
		group.Go(func() error {
			s.advance(ctx, b, today)
			return nil
		})
	}
	_ = group.Wait() // each book keeps its own fault
	wait := now.Truncate(longestWait).Add(longestWait).Sub(now)
	behind := 0
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.books {
		if b.Fault != nil {
			behind++
			wait = min(wait, max(firstRetry, b.pause))
		}
	}
	if s.config.Observer != nil {
		s.config.Observer.Behind(behind)
	}
	return wait
}

// due lists the books that have not come to a date and may be tried now.
func (s *Scheduler) due(now time.Time, today domain.Date) (due []*kept) {
	ids := s.config.Books()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		b := s.books[id]
		if b == nil {
			b = &kept{Status: Status{Book: id}}
			s.books[id] = b
		}
		if b.Date >= today {
			continue
		}
		b.Due = today
		// A clock that was set back must not put off what is to be tried again.
		if !now.Before(b.attempt) || b.attempt.Sub(now) > longestWait {
			due = append(due, b)
		}
	}
	return due
}

// advance takes one book to a date, and notes how far it came.
func (s *Scheduler) advance(ctx context.Context, b *kept, today domain.Date) {
	steps := 0
	progress, err := Advance(ctx, s.config.Door, b.Book, today, MostBehind, Meta(), func(p Progress) {
		if s.config.Observer != nil {
			s.config.Observer.Advanced(b.Book, p.Date, p.Steps-steps)
		}
		steps = p.Steps
		s.mu.Lock()
		defer s.mu.Unlock()
		b.Date = p.Date
	})
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := b.Fault
	if err == nil {
		b.Fault, b.Since, b.pause, b.attempt = nil, time.Time{}, 0, time.Time{}
		if progress.Steps > 0 || before != nil {
			s.config.Logger.Info("a book has come to its business date", "book", b.Book, "date", today, "dates", progress.Dates, "events", progress.Steps)
		}
		return
	}
	if s.config.Observer != nil {
		s.config.Observer.Failed(b.Book)
	}
	now := s.config.Clock.Now()
	if before == nil {
		b.Since = now
	}
	if before == nil || before.Error() != err.Error() { // once for each cause
		s.config.Logger.Error("a book does not come to its business date; it is tried again", "book", b.Book, "date", today, "error", err)
	}
	b.Fault, b.pause = err, min(longestWait, max(firstRetry, 2*b.pause))
	b.attempt = now.Add(b.pause)
}

// Status tells of every book, sorted.
func (s *Scheduler) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Status, 0, len(s.books))
	for _, b := range s.books {
		all = append(all, b.Status)
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Book, b.Book) })
	return all
}

// Behind says for each book that has not come to its date why not; nil where all have.
func (s *Scheduler) Behind() map[string]string {
	var behind map[string]string
	for _, b := range s.Status() {
		if b.Fault != nil {
			if behind == nil {
				behind = map[string]string{}
			}
			behind[b.Book] = "it is due for " + string(b.Due) + " since " + b.Since.UTC().Format(time.RFC3339) + ": " + b.Fault.Error()
		}
	}
	return behind
}

// Meta says who acts where no person does.
func Meta() eventstore.Meta {
	return eventstore.Meta{Actor: "business-day", Authenticated: "process", Request: "advance"}
}
