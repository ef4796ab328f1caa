package daily

import (
	"cmp"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

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
	Debits       decimal.Decimal
	Credits      decimal.Decimal
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
type sums map[heading]map[string]*sum

func (s sums) under(h heading) map[string]*sum {
	parties := s[h]
	if parties == nil {
		parties = map[string]*sum{}
		s[h] = parties
	}
	return parties
}

func at(parties map[string]*sum, h heading, party string) *sum {
	total := parties[party]
	if total == nil {
		total = &sum{Key: Key{h.day, h.book, party, h.product, h.method, h.typ, h.currency}}
		parties[party] = total
	}
	return total
}

// fold sums the entries of a batch. A transaction counts once for each of its
// parties; a posting belongs to the owner of its account. The sums are sorted by
// their keys.
func fold(events []readmodel.Event) []*sum {
	all := sums{}
	for i := range events {
		entry := events[i].Entry
		if entry == nil {
			continue
		}
		h := heading{entry.EffectiveOn, entry.Book, entry.Product, entry.Method, entry.Type, entry.Currency}
		parties := all.under(h)
		for _, party := range entry.Parties {
			at(parties, h, party).Transactions++
		}
		for _, posting := range entry.Postings {
			owner, _, currency := posting.Account.Split()
			if currency != h.currency {
				h.currency = currency
				parties = all.under(h)
			}
			total := at(parties, h, owner)
			if posting.Side == ledger.Debit {
				total.Debits = total.Debits.Add(posting.Amount.Decimal())
			} else {
				total.Credits = total.Credits.Add(posting.Amount.Decimal())
			}
		}
	}
	n := 0
	for _, parties := range all {
		n += len(parties)
	}
	list := make([]*sum, 0, n)
	for _, parties := range all {
		list = slices.AppendSeq(list, maps.Values(parties))
	}
	slices.SortFunc(list, func(a, b *sum) int {
		return cmp.Or(
			cmp.Compare(a.Day, b.Day), cmp.Compare(a.Book, b.Book), cmp.Compare(a.Party, b.Party), cmp.Compare(a.Product, b.Product),
			cmp.Compare(a.Method, b.Method), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}
