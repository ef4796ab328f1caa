package contract

import (
	"cmp"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
)

// Facts is what a transaction shows to contracts.
type Facts struct {
	Book    string
	Source  string
	Type    string
	Method  string
	Product string
	Parties map[string]string // role → party id
}

// Matches reports whether the contract covers a transaction, dates aside.
func (t *Terms) Matches(f *Facts) bool {
	a := &t.Applies
	if t.Book != f.Book || !selects(a.Sources, f.Source) || !selects(a.Types, f.Type) || !selects(a.Methods, f.Method) || !selects(a.Products, f.Product) {
		return false
	}
	for role, party := range a.Parties {
		if f.Parties[role] != party {
			return false
		}
	}
	return true
}

func selects(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }

// InForce reports whether a date, read in the contract's zone, lies within it.
func (t *Terms) InForce(on domain.Date) bool {
	return on >= t.From && (t.Until == "" || on < t.Until)
}

// Compare orders contracts by precedence, the one that wins first: higher
// priority, then more selectors, then the smaller id.
func Compare(a, b *Terms) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(b.selectors(), a.selectors()), cmp.Compare(a.Contract, b.Contract))
}

// selectors counts the lists that narrow the contract down, a party for each role.
func (t *Terms) selectors() int {
	n := len(t.Applies.Parties)
	for _, list := range [][]string{t.Applies.Sources, t.Applies.Types, t.Applies.Methods, t.Applies.Products} {
		if len(list) > 0 {
			n++
		}
	}
	return n
}

// Select returns the first contract in a list sorted by Compare that covers the
// transaction and is in force on its date, or nil. on tells the date of the
// transaction in a zone; it is asked only for contracts that cover it.
func Select(sorted []*Terms, facts *Facts, on func(zone string) domain.Date) *Terms {
	for _, terms := range sorted {
		if terms.Matches(facts) && terms.InForce(on(terms.Zone)) {
			return terms
		}
	}
	return nil
}
