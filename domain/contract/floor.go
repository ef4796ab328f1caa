package contract

import (
	"maps"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// checkFloors refuses floors of no account, without an amount, or twice of one.
func checkFloors(floors []Floor) error {
	if len(floors) > maxFloors {
		return invalid("floors", strconv.Itoa(len(floors)), "too many floors", "write at most "+strconv.Itoa(maxFloors))
	}
	for i, f := range floors {
		path := "floors[" + strconv.Itoa(i) + "]"
		if err := domain.CheckName(path+".role", f.Role); err != nil {
			return err
		}
		if err := domain.CheckName(path+".purpose", f.Purpose); err != nil {
			return err
		}
		if slices.ContainsFunc(floors[:i], func(o Floor) bool { return o.Role == f.Role && o.Purpose == f.Purpose }) {
			return invalid(path, f.Role+"/"+f.Purpose, "the account has a floor already", "give all its currencies in one")
		}
		if len(f.Amounts) == 0 {
			return invalid(path+".amounts", "", "the floor has no amount", "write one for each currency, as KRW: 0")
		}
		for _, currency := range slices.Sorted(maps.Keys(f.Amounts)) {
			if _, err := money.ParseCurrency(string(currency)); err != nil {
				return err
			}
			if amount := f.Amounts[currency]; amount.Digits() > currency.Exponent() {
				return invalid(path+".amounts."+string(currency), amount.String(), "finer than the minor unit", "write a multiple of "+currency.MinorUnit().String())
			}
		}
	}
	return nil
}

func (f Floor) equal(o Floor) bool {
	return f.Role == o.Role && f.Purpose == o.Purpose && maps.EqualFunc(f.Amounts, o.Amounts, func(a, b money.Amount) bool { return a.Cmp(b) == 0 })
}
