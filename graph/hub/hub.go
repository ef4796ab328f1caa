package hub

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/account"
)

// Config says what a hub reads and how much it keeps.
type Config struct {
	Pool   *pgxpool.Pool
	Logger *slog.Logger
	// Interval is the longest time between two looks at the read model; a second
	// where not given.
	Interval time.Duration
	// Box is the number of accounts whose changes may wait for one follower; 4096
	// where not given.
	Box int
	// Batch is the number of changes read at once; 5000 where not given.
	Batch int
}

// Hub distributes balance changes. It is safe for concurrent use.
type Hub struct {
	Config
	wake chan struct{} // capacity 1: there may be something to read

	mu        sync.Mutex
	followers map[string]map[*Follower]struct{} // by party
	reading   bool                              // the fields below are valid
	last      eventstore.Position               // changes up to here are distributed
	tables    int64                             // generation of the read model's tables
}

// New returns a hub. It distributes nothing before Run.
func New(config Config) *Hub {
	if config.Interval == 0 {
		config.Interval = time.Second
	}
	if config.Box == 0 {
		config.Box = 4096
	}
	if config.Batch == 0 {
		config.Batch = 5000
	}
	return &Hub{Config: config, wake: make(chan struct{}, 1), followers: map[string]map[*Follower]struct{}{}}
}

// Run distributes changes until ctx ends. While Postgres does not answer it tries
// again and goes on where it stopped. It is called once.
func (h *Hub) Run(ctx context.Context) {
	var listening sync.WaitGroup
	listening.Go(func() { h.listen(ctx) })
	defer listening.Wait()

	ticker := time.NewTicker(h.Interval)
	defer ticker.Stop()
	failing := false
	for {
		err := h.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			h.Logger.WarnContext(ctx, "balance changes cannot be read; trying again", "error", err)
		}
		if err == nil && failing {
			h.Logger.InfoContext(ctx, "balance changes are read again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-h.wake:
			if failing { // a notification does not mean that reading works again
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
			}
		}
	}
}

// nudge has the reader look soon.
func (h *Hub) nudge() {
	select {
	case h.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// poll distributes what has changed since the last look.
func (h *Hub) poll(ctx context.Context) error {
	h.mu.Lock()
	if len(h.followers) == 0 {
		h.reading = false // nobody to read for; the next follower begins anew
		h.mu.Unlock()
		return nil
	}
	reading, last, tables := h.reading, h.last, h.tables
	h.mu.Unlock()

	now, err := account.ReadProgress(ctx, h.Pool)
	if err != nil {
		return err
	}
	if !reading || now.Generation != tables || now.Position < last {
		h.begin(now)
		return nil
	}
	for now.Position > last {
		changes, err := account.Changes(ctx, h.Pool, last, h.Batch)
		if err != nil {
			return err
		}
		oldest, err := account.Oldest(ctx, h.Pool)
		if err != nil {
			return err
		}
		if oldest > last { // changes behind last may have been pruned before they were read
			h.begin(now)
			return nil
		}
		if len(changes) < h.Batch {
			last = now.Position
		}
		if n := len(changes); n > 0 {
			last = max(last, changes[n-1].Position)
		}
		h.distribute(changes, last)
	}
	return nil
}

// begin starts reading behind the place where the read model is now. Followers
// take a snapshot of what they have not seen up to there.
func (h *Hub) begin(now account.Progress) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reading, h.last, h.tables = true, now.Position, now.Generation
	for _, party := range h.followers {
		for f := range party {
			f.refresh()
		}
	}
}

// distribute hands changes to who follows the owners of the accounts. With them
// everything up to a position is distributed.
func (h *Hub) distribute(changes []account.Balance, upTo eventstore.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = upTo
	boxes := map[*Follower][]account.Balance{}
	for _, change := range changes {
		for f := range h.followers[change.Owner] {
			boxes[f] = append(boxes[f], change)
		}
	}
	for f, own := range boxes {
		f.put(own, upTo, h.Box)
	}
}

// Follow begins to follow a party's balances: those that changed after a
// position, all of them after Start. The follower must be closed.
func (h *Hub) Follow(party string, after eventstore.Position) *Follower {
	f := &Follower{
		hub: h, party: party, cursor: after,
		box: map[owned]account.Balance{}, wake: make(chan struct{}, 1), snapshot: true,
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.followers[party] == nil {
		h.followers[party] = map[*Follower]struct{}{}
	}
	h.followers[party][f] = struct{}{}
	if !h.reading {
		h.nudge()
	}
	return f
}

// Followers returns how many there are.
func (h *Hub) Followers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, party := range h.followers {
		n += len(party)
	}
	return n
}

func (h *Hub) leave(f *Follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers[f.party], f)
	if len(h.followers[f.party]) == 0 {
		delete(h.followers, f.party)
	}
}
