package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/account"
	"github.com/jeongsan/jeongsan/projections/directory"
	"github.com/jeongsan/jeongsan/projections/hold"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// adjustmentPreview is what an adjustment would post, and each account that it
// touches before and after.
type adjustmentPreview struct {
	// Posted says that the same was posted before, and that nothing more would be.
	Posted   bool              `json:"posted"`
	Postings []ledger.Posting  `json:"postings"`
	Holds    []book.Hold       `json:"holds"`
	Accounts []adjustedAccount `json:"accounts"`
}

// adjustedAccount is one account. Balances are credits less debits; held is what the
// account holds back until dates.
type adjustedAccount struct {
	Account    ledger.AccountID `json:"account"`
	Before     money.Amount     `json:"before"`
	After      money.Amount     `json:"after"`
	HeldBefore money.Amount     `json:"held_before"`
	HeldAfter  money.Amount     `json:"held_after"`
	// New says that nothing was ever posted to the account: it may be mistyped.
	New bool `json:"new,omitempty"`
	// Overdrawn says that the adjustment takes more from the account than it had.
	Overdrawn bool `json:"overdrawn,omitempty"`
}

// previewAdjustment decides the adjustment as the book would, from what the read
// models hold of the accounts that it touches. By the time it is posted they may
// have moved on.
func (p *program) previewAdjustment(ctx context.Context, c book.PostAdjustment) (err error) {
	attached, err := p.attach()
	if err != nil {
		return err
	}
	o, err := p.open(ctx, need{command: "adjust", existing: true, database: true, projections: !attached && p.config.Database == ""})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if o.runner != nil {
		if err := p.catchUp(ctx, o); err != nil {
			return err
		}
	}
	shown, err := decidedAdjustment(ctx, o, &c)
	if err != nil {
		return err
	}
	if p.config.JSON {
		return p.printJSON(shown)
	}
	shown.print(p, &c)
	return nil
}

// decidedAdjustment is what the book would make of the adjustment.
func decidedAdjustment(ctx context.Context, o *parts, c *book.PostAdjustment) (*adjustmentPreview, error) {
	accounts, owners := map[ledger.AccountID]bool{}, map[string]bool{}
	for _, posting := range c.Postings {
		owner, _, currency := posting.Account.Split()
		owners[owner], accounts[posting.Account] = true, true
		if posting.Into != "" {
			accounts[ledger.Account(owner, posting.Into, currency)] = true
		}
	}
	registered, err := directory.PartiesByID(ctx, o.pool, slices.Sorted(maps.Keys(owners)))
	if err != nil {
		return nil, err
	}
	for _, owner := range slices.Sorted(maps.Keys(owners)) {
		if _, known := registered[owner]; !known {
			return nil, &domain.Error{Code: domain.CodeUnknownParty, Field: "legs", Value: owner, Message: "the owner of an account is not a registered party", Remedy: "correct the account, or register the party first"}
		}
	}
	touched := slices.Sorted(maps.Keys(accounts))
	before, err := partOfBook(ctx, o, c.Book, touched)
	if err != nil {
		return nil, err
	}
	for _, key := range book.Keys(c) {
		record, found, err := keyRecord(ctx, o, c.Book, key)
		if err != nil {
			return nil, err
		}
		before.Load(key, record, found)
	}
	c.RecordedAt = time.Now()
	events, err := book.Decider.Decide(before, c)
	if err != nil {
		return nil, err
	}
	shown := &adjustmentPreview{Posted: len(events) == 0, Postings: []ledger.Posting{}, Holds: []book.Hold{}}
	shown.Accounts = make([]adjustedAccount, 0, len(touched))
	for _, id := range touched {
		one := adjustedAccount{Account: id, New: before.Balance(id).Equal(ledger.Balance{})}
		if one.Before, one.HeldBefore, err = standing(before, id); err != nil {
			return nil, err
		}
		shown.Accounts = append(shown.Accounts, one)
	}
	after := before
	for _, event := range events {
		if posted, ok := event.(book.AdjustmentPosted); ok {
			shown.Postings = posted.Postings
			shown.Holds = append(shown.Holds, posted.Holds...)
		}
		if after = book.Decider.Evolve(after, event); after.Err() != nil {
			return nil, after.Err()
		}
	}
	for i := range shown.Accounts {
		one := &shown.Accounts[i]
		if one.After, one.HeldAfter, err = standing(after, one.Account); err != nil {
			return nil, err
		}
		one.Overdrawn = one.After.Sign() < 0 && one.Before.Sign() >= 0 && one.After.Cmp(one.Before) < 0 && !one.New
	}
	return shown, nil
}

// standing is an account's credits less debits, and what it holds.
func standing(s *book.State, id ledger.AccountID) (net, held money.Amount, err error) {
	_, _, currency := id.Split()
	if net, err = s.Balance(id).NetOn(ledger.Credit); err != nil {
		return net, held, err
	}
	for slice := range s.Held(id) {
		if held, err = held.Add(slice.Change); err != nil {
			return net, held, err
		}
	}
	return net.In(currency), held.In(currency), nil
}

// partOfBook is a book as far as some accounts go.
func partOfBook(ctx context.Context, o *parts, id string, touched []ledger.AccountID) (*book.State, error) {
	balances := map[ledger.AccountID]ledger.Balance{}
	var holds []book.Hold
	var count uint64
	for _, path := range touched {
		found, ok, err := account.Find(ctx, o.pool, id, string(path))
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		var b ledger.Balance
		if b.Debits, err = money.Parse(found.Debits.String()); err != nil {
			return nil, err
		}
		if b.Credits, err = money.Parse(found.Credits.String()); err != nil {
			return nil, err
		}
		balances[path] = b
		held, err := heldBy(ctx, o, id, path)
		if err != nil {
			return nil, err
		}
		holds = append(holds, held...)
		count++ // any number will do but 0: the book is not empty
	}
	date, _, err := hold.DateOf(ctx, o.pool, id)
	if err != nil {
		return nil, err
	}
	return book.Restore(book.Snapshot{
		Count: count + 1, BusinessDate: date.BusinessDate, Balances: maps.All(balances), Holds: slices.Values(holds),
	}), nil
}

// heldBy lists what an account holds.
func heldBy(ctx context.Context, o *parts, id string, path ledger.AccountID) (holds []book.Hold, err error) {
	const page = 1000
	for after := (hold.Place{}); ; {
		found, err := hold.Slices(ctx, o.pool, hold.Filter{Book: id, Account: string(path)}, after, page)
		if err != nil {
			return nil, err
		}
		for i := range found {
			amount, err := money.Parse(found[i].Amount.String())
			if err != nil {
				return nil, err
			}
			holds = append(holds, book.Hold{Account: path, Into: found[i].Into, On: found[i].Due, Change: amount})
			after = found[i].Place()
		}
		if len(found) < page {
			return holds, nil
		}
	}
}

// keyRecord is what a book keeps of a transaction, as far as an adjustment asks.
func keyRecord(ctx context.Context, o *parts, id string, key book.Key) (book.KeyRecord, bool, error) {
	found, err := transaction.Find(ctx, o.pool, key.Source, key.ExternalID, id)
	if err != nil || len(found) == 0 {
		return book.KeyRecord{}, false, err
	}
	ref := domain.Ref{Stream: domain.Stream(book.Category, id), Revision: found[0].Revision}
	for recorded, err := range o.store.ReadStream(ctx, ref.Stream, eventstore.Forwards, ref.Revision, 1) {
		if err != nil {
			return book.KeyRecord{}, false, err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return book.KeyRecord{}, false, err
		}
		switch e := event.(type) {
		case book.TransactionSettled:
			return book.KeyRecord{Revision: ref.Revision, ContentHash: e.ContentHash, Kind: book.KindSettlement, Currency: e.Currency, Amount: e.Amount}, true, nil
		case book.EntryReversed:
			return book.KeyRecord{Revision: ref.Revision, ContentHash: e.ContentHash, Kind: book.KindReversal, Currency: e.Currency, Amount: e.Amount}, true, nil
		case book.AdjustmentPosted:
			return book.KeyRecord{Revision: ref.Revision, ContentHash: e.ContentHash, Kind: book.KindAdjustment}, true, nil
		}
	}
	return book.KeyRecord{}, false, notOfThisLog(ref)
}

func (s *adjustmentPreview) print(p *program, c *book.PostAdjustment) {
	if s.Posted {
		fmt.Fprintf(p.stdout, "adjustment %s was posted before: nothing would be posted again\n", c.ExternalID)
	} else {
		fmt.Fprintf(p.stdout, "adjustment %s would post:\n", c.ExternalID)
		printPostings(p.stdout, s.Postings)
		printHolds(p.stdout, s.Holds)
	}
	t := newTable(p.stdout)
	t.AppendHeader(table.Row{"account", "before", "after", "held before", "held after", ""})
	for _, a := range s.Accounts {
		note := ""
		switch {
		case a.New:
			note = "new: nothing was posted to it before"
		case a.Overdrawn:
			note = "overdrawn"
		}
		t.AppendRow(table.Row{a.Account, a.Before, a.After, a.HeldBefore, a.HeldAfter, note})
	}
	alignNumbers(t, 5, 2)
	t.Render()
	fmt.Fprintln(p.stdout, "balances are credits less debits")
}
