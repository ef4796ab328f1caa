package graph

import (
	"context"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/graph/generated"
)

// What the three kinds of transaction have in common, each from its own event.

func (o recordOf) parties() book.Parties {
	switch {
	case o.settled != nil:
		return o.settled.Parties
	case o.reversed != nil:
		return o.reversed.Parties
	case o.adjusted.Restates != nil:
		return o.adjusted.Restates.Parties
	}
	return nil
}

func (o recordOf) postings() []ledger.Posting {
	switch {
	case o.settled != nil:
		return o.settled.Postings
	case o.reversed != nil:
		return o.reversed.Postings
	}
	return o.adjusted.Postings
}

func (o recordOf) holds() []book.Hold {
	switch {
	case o.settled != nil:
		return o.settled.Holds
	case o.reversed != nil:
		return o.reversed.Holds
	}
	return o.adjusted.Holds
}

// counts are those of the book: an adjustment counts in no accumulator.
func (o recordOf) counts() []fee.Count {
	switch {
	case o.settled != nil:
		return o.settled.Counts
	case o.reversed != nil:
		return o.reversed.Counts
	}
	return nil
}

func (o recordOf) contentHash() string {
	switch {
	case o.settled != nil:
		return o.settled.ContentHash
	case o.reversed != nil:
		return o.reversed.ContentHash
	}
	return o.adjusted.ContentHash
}

func (o recordOf) reason() *string {
	switch {
	case o.reversed != nil:
		return &o.reversed.Reason
	case o.adjusted != nil:
		return &o.adjusted.Reason
	}
	return nil
}

func (o recordOf) original() *book.Original {
	switch {
	case o.settled != nil:
		return o.settled.Original
	case o.reversed != nil:
		return &o.reversed.Reverses
	}
	return o.adjusted.Adjusts
}

func (o recordOf) restores() *book.Original {
	switch {
	case o.settled != nil:
		return o.settled.Restores
	case o.reversed != nil:
		return o.reversed.Restores
	}
	return nil
}

// transactionNamed reads a transaction that another one names, nil where it names none.
func (r *Resolver) transactionNamed(ctx context.Context, named *book.Original) (*generated.Transaction, error) {
	if named == nil {
		return nil, nil
	}
	return r.transactionAt(ctx, named.Ref)
}

// restatementOf shows what an adjustment restates, in the currency of the transaction.
func (r *Resolver) restatementOf(ctx context.Context, e *book.AdjustmentPosted) (*generated.Restatement, error) {
	settled, _, err := eventOf[book.TransactionSettled](ctx, e.Adjusts.Ref)
	if err != nil {
		return nil, err
	}
	return restatement(e, settled.Currency, settled.Amount)
}

func eventRefOf(ref domain.Ref) *generated.EventRef {
	return &generated.EventRef{Stream: string(ref.Stream), Revision: int64(ref.Revision)}
}

func notARevision(revision int64) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "revision", Value: strconv.FormatInt(revision, 10), Message: "not a revision",
		Remedy: "revisions count from 0",
	}
}
