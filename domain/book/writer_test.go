package book_test

import (
	"maps"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// writer works with a book as a resident writer does, with maps for its index and
// snapshot.
type writer struct {
	state    *book.State
	group    []domain.Event // since the mark
	keys     map[book.Key]book.KeyRecord
	accounts map[ledger.AccountID]ledger.Balance
	counters map[string]book.Counted
	holds    map[slice]money.Amount
	date     domain.Date
	dated    uint64
	count    uint64
	recorded time.Time
	hash     [16]byte // of the snapshot
}

// slice names what an account holds until a date for a purpose.
type slice struct {
	account ledger.AccountID
	into    string
	on      domain.Date
}

func sliceOf(h book.Hold) slice { return slice{h.Account, h.Into, h.On} }

// heldBy lists all that a state holds.
func heldBy(s *book.State) map[slice]money.Amount {
	held := map[slice]money.Amount{}
	for h := range s.Holds() {
		held[sliceOf(h)] = h.Change
	}
	return held
}

func newWriter() *writer {
	w := &writer{state: book.Decider.Initial(), keys: map[book.Key]book.KeyRecord{}, accounts: map[ledger.AccountID]ledger.Balance{}, counters: map[string]book.Counted{}, holds: map[slice]money.Amount{}}
	w.state.Drop()
	w.state.Mark()
	w.hash = w.state.Hash()
	return w
}

func (w *writer) load(keys []book.Key) {
	for _, k := range keys {
		record, found := w.keys[k]
		w.state.Load(k, record, found)
	}
}

func (w *writer) decide(command domain.Command) ([]domain.Event, error) {
	w.load(book.Keys(command))
	return book.Decider.Decide(w.state, command)
}

func (w *writer) evolve(event domain.Event) {
	w.state = book.Decider.Evolve(w.state, event)
	w.group = append(w.group, event)
}

// turn ends the group in one of the ways it can end.
func (w *writer) turn(t *rapid.T) {
	switch rapid.SampledFrom([]string{"commit", "lost", "phantom", "restart"}).Draw(t, "turn") {
	case "phantom":
		// A group that never became durable leaves no trace.
		w.commit()
		for i := range rapid.IntRange(1, 4).Draw(t, "phantoms") {
			c := book.SettleTransaction{Policy: book.Policy{SettleUnmatched: true}, Terms: standardTerms(t), RecordedAt: start.AddDate(1, 0, 0)}
			c.Transaction = book.Transaction{Key: key("phantom"), Book: "main", ContentHash: "1:aa", Type: "sale", OccurredAt: start, Currency: "EUR", Amount: money.New(-77, 2)}
			c.Transaction.ExternalID += string(rune('a' + i))
			if i == 1 {
				c.Transaction.OriginalID, c.Transaction.Amount = "phantoma", money.New(7, 2)
			}
			var command domain.Command = c
			switch i {
			case 2:
				c.Transaction.Amount, c.Terms = money.New(77, 2), compiledTerms(t, "held")
				command = c
			case 3:
				command = book.AdvanceBusinessDate{Book: "main", Date: nextDate(w.state), RecordedAt: start, Close: closeMonth(t)}
			}
			events, err := w.decide(command)
			require.NoError(t, err)
			w.state = book.Decider.Evolve(w.state, events[0])
			require.NoError(t, w.state.Err())
			if rapid.Bool().Draw(t, "hash") {
				require.NotEqual(t, w.hash, w.state.Hash())
			}
		}
		w.state.Rollback()
		require.Equal(t, w.hash, w.state.Hash())
		changes := w.state.Commit()
		require.Empty(t, changes.Keys)
		require.Empty(t, changes.Accounts)
		require.Empty(t, changes.Counters)
		require.Empty(t, changes.Holds)
		require.Equal(t, w.count, changes.Count)
		w.commit()
	case "commit":
		w.commit()
	case "lost":
		// Another writer was faster: what it appended is the same group here, read
		// from the stream.
		changed := len(w.group) > 0
		after := w.state.Hash()
		w.state.Rollback()
		require.Equal(t, w.hash, w.state.Hash(), "rolled back to the mark")
		require.Equal(t, w.count, w.state.Count())
		require.Equal(t, w.recorded, w.state.Recorded())
		require.True(t, maps.EqualFunc(w.accounts, maps.Collect(w.state.Balances()), ledger.Balance.Equal))
		require.Equal(t, w.counters, maps.Collect(w.state.Counters()))
		require.Equal(t, w.holds, heldBy(w.state))
		require.Equal(t, w.date, w.state.BusinessDate())
		for _, event := range w.group {
			w.load(book.EventKeys(event))
			w.state = book.Decider.Evolve(w.state, event)
			require.NoError(t, w.state.Err())
		}
		require.Equal(t, after, w.state.Hash())
		require.Equal(t, changed, after != w.hash)
		w.commit()
	case "restart":
		// What was not in the snapshot is folded from the stream.
		after := w.state.Hash()
		w.state = book.Restore(book.Snapshot{
			Count: w.count, Recorded: w.recorded, BusinessDate: w.date, DateRevision: w.dated,
			Balances: maps.All(w.accounts), Counters: maps.All(w.counters), Holds: func(yield func(book.Hold) bool) {
				for s, amount := range w.holds {
					if !yield(book.Hold{Account: s.account, Into: s.into, On: s.on, Change: amount}) {
						return
					}
				}
			},
		})
		require.Equal(t, w.hash, w.state.Hash(), "the snapshot has the hash of the state it was taken from")
		for _, event := range w.group {
			w.load(book.EventKeys(event))
			w.state = book.Decider.Evolve(w.state, event)
			require.NoError(t, w.state.Err())
		}
		require.Equal(t, after, w.state.Hash())
		w.commit()
	}
}

// commit takes the changes over into index and snapshot and begins a new group.
func (w *writer) commit() {
	changes := w.state.Commit()
	for _, change := range changes.Keys {
		if _, known := w.keys[change.Key]; known == change.New {
			panic("a change does not say rightly whether its key is new")
		}
		w.keys[change.Key] = change.Record
	}
	for _, change := range changes.Accounts {
		w.accounts[change.Account] = change.Balance
	}
	for _, change := range changes.Counters {
		if delete(w.counters, change.ID); !change.Gone {
			w.counters[change.ID] = change.Counted
		}
	}
	for _, change := range changes.Holds {
		if delete(w.holds, sliceOf(change)); !change.Change.IsZero() {
			w.holds[sliceOf(change)] = change.Change
		}
	}
	w.date, w.dated = changes.BusinessDate, changes.DateRevision
	w.count, w.recorded, w.hash = changes.Count, changes.Recorded, w.state.Hash()
	w.group = nil
	w.state.Drop()
	w.state.Mark()
}
