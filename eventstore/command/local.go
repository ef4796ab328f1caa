package command

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
)

// Config says what a Local works with.
type Config struct {
	Store    eventstore.Store
	Identity eventstore.Identity // of the log in Store
	Keys     keyring.Keys
	// IndexDir is the folder of the local index. It belongs to this process alone
	// and may be deleted whenever no process uses it.
	IndexDir string
	IndexFS  vfs.FS           // that holds IndexDir; nil is the disk
	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // nil is slog.Default
	Observer Observer         // may be nil
}

// Local is the door of the process that writes. See the package comment.
type Local struct {
	config   Config
	keys     keyring.Keys
	view     *view
	index    *index.Index
	appender *appender
	handlers map[string]handler // by category

	ctx    context.Context // ends when work under way must be given up
	cancel context.CancelFunc
	stop   chan struct{} // closed when nothing new is begun

	mu     sync.Mutex
	closed bool
	books  map[string]*bookWriter
	calls  sync.WaitGroup // of Do
}

var _ Door = (*Local)(nil)

const (
	// closeTime is how long Close waits for appends in flight.
	closeTime = 10 * time.Second
	// streamsAtOnce is how many streams of one call are written at the same time.
	streamsAtOnce = 32
)

// Open opens the local index and reads the reference data of the whole log, for
// as long as ctx allows. CodeConflict says that another process uses the index.
func Open(ctx context.Context, config Config) (*Local, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	rows, err := index.Open(index.Config{Dir: config.IndexDir, Identity: config.Identity, Logger: config.Logger, FS: config.IndexFS})
	if err != nil {
		return nil, err
	}
	v, err := openView(ctx, config.Store, config.Logger)
	if err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	l := &Local{
		config: config, keys: config.Keys, view: v, index: rows,
		appender: &appender{store: config.Store, observer: config.Observer, logger: config.Logger},
		stop:     make(chan struct{}), books: map[string]*bookWriter{},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.handlers = map[string]handler{
		party.Category:    &aggregate[*party.State]{appender: l.appender, stop: l.stop, decider: party.Decider, lookup: party.Lookup, learned: v.learn},
		contract.Category: &aggregate[*contract.State]{appender: l.appender, stop: l.stop, decider: contract.Decider, lookup: contract.Lookup, learned: v.learn},
		schedule.Category: &aggregate[*schedule.State]{appender: l.appender, stop: l.stop, decider: schedule.Decider, lookup: schedule.Lookup, learned: v.learn},
		calendar.Category: &aggregate[*calendar.State]{appender: l.appender, stop: l.stop, decider: calendar.Decider, lookup: calendar.Lookup, learned: v.learn},
		source.Category:   &aggregate[*source.State]{appender: l.appender, stop: l.stop, decider: source.Decider, lookup: source.Lookup, resident: true},
	}
	return l, nil
}

// Health is nil while the door can be expected to do its work: it is open and the
// reference data follows the log.
func (l *Local) Health() error {
	l.mu.Lock()
	shut := l.closed
	l.mu.Unlock()
	if shut {
		return closed()
	}
	return l.view.err()
}

// Do implements Door.
func (l *Local) Do(ctx context.Context, requests ...Request) []Reply {
	replies := make([]Reply, len(requests))
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		refuse(replies, closed())
		return replies
	}
	l.calls.Add(1)
	l.mu.Unlock()
	defer l.calls.Done()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()

	tickets, rest := distribute(requests, replies)
	waits := l.submit(ctx, tickets, replies)
	l.handle(ctx, requests, rest, replies)
	for _, wait := range waits {
		wait()
	}
	return replies
}

// distribute gives each book a ticket with its commands, in their order, and returns
// the places of the other commands. Commands are copied: the door fills them in.
func distribute(requests []Request, replies []Reply) (tickets map[string]*ticket, rest []int) {
	settles := make([]book.SettleTransaction, 0, len(requests))
	for i, request := range requests {
		var it item
		var id string
		switch c := request.Command.(type) {
		case book.SettleTransaction:
			settles = append(settles, c)
			it.settle, id = &settles[len(settles)-1], c.Transaction.Book
			it.settle.Terms, it.settle.Original = nil, nil
		default:
			var ok bool
			if id, ok = it.take(request.Command); !ok {
				rest = append(rest, i)
				continue
			}
		}
		if err := domain.CheckID("book", id); err != nil {
			replies[i].Err = err
			continue
		}
		if tickets == nil {
			tickets = map[string]*ticket{}
		}
		t := tickets[id]
		if t == nil {
			t = &ticket{}
			tickets[id] = t
		}
		it.meta = request.Meta
		t.add(it, i)
	}
	return tickets, rest
}

// submit finds the terms of each ticket's transactions and queues it. The
// functions it returns wait for the answers.
func (l *Local) submit(ctx context.Context, tickets map[string]*ticket, replies []Reply) (waits []func()) {
	for id, t := range tickets {
		l.view.fill(ctx, t.items)
		l.view.know(ctx, id, t.items)
		t.ready()
		if w, err := l.writerFor(ctx, id, t); err != nil {
			t.refuse(err)
		} else if w == nil {
			t.refuseMissing()
		} else if err := w.submit(ctx, t); err != nil {
			t.refuse(err)
		}
		waits = append(waits, func() {
			for i, reply := range t.wait(ctx) {
				replies[t.places[i]] = reply
			}
		})
	}
	return waits
}

// writerFor returns the writer that a ticket is for, or nil where nothing of it
// can be settled in a book that has no event yet: names of books that do not
// exist start no writers.
func (l *Local) writerFor(ctx context.Context, id string, t *ticket) (*bookWriter, error) {
	l.mu.Lock()
	_, resident := l.books[id]
	l.mu.Unlock()
	if resident || !t.allMissing() {
		return l.writer(id), nil
	}
	for _, err := range l.config.Store.ReadStream(ctx, domain.Stream(book.Category, id), eventstore.Forwards, 0, 1) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, readError(err)
		}
	}
	return l.writer(id), nil
}

// writer returns the resident writer of a book, starting it where there is none.
func (l *Local) writer(id string) *bookWriter {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.books[id]
	if w == nil {
		w = &bookWriter{
			appender: l.appender, stream: domain.Stream(book.Category, id), identity: l.config.Identity, index: l.index, view: l.view,
			now: l.config.Now, ctx: l.ctx, stop: l.stop, queue: make(chan *ticket), done: make(chan struct{}),
		}
		l.books[id] = w
		go w.run()
	}
	return w
}

// handle carries out the commands of rare aggregates: those of one stream in
// their order, several streams at once.
func (l *Local) handle(ctx context.Context, requests []Request, places []int, replies []Reply) {
	if len(places) == 0 {
		return
	}
	type work struct {
		handler
		jobs   []job
		places []int
	}
	streams := map[domain.StreamID]*work{}
	now := domain.Stamp(l.config.Now())
	for _, place := range places {
		r, err := l.route(ctx, requests[place].Command, now)
		if err != nil {
			replies[place].Err = err
			continue
		}
		w := streams[r.stream]
		if w == nil {
			w = &work{handler: l.handlers[r.category]}
			streams[r.stream] = w
		}
		w.jobs = append(w.jobs, job{r.command, r.key, requests[place].Meta, now})
		w.places = append(w.places, place)
	}
	var group errgroup.Group
	group.SetLimit(streamsAtOnce)
	for stream, w := range streams {
		group.Go(func() error {
			for i, reply := range w.do(ctx, stream, w.jobs) {
				replies[w.places[i]] = reply
			}
			return nil
		})
	}
	_ = group.Wait() // each reply has its own error
}

// Close lets appends in flight finish, for a bounded time, refuses what was not
// begun, moves the index on and releases everything but the store. It is
// idempotent.
func (l *Local) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()

	close(l.stop)
	giveUp := time.AfterFunc(closeTime, l.cancel)
	l.calls.Wait() // from here on no writer is added
	for _, w := range l.books {
		<-w.done
	}
	giveUp.Stop()
	l.cancel()
	l.view.close()
	return l.index.Close()
}
