package graph

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/graph/generated"
)

// adjustment is what an input says, as the domain knows it.
func adjustment(in generated.PostAdjustmentInput) (book.PostAdjustment, error) {
	wish := book.PostAdjustment{
		Key: book.Key{Source: in.Source, ExternalID: in.ExternalID}, Book: in.Book, Reason: in.Reason,
		OccurredAt: in.OccurredAt, EffectiveOn: in.EffectiveOn, Postings: make([]book.AdjustmentPosting, 0, len(in.Legs)),
	}
	if in.Adjusts != nil {
		wish.Adjusts = &book.Key{Source: in.Adjusts.Source, ExternalID: in.Adjusts.ExternalID}
	}
	for i, leg := range in.Legs {
		amount, err := leg.Amount.Amount()
		if err != nil {
			return wish, err
		}
		account := ledger.AccountID(leg.Account)
		if _, _, _, ok := account.Parts(); !ok {
			return wish, &domain.Error{
				Code: domain.CodeInvalid, Field: "legs[" + strconv.Itoa(i) + "].account", Value: leg.Account, Message: "not an account",
				Remedy: `write it as "<party>/<purpose>/<currency>"`,
			}
		}
		stands := ledger.Debit
		if leg.Side == generated.SideCredit {
			stands = ledger.Credit
		}
		wish.Postings = append(wish.Postings, book.AdjustmentPosting{
			Posting: ledger.Posting{Account: account, Side: stands, Amount: amount}, HoldUntil: given(leg.HoldUntil), Into: given(leg.Into),
		})
	}
	var err error
	wish.ContentHash, err = wish.Content()
	return wish, err
}

// restatement shows how a re-rating has a transaction stand.
func restatement(e *book.AdjustmentPosted, currency money.Currency, amount money.Amount) (*generated.Restatement, error) {
	counted, err := counts(e.Restates.Counts)
	if err != nil {
		return nil, err
	}
	s := e.Restates
	return &generated.Restatement{
		Rerating: s.Rerating, Replaces: &generated.EventRef{Stream: string(e.Adjusts.Stream), Revision: int64(s.Replaces)},
		Refunded: writtenAmount(s.Refunded, currency), ContractID: s.Contract, ScheduleID: s.Schedule, ScheduleVersion: s.Version, Engine: s.Engine,
		Parties:     roleHolders(s.Parties),
		Explanation: each(s.Explanation, func(l fee.Line) *generated.ExplanationLine { return explanationLine(l, currency) }),
		Conversions: conversions(s.Conversions, amount.Sign() < 0), Counts: counted,
		Postings: postings(s.Postings), Holds: holdChanges(s.Holds),
	}, nil
}

func conversions(list []fee.Converted, negative bool) []*generated.RatedConversion {
	return each(list, func(c fee.Converted) *generated.RatedConversion {
		return &generated.RatedConversion{Rule: c.Rule, To: c.To, Mid: c.Mid, Rate: c.Rate, Shares: ratedShares(c.Shares, c.To, negative)}
	})
}
