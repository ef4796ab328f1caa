package book

import (
	"iter"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
)

// State is a book as far as its events have been folded. It belongs to one
// goroutine at a time. See the package comment for its two halves and the cycle of
// Mark, Commit and Rollback.
type State struct {
	count    uint64
	recorded time.Time
	accounts map[ledger.AccountID]*account
	counters map[string]*counter
	buckets  map[string][]*counter // of rolling windows, by base and day; held ones alone
	due      agenda[*slice]        // what is held, by the date on which it falls due
	ending   agenda[*counter]      // open windows that are to be closed, by the first date for it
	date     domain.Date           // the business date; empty until the first
	dated    uint64                // revision of the event that reached it
	keys     map[Key]keyed
	whole    bool  // every key of the history is held: an absent one does not exist
	err      error // the events do not fit together

	room fee.Room // of ratings, used again

	// Of the hash: the sum over accounts, counters and slices, and those whose part is
	// out of date.
	sum           sum
	stale         []*account
	staleCounters []*counter
	staleSlices   []*slice

	// Since the last Commit.
	changedAccounts []*account
	changedCounters []*counter
	changedSlices   []*slice
	changedKeys     []Key
	marked          bool
	undo            journal // since Mark
}

type account struct {
	id      ledger.AccountID
	balance ledger.Balance
	slices  []*slice // what it holds back, by date and purpose
	part    sum      // of the hash
	stale   bool     // part is out of date
	changed bool     // since the last Commit
	gone    bool     // opened after a mark that was rolled back
}

type keyed struct {
	record  KeyRecord
	found   bool
	changed bool // since the last Commit
	fresh   bool // by an event since the last Commit
}

// newState is an empty book that holds everything folded into it.
func newState() *State {
	return &State{
		accounts: make(map[ledger.AccountID]*account), keys: make(map[Key]keyed), whole: true,
		counters: make(map[string]*counter), buckets: make(map[string][]*counter),
		due: newAgenda((*slice).onDate, (*slice).due), ending: newAgenda((*counter).inDate, (*counter).ends),
	}
}

// Snapshot is the hot half of a book after a number of events. What it has none of
// may be nil.
type Snapshot struct {
	Count        uint64 // of the events that it covers
	Recorded     time.Time
	BusinessDate domain.Date // empty where the book has not come to any
	DateRevision uint64      // of the event that reached it
	Balances     iter.Seq2[ledger.AccountID, ledger.Balance]
	Counters     iter.Seq2[string, Counted]
	Holds        iter.Seq[Hold] // Change is all that is held
}

// Restore makes a state from a snapshot. Its keys must be loaded before they are
// asked about.
func Restore(from Snapshot) *State {
	s := newState()
	s.whole, s.count, s.recorded, s.date, s.dated = false, from.Count, from.Recorded, from.BusinessDate, from.DateRevision
	open := func(id ledger.AccountID) *account {
		a := s.accounts[id]
		if a == nil {
			a = &account{id: id, stale: true}
			s.accounts[id] = a
			s.stale = append(s.stale, a)
		}
		return a
	}
	if from.Balances != nil {
		for id, balance := range from.Balances {
			open(id).balance = balance
		}
	}
	if from.Counters != nil {
		for id, counted := range from.Counters {
			s.putCounter(s.counter(id), counted, true)
		}
	}
	if from.Holds != nil {
		for hold := range from.Holds {
			s.putSlice(open(hold.Account).slice(hold.Into, hold.On), hold.Change)
		}
	}
	return s
}

// Count is the number of events folded, and so the revision of the next one.
func (s *State) Count() uint64 { return s.count }

// Recorded is the recorded time of the last event; the zero time where there is
// none. The next event's is not before it.
func (s *State) Recorded() time.Time { return s.recorded }

// BusinessDate is the date that the book has come to: all that fell due up to it is
// done. It is empty until the first advance.
func (s *State) BusinessDate() domain.Date { return s.date }

// DateRevision is that of the event that reached the business date, 0 where there is
// none.
func (s *State) DateRevision() uint64 { return s.dated }

// Balance returns the balance of an account; the zero Balance where it has none.
func (s *State) Balance(id ledger.AccountID) ledger.Balance {
	if a, open := s.accounts[id]; open {
		return a.balance
	}
	return ledger.Balance{}
}

// Balances yields every account with its balance, in no order.
func (s *State) Balances() iter.Seq2[ledger.AccountID, ledger.Balance] {
	return func(yield func(ledger.AccountID, ledger.Balance) bool) {
		for id, a := range s.accounts {
			if !yield(id, a.balance) {
				return
			}
		}
	}
}

// Err is not nil where an event did not fit those before it: a key settled twice,
// a reference to nothing, a record that was not loaded, a balance that does not
// fit, an unknown event. Such a state folds nothing more and decides nothing.
// Rollback to a mark before that event heals it; without a mark, throw it away.
func (s *State) Err() error { return s.err }

// Load tells the state what the index holds for a key. What the state's own
// events have made of the key since the last Commit is newer and stays.
func (s *State) Load(key Key, record KeyRecord, found bool) {
	if k, held := s.keys[key]; held && (k.changed || k.found) {
		return
	}
	s.keys[key] = keyed{record: record, found: found}
}

// Record returns the record of a key as far as it is held: found says that the
// key exists, known that the state can tell.
func (s *State) Record(key Key) (record KeyRecord, found, known bool) {
	k, held := s.keys[key]
	return k.record, k.found, held || s.whole
}

// Drop forgets all keys but those changed since the last Commit. From then on
// keys must be loaded before they are asked about.
func (s *State) Drop() {
	s.whole = false
	if len(s.changedKeys) == 0 {
		clear(s.keys)
		return
	}
	for key, k := range s.keys {
		if !k.changed {
			delete(s.keys, key)
		}
	}
}

// lookup is Record for a rule that cannot go on without an answer.
func (s *State) lookup(key Key) (KeyRecord, bool, error) {
	record, found, known := s.Record(key)
	if !known {
		return record, false, &domain.Error{
			Code: domain.CodeInternal, Field: "key", Value: key.Source + "/" + key.ExternalID,
			Message: "the record of the key was not loaded before it was asked about",
		}
	}
	return record, found, nil
}

// setKey replaces the record of a key.
func (s *State) setKey(key Key, record KeyRecord, fresh bool) {
	k, held := s.keys[key]
	if s.marked {
		s.undo.keys = append(s.undo.keys, keyUndo{key, k, held})
	}
	if !k.changed {
		s.changedKeys = append(s.changedKeys, key)
	}
	s.keys[key] = keyed{record: record, found: true, changed: true, fresh: k.fresh || fresh}
}

// setBalance replaces the balance of an account and opens it where it is new.
func (s *State) setBalance(id ledger.AccountID, balance ledger.Balance) {
	a, open := s.accounts[id]
	if !open {
		a = &account{id: id}
		s.accounts[id] = a
	}
	if s.marked {
		s.undo.accounts = append(s.undo.accounts, accountUndo{a, a.balance, a.changed, open})
	}
	if !a.changed {
		a.changed = true
		s.changedAccounts = append(s.changedAccounts, a)
	}
	s.touch(a)
	a.balance = balance
}
