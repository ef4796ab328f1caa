package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/account"
	"github.com/jeongsan/jeongsan/projections/audit"
	"github.com/jeongsan/jeongsan/projections/daily"
	"github.com/jeongsan/jeongsan/projections/directory"
	"github.com/jeongsan/jeongsan/projections/hold"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// readSide is a runner of the projections over rows in memory: it cuts the log into
// batches and moves each read model's rows and checkpoint together. It crashes
// between the two, forgets what was not committed, and parks what fails.
type readSide struct {
	gate     *gate
	link     *link
	random   *rand.Rand
	skip     func(readModel string, events int) bool // a planted bug; nil otherwise
	models   []*model
	happened *tally
	faults   bool // crashes and parks may happen

	mu      sync.Mutex
	visible eventstore.Position
	changed chan struct{}
	fault   error // that no accident explains

	stop context.CancelFunc
	done chan struct{}
}

// model is one read model with its checkpoint.
type model struct {
	name       string
	books      bool // it is given the events of books alone
	tables     readmodel.Rehearsal
	checkpoint eventstore.Position
	parked     bool
}

var prefixes = []string{"book-", "party-", "contract-", "schedule-", "source-", "calendar-"}

func newReadSide(g *gate, l *link, random *rand.Rand) *readSide {
	return &readSide{gate: g, link: l, random: random, faults: true, changed: make(chan struct{}), models: []*model{
		{name: "account", books: true, tables: account.Rehearse()},
		{name: "transaction", books: true, tables: transaction.Rehearse()},
		{name: "daily", books: true, tables: daily.Rehearse()},
		{name: "hold", books: true, tables: hold.Rehearse()},
		{name: "directory", tables: directory.Rehearse()},
		{name: "audit", tables: audit.Rehearse()},
	}}
}

// start begins to follow the log, from the checkpoints.
func (r *readSide) start() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.done = stop, make(chan struct{})
	for _, m := range r.models {
		m.tables.Forget()
		m.parked = false
	}
	r.publish()
	go func() {
		defer close(r.done)
		for ctx.Err() == nil {
			r.follow(ctx)
		}
	}()
}

// kill ends it between two events; what is not committed is forgotten.
func (r *readSide) kill() {
	r.stop()
	<-r.done
}

// follow reads from the checkpoint that is furthest behind, until something fails.
func (r *readSide) follow(ctx context.Context) {
	from := r.behind()
	subscription, err := r.link.Subscribe(ctx, eventstore.Filter{StreamPrefixes: prefixes}, from)
	if err != nil {
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
		}
		return
	}
	messages := make(chan eventstore.Message)
	var receiving sync.WaitGroup
	inner, cancel := context.WithCancel(ctx)
	receiving.Go(func() {
		defer close(messages)
		for {
			m, err := subscription.Next(inner)
			if err != nil {
				return
			}
			select {
			case messages <- m:
			case <-inner.Done():
				return
			}
		}
	})
	r.batches(ctx, messages)
	cancel()
	receiving.Wait()
	if err := subscription.Close(); err != nil {
		r.fail(fmt.Errorf("close a subscription: %w", err))
	}
}

// batches cuts what comes into batches of random size, none older than a moment.
func (r *readSide) batches(ctx context.Context, messages <-chan eventstore.Message) {
	var events []readmodel.Event
	var decoder readmodel.Decoder
	var position eventstore.Position
	var old <-chan time.Time
	for size := 1 + r.random.IntN(40); ; {
		select {
		case <-ctx.Done():
			return
		case m, open := <-messages:
			if !open {
				return
			}
			if m.Event != nil {
				events = append(events, decoder.Decode(*m.Event))
			}
			position = max(position, m.Position)
			if old == nil {
				old = time.After(20 * time.Millisecond)
			}
			if len(events) < size {
				continue
			}
		case <-old:
		}
		if !r.apply(events, position) {
			return
		}
		events, position, old, size = nil, 0, nil, 1+r.random.IntN(40)
	}
}

// apply brings every model up to a position. It returns false after a crash.
func (r *readSide) apply(events []readmodel.Event, position eventstore.Position) bool {
	for _, m := range r.models {
		if m.parked || position <= m.checkpoint {
			continue
		}
		mine := m.choose(events)
		if r.faults && len(mine) > 0 && r.random.IntN(200) == 0 {
			r.happened.count("read model parked")
			m.parked = true // its code fails on the first of them
			continue
		}
		crash := r.faults && r.random.IntN(60) == 0
		commit, err := m.project(mine)
		if err != nil {
			r.fail(fmt.Errorf("read model %s: %w", m.name, err))
			return false
		}
		if crash {
			r.happened.count("crash before a commit")
			for _, m := range r.models {
				m.tables.Forget()
				m.parked = false
			}
			return false
		}
		if r.skip == nil || !r.skip(m.name, len(mine)) {
			commit()
		}
		m.checkpoint = position
	}
	r.publish()
	return true
}

// project folds events that a model has not seen.
func (m *model) project(events []readmodel.Event) (func(), error) {
	if len(events) == 0 {
		return func() {}, nil
	}
	for i := range events {
		if events[i].Err != nil {
			return nil, events[i].Err
		}
	}
	return m.tables.Project(events)
}

func (m *model) choose(events []readmodel.Event) (mine []readmodel.Event) {
	for _, e := range events {
		if e.Position > m.checkpoint && (!m.books || e.Category() == book.Category) {
			mine = append(mine, e)
		}
	}
	return mine
}

// behind is the position of the model that is furthest behind and not parked.
func (r *readSide) behind() eventstore.Position {
	var from, most eventstore.Position
	found := false
	for _, m := range r.models {
		most = max(most, m.checkpoint)
		if !m.parked && (!found || m.checkpoint < from) {
			from, found = m.checkpoint, true
		}
	}
	if !found {
		return most
	}
	return from
}

func (r *readSide) publish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visible = r.behind()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *readSide) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault == nil {
		r.fault = err
	}
}

func (r *readSide) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// Visible implements collect.Visibility.
func (r *readSide) Visible() eventstore.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.visible
}

// Await implements collect.Visibility.
func (r *readSide) Await(ctx context.Context, position eventstore.Position) error {
	for {
		r.mu.Lock()
		visible, changed := r.visible, r.changed
		r.mu.Unlock()
		if visible >= position {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
