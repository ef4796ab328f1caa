package book

import (
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// opposite is the entry of a settlement with sides swapped. What was held is taken
// from its slice as far as this still holds it, else from where it went; what was
// taken from a slice is held again while the date is still to come.
func (s *State) opposite(settled *TransactionSettled) (entry, error) {
	e := s.entry(len(settled.Postings))
	left := make([]money.Amount, len(settled.Holds))
	for i := range settled.Holds {
		left[i] = settled.Holds[i].Change
	}
	for _, p := range ledger.Reverse(settled.Postings) {
		for i := range settled.Holds {
			h := &settled.Holds[i]
			if h.Account != p.Account || left[i].IsZero() || (left[i].Sign() > 0) != (p.Side == ledger.Debit) {
				continue
			}
			part := least(left[i].Abs(), p.Amount)
			if part.IsZero() {
				break
			}
			if err := e.giveBack(h, part); err != nil {
				return e, err
			}
			var err error
			if p.Amount, err = p.Amount.Sub(part); err != nil {
				return e, err
			}
			if left[i].Sign() > 0 {
				part = part.Neg()
			}
			if left[i], err = left[i].Add(part); err != nil {
				return e, err
			}
		}
		e.post(p.Account, p.Side, p.Amount)
	}
	return e, nil
}

// giveBack undoes a part of a hold.
func (e *entry) giveBack(h *Hold, amount money.Amount) error {
	switch {
	case h.Change.Sign() > 0:
		rest, err := e.take(h.Account, h.Into, h.On, amount)
		if err != nil {
			return err
		}
		e.post(h.into(), ledger.Debit, rest)
	case h.On > e.state.date:
		return e.hold(h.Account, h.Into, h.On, amount)
	default:
		e.post(h.into(), ledger.Credit, amount)
	}
	return nil
}

// into is the account that held money moves into.
func (h *Hold) into() ledger.AccountID {
	owner, _, currency := h.Account.Split()
	return ledger.Account(owner, h.Into, currency)
}

func least(x, y money.Amount) money.Amount {
	if x.Cmp(y) < 0 {
		return x
	}
	return y
}
