package book

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// post turns a rating into an entry: the gross to the account of the funds, each
// share to its own, then those that are paid in another currency; all sides swapped
// for a negative amount, nothing for zero. back says that the transaction gives back
// an earlier one or is negative itself.
func (s *State) post(t *Transaction, terms *Terms, result *fee.Result, back bool) (entry, error) {
	if result.Gross.IsZero() {
		return s.entry(0), nil
	}
	own, other := ledger.Debit, ledger.Credit
	if t.Amount.Sign() < 0 {
		own, other = other, own
	}
	e := s.entry(len(result.Shares) + 1)
	funds, err := s.account(terms, terms.Schedule.Funds(), t.Currency)
	if err != nil {
		return e, err
	}
	e.post(funds, own, result.Gross)
	share := func(share *fee.Share, currency money.Currency) error {
		side := other
		if share.Opposite {
			side = own
		}
		return e.share(terms, share, currency, side, back)
	}
	for i := range result.Shares {
		if err := share(&result.Shares[i], t.Currency); err != nil {
			return e, err
		}
	}
	for i := range result.Conversions {
		converted := &result.Conversions[i]
		for j := range converted.Shares {
			if err := share(&converted.Shares[j], converted.To); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}

// share posts one share. What gives to a held rule's account is held there; what
// takes from it comes out of what is held until the same date, and beyond that from
// where the money has gone or would go. Held money that comes back when its date has
// gone by is not held again: the party would have had it.
func (e *entry) share(terms *Terms, share *fee.Share, currency money.Currency, side ledger.Side, back bool) error {
	if share.Amount.IsZero() {
		return nil
	}
	account, err := e.state.account(terms, share.To, currency)
	if err != nil {
		return err
	}
	rest := share.Amount
	if hold := share.Hold; hold != nil {
		into, err := e.state.account(terms, hold.Into, currency)
		if err != nil {
			return err
		}
		switch {
		case side == ledger.Debit:
			if rest, err = e.take(account, hold.Into.Purpose, hold.On, rest); err != nil {
				return err
			}
		case !back || hold.On > e.state.date:
			return e.hold(account, hold.Into.Purpose, hold.On, rest)
		}
		account = into
	}
	if side == ledger.Debit {
		for _, purpose := range share.From {
			from, err := e.state.account(terms, fee.Target{Role: share.To.Role, Purpose: purpose}, currency)
			if err != nil {
				return err
			}
			if rest, err = e.takeEarliest(from, rest); err != nil {
				return err
			}
		}
		return e.debit(account, rest)
	}
	e.post(account, side, rest)
	return nil
}

// account is that of a target, in a currency. An account that the book has gives its
// own name: only a new one is written out.
func (s *State) account(terms *Terms, to fee.Target, currency money.Currency) (ledger.AccountID, error) {
	party, named := terms.Parties.Get(to.Role)
	if !named {
		return "", &domain.Error{
			Code: domain.CodeUnknownParty, Field: "parties." + to.Role, Message: "neither the transaction nor contract " + terms.Contract + " names a party for role " + to.Role,
			Remedy: "map the role in the source, or name its party in the contract",
		}
	}
	var room [128]byte
	b := append(append(room[:0], party...), '/')
	b = append(append(b, to.Purpose...), '/')
	b = append(b, currency...)
	if a := s.accounts[ledger.AccountID(b)]; a != nil {
		return a.id, nil
	}
	return ledger.AccountID(b), nil
}
