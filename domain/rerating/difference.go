package rerating

import (
	"cmp"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
)

// difference gives the legs that make what stands what was rated, in a book that
// has come to a business date; none where both are the same. was says what stands as
// far as slices go: see entry.was. The legs balance per currency, as all entries do.
// Held legs come first, by date, then the others by account.
func difference(stands, was, rated entry, date domain.Date) ([]book.AdjustmentPosting, error) {
	open, err := rated.settled()
	if err != nil {
		return nil, err
	}
	final, err := stands.settled()
	if err != nil {
		return nil, err
	}
	for id, amount := range final {
		if err := plus(open, id, amount.Neg()); err != nil {
			return nil, err
		}
	}
	var legs []book.AdjustmentPosting
	for _, held := range slices.SortedFunc(maps.Keys(union(was.holds, rated.holds)), compareSlices) {
		if held.on <= date {
			continue // released: only the end of it counts
		}
		change, err := rated.holds[held].Sub(was.holds[held])
		if err != nil {
			return nil, err
		}
		p, some := posting(held.account, change)
		if !some {
			continue
		}
		legs = append(legs, book.AdjustmentPosting{Posting: p, HoldUntil: held.on, Into: held.into})
		if err := plus(open, held.target(), change.Neg()); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(open)) {
		if p, some := posting(id, open[id]); some {
			legs = append(legs, book.AdjustmentPosting{Posting: p})
		}
	}
	for i := range legs {
		_, _, currency := legs[i].Account.Split()
		legs[i].Amount = legs[i].Amount.In(currency)
	}
	return legs, nil
}

// was says what a transaction did to slices, to be compared with what it would do.
// Where it only gives, that is what was posted. What takes from a slice took what was
// there, and the rest from where the money goes; so does a restatement. Of these it
// is what the version that stands would have done if all had been there: meant.
func (n entry) was(meant, rated entry) entry {
	was := entry{holds: maps.Clone(meant.holds)}
	for held := range union(n.holds, rated.holds) {
		if n.holds[held].Sign() >= 0 && rated.holds[held].Sign() >= 0 {
			was.holds[held] = n.holds[held]
		}
	}
	return was
}

// takes reports whether the entry takes from what is held.
func (n entry) takes() bool {
	for _, amount := range n.holds {
		if amount.Sign() < 0 {
			return true
		}
	}
	return false
}

func union[K comparable](maps ...map[K]money.Amount) map[K]bool {
	all := map[K]bool{}
	for _, m := range maps {
		for k := range m {
			all[k] = true
		}
	}
	return all
}

// totals sum what parties are given, by account owner and currency.
type totals map[holder]*Total

type holder struct {
	party    string
	currency money.Currency
}

func (t totals) add(stands, rated entry) error {
	for sign, n := range map[bool]entry{true: stands, false: rated} {
		for id, amount := range n.net {
			party, _, currency := id.Split()
			total := t[holder{party, currency}]
			if total == nil {
				total = &Total{Party: party, Currency: currency}
				t[holder{party, currency}] = total
			}
			to := &total.Rated
			if sign {
				to = &total.Stands
			}
			var err error
			if *to, err = to.Add(amount); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t totals) list() ([]Total, error) {
	list := make([]Total, 0, len(t))
	for _, total := range t {
		var err error
		if total.Difference, err = total.Rated.Sub(total.Stands); err != nil {
			return nil, err
		}
		for _, amount := range []*money.Amount{&total.Stands, &total.Rated, &total.Difference} {
			*amount = amount.In(total.Currency)
		}
		list = append(list, *total)
	}
	slices.SortFunc(list, func(a, b Total) int { return compareHolders(holder{a.Party, a.Currency}, holder{b.Party, b.Currency}) })
	return list, nil
}

func compareHolders(a, b holder) int {
	return cmp.Or(cmp.Compare(a.party, b.party), cmp.Compare(a.currency, b.currency))
}
