package book

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// journal holds what Rollback needs to undo all since Mark.
type journal struct {
	count    uint64
	recorded time.Time
	date     domain.Date
	dated    uint64
	err      error
	// Lengths of the lists of changes at the mark.
	changedAccounts, changedKeys, changedCounters, changedSlices int
	accounts                                                     []accountUndo
	keys                                                         []keyUndo
	counters                                                     []counterUndo
	slices                                                       []sliceUndo
}

type accountUndo struct {
	account *account
	balance ledger.Balance
	changed bool
	open    bool // before
}

type counterUndo struct {
	counter *counter
	old     Counted
	held    bool
	changed bool
}

type sliceUndo struct {
	slice   *slice
	amount  money.Amount
	changed bool
}

type keyUndo struct {
	key  Key
	old  keyed
	held bool // before
}

// Mark begins a group: Rollback will bring back the state as it is now. A second
// Mark moves the mark.
func (s *State) Mark() {
	s.marked = true
	u := &s.undo
	u.count, u.recorded, u.date, u.dated, u.err = s.count, s.recorded, s.date, s.dated, s.err
	u.changedAccounts, u.changedKeys = len(s.changedAccounts), len(s.changedKeys)
	u.changedCounters, u.changedSlices = len(s.changedCounters), len(s.changedSlices)
	u.accounts, u.keys, u.counters, u.slices = u.accounts[:0], u.keys[:0], u.counters[:0], u.slices[:0]
}

// Rollback undoes everything folded since Mark and removes the mark. Without a
// mark it does nothing. Records loaded since then stay loaded.
func (s *State) Rollback() {
	if !s.marked {
		return
	}
	u := &s.undo
	for i := len(u.keys) - 1; i >= 0; i-- {
		if k := &u.keys[i]; k.held {
			s.keys[k.key] = k.old
		} else {
			delete(s.keys, k.key)
		}
	}
	for i := len(u.slices) - 1; i >= 0; i-- {
		e := &u.slices[i]
		s.putSlice(e.slice, e.amount)
		if e.slice.changed = e.changed; !e.changed && e.amount.IsZero() {
			e.slice.forget()
		}
	}
	for i := len(u.accounts) - 1; i >= 0; i-- {
		e := &u.accounts[i]
		e.account.balance, e.account.changed = e.balance, e.changed
		s.touch(e.account)
		if !e.open {
			e.account.gone = true
			delete(s.accounts, e.account.id)
		}
	}
	for i := len(u.counters) - 1; i >= 0; i-- {
		e := &u.counters[i]
		s.putCounter(e.counter, e.old, e.held)
		e.counter.changed = e.changed
	}
	s.changedCounters = s.changedCounters[:u.changedCounters]
	s.changedAccounts = s.changedAccounts[:u.changedAccounts]
	s.changedSlices = s.changedSlices[:u.changedSlices]
	s.changedKeys = s.changedKeys[:u.changedKeys]
	s.count, s.recorded, s.date, s.dated, s.err = u.count, u.recorded, u.date, u.dated, u.err
	s.unmark()
}

// unmark forgets what was noted for Rollback and keeps the room.
func (s *State) unmark() {
	s.marked = false
	clear(s.undo.accounts)
	clear(s.undo.keys)
	clear(s.undo.counters)
	clear(s.undo.slices)
	s.undo.accounts, s.undo.keys, s.undo.counters, s.undo.slices = s.undo.accounts[:0], s.undo.keys[:0], s.undo.counters[:0], s.undo.slices[:0]
}

// Changes is what a book's events since the last Commit have made of it: what an
// index and a snapshot take over to be as new as the state.
type Changes struct {
	// Count, Recorded, BusinessDate and DateRevision are the state's, after all events.
	Count        uint64
	Recorded     time.Time
	BusinessDate domain.Date
	DateRevision uint64
	// Keys, Accounts, Counters and Holds hold each changed key, account, counter and
	// slice once, with its newest value, in the order of first change.
	Keys     []KeyChange
	Accounts []AccountChange
	Counters []CounterChange
	// Change is all that is held; a snapshot must not hold one of zero any more.
	Holds []Hold
}

// CounterChange is a counter with its newest value.
type CounterChange struct {
	ID string
	Counted
	// Gone says that a snapshot must not hold it any more.
	Gone bool
}

// KeyChange is a key with its newest record.
type KeyChange struct {
	Key    Key
	Record KeyRecord
	// New says that the key did not exist before.
	New bool
}

// AccountChange is an account with its newest balance.
type AccountChange struct {
	Account ledger.AccountID
	Balance ledger.Balance
}

// Commit accepts everything folded so far, removes the mark and returns the
// changes since the last Commit. Events folded without a mark are included.
func (s *State) Commit() Changes {
	changes := Changes{
		Count: s.count, Recorded: s.recorded, BusinessDate: s.date, DateRevision: s.dated,
		Keys:     make([]KeyChange, 0, len(s.changedKeys)),
		Accounts: make([]AccountChange, 0, len(s.changedAccounts)),
	}
	for _, key := range s.changedKeys {
		k := s.keys[key]
		changes.Keys = append(changes.Keys, KeyChange{key, k.record, k.fresh})
		k.changed, k.fresh = false, false
		s.keys[key] = k
	}
	for _, a := range s.changedAccounts {
		changes.Accounts = append(changes.Accounts, AccountChange{a.id, a.balance})
		a.changed = false
	}
	if len(s.changedCounters) > 0 {
		changes.Counters = make([]CounterChange, 0, len(s.changedCounters))
	}
	for _, c := range s.changedCounters {
		changes.Counters = append(changes.Counters, CounterChange{c.id, c.Counted, !c.held})
		if c.changed = false; !c.held {
			delete(s.counters, c.id)
		}
	}
	if len(s.changedSlices) > 0 {
		changes.Holds = make([]Hold, 0, len(s.changedSlices))
	}
	for _, h := range s.changedSlices {
		changes.Holds = append(changes.Holds, h.hold())
		if h.changed = false; h.amount.IsZero() {
			h.forget()
		}
	}
	clear(s.changedAccounts)
	clear(s.changedCounters)
	clear(s.changedSlices)
	s.changedKeys, s.changedAccounts, s.changedCounters, s.changedSlices = s.changedKeys[:0], s.changedAccounts[:0], s.changedCounters[:0], s.changedSlices[:0]
	s.unmark()
	return changes
}
