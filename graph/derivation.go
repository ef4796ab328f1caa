package graph

import (
	"context"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/internal/derivation"
)

// derivation explains a settled transaction by the engine that rated it.
func (r *Resolver) derivation(ctx context.Context, e *book.TransactionSettled) (*generated.Derivation, error) {
	derived, err := derivation.Derive(ctx, r.store, e)
	if err != nil {
		return nil, err
	}
	shown := newDerivation(derived.Differences)
	shown.Rating = rating(derived.Explanation, e.Currency, e.Amount)
	return shown, nil
}

func newDerivation(differences []string) *generated.Derivation {
	return &generated.Derivation{
		Periods: []*generated.ClosedPeriod{}, Moves: []*generated.DerivedMove{}, Agrees: len(differences) == 0, Differences: list(differences),
	}
}

// reversalDerivation says what each posting of a reversal is the opposite of.
func (r *Resolver) reversalDerivation(ctx context.Context, ref domain.Ref, e *book.EntryReversed) (*generated.Derivation, error) {
	derived, err := derivation.Reverse(ctx, r.store, ref, e)
	if err != nil {
		return nil, err
	}
	shown := newDerivation(derived.Differences)
	shown.Moves, shown.RestsOn = each(derived.Moves, derivedMove), eventRefOf(derived.RestsOn)
	return shown, nil
}

// adjustmentDerivation says why each account was adjusted, and of a re-rating how the
// transaction was rated.
func (r *Resolver) adjustmentDerivation(ctx context.Context, ref domain.Ref, e *book.AdjustmentPosted) (*generated.Derivation, error) {
	derived, err := derivation.Adjust(ctx, r.store, ref, e)
	if err != nil {
		return nil, err
	}
	shown := newDerivation(derived.Differences)
	shown.Moves = each(derived.Moves, derivedMove)
	if derived.Restated != nil {
		shown.Rating, shown.RestsOn = rating(derived.Explanation, derived.Restated.Currency, derived.Restated.Amount), eventRefOf(derived.RestsOn)
	}
	return shown, nil
}

// closingDerivation computes the periods of a closing again.
func (r *Resolver) closingDerivation(ctx context.Context, ref domain.Ref, e *book.WindowClosed) (*generated.Derivation, error) {
	derived, err := derivation.Close(ctx, r.store, ref, e)
	if err != nil {
		return nil, err
	}
	shown := newDerivation(derived.Differences)
	shown.Periods = each(derived.Periods, func(p derivation.Period) *generated.ClosedPeriod {
		return &generated.ClosedPeriod{Period: p.Period, Values: each(p.Values, namedValue), Lines: periodLines(p.Lines, e.Currency)}
	})
	return shown, nil
}

func derivedMove(m derivation.Move) *generated.DerivedMove {
	_, _, currency := m.Account.Split()
	return &generated.DerivedMove{Account: string(m.Account), Currency: currency, Side: side(m.Side), Amount: writtenAmount(m.Amount, currency), Why: m.Why}
}
