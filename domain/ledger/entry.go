package ledger

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Balanced reports what keeps postings from being one entry: an account that is
// not "<owner>/<purpose>/<currency>", an amount that is not greater than zero, or
// a currency whose debits and credits differ (all CodeInvalid); a sum that does
// not fit is CodeOutOfRange. No postings at all are balanced.
func Balanced(postings []Posting) error {
	type total struct {
		currency money.Currency
		balance  Balance
	}
	var room [2]total // entries rarely have more currencies
	totals := room[:0]
next:
	for i := range postings {
		p := &postings[i]
		_, _, currency, ok := p.Account.Parts()
		if !ok {
			return fault(i, "account", string(p.Account), "not an account", "write owner/purpose/currency")
		}
		if p.Amount.Sign() <= 0 {
			return fault(i, "amount", p.Amount.String(), "the amount of a posting is not greater than zero", "use the other side, or leave the posting out")
		}
		for j := range totals {
			if totals[j].currency == currency {
				balance, err := totals[j].balance.Add(p.Side, p.Amount)
				if err != nil {
					return err
				}
				totals[j].balance = balance
				continue next
			}
		}
		balance, err := Balance{}.Add(p.Side, p.Amount)
		if err != nil {
			return err
		}
		totals = append(totals, total{currency, balance})
	}
	for _, t := range totals {
		if t.balance.Debits.Cmp(t.balance.Credits) != 0 {
			return &domain.Error{
				Code: domain.CodeInvalid, Field: "postings", Value: string(t.currency),
				Message: "the entry does not balance: debits " + t.balance.Debits.String() + ", credits " + t.balance.Credits.String(),
				Remedy:  "let the debits in each currency be equal to its credits",
			}
		}
	}
	return nil
}

func fault(i int, field, value, message, remedy string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: "postings[" + strconv.Itoa(i) + "]." + field, Value: value, Message: message, Remedy: remedy}
}

// Reverse returns the same postings in the same order with every side swapped.
func Reverse(postings []Posting) []Posting {
	reversed := make([]Posting, len(postings))
	for i, p := range postings {
		reversed[i] = Posting{p.Account, p.Side.Opposite(), p.Amount}
	}
	return reversed
}
