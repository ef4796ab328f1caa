package fee

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Slice is what one account has to release on one date, in its currency.
type Slice struct {
	On     domain.Date  `json:"on"`
	Amount money.Amount `json:"amount"` // greater than zero
}

// Reserve is what an account holds back: slices in the order in which they fall
// due, one for each date. Its methods change nothing that they are given.
type Reserve []Slice

// Add holds an amount back until a date. Nothing is added where it is zero. The
// error is CodeInvalid where it is negative, CodeOutOfRange where a slice grows
// too large.
func (r Reserve) Add(on domain.Date, amount money.Amount) (Reserve, error) {
	if amount.Sign() < 0 {
		return r, negative(amount)
	}
	if amount.IsZero() {
		return r, nil
	}
	at, found := slices.BinarySearchFunc(r, on, func(s Slice, on domain.Date) int { return compareDates(s.On, on) })
	if !found {
		return slices.Insert(slices.Clone(r), at, Slice{On: on, Amount: amount}), nil
	}
	sum, err := r[at].Amount.Add(amount)
	if err != nil {
		return r, err
	}
	more := slices.Clone(r)
	more[at].Amount = sum
	return more, nil
}

// Take consumes an amount, as a chargeback does: from the slice that falls due
// first, which was held the longest, then from the next. short is what the
// reserve does not cover; it is for the account's own balance. The error is
// CodeInvalid where the amount is negative.
func (r Reserve) Take(amount money.Amount) (left, taken Reserve, short money.Amount, err error) {
	if amount.Sign() < 0 {
		return r, nil, money.Zero, negative(amount)
	}
	short = amount
	for i, slice := range r {
		if short.IsZero() {
			return append(left, r[i:]...), taken, short, nil
		}
		part := slice
		if short.Cmp(slice.Amount) < 0 {
			part.Amount = short
			rest, err := slice.Amount.Sub(short)
			if err != nil {
				return r, nil, money.Zero, err
			}
			left = append(left, Slice{On: slice.On, Amount: rest})
		}
		taken = append(taken, part)
		if short, err = short.Sub(part.Amount); err != nil {
			return r, nil, money.Zero, err
		}
	}
	return left, taken, short, nil
}

// Due divides the reserve into what falls due up to a date, the date included,
// and what stays held.
func (r Reserve) Due(on domain.Date) (due, held Reserve) {
	at := slices.IndexFunc(r, func(s Slice) bool { return s.On > on })
	if at < 0 {
		at = len(r)
	}
	return slices.Clone(r[:at]), slices.Clone(r[at:])
}

// Sum is all that is held back, or CodeOutOfRange.
func (r Reserve) Sum() (sum money.Amount, err error) {
	for _, slice := range r {
		if sum, err = sum.Add(slice.Amount); err != nil {
			return money.Zero, err
		}
	}
	return sum, nil
}

func negative(amount money.Amount) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: "amount", Value: amount.String(), Message: "a reserve is changed by amounts without a sign", Remedy: "send its absolute value to the opposite operation"}
}

func compareDates(a, b domain.Date) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
