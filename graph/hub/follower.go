package hub

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/account"
)

// ErrSlow ends a follower for whom too many accounts have changed since it last
// took something. It may come back with its cursor.
var ErrSlow = errors.New("the follower does not keep up")

// Update is what a follower has not seen yet.
type Update struct {
	// Cursor is the place up to which everything is delivered with this update.
	Cursor eventstore.Position
	// Balances has the latest value of each account that changed, by book and account.
	Balances []account.Balance
}

// owned names an account of the party. Changes of one account may come from two
// copies of the read model's tables, which number it differently.
type owned struct{ book, path string }

// Follower follows the balances of one party. Next and Close belong to one goroutine.
type Follower struct {
	hub    *Hub
	party  string
	cursor eventstore.Position // everything up to here is delivered
	begun  bool                // the first update was delivered
	wake   chan struct{}       // capacity 1: the fields below have changed

	mu       sync.Mutex
	box      map[owned]account.Balance // latest value per account, not yet delivered
	upTo     eventstore.Position       // with the box everything up to here is delivered
	snapshot bool                      // the box is not enough: changes may have passed by
	slow     bool
}

// Next waits for the next update. The first comes at once and may be empty, the
// others are not. It returns ErrSlow, the context's error, or the error of a
// snapshot that could not be read; with any of them the follower has ended.
func (f *Follower) Next(ctx context.Context) (Update, error) {
	for {
		taken, snapshot, err := f.take()
		if err != nil {
			return Update{}, err
		}
		if snapshot {
			if taken, err = f.look(ctx); err != nil {
				return Update{}, err
			}
		}
		if len(taken.Balances) > 0 || !f.begun {
			f.begun = true
			f.cursor = max(f.cursor, taken.Cursor)
			return Update{f.cursor, taken.Balances}, nil
		}
		f.cursor = max(f.cursor, taken.Cursor)
		select {
		case <-ctx.Done():
			return Update{}, ctx.Err()
		case <-f.wake:
		}
	}
}

// Cursor is the place up to which everything is delivered.
func (f *Follower) Cursor() eventstore.Position { return f.cursor }

// Close ends the follower. It is idempotent.
func (f *Follower) Close() { f.hub.leave(f) }

// take empties the box, or says that a snapshot is needed.
func (f *Follower) take() (Update, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.slow {
		return Update{}, false, ErrSlow
	}
	if f.snapshot {
		f.snapshot = false
		return Update{}, true, nil
	}
	update := Update{Cursor: f.upTo}
	for _, balance := range f.box {
		if balance.Position > f.cursor { // else a snapshot had it
			update.Balances = append(update.Balances, balance)
		}
	}
	clear(f.box)
	slices.SortFunc(update.Balances, func(a, b account.Balance) int {
		return cmp.Or(cmp.Compare(a.Book, b.Book), cmp.Compare(a.Path, b.Path))
	})
	return update, false, nil
}

// look takes a snapshot of what changed after the cursor.
func (f *Follower) look(ctx context.Context) (Update, error) {
	at, balances, err := account.Snapshot(ctx, f.hub.Pool, account.Filter{Owner: f.party, After: f.cursor})
	if err != nil {
		return Update{}, err
	}
	return Update{at.Position, balances}, nil
}

// put adds changes to the box, with which it holds everything up to a position.
func (f *Follower) put(changes []account.Balance, upTo eventstore.Position, size int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, change := range changes {
		if _, waiting := f.box[owned{change.Book, change.Path}]; !waiting && len(f.box) >= size {
			f.slow = true
			break
		}
		f.box[owned{change.Book, change.Path}] = change // changes come in the order of positions
	}
	f.upTo = upTo
	f.signal()
}

// refresh has the follower take a snapshot from its cursor.
func (f *Follower) refresh() {
	f.mu.Lock()
	f.snapshot = true
	f.mu.Unlock()
	f.signal()
}

func (f *Follower) signal() {
	select {
	case f.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}
