package derivation

import (
	"context"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Reversal is a reversal, explained.
type Reversal struct {
	// RestsOn is the event whose postings it takes back: that of the transaction, or of
	// its last re-rating before.
	RestsOn domain.Ref
	// Stood is the transaction as that event has it.
	Stood *book.TransactionSettled
	// Moves are the postings of the reversal, in their order.
	Moves []Move
	// Differences says where the reversal does not take back, party by party, what
	// stood.
	Differences []string
}

// Reverse explains the reversal that ref refers to. What it takes back is read from
// the log. Errors: CodeNotFound where the log has not what the event refers to.
func Reverse(ctx context.Context, store eventstore.Store, ref domain.Ref, e *book.EntryReversed) (Reversal, error) {
	settled, err := eventAt[book.TransactionSettled](ctx, store, e.Reverses.Ref)
	if err != nil {
		return Reversal{}, err
	}
	r := Reversal{RestsOn: e.Reverses.Ref, Stood: &settled}
	exact, err := r.compare(e)
	if err != nil || exact || len(r.Differences) == 0 && ref.Revision-e.Reverses.Revision > mostSearched {
		return r, err
	}
	// Only a search tells whether a re-rating had changed it by then, or held money has
	// been released since. It is spared where it would be long and nothing is wrong.
	restated, by, err := restatedBefore(ctx, store, &e.Reverses, &settled, ref.Revision)
	if err != nil || restated == nil {
		return r, err
	}
	r = Reversal{RestsOn: domain.Ref{Stream: ref.Stream, Revision: by}, Stood: restated}
	_, err = r.compare(e)
	return r, err
}

// compare explains the postings of a reversal by what stood. exact says that each
// account is where it was before.
func (r *Reversal) compare(e *book.EntryReversed) (exact bool, err error) {
	stood, accounts, left := nets[ledger.AccountID]{}, nets[ledger.AccountID]{}, nets[purse]{}
	if err := stood.add(r.Stood.Postings, accountOf, false); err != nil {
		return false, err
	}
	for _, postings := range [][]ledger.Posting{r.Stood.Postings, e.Postings} {
		if err := accounts.add(postings, accountOf, false); err != nil {
			return false, err
		}
		if err := left.add(postings, purseOf, false); err != nil {
			return false, err
		}
	}
	r.Moves = make([]Move, 0, len(e.Postings))
	for _, p := range e.Postings {
		net := stood[p.Account]
		why := "the opposite of what stood: " + standsAt(p.Account, net)
		opposite := (net.Sign() > 0) == (p.Side == ledger.Debit)
		switch {
		case !net.IsZero() && opposite && net.Abs().Cmp(p.Amount) != 0:
			why = "a part of the opposite of what stood: " + standsAt(p.Account, net)
		case net.IsZero() || !opposite:
			why = "in place of what was held: it has been released since, or its date has come"
		}
		r.Moves = append(r.Moves, Move{p, why})
	}
	for _, purse := range left.left() {
		r.Differences = append(r.Differences, "party "+purse.String()+" is not where it was before: "+left[purse].Format(purse.currency)+" is left")
	}
	return len(accounts.left()) == 0, nil
}

// restatedBefore is what re-ratings had made of a transaction before a revision of
// its book, and the revision of the last of them; nil where they had not touched it.
func restatedBefore(ctx context.Context, store eventstore.Store, original *book.Original, settled *book.TransactionSettled, before uint64) (restated *book.TransactionSettled, by uint64, err error) {
	adjusted := book.AdjustmentPosted{}.EventType()
	if before <= original.Revision {
		return nil, 0, nil
	}
	for recorded, err := range store.ReadStream(ctx, original.Stream, eventstore.Forwards, original.Revision+1, before-original.Revision-1) {
		if err != nil {
			return nil, 0, err
		}
		if recorded.Type != adjusted {
			continue
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return nil, 0, err
		}
		if a, ok := event.(book.AdjustmentPosted); ok && a.Restates != nil && a.Adjusts != nil && a.Adjusts.Key == original.Key {
			restated, by = book.Restated(settled, &a), recorded.Revision
		}
	}
	return restated, by, nil
}
