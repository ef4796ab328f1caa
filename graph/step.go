package graph

import (
	"context"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

func (r *Resolver) stepFromRow(s transaction.Step) *generated.Step {
	shown := &generated.Step{
		ID: numberedID(stepKind, s.Book, s.Revision), Book: s.Book, Revision: int64(s.Revision), Position: r.token(s.Position),
		Kind: generated.StepKindRelease, BusinessDate: s.BusinessDate, RecordedAt: s.RecordedAt, Key: []*generated.NamedText{},
	}
	if s.Kind == readmodel.Closing {
		closing(shown, s.Counter, s.First, s.Last, s.Currency, s.Contract, s.Schedule, int(s.Version))
	}
	return shown
}

// closing puts in what only a closing has. A counter that cannot be taken apart is
// shown whole.
func closing(to *generated.Step, counter string, first, last domain.Date, currency money.Currency, contract, schedule string, version int) {
	to.Kind, to.Counter, to.First, to.Last, to.Currency = generated.StepKindClosing, &counter, optional(first), optional(last), currencyOrNil(currency)
	to.ContractID, to.ScheduleID, to.ScheduleVersion = optional(contract), optional(schedule), &version
	if parts, err := transaction.PartsOf(counter); err == nil {
		to.Accumulator, to.Window, to.Key = &parts.Name, &parts.Window, counterKey(parts.Key)
	}
}

// stepAt reads a step from the log, nil where the event is none.
func (r *Resolver) stepAt(ctx context.Context, ref domain.Ref) (*generated.Step, error) {
	l, err := loadersOf(ctx).events.Load(ctx, ref)
	if err == nil {
		err = l.undecoded
	}
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, id := ref.Stream.Split()
	shown := &generated.Step{
		ID: numberedID(stepKind, id, ref.Revision), Book: id, Revision: int64(ref.Revision), Position: r.token(l.recorded.Position),
		Kind: generated.StepKindRelease, Key: []*generated.NamedText{},
	}
	switch e := l.event.(type) {
	case book.HoldsReleased:
		shown.BusinessDate, shown.RecordedAt = e.BusinessDate, e.RecordedAt
	case book.WindowClosed:
		shown.BusinessDate, shown.RecordedAt = e.BusinessDate, e.RecordedAt
		closing(shown, e.Counter, e.First, e.Last, e.Currency, e.Contract, e.Schedule, e.Version)
	default:
		return nil, nil
	}
	return shown, nil
}

// recordOfStep is what the log holds of a step. Of the two events one is nil.
type recordOfStep struct {
	released *book.HoldsReleased
	closed   *book.WindowClosed
}

func (r *Resolver) stepRecord(ctx context.Context, s *generated.Step) (recordOfStep, error) {
	l, err := loadersOf(ctx).events.Load(ctx, bookRef(s.Book, s.Revision))
	if err == nil {
		err = l.undecoded
	}
	if err != nil {
		return recordOfStep{}, err
	}
	switch e := l.event.(type) {
	case book.HoldsReleased:
		return recordOfStep{released: &e}, nil
	case book.WindowClosed:
		return recordOfStep{closed: &e}, nil
	}
	return recordOfStep{}, &domain.Error{Code: domain.CodeInternal, Field: "event", Value: eventID(l.recorded.Stream, l.recorded.Revision), Message: "the event is neither a release nor a closing"}
}

func closedPeriods(list []book.PeriodLines, currency money.Currency) []*generated.ClosedPeriod {
	return each(list, func(p book.PeriodLines) *generated.ClosedPeriod {
		return &generated.ClosedPeriod{Period: p.Period, Values: []*generated.NamedValue{}, Lines: periodLines(p.Lines, currency)}
	})
}

func periodLines(lines []book.PeriodLine, currency money.Currency) []*generated.ClosedPeriodLine {
	return each(lines, func(l book.PeriodLine) *generated.ClosedPeriodLine {
		return &generated.ClosedPeriodLine{
			Line: explanationLine(l.Line, currency), From: textOf(l.From), To: textOf(l.To), Opposite: l.Opposite,
		}
	})
}

func stepFilter(in *generated.StepFilter) transaction.StepFilter {
	f := given(in)
	held := transaction.StepFilter{
		Book: given(f.Book), Party: given(f.Party), Contract: given(f.Contract), Schedule: given(f.Schedule), Counter: given(f.Counter),
		From: given(f.From), To: given(f.To),
	}
	switch given(f.Kind) {
	case generated.StepKindRelease:
		held.Kind = readmodel.Release
	case generated.StepKindClosing:
		held.Kind = readmodel.Closing
	}
	return held
}

const stepConnection = "steps"

// steps answers a connection of steps, newest first.
func (r *Resolver) steps(ctx context.Context, filter transaction.StepFilter, first *int, after *string) (*generated.StepConnection, error) {
	size, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	before, err := r.cursorPosition(stepConnection, after)
	if err != nil {
		return nil, err
	}
	rows, err := transaction.Steps(ctx, r.pool, filter, before, size+1)
	if err != nil {
		return nil, err
	}
	cursor := func(s transaction.Step) string { return r.positionCursor(stepConnection, s.Position) }
	rows, info := cut(rows, size, cursor)
	page := &generated.StepConnection{Edges: []*generated.StepEdge{}, Nodes: []*generated.Step{}, PageInfo: info}
	for _, row := range rows {
		node := r.stepFromRow(row)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &generated.StepEdge{Cursor: cursor(row), Node: node})
	}
	return page, nil
}

// textOf is nil for no account.
func textOf(account ledger.AccountID) *string { return optional(string(account)) }
