package command

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
)

// view is the reference data that settlements need, in memory and fed by the
// log: which parties are registered, the contracts, the compiled schedules and
// calendars. It follows the log with a subscription; who misses something calls sync first,
// which reads to the end of the log. Safe for concurrent use.
type view struct {
	store  eventstore.Store
	logger *slog.Logger

	mu        sync.Mutex
	parties   map[string]*registered // by id
	contracts map[string]*signed
	books     map[string][]*contract.Terms // by precedence
	schedules map[string]*published
	calendars map[string][]*calendar.Calendar // their versions, compiled
	zones     map[string]*time.Location       // that contracts name
	next      map[domain.StreamID]uint64      // revision that a stream goes on with
	complete  eventstore.Position             // everything up to here is in
	terms     termsCache

	turn     chan struct{} // held by who syncs
	arrivals atomic.Uint64
	served   uint64 // arrivals that a finished sync covers; guarded by turn

	health atomic.Pointer[error]
	stop   context.CancelFunc
	done   chan struct{}
}

// registered is a party: its stream and last revision.
type registered struct {
	stream   domain.StreamID
	revision uint64
}

// signed is a contract in force; published a schedule with its versions.
type signed struct {
	state    *contract.State
	terms    *contract.Terms // as filed in books
	revision uint64
	floors   []book.Floor
	// bound holds the versions of the schedule with the contract's parameters.
	bound map[*fee.Schedule]*fee.Schedule
}

type published struct {
	versions []*fee.Schedule
	from     []domain.Date
	revision uint64
}

var viewFilter = eventstore.Filter{StreamPrefixes: []string{party.Category + "-", contract.Category + "-", schedule.Category + "-", calendar.Category + "-"}}

const (
	syncTime      = 15 * time.Second
	firstReopen   = 50 * time.Millisecond
	longestReopen = 5 * time.Second
)

// openView reads the reference data of the whole log and then follows it.
func openView(ctx context.Context, store eventstore.Store, logger *slog.Logger) (*view, error) {
	following, stop := context.WithCancel(context.Background())
	v := &view{
		store: store, logger: logger,
		parties: map[string]*registered{}, contracts: map[string]*signed{}, books: map[string][]*contract.Terms{},
		schedules: map[string]*published{}, calendars: map[string][]*calendar.Calendar{}, zones: map[string]*time.Location{},
		next:  map[domain.StreamID]uint64{},
		terms: termsCache{seed: maphash.MakeSeed()},
		turn:  make(chan struct{}, 1), stop: stop, done: make(chan struct{}),
	}
	if err := v.catchUp(ctx); err != nil {
		stop()
		return nil, err
	}
	go v.follow(following)
	return v, nil
}

func (v *view) close() {
	v.stop()
	<-v.done
}

// err is nil while the view follows the log.
func (v *view) err() error {
	if err := v.health.Load(); err != nil {
		return *err
	}
	return nil
}

// follow keeps a subscription open until ctx ends.
func (v *view) follow(ctx context.Context) {
	defer close(v.done)
	pause := firstReopen
	for {
		started := time.Now()
		err := v.read(ctx, nil)
		if ctx.Err() != nil {
			return
		}
		v.health.Store(&err)
		v.logger.Warn("the reference data has stopped following the log; it is tried again", "error", err)
		if time.Since(started) > longestReopen {
			pause = firstReopen
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestReopen)
	}
}

// sync makes sure that everything is in that was in the log when it was called.
// Callers who come while another one reads are served together by the next read.
func (v *view) sync(ctx context.Context) error {
	arrival := v.arrivals.Add(1)
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return readError(context.Cause(ctx))
	}
	if v.served >= arrival {
		return nil
	}
	covers := v.arrivals.Load()
	ctx, cancel := context.WithTimeoutCause(ctx, syncTime, errors.New("the event store did not say in time where the log ends"))
	defer cancel()
	if err := v.catchUp(ctx); err != nil {
		return err
	}
	v.served = covers
	return nil
}

// catchUp reads up to the end of the log as it is now.
func (v *view) catchUp(ctx context.Context) error {
	last, err := v.store.LastPosition(ctx)
	if err != nil {
		return readError(err)
	}
	v.mu.Lock()
	there := v.complete >= last
	v.mu.Unlock()
	if there {
		return nil
	}
	return v.read(ctx, &last)
}

// read subscribes after what is complete and takes in what comes: up to a
// position, or for ever where that is nil. It returns why it ended.
func (v *view) read(ctx context.Context, until *eventstore.Position) error {
	v.mu.Lock()
	after := v.complete
	v.mu.Unlock()
	subscription, err := v.store.Subscribe(ctx, viewFilter, after)
	if err != nil {
		return readError(err)
	}
	defer func() {
		if err := subscription.Close(); err != nil {
			v.logger.Warn("a subscription did not close cleanly", "error", err)
		}
	}()
	for {
		message, err := subscription.Next(ctx)
		if err != nil {
			return readError(err)
		}
		if until == nil {
			v.health.Store(nil)
		}
		if message.Event != nil {
			if err := v.take(*message.Event); err != nil {
				return err
			}
		}
		position := message.Position
		if message.CaughtUp && until != nil {
			position = *until
		}
		v.mu.Lock()
		v.complete = max(v.complete, position)
		reached := until != nil && v.complete >= *until
		v.mu.Unlock()
		if reached {
			return nil
		}
	}
}

// take folds a recorded event, unless it is in already.
func (v *view) take(r eventstore.Recorded) error {
	v.mu.Lock()
	known := r.Revision < v.next[r.Stream]
	v.mu.Unlock()
	if known {
		return nil
	}
	event, err := eventstore.Decode(r)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.fold(r.Stream, r.Revision, event)
}

// learn folds events that this process has just appended, so that who wrote them
// finds them at once. Where others wrote in between it leaves them to the feed.
func (v *view) learn(stream domain.StreamID, first uint64, events []domain.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, event := range events {
		if err := v.fold(stream, first+uint64(i), event); err != nil {
			v.logger.Error("an event just appended does not fit the reference data", "stream", stream, "error", err)
			return
		}
	}
}

// fold takes in the event that a stream goes on with. Requires mu.
func (v *view) fold(stream domain.StreamID, revision uint64, event domain.Event) error {
	if revision != v.next[stream] {
		return nil // in already, or from after a gap that the feed will fill
	}
	_, id := stream.Split()
	switch e := event.(type) {
	case party.PartyRegistered, party.PartyDetailsChanged:
		v.parties[id] = &registered{stream, revision}
	case contract.ContractSigned, contract.ContractEnded:
		if err := v.foldContract(id, revision, e); err != nil {
			return err
		}
	case schedule.SchedulePublished:
		compiled, err := fee.Compile(e.Document)
		if err != nil {
			return err
		}
		s := v.schedules[id]
		if s == nil {
			s = &published{}
			v.schedules[id] = s
		}
		s.versions, s.from, s.revision = append(s.versions, compiled), append(s.from, e.EffectiveFrom), revision
	case calendar.CalendarPublished:
		compiled, err := calendar.Compile(e.Document)
		if err != nil {
			return err
		}
		v.calendars[id] = append(v.calendars[id], compiled)
	}
	v.next[stream] = revision + 1
	v.terms.clear()
	return nil
}

func (v *view) foldContract(id string, revision uint64, event domain.Event) error {
	s := v.contracts[id]
	if s == nil {
		s = &signed{state: contract.Decider.Initial()}
		v.contracts[id] = s
	}
	if s.terms != nil {
		filed := v.books[s.terms.Book]
		v.books[s.terms.Book] = slices.DeleteFunc(filed, func(t *contract.Terms) bool { return t == s.terms })
	}
	s.state = contract.Decider.Evolve(s.state, event)
	terms := s.state.Terms
	zone, err := loadZone(terms.Zone)
	if err != nil {
		return err
	}
	v.zones[terms.Zone] = zone
	s.terms, s.revision, s.floors = &terms, revision, nil
	for _, f := range terms.Floors {
		s.floors = append(s.floors, book.Floor(f))
	}
	filed := v.books[terms.Book]
	at, _ := slices.BinarySearchFunc(filed, s.terms, contract.Compare)
	v.books[terms.Book] = slices.Insert(filed, at, s.terms)
	return nil
}

// loadZone finds an IANA time zone.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, unknownZone(name, nil)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, unknownZone(name, err)
	}
	return zone, nil
}

func unknownZone(name string, err error) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: "zone", Value: name, Message: "no such time zone", Remedy: "use an IANA name, as Asia/Seoul", Err: err}
}
