package account

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rehearsal is the read model over rows in memory.
type rehearsal struct {
	state    State
	accounts map[Key]Account
	chunks   []run
}

// Rehearse returns the read model without Postgres, empty.
func Rehearse() readmodel.Rehearsal {
	r := &rehearsal{accounts: map[Key]Account{}}
	r.Forget()
	return r
}

// Forget implements readmodel.Rehearsal.
func (r *rehearsal) Forget() {
	r.state = State{Accounts: map[Key]*Account{}, Last: int32(len(r.accounts))}
}

// Project implements readmodel.Rehearsal.
func (r *rehearsal) Project(events []readmodel.Event) (func(), error) {
	for i := range events {
		if events[i].Entry == nil {
			continue
		}
		for _, posting := range events[i].Entry.Postings {
			key := Key{events[i].Entry.Book, posting.Account}
			if row, there := r.accounts[key]; there && r.state.Accounts[key] == nil {
				r.state.Accounts[key] = &row
			}
		}
	}
	changes := fold(&r.state, events)
	opened, changed := values(changes.Opened), values(changes.Changed)
	for _, a := range opened {
		if _, twice := r.accounts[a.Key]; twice {
			return nil, fmt.Errorf("the account %s of the book %s is opened twice", a.Path, a.Book)
		}
	}
	return func() {
		for _, a := range slices.Concat(opened, changed) {
			r.accounts[a.Key] = a
		}
		r.chunks = append(r.chunks, changes.Chunks...)
	}, nil
}

func values(pointers []*Account) []Account {
	accounts := make([]Account, len(pointers))
	for i, a := range pointers {
		accounts[i] = *a
	}
	return accounts
}

// Rows implements readmodel.Rehearsal. Each entry comes with the totals after it.
func (r *rehearsal) Rows() map[string][][]string {
	rows := map[string][][]string{}
	named := map[int32]Key{}
	for _, a := range r.accounts {
		named[a.Number] = a.Key
		rows["balances"] = append(rows["balances"], []string{
			a.Book, string(a.Path), a.Debits.Decimal().String(), a.Credits.Decimal().String(), strconv.FormatInt(a.Entries, 10), strconv.FormatInt(int64(a.Position), 10),
		})
	}
	for i := range r.chunks {
		c := &r.chunks[i]
		key, debits, credits := named[c.Account], c.Debits.Decimal(), c.Credits.Decimal()
		for j := len(c.Positions) - 1; j >= 0; j-- {
			side, after := "credit", [2]decimal.Decimal{debits, credits}
			if amount := c.Amounts[j].Decimal(); c.Debit[j] {
				side, debits = "debit", debits.Sub(amount)
			} else {
				credits = credits.Sub(amount)
			}
			rows["entries"] = append(rows["entries"], []string{
				key.Book, string(key.Path), strconv.FormatInt(c.Positions[j], 10), side, c.Amounts[j].Decimal().String(), after[0].String(), after[1].String(),
			})
		}
	}
	return rows
}
