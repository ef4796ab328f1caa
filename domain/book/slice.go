package book

import (
	"cmp"
	"iter"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// slice is what one account holds back until one date for one purpose. A slice of
// nothing is as good as none; its account forgets it when that is committed.
type slice struct {
	account *account
	into    string
	on      domain.Date
	amount  money.Amount

	part    sum // of the hash
	stale   bool
	changed bool // since the last Commit
}

func (h *slice) hold() Hold {
	return Hold{Account: h.account.id, Into: h.into, On: h.on, Change: h.amount}
}

// due reports whether the slice falls due on a date.
func (h *slice) due(domain.Date) bool { return !h.amount.IsZero() }

// inAccount orders the slices of an account: what was held the longest first.
func (h *slice) inAccount(o *slice) int {
	return cmp.Or(cmp.Compare(h.on, o.on), cmp.Compare(h.into, o.into))
}

// onDate orders the slices of a date.
func (h *slice) onDate(o *slice) int {
	return cmp.Or(cmp.Compare(h.account.id, o.account.id), cmp.Compare(h.into, o.into))
}

// fingerprint is a slice's part of the hash.
func (h *slice) fingerprint() sum {
	var room [192]byte
	b := append(room[:0], 1) // neither an account nor a counter has a part that begins so
	b = append(b, h.account.id...)
	b = append(b, 0)
	b = append(b, h.into...)
	b = append(b, 0)
	b = append(b, h.on...)
	b = append(b, 0)
	return sumOf(h.amount.Shorten().Append(b))
}

// at finds the place of a slice in the account's list.
func (a *account) at(into string, on domain.Date) (int, bool) {
	return slices.BinarySearchFunc(a.slices, slice{into: into, on: on}, func(h *slice, wanted slice) int { return h.inAccount(&wanted) })
}

// slice finds a slice of the account or makes one of nothing.
func (a *account) slice(into string, on domain.Date) *slice {
	at, found := a.at(into, on)
	if !found {
		a.slices = slices.Insert(a.slices, at, &slice{account: a, into: into, on: on})
	}
	return a.slices[at]
}

// forget takes a slice of nothing off its account.
func (h *slice) forget() {
	if at, found := h.account.at(h.into, h.on); found && h.account.slices[at] == h {
		h.account.slices = slices.Delete(h.account.slices, at, at+1)
	}
}

// Held yields what an account holds back, in the order in which it falls due;
// Change is all that is held until the date.
func (s *State) Held(account ledger.AccountID) iter.Seq[Hold] {
	return func(yield func(Hold) bool) {
		a := s.accounts[account]
		if a == nil {
			return
		}
		for _, h := range a.slices {
			if !h.amount.IsZero() && !yield(h.hold()) {
				return
			}
		}
	}
}

// Holds yields all that is held back, in no order.
func (s *State) Holds() iter.Seq[Hold] {
	return func(yield func(Hold) bool) {
		for _, a := range s.accounts {
			for _, h := range a.slices {
				if !h.amount.IsZero() && !yield(h.hold()) {
					return
				}
			}
		}
	}
}

// Due gives up to most slices that fall due up to a date, in the order in which an
// advance of the business date releases them: by date, account and purpose.
func (s *State) Due(until domain.Date, most int) []Hold {
	due := s.due.until(until, most)
	holds := make([]Hold, len(due))
	for i, h := range due {
		holds[i] = h.hold()
	}
	return holds
}

// applyHolds adds what an event changes of holds.
func (s *State) applyHolds(holds []Hold) error {
	for i := range holds {
		h := &holds[i]
		a := s.accounts[h.Account]
		if a == nil {
			return &domain.Error{Code: domain.CodeConflict, Field: "holds", Value: string(h.Account), Message: "the book has no such account"}
		}
		held := a.slice(h.Into, h.On)
		amount, err := held.amount.Add(h.Change)
		if err != nil {
			return err
		}
		if amount.Sign() < 0 {
			return &domain.Error{
				Code: domain.CodeConflict, Field: "holds", Value: string(h.Account),
				Message: "until " + string(h.On) + " it holds " + held.amount.String() + " for " + h.Into + ", less than is taken: " + h.Change.Neg().String(),
			}
		}
		s.setSlice(held, amount)
	}
	return nil
}

// setSlice changes a slice in the journal's sight.
func (s *State) setSlice(h *slice, to money.Amount) {
	if s.marked {
		s.undo.slices = append(s.undo.slices, sliceUndo{h, h.amount, h.changed})
	}
	if !h.changed {
		h.changed = true
		s.changedSlices = append(s.changedSlices, h)
	}
	s.putSlice(h, to)
}

func (s *State) putSlice(h *slice, to money.Amount) {
	if !h.stale {
		h.stale = true
		s.staleSlices = append(s.staleSlices, h)
	}
	before := h.amount
	h.amount = to
	switch {
	case before.IsZero() && !to.IsZero():
		s.due.add(h.on, h)
	case !before.IsZero() && to.IsZero():
		s.due.remove(h.on)
	}
}
