package rerating

import (
	"cmp"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// slice is what an account holds back until a date, and where it goes then.
type slice struct {
	account ledger.AccountID
	into    string
	on      domain.Date
}

func compareSlices(a, b slice) int {
	return cmp.Or(cmp.Compare(a.on, b.on), cmp.Compare(a.account, b.account), cmp.Compare(a.into, b.into))
}

// target is the account that the slice is released into.
func (s slice) target() ledger.AccountID {
	owner, _, currency := s.account.Split()
	return ledger.Account(owner, s.into, currency)
}

// entry is what a transaction posts in sum: credits less debits of each account, and
// what each slice gains.
type entry struct {
	net   map[ledger.AccountID]money.Amount
	holds map[slice]money.Amount
}

func newEntry() entry {
	return entry{net: map[ledger.AccountID]money.Amount{}, holds: map[slice]money.Amount{}}
}

func plus[K comparable](to map[K]money.Amount, key K, amount money.Amount) (err error) {
	to[key], err = to[key].Add(amount)
	return err
}

func (n entry) post(account ledger.AccountID, side ledger.Side, amount money.Amount) error {
	if side == ledger.Debit {
		amount = amount.Neg()
	}
	return plus(n.net, account, amount)
}

// recorded is the entry of a transaction as it stands.
func recorded(postings []ledger.Posting, holds []book.Hold) (entry, error) {
	n := newEntry()
	for _, p := range postings {
		if err := n.post(p.Account, p.Side, p.Amount); err != nil {
			return n, err
		}
	}
	for _, h := range holds {
		if err := plus(n.holds, slice{h.Account, h.Into, h.On}, h.Change); err != nil {
			return n, err
		}
	}
	return n, nil
}

// posted is the entry of a rating, as if nothing had been released yet: every share
// of a held rule is held, or taken from what is held.
func posted(e *book.TransactionSettled, version Version, result *fee.Result) (entry, error) {
	n := newEntry()
	if result.Gross.IsZero() {
		return n, nil
	}
	own, other := ledger.Debit, ledger.Credit
	if e.Amount.Sign() < 0 {
		own, other = other, own
	}
	account := func(to fee.Target, currency money.Currency) (ledger.AccountID, error) {
		party, named := e.Parties.Get(to.Role)
		if !named {
			return "", &domain.Error{
				Code: domain.CodeUnknownParty, Field: "parties." + to.Role, Message: "neither the transaction nor contract " + e.Contract + " names a party for role " + to.Role,
				Remedy: "publish a version that does not need the role",
			}
		}
		return ledger.Account(party, to.Purpose, currency), nil
	}
	funds, err := account(version.Funds(), e.Currency)
	if err != nil {
		return n, err
	}
	if err := n.post(funds, own, result.Gross); err != nil {
		return n, err
	}
	share := func(s *fee.Share, currency money.Currency) error {
		if s.Amount.IsZero() {
			return nil
		}
		to, err := account(s.To, currency)
		if err != nil {
			return err
		}
		side, change := other, s.Amount
		if s.Opposite {
			side = own
		}
		if side == ledger.Debit {
			change = change.Neg()
		}
		if s.Hold != nil {
			if err := plus(n.holds, slice{to, s.Hold.Into.Purpose, s.Hold.On}, change); err != nil {
				return err
			}
		}
		return n.post(to, side, s.Amount)
	}
	for i := range result.Shares {
		if err := share(&result.Shares[i], e.Currency); err != nil {
			return n, err
		}
	}
	for i := range result.Conversions {
		c := &result.Conversions[i]
		for j := range c.Shares {
			if err := share(&c.Shares[j], c.To); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// settled is the entry when everything held has been released.
func (n entry) settled() (map[ledger.AccountID]money.Amount, error) {
	final := maps.Clone(n.net)
	for held, amount := range n.holds {
		if err := plus(final, held.account, amount.Neg()); err != nil {
			return nil, err
		}
		if err := plus(final, held.target(), amount); err != nil {
			return nil, err
		}
	}
	return final, nil
}

// with adds legs to the entry.
func (n entry) with(legs []book.AdjustmentPosting) (entry, error) {
	sum := entry{net: maps.Clone(n.net), holds: maps.Clone(n.holds)}
	for _, leg := range legs {
		if err := sum.post(leg.Account, leg.Side, leg.Amount); err != nil {
			return sum, err
		}
		if leg.HoldUntil == "" {
			continue
		}
		change := leg.Amount
		if leg.Side == ledger.Debit {
			change = change.Neg()
		}
		if err := plus(sum.holds, slice{leg.Account, leg.Into, leg.HoldUntil}, change); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// postings lists the accounts of the entry that have something, by account.
func (n entry) postings() []ledger.Posting {
	made := []ledger.Posting{}
	for _, id := range slices.Sorted(maps.Keys(n.net)) {
		if p, some := posting(id, n.net[id]); some {
			made = append(made, p)
		}
	}
	return made
}

// changes lists what slices gain or lose, by date, account and purpose.
func (n entry) changes() []book.Hold {
	var made []book.Hold
	for _, held := range slices.SortedFunc(maps.Keys(n.holds), compareSlices) {
		if amount := n.holds[held]; !amount.IsZero() {
			made = append(made, book.Hold{Account: held.account, Into: held.into, On: held.on, Change: amount})
		}
	}
	return made
}

// posting makes a leg of a signed amount; there is none of nothing.
func posting(id ledger.AccountID, credit money.Amount) (ledger.Posting, bool) {
	p := ledger.Posting{Account: id, Side: ledger.Credit, Amount: credit.Abs()}
	if credit.Sign() < 0 {
		p.Side = ledger.Debit
	}
	return p, !credit.IsZero()
}
