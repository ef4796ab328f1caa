package book

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// settle decides a transaction whose key is new.
func (s *State) settle(c *SettleTransaction) (domain.Event, error) {
	t := &c.Transaction
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := t.checkAmount(c.Policy); err != nil {
		return nil, err
	}
	original, refunded, err := s.match(t, c.Policy)
	if err != nil {
		return nil, err
	}
	terms := c.Terms
	switch {
	case terms == nil || terms.Schedule == nil:
		return nil, domain.Unfilled("terms")
	case terms.EffectiveOn == "":
		return nil, domain.Unfilled("effective_on")
	case c.RecordedAt.IsZero():
		return nil, domain.Unfilled("recorded_at")
	}
	input, err := s.input(c, refunded)
	if err != nil {
		return nil, err
	}
	result, err := terms.Schedule.Apply(input)
	if err != nil {
		return nil, err
	}
	postings, err := post(t, terms, &result)
	if err != nil {
		return nil, err
	}
	if err := s.fits(postings); err != nil {
		return nil, err
	}
	if err := s.above(terms, t.Currency, postings); err != nil {
		return nil, err
	}
	document := terms.Schedule.Document()
	explanation := result.Lines
	if explanation == nil {
		explanation = []fee.Line{}
	}
	return TransactionSettled{
		Key: t.Key, ContentHash: t.ContentHash,
		Type: t.Type, Method: t.Method, Product: t.Product, Parties: terms.Parties, Attributes: declared(t.Attributes, document.Inputs),
		OccurredAt: t.OccurredAt.UTC(), EffectiveOn: terms.EffectiveOn, RecordedAt: s.stamp(c.RecordedAt),
		Currency: t.Currency, Amount: t.Amount.In(t.Currency), Original: original, Refunded: refunded,
		Contract: terms.Contract, ContractRevision: terms.ContractRevision,
		Schedule: document.Schedule, ScheduleRevision: terms.ScheduleRevision, Version: document.Version, Engine: result.Engine,
		Postings: postings, Counts: result.Counts, Explanation: explanation,
	}, nil
}

// declared picks the attributes that a schedule declares.
func declared(attributes map[string]string, inputs []fee.Attribute) map[string]string {
	n := 0
	for i := range inputs {
		if _, given := attributes[inputs[i].Name]; given {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case len(attributes):
		return attributes
	}
	picked := make(map[string]string, n)
	for i := range inputs {
		if value, given := attributes[inputs[i].Name]; given {
			picked[inputs[i].Name] = value
		}
	}
	return picked
}

// match finds the transaction that a refund names and makes sure that the two,
// with all earlier refunds, go together. refunded is what these gave back.
func (s *State) match(t *Transaction, policy Policy) (original *Original, refunded money.Amount, err error) {
	if t.OriginalID == "" {
		if t.Amount.Sign() < 0 && !policy.SettleUnmatched {
			return nil, refunded, &domain.Error{
				Code: domain.CodeMissingOriginal, Field: "original_id", Message: "a negative amount names no original",
				Remedy: "map the id of the original, or let the source's policy settle refunds without one",
			}
		}
		return nil, refunded, nil
	}
	key := t.original()
	record, found, err := s.lookup(key)
	if err != nil {
		return nil, refunded, err
	}
	switch {
	case !found || key == t.Key:
		return nil, refunded, &domain.Error{
			Code: domain.CodeMissingOriginal, Field: "original_id", Value: t.OriginalID, Message: "the book has no such transaction of source " + t.Source,
			Remedy: "send the original first, then this one again",
		}
	case record.Kind != KindSettlement:
		return nil, refunded, invalid("original_id", t.OriginalID, "the original is a reversal, not a transaction", "name the transaction itself")
	case record.Reversed():
		return nil, refunded, &domain.Error{
			Code: domain.CodeConflict, Field: "original_id", Value: t.OriginalID,
			Message: "the original was reversed at revision " + strconv.FormatUint(record.ReversedBy, 10), Remedy: "nothing is left of it to give back",
		}
	case record.Currency != t.Currency:
		return nil, refunded, invalid("currency", string(t.Currency), "the original is in "+string(record.Currency), "refund in the currency of the original")
	case t.Amount.Sign() != 0 && t.Amount.Sign() == record.Amount.Sign():
		return nil, refunded, invalid("amount", t.Amount.String(), "the amount has the same sign as its original "+record.Amount.String(), "give back with the other sign, or leave the original out")
	}
	after, err := record.Refunded.Add(t.Amount.Abs())
	if err != nil || after.Cmp(record.Amount.Abs()) > 0 {
		return nil, refunded, &domain.Error{
			Code: domain.CodeExceedsOriginal, Field: "amount", Value: t.Amount.String(),
			Message: "refunds would exceed the original: " + record.Amount.Abs().String() + ", of which " + record.Refunded.String() + " is given back",
			Remedy:  "refund what is left at most", Err: err,
		}
	}
	return &Original{Key: key, Ref: domain.Ref{Stream: domain.Stream(Category, t.Book), Revision: record.Revision}}, record.Refunded, nil
}

// post turns a rating into postings: the gross to the account of the funds, each
// share to its own, all sides swapped for a negative amount, nothing for zero.
func post(t *Transaction, terms *Terms, result *fee.Result) ([]ledger.Posting, error) {
	if result.Gross.IsZero() {
		return []ledger.Posting{}, nil
	}
	own, other := ledger.Debit, ledger.Credit
	if t.Amount.Sign() < 0 {
		own, other = other, own
	}
	postings := make([]ledger.Posting, 0, len(result.Shares)+1)
	add := func(to fee.Target, posting ledger.Posting) error {
		party, named := terms.Parties.Get(to.Role)
		if !named {
			return &domain.Error{
				Code: domain.CodeUnknownParty, Field: "parties." + to.Role, Message: "neither the transaction nor contract " + terms.Contract + " names a party for role " + to.Role,
				Remedy: "map the role in the source, or name its party in the contract",
			}
		}
		posting.Account = ledger.Account(party, to.Purpose, t.Currency)
		postings = append(postings, posting)
		return nil
	}
	if err := add(terms.Schedule.Funds(), ledger.Posting{Side: own, Amount: result.Gross}); err != nil {
		return nil, err
	}
	for i := range result.Shares {
		share := &result.Shares[i]
		if share.Amount.IsZero() {
			continue
		}
		side := other
		if share.Opposite {
			side = own
		}
		if err := add(share.To, ledger.Posting{Side: side, Amount: share.Amount}); err != nil {
			return nil, err
		}
	}
	return postings, nil
}
