package readmodel

import (
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/postgres"
)

// Total is an exact sum of amounts without bound. As long as it fits in a machine
// word it costs no memory but its own. Its zero value is nothing.
type Total struct {
	carried decimal.Decimal // what did not fit in part
	part    money.Amount
}

// TotalOf is a total that begins with a value.
func TotalOf(d decimal.Decimal) Total {
	if part, err := money.FromDecimal(d); err == nil {
		return Total{part: part}
	}
	return Total{carried: d}
}

// Add adds an amount.
func (t *Total) Add(a money.Amount) {
	part, err := t.part.Add(a)
	if err != nil {
		t.carried = t.carried.Add(t.part.Decimal())
		part = a
	}
	t.part = part
}

// Decimal is the value.
func (t Total) Decimal() decimal.Decimal {
	if t.carried.IsZero() {
		return t.part.Decimal()
	}
	return t.carried.Add(t.part.Decimal())
}

// Write gives the value as a numeric.
func (t *Total) Write(to *postgres.CopyRow) {
	if t.carried.IsZero() {
		to.Amount(t.part)
	} else {
		to.Numeric(t.Decimal())
	}
}
