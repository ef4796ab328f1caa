package book

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// entry gathers the postings of one decision and what they change of holds. Later
// steps see what earlier ones took.
type entry struct {
	state    *State
	postings []ledger.Posting
	holds    []Hold // one for each slice
}

// entry begins one with room for postings.
func (s *State) entry(room int) entry {
	return entry{state: s, postings: make([]ledger.Posting, 0, room)}
}

// post adds a posting; one of nothing is left out.
func (e *entry) post(account ledger.AccountID, side ledger.Side, amount money.Amount) {
	if !amount.IsZero() {
		e.postings = append(e.postings, ledger.Posting{Account: account, Side: side, Amount: amount})
	}
}

// hold credits an account and holds the amount back until a date.
func (e *entry) hold(account ledger.AccountID, into string, on domain.Date, amount money.Amount) error {
	if amount.IsZero() {
		return nil
	}
	held := e.held(account, into, on)
	if _, err := held.Add(amount); err != nil {
		return &domain.Error{
			Code: domain.CodeOutOfRange, Field: "amount", Value: amount.String(), Message: "what account " + string(account) + " holds until " + string(on) + " would not fit in 64 bits",
			Remedy: "continue with another account", Err: err,
		}
	}
	e.post(account, ledger.Credit, amount)
	return e.change(Hold{Account: account, Into: into, On: on, Change: amount})
}

// take debits an account by what it holds until a date, as far as that goes; rest is
// what it does not cover.
func (e *entry) take(account ledger.AccountID, into string, on domain.Date, amount money.Amount) (rest money.Amount, err error) {
	held := e.held(account, into, on)
	if held.IsZero() || amount.IsZero() {
		return amount, nil
	}
	taken, rest, err := part(held, amount)
	if err != nil {
		return amount, err
	}
	e.post(account, ledger.Debit, taken)
	return rest, e.change(Hold{Account: account, Into: into, On: on, Change: taken.Neg()})
}

// takeEarliest is take from all that an account holds: what falls due first, which was
// held the longest, pays first.
func (e *entry) takeEarliest(account ledger.AccountID, amount money.Amount) (rest money.Amount, err error) {
	var total money.Amount
	rest = amount
	for hold := range e.state.Held(account) {
		if rest.IsZero() {
			break
		}
		held := e.held(account, hold.Into, hold.On)
		if held.IsZero() {
			continue
		}
		var taken money.Amount
		if taken, rest, err = part(held, rest); err != nil {
			return amount, err
		}
		if total, err = total.Add(taken); err != nil {
			return amount, err
		}
		if err = e.change(Hold{Account: account, Into: hold.Into, On: hold.On, Change: taken.Neg()}); err != nil {
			return amount, err
		}
	}
	e.post(account, ledger.Debit, total)
	return rest, nil
}

// debit takes an amount from an account: what it holds pays first, so that it never
// holds more than it has.
func (e *entry) debit(account ledger.AccountID, amount money.Amount) error {
	rest, err := e.takeEarliest(account, amount)
	if err == nil {
		e.post(account, ledger.Debit, rest)
	}
	return err
}

// part divides an amount into what is there of it and what is not.
func part(there, amount money.Amount) (taken, rest money.Amount, err error) {
	if there.Cmp(amount) < 0 {
		rest, err = amount.Sub(there)
		return there, rest, err
	}
	return amount, money.Zero, nil
}

// held is what an account holds until a date as the entry leaves it so far.
func (e *entry) held(account ledger.AccountID, into string, on domain.Date) money.Amount {
	var held money.Amount
	if a := e.state.accounts[account]; a != nil {
		if at, found := a.at(into, on); found {
			held = a.slices[at].amount
		}
	}
	for i := range e.holds {
		if h := &e.holds[i]; h.Account == account && h.Into == into && h.On == on {
			if sum, err := held.Add(h.Change); err == nil { // change has made sure of it
				return sum
			}
		}
	}
	return held
}

// change adds to what the entry changes of a slice; changes that undo each other are
// left out.
func (e *entry) change(hold Hold) error {
	for i := range e.holds {
		h := &e.holds[i]
		if h.Account != hold.Account || h.Into != hold.Into || h.On != hold.On {
			continue
		}
		sum, err := h.Change.Add(hold.Change)
		if err != nil {
			return err
		}
		if h.Change = sum; sum.IsZero() {
			if e.holds = append(e.holds[:i], e.holds[i+1:]...); len(e.holds) == 0 {
				e.holds = nil
			}
		}
		return nil
	}
	e.holds = append(e.holds, hold)
	return nil
}
