package graph

import (
	"cmp"
	"context"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/hold"
)

// fundsOf is a party's money in one book and currency while it is put together.
type fundsOf struct {
	shown     *generated.Funds
	held      decimal.Decimal
	available decimal.Decimal // credits less debits
}

// funds answers a party's money at one look. Its balances and what is held are of
// two read models: with atLeast both are at least there, and one may be further.
func (r *Resolver) funds(ctx context.Context, party string, book *string, currency *money.Currency) ([]*generated.Funds, error) {
	if err := r.also(ctx, holdModel); err != nil {
		return nil, err
	}
	balances, err := r.balances(ctx, party, book, currency)
	if err != nil {
		return nil, err
	}
	sums, err := hold.Sums(ctx, r.pool, hold.Filter{Owner: party, Book: given(book), Currency: given(currency)}, mostBalances*10)
	if err != nil {
		return nil, err
	}
	byAccount := map[[2]string][]hold.Sum{}
	for _, s := range sums {
		key := [2]string{s.Book, s.Account}
		byAccount[key] = append(byAccount[key], s)
	}
	places := map[[2]string]*fundsOf{}
	list := []*fundsOf{}
	for _, b := range balances {
		key := [2]string{b.Book, string(b.Currency)}
		f := places[key]
		if f == nil {
			f = &fundsOf{shown: &generated.Funds{Book: b.Book, Currency: b.Currency, Accounts: []*generated.FundsAccount{}}}
			places[key] = f
			list = append(list, f)
		}
		if err := f.add(r, b, byAccount[[2]string{b.Book, b.Account}]); err != nil {
			return nil, err
		}
	}
	shown := make([]*generated.Funds, 0, len(list))
	for _, f := range list {
		f.shown.Held = written(f.held, f.shown.Currency)
		f.shown.Available, f.shown.AvailableSide = difference(f.available.Neg(), decimal.Zero, f.shown.Currency)
		shown = append(shown, f.shown)
	}
	slices.SortFunc(shown, func(a, b *generated.Funds) int {
		return cmp.Or(cmp.Compare(a.Book, b.Book), cmp.Compare(a.Currency, b.Currency))
	})
	return shown, nil
}

// add puts in one account and what it holds.
func (f *fundsOf) add(r *Resolver, b *generated.Balance, sums []hold.Sum) error {
	debits, err := decimal.NewFromString(string(b.Debits))
	if err != nil {
		return err
	}
	credits, err := decimal.NewFromString(string(b.Credits))
	if err != nil {
		return err
	}
	var held decimal.Decimal
	for _, s := range sums {
		held = held.Add(s.Amount)
		if f.shown.NextRelease == nil || s.Next < *f.shown.NextRelease {
			f.shown.NextRelease = new(s.Next)
		}
	}
	account := &generated.FundsAccount{
		Purpose: b.Purpose, Amount: b.Amount, Side: b.Side, Held: written(held, b.Currency), Holds: each(sums, r.heldSum), Balance: b,
	}
	account.Free, account.FreeSide = difference(debits.Add(held), credits, b.Currency)
	f.shown.Accounts = append(f.shown.Accounts, account)
	f.held = f.held.Add(held)
	if b.Purpose == fee.PurposePayable {
		f.available = credits.Sub(debits).Sub(held)
	}
	return nil
}
