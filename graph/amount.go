package graph

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/scalar"
)

// written renders a number with at least the decimals of the currency's minor
// unit and without needless further zeros.
func written(d decimal.Decimal, c money.Currency) scalar.Decimal {
	minor := int32(c.Exponent())
	places := max(minor, -d.Exponent())
	for places > minor && d.Equal(d.Truncate(places-1)) {
		places--
	}
	return scalar.Decimal(d.StringFixed(places))
}

func writtenAmount(a money.Amount, c money.Currency) scalar.Decimal {
	return scalar.Decimal(a.Format(c))
}

// difference returns the difference of two totals and the side on which it stands, nil
// where they are equal.
func difference(debits, credits decimal.Decimal, c money.Currency) (scalar.Decimal, *generated.Side) {
	d := debits.Sub(credits)
	switch d.Sign() {
	case 0:
		return written(d, c), nil
	case 1:
		return written(d, c), new(generated.SideDebit)
	}
	return written(d.Neg(), c), new(generated.SideCredit)
}

func side(s ledger.Side) generated.Side {
	if s == ledger.Debit {
		return generated.SideDebit
	}
	return generated.SideCredit
}

// moneyList returns amounts by currency as a list in the order of currencies.
func moneyList(amounts map[money.Currency]money.Amount) []*generated.Money {
	list := make([]*generated.Money, 0, len(amounts))
	for currency, amount := range amounts {
		list = append(list, &generated.Money{Currency: currency, Amount: writtenAmount(amount, currency)})
	}
	slices.SortFunc(list, func(a, b *generated.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	return list
}

// moneyMap is the opposite of moneyList; each currency may be there once.
func moneyMap(field string, list []*generated.MoneyInput) (map[money.Currency]money.Amount, error) {
	if len(list) == 0 {
		return nil, nil
	}
	amounts := make(map[money.Currency]money.Amount, len(list))
	for _, m := range list {
		if _, twice := amounts[m.Currency]; twice {
			return nil, repeated(field, string(m.Currency), "currency")
		}
		amount, err := m.Amount.Amount()
		if err != nil {
			return nil, err
		}
		amounts[m.Currency] = amount
	}
	return amounts, nil
}

// optional is nil for the empty string.
func optional[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

// given is the value, or the zero value without one.
func given[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}
