package book

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
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
	m, err := s.match(c)
	if err != nil {
		return nil, err
	}
	if m.await {
		return s.await(t.Key, t.ContentHash, t.original(), c.RecordedAt, &AwaitingRefund{Transaction: *t, Policy: c.Policy}, nil)
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
	input, err := s.input(c, m.refunded)
	if err != nil {
		return nil, err
	}
	var looked *lookedUp
	if terms.Calendar != nil {
		looked = &lookedUp{find: terms.Calendar}
		input.Calendar = looked.calendar
	}
	result, err := terms.Schedule.ApplyIn(&s.room, input)
	if err != nil {
		return nil, err
	}
	entry, err := s.post(t, terms, &result, m.original != nil || t.Amount.Sign() < 0)
	if err != nil {
		return nil, err
	}
	if err := s.fits(entry.postings); err != nil {
		return nil, err
	}
	if err := s.above(terms, t.Currency, &result, entry.postings); err != nil {
		return nil, err
	}
	method, product, attributes := t.Method, t.Product, t.Attributes
	if input.Original != nil {
		// So that what gives this one back in turn needs no more than this event.
		method, product, attributes = input.Method, input.Product, input.Attributes
	}
	document := terms.Schedule.Document()
	explanation := result.Lines
	if explanation == nil {
		explanation = []fee.Line{}
	}
	return TransactionSettled{
		Key: t.Key, ContentHash: t.ContentHash,
		Type: t.Type, Method: method, Product: product, Parties: terms.Parties, Attributes: declared(attributes, document.Inputs),
		OccurredAt: t.OccurredAt.UTC(), EffectiveOn: terms.EffectiveOn, RecordedAt: s.stamp(c.RecordedAt),
		Currency: t.Currency, Amount: t.Amount.In(t.Currency), Original: m.original, Refunded: m.refunded, Restores: m.restores, Awaited: s.awaited(t.Key, t.Book),
		Contract: terms.Contract, ContractRevision: terms.ContractRevision,
		Schedule: document.Schedule, ScheduleRevision: terms.ScheduleRevision, Version: document.Version, Engine: result.Engine,
		Calendars: looked.revisions(), Postings: entry.postings, Holds: entry.holds, Conversions: result.Conversions, Counts: result.Counts, Explanation: explanation,
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
