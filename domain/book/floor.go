package book

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// above refuses postings that take an account lower than the contract allows, and
// says by how much: in the transaction's currency first, then in those that shares are
// converted to. What raises an account passes, however low it stands; so do reversals,
// which tell what was never so.
func (s *State) above(terms *Terms, currency money.Currency, result *fee.Result, postings []ledger.Posting) error {
	if len(terms.Floors) == 0 {
		return nil
	}
	if err := s.aboveIn(currency, terms, postings); err != nil {
		return err
	}
	for i := range result.Conversions {
		if err := s.aboveIn(result.Conversions[i].To, terms, postings); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) aboveIn(currency money.Currency, terms *Terms, postings []ledger.Posting) error {
	for i := range terms.Floors {
		floor := &terms.Floors[i]
		least, bounded := floor.Amounts[currency]
		party, named := terms.Parties.Get(floor.Role)
		if !bounded || !named {
			continue
		}
		id := ledger.Account(party, floor.Purpose, currency)
		before := s.Balance(id)
		after, err := balanceAfter(before, id, postings)
		if err != nil {
			return err
		}
		held, err := before.NetOn(ledger.Credit)
		if err != nil {
			return err
		}
		left, err := after.NetOn(ledger.Credit)
		if err != nil {
			return err
		}
		if left.Cmp(least) >= 0 || left.Cmp(held) >= 0 {
			continue
		}
		missing, err := least.Sub(left)
		if err != nil {
			return err
		}
		return &domain.Error{
			Code: domain.CodeConflict, Field: "floors." + floor.Role + "." + floor.Purpose, Value: missing.Format(currency),
			Message: "account " + string(id) + " stands at " + held.Format(currency) + " and would fall to " + left.Format(currency) +
				", " + missing.Format(currency) + " below its floor of " + least.Format(currency),
			Remedy: "top it up by " + missing.Format(currency) + " " + string(currency) + " or more, then send this again",
		}
	}
	return nil
}

// balanceAfter adds what postings do to one account.
func balanceAfter(balance ledger.Balance, id ledger.AccountID, postings []ledger.Posting) (ledger.Balance, error) {
	for i := range postings {
		if p := &postings[i]; p.Account == id {
			var err error
			if balance, err = balance.Add(p.Side, p.Amount); err != nil {
				return balance, err
			}
		}
	}
	return balance, nil
}
