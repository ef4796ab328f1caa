package graph

import (
	"cmp"
	"context"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/scalar"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

const mostLinks = 500

func (r *Resolver) transactionFromRow(h transaction.Header) *generated.Transaction {
	t := &generated.Transaction{
		ID: numberedID(transactionKind, h.Book, h.Revision), Book: h.Book, Revision: int64(h.Revision), Position: r.token(h.Position),
		Kind: generated.TransactionKindSettlement, Source: h.Source, ExternalID: h.ExternalID, Type: h.Type,
		Method: optional(h.Method), Product: optional(h.Product), Currency: currencyOrNil(h.Currency), Amount: written(h.Amount, h.Currency),
		OccurredAt: h.OccurredAt, EffectiveOn: h.EffectiveOn, RecordedAt: h.RecordedAt,
		ContractID: optional(h.Contract), ScheduleID: optional(h.Schedule),
	}
	switch h.Kind {
	case readmodel.Reversal:
		t.Kind = generated.TransactionKindReversal
	case readmodel.Adjustment:
		t.Kind = generated.TransactionKindAdjustment
	}
	if h.Schedule != "" {
		t.ScheduleVersion = new(int(h.Version))
	}
	return t
}

// transactionFromEvent returns the transaction that an event recorded, or
// CodeNotFound where it is an event of another kind.
func (r *Resolver) transactionFromEvent(l logged) (*generated.Transaction, error) {
	if l.undecoded != nil {
		return nil, l.undecoded
	}
	_, bookID := l.recorded.Stream.Split()
	t := &generated.Transaction{
		ID: numberedID(transactionKind, bookID, l.recorded.Revision), Book: bookID,
		Revision: int64(l.recorded.Revision), Position: r.token(l.recorded.Position),
	}
	switch e := l.event.(type) {
	case book.TransactionSettled:
		t.Kind, t.Source, t.ExternalID = generated.TransactionKindSettlement, e.Source, e.ExternalID
		t.Type, t.Method, t.Product = e.Type, optional(e.Method), optional(e.Product)
		t.Currency, t.Amount = &e.Currency, writtenAmount(e.Amount, e.Currency)
		t.OccurredAt, t.EffectiveOn, t.RecordedAt = e.OccurredAt, e.EffectiveOn, e.RecordedAt
		t.ContractID, t.ScheduleID, t.ScheduleVersion = optional(e.Contract), optional(e.Schedule), &e.Version
	case book.EntryReversed:
		t.Kind, t.Source, t.ExternalID = generated.TransactionKindReversal, e.Source, e.ExternalID
		t.Type, t.Method, t.Product = e.Type, optional(e.Method), optional(e.Product)
		t.Currency, t.Amount = &e.Currency, writtenAmount(e.Amount, e.Currency)
		t.OccurredAt, t.EffectiveOn, t.RecordedAt = e.OccurredAt, e.EffectiveOn, e.RecordedAt
	case book.AdjustmentPosted:
		header, err := adjustmentHeader(l)
		if err != nil {
			return nil, err
		}
		t.Kind, t.Source, t.ExternalID, t.Type = generated.TransactionKindAdjustment, e.Source, e.ExternalID, header.Type
		t.Currency, t.Amount = currencyOrNil(header.Currency), writtenAmount(header.Amount, header.Currency)
		t.OccurredAt, t.EffectiveOn, t.RecordedAt = e.OccurredAt, e.EffectiveOn, e.RecordedAt
		if e.Restates != nil {
			t.ContractID, t.ScheduleID, t.ScheduleVersion = &e.Restates.Contract, &e.Restates.Schedule, &e.Restates.Version
		}
	default:
		return nil, &domain.Error{Code: domain.CodeNotFound, Field: "event", Value: eventID(l.recorded.Stream, l.recorded.Revision), Message: "the event is not a transaction"}
	}
	return t, nil
}

// transactionAt reads a transaction from the log, nil where there is none.
func (r *Resolver) transactionAt(ctx context.Context, ref domain.Ref) (*generated.Transaction, error) {
	l, err := loadersOf(ctx).events.Load(ctx, ref)
	if err == nil {
		var t *generated.Transaction
		if t, err = r.transactionFromEvent(l); err == nil {
			return t, nil
		}
	}
	if isNotFound(err) {
		return nil, nil
	}
	return nil, err
}

func refOf(t *generated.Transaction) domain.Ref { return bookRef(t.Book, t.Revision) }

func bookRef(id string, revision int64) domain.Ref {
	return domain.Ref{Stream: domain.Stream(book.Category, id), Revision: uint64(revision)}
}

// recordOf is what the log holds of a transaction beyond its header. One of the
// events is there.
type recordOf struct {
	settled  *book.TransactionSettled
	reversed *book.EntryReversed
	adjusted *book.AdjustmentPosted
}

func (r *Resolver) record(ctx context.Context, t *generated.Transaction) (recordOf, error) {
	l, err := loadersOf(ctx).events.Load(ctx, refOf(t))
	if err == nil {
		err = l.undecoded
	}
	if err != nil {
		return recordOf{}, err
	}
	switch e := l.event.(type) {
	case book.TransactionSettled:
		return recordOf{settled: &e}, nil
	case book.EntryReversed:
		return recordOf{reversed: &e}, nil
	case book.AdjustmentPosted:
		return recordOf{adjusted: &e}, nil
	}
	return recordOf{}, &domain.Error{Code: domain.CodeInternal, Field: "event", Value: eventID(l.recorded.Stream, l.recorded.Revision), Message: "the event is not a transaction"}
}

func postings(list []ledger.Posting) []*generated.Posting {
	shown := make([]*generated.Posting, 0, len(list))
	for _, p := range list {
		owner, purpose, currency := p.Account.Split()
		shown = append(shown, &generated.Posting{
			Account: string(p.Account), Owner: owner, Purpose: purpose, Currency: currency,
			Side: side(p.Side), Amount: writtenAmount(p.Amount, currency),
		})
	}
	return shown
}

func explanation(e *book.TransactionSettled) []*generated.ExplanationLine {
	shown := []*generated.ExplanationLine{}
	if e == nil {
		return shown
	}
	for _, line := range e.Explanation {
		shown = append(shown, explanationLine(line, e.Currency))
	}
	return shown
}

func explanationLine(l fee.Line, currency money.Currency) *generated.ExplanationLine {
	return &generated.ExplanationLine{
		Rule: l.Rule, To: l.To, Base: writtenAmount(l.Base, currency), Rate: l.Rate, Exact: l.Exact,
		Bound: optional(l.Bound), Rounding: optional(l.Rounding), Amount: writtenAmount(l.Amount, currency),
	}
}

func uses(e *book.TransactionSettled) []*generated.EventRef {
	shown := []*generated.EventRef{}
	if e == nil {
		return shown
	}
	add := func(category, id string, revision book.Revision) {
		if n, recorded := revision.Recorded(); recorded {
			shown = append(shown, &generated.EventRef{Stream: string(domain.Stream(category, id)), Revision: int64(n)})
		}
	}
	add(contract.Category, e.Contract, e.ContractRevision)
	add(schedule.Category, e.Schedule, e.ScheduleRevision)
	for id, revision := range e.Calendars {
		add(calendar.Category, id, revision)
	}
	for _, p := range e.Parties {
		add(party.Category, p.ID, p.Revision)
	}
	slices.SortFunc(shown, func(a, b *generated.EventRef) int { return cmp.Compare(a.Stream, b.Stream) })
	return slices.CompactFunc(shown, func(a, b *generated.EventRef) bool { return a.Stream == b.Stream })
}

func transactionFilter(in *generated.TransactionFilter) transaction.Filter {
	f := given(in)
	held := transaction.Filter{
		Book: given(f.Book), Party: given(f.Party), Source: given(f.Source), ExternalID: given(f.ExternalID), Type: given(f.Type),
		Method: f.Method, Product: f.Product, Currency: given(f.Currency), From: given(f.From), To: given(f.To),
	}
	switch given(f.Kind) {
	case generated.TransactionKindSettlement:
		held.Kind = readmodel.Settlement
	case generated.TransactionKindReversal:
		held.Kind = readmodel.Reversal
	case generated.TransactionKindAdjustment:
		held.Kind = readmodel.Adjustment
	}
	return held
}

const transactionConnection = "transactions"

// transactions answers a connection of transactions, newest first.
func (r *Resolver) transactions(ctx context.Context, filter transaction.Filter, first *int, after *string) (*generated.TransactionConnection, error) {
	if err := r.also(ctx, transactionModel); err != nil {
		return nil, err
	}
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	before, err := r.cursorPosition(transactionConnection, after)
	if err != nil {
		return nil, err
	}
	rows, err := transaction.List(ctx, r.pool, filter, before, size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(h transaction.Header) string { return r.positionCursor(transactionConnection, h.Position) }
	rows, info := cut(rows, size, cursor)
	page := &generated.TransactionConnection{Edges: []*generated.TransactionEdge{}, Nodes: []*generated.Transaction{}, PageInfo: info}
	for _, row := range rows {
		node := r.transactionFromRow(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.TransactionEdge{Cursor: cursor(row), Node: node})
	}
	return page, nil
}

// transactionByKey finds the transaction that a source gave an id.
func (r *Resolver) transactionByKey(ctx context.Context, source, externalID string, inBook *string) (*generated.Transaction, error) {
	found, err := transaction.Find(ctx, r.pool, source, externalID, given(inBook))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if len(found) > 1 {
		return nil, &domain.Error{
			Code: domain.CodeConflict, Field: "externalId", Value: externalID, Message: "several books have a transaction with this source and id",
			Remedy: "name the book too",
		}
	}
	return r.transactionFromRow(found[0]), nil
}

// links answers the later transactions that name one, of some kinds only where any
// are given.
func (r *Resolver) links(ctx context.Context, t *generated.Transaction, kinds []generated.LinkKind) ([]*generated.TransactionLink, error) {
	if err := r.also(ctx, transactionModel); err != nil {
		return nil, err
	}
	found, err := transaction.Links(ctx, r.pool, t.Book, uint64(t.Revision), mostLinks)
	if err != nil {
		return nil, err
	}
	shown := make([]*generated.TransactionLink, 0, len(found))
	for _, link := range found {
		kind := linkKinds[link.Link]
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			shown = append(shown, &generated.TransactionLink{Kind: kind, Transaction: r.transactionFromRow(link.Header)})
		}
	}
	return shown, nil
}

var linkKinds = map[string]generated.LinkKind{
	readmodel.LinkRefund: generated.LinkKindRefund, readmodel.LinkReversal: generated.LinkKindReversal,
	readmodel.LinkAdjustment: generated.LinkKindAdjustment, readmodel.LinkRestatement: generated.LinkKindRestatement,
	readmodel.LinkRestoration: generated.LinkKindRestoration,
}

// restatedBy answers the last re-rating of a transaction, nil where there was none.
func (r *Resolver) restatedBy(ctx context.Context, t *generated.Transaction) (*generated.Transaction, error) {
	restated, err := r.links(ctx, t, []generated.LinkKind{generated.LinkKindRestatement})
	if err != nil || len(restated) == 0 {
		return nil, err
	}
	return restated[len(restated)-1].Transaction, nil
}

// adjustmentHeader is what the read model makes of an adjustment.
func adjustmentHeader(l logged) (*readmodel.Entry, error) {
	decoded := new(readmodel.Decoder).Decode(l.recorded)
	return decoded.Entry, decoded.Err
}

// refundedBefore is what had been given back of the original before a transaction,
// nil where it names none.
func refundedBefore(e *book.TransactionSettled) *scalar.Decimal {
	if e == nil || e.Original == nil {
		return nil
	}
	return new(writtenAmount(e.Refunded, e.Currency))
}
