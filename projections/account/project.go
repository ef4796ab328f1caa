package account

import (
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Key names an account in the whole log.
type Key struct {
	Book string
	Path ledger.AccountID
}

// Account is an account and its balance.
type Account struct {
	Key
	Number   int32
	Opened   eventstore.Position
	Debits   readmodel.Total
	Credits  readmodel.Total
	Entries  int64
	Position eventstore.Position // of the last posting
}

// State is what the fold remembers between batches.
type State struct {
	// Accounts holds at least those accounts of the next batch that exist.
	Accounts map[Key]*Account
	// Last is the highest account number given out.
	Last int32
}

// run is a row of postings of one account.
type run struct {
	Account   int32
	Positions []int64
	Debit     []bool
	Amounts   []money.Amount
	Debits    readmodel.Total // after the last item
	Credits   readmodel.Total
}

// changeSet is what a batch does to the tables. The accounts are those of State.
type changeSet struct {
	Opened  []*Account // new, in the order of their numbers
	Changed []*Account // not new
	Chunks  []run      // those of one account in order
}

// fold adds the entries of a batch to the state and returns the changes.
func fold(state *State, events []readmodel.Event) changeSet {
	var changes changeSet
	open := map[*Account]int{} // index in Chunks of the account's open chunk
	for i := range events {
		entry := events[i].Entry
		if entry == nil {
			continue
		}
		for _, posting := range entry.Postings {
			a := state.account(Key{entry.Book, posting.Account}, entry.Position, &changes)
			index, changed := open[a]
			if !changed && a.Entries > 0 {
				changes.Changed = append(changes.Changed, a)
			}
			if !changed || changes.Chunks[index].full(posting.Account, entry) {
				index = len(changes.Chunks)
				changes.Chunks = append(changes.Chunks, run{Account: a.Number})
				open[a] = index
			}
			a.post(posting, entry.Position)
			changes.Chunks[index].add(a, posting)
		}
	}
	return changes
}

// account finds an account, or opens it.
func (s *State) account(key Key, position eventstore.Position, changes *changeSet) *Account {
	if a := s.Accounts[key]; a != nil {
		return a
	}
	s.Last++
	a := &Account{Key: key, Number: s.Last, Opened: position}
	s.Accounts[key] = a
	changes.Opened = append(changes.Opened, a)
	return a
}

func (a *Account) post(p ledger.Posting, position eventstore.Position) {
	if p.Side == ledger.Debit {
		a.Debits.Add(p.Amount)
	} else {
		a.Credits.Add(p.Amount)
	}
	a.Entries++
	a.Position = position
}

// full reports whether the postings of an entry need a new chunk. Those of one
// entry stay together, since the last position names the row.
func (c *run) full(path ledger.AccountID, entry *readmodel.Entry) bool {
	n := len(c.Positions)
	if n+len(entry.Postings) <= readmodel.ChunkItems || c.Positions[n-1] == int64(entry.Position) {
		return false
	}
	for _, p := range entry.Postings {
		if p.Account == path {
			n++
		}
	}
	return n > readmodel.ChunkItems
}

func (c *run) add(a *Account, p ledger.Posting) {
	c.Positions = append(c.Positions, int64(a.Position))
	c.Debit = append(c.Debit, p.Side == ledger.Debit)
	c.Amounts = append(c.Amounts, p.Amount)
	c.Debits, c.Credits = a.Debits, a.Credits
}
