package daily

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Key names one total.
type Key struct {
	Day      domain.Date
	Book     string
	Party    string
	Product  string
	Method   string
	Type     string
	Currency money.Currency
}

// sum is what a batch adds under a key.
type sum struct {
	Key
	Transactions int64
	Debits       readmodel.Total
	Credits      readmodel.Total
}

// heading is a key without its party: what all postings of an entry share.
type heading struct {
	day      domain.Date
	book     string
	product  string
	method   string
	typ      string
	currency money.Currency
}

// sums are those of a batch, by heading and party.
type sums struct {
	under map[heading]map[string]*sum
	list  []*sum // in the order of their first appearance
}

func (s *sums) parties(h heading) map[string]*sum {
	parties := s.under[h]
	if parties == nil {
		parties = map[string]*sum{}
		s.under[h] = parties
	}
	return parties
}

func (s *sums) at(parties map[string]*sum, h heading, party string) *sum {
	total := parties[party]
	if total == nil {
		total = &sum{Key: Key{h.day, h.book, party, h.product, h.method, h.typ, h.currency}}
		parties[party] = total
		s.list = append(s.list, total)
	}
	return total
}

// fold sums the entries of a batch, in the order in which their keys appear. A
// transaction counts once for each of its parties; a posting belongs to the owner
// of its account. What a book posts by itself is no transaction: it moves money and
// counts nothing.
func fold(events []readmodel.Event) []*sum {
	all := sums{under: map[heading]map[string]*sum{}}
	for i := range events {
		entry := events[i].Entry
		if entry == nil {
			continue
		}
		h := heading{entry.EffectiveOn, entry.Book, entry.Product, entry.Method, entry.Type, entry.Currency}
		parties := all.parties(h)
		if entry.Transaction() {
			for _, party := range entry.Parties {
				all.at(parties, h, party).Transactions++
			}
		}
		for _, posting := range entry.Postings {
			owner, _, currency := posting.Account.Split()
			if currency != h.currency {
				h.currency = currency
				parties = all.parties(h)
			}
			total := all.at(parties, h, owner)
			if posting.Side == ledger.Debit {
				total.Debits.Add(posting.Amount)
			} else {
				total.Credits.Add(posting.Amount)
			}
		}
	}
	return all.list
}
