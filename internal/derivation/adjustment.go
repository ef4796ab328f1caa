package derivation

import (
	"context"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Adjustment is an adjustment, explained. One by hand has Moves alone.
type Adjustment struct {
	// RestsOn is the event that stood before a re-rating: that of the transaction, or
	// of the re-rating before.
	RestsOn domain.Ref
	// Restated is the transaction as it stands since a re-rating; nil where the
	// adjustment is none.
	Restated *book.TransactionSettled
	// Derivation is how the re-rating came to that; empty without one.
	Derivation
	// Moves are the postings of the adjustment, in their order.
	Moves []Move
}

// Adjust explains the adjustment that ref refers to: of a re-rating the transaction is
// rated again, by what the event says of accumulators, and what was posted is held
// against the difference. Errors: as of Derive.
func Adjust(ctx context.Context, store eventstore.Store, ref domain.Ref, e *book.AdjustmentPosted) (Adjustment, error) {
	var a Adjustment
	if e.Restates == nil || e.Adjusts == nil {
		a.Moves = byHand(e)
		if err := ledger.Balanced(e.Postings); err != nil {
			a.Differences = append(a.Differences, err.Error())
		}
		return a, nil
	}
	settled, err := eventAt[book.TransactionSettled](ctx, store, e.Adjusts.Ref)
	if err != nil {
		return a, err
	}
	stood := &settled
	a.RestsOn = domain.Ref{Stream: e.Adjusts.Stream, Revision: e.Restates.Replaces}
	if a.RestsOn != e.Adjusts.Ref {
		before, err := eventAt[book.AdjustmentPosted](ctx, store, a.RestsOn)
		if err != nil {
			return a, err
		}
		stood = book.Restated(&settled, &before)
	}
	a.Restated = book.Restated(&settled, e)
	rated := *a.Restated
	rated.Counts = e.Restates.Counts
	if a.Derivation, err = derive(ctx, store, &rated, ref.Revision); err != nil {
		return a, err
	}
	return a, a.difference(stood, e)
}

// byHand says of each posting what it made of held money.
func byHand(e *book.AdjustmentPosted) []Move {
	moves := make([]Move, 0, len(e.Postings))
	for _, p := range e.Postings {
		moves = append(moves, Move{p, asked(p, e.Holds)})
	}
	return moves
}

// asked explains a posting that somebody asked for.
func asked(p ledger.Posting, holds []book.Hold) string {
	for i := range holds {
		h := &holds[i]
		switch {
		case h.Account != p.Account:
		case p.Side == ledger.Credit && h.Change.Sign() > 0:
			return "held until " + string(h.On) + ", for " + h.Into
		case p.Side == ledger.Debit && h.Change.Sign() < 0:
			return "taken, first of what was held until " + string(h.On)
		}
	}
	return "as the adjustment asked for"
}

// difference explains the postings by what stood and what stands.
func (a *Adjustment) difference(was *book.TransactionSettled, e *book.AdjustmentPosted) error {
	stood, stands, left := nets[ledger.AccountID]{}, nets[ledger.AccountID]{}, nets[ledger.AccountID]{}
	for _, step := range []struct {
		into     nets[ledger.AccountID]
		postings []ledger.Posting
		opposite bool
	}{
		{stood, was.Postings, false}, {stands, e.Restates.Postings, false},
		{left, was.Postings, false}, {left, e.Postings, false}, {left, e.Restates.Postings, true},
	} {
		if err := step.into.add(step.postings, accountOf, step.opposite); err != nil {
			return err
		}
	}
	a.Moves = make([]Move, 0, len(e.Postings))
	for _, p := range e.Postings {
		a.Moves = append(a.Moves, Move{p, "stood at " + standsAt(p.Account, stood[p.Account]) + ", stands at " + standsAt(p.Account, stands[p.Account])})
	}
	for _, account := range left.left() {
		a.Differences = append(a.Differences, "account "+string(account)+": what stood and what was posted is not what stands, by "+standsAt(account, left[account]))
	}
	return nil
}
