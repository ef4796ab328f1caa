package derivation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Move is a posting and why it is there.
type Move struct {
	ledger.Posting
	Why string
}

// MarshalJSON writes {"account":"…","debit":"12.50","why":"…"}.
func (m Move) MarshalJSON() ([]byte, error) {
	b, err := m.Posting.MarshalJSON()
	if err != nil {
		return nil, err
	}
	why, err := json.Marshal(m.Why)
	if err != nil {
		return nil, err
	}
	b = append(b[:len(b)-1], `,"why":`...)
	return append(append(b, why...), '}'), nil
}

// nets is what postings come to, credits less debits, under keys.
type nets[K comparable] map[K]money.Amount

// add adds postings, or takes them away again.
func (n nets[K]) add(postings []ledger.Posting, key func(ledger.AccountID) K, opposite bool) error {
	for i := range postings {
		p := &postings[i]
		amount := p.Amount
		if (p.Side == ledger.Debit) != opposite {
			amount = amount.Neg()
		}
		k := key(p.Account)
		sum, err := n[k].Add(amount)
		if err != nil {
			return err
		}
		n[k] = sum
	}
	return nil
}

// left lists the keys under which something is left, in the order of their text.
func (n nets[K]) left() []K {
	var keys []K
	for k := range maps.Keys(n) {
		if !n[k].IsZero() {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b K) int {
		x, y := fmt.Sprint(a), fmt.Sprint(b)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return keys
}

// purse is all that a party has of a currency: held money moves within it.
type purse struct {
	owner    string
	currency money.Currency
}

func (p purse) String() string { return p.owner + " in " + string(p.currency) }

func purseOf(a ledger.AccountID) purse {
	owner, _, currency := a.Split()
	return purse{owner, currency}
}

func accountOf(a ledger.AccountID) ledger.AccountID { return a }

// standsAt says an amount on an account in words, as "credit 10.00".
func standsAt(account ledger.AccountID, net money.Amount) string {
	_, _, currency := account.Split()
	switch net.Sign() {
	case 0:
		return "nothing"
	case 1:
		return "credit " + net.Format(currency)
	}
	return "debit " + net.Neg().Format(currency)
}
