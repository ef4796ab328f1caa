package ledger

import (
	"github.com/jeongsan/jeongsan/domain/money"
)

// Balance is what an account has taken on each side since it was opened. Both
// totals only grow; the zero Balance is that of an account without postings.
type Balance struct {
	Debits  money.Amount `json:"debits"`
	Credits money.Amount `json:"credits"`
}

// Add returns the balance after a posting on a side, or CodeOutOfRange where the
// total would not fit; the balance itself does not change.
func (b Balance) Add(side Side, amount money.Amount) (Balance, error) {
	var err error
	if side == Debit {
		b.Debits, err = b.Debits.Add(amount)
	} else {
		b.Credits, err = b.Credits.Add(amount)
	}
	return b, err
}

// Total returns the total of one side.
func (b Balance) Total(side Side) money.Amount {
	if side == Debit {
		return b.Debits
	}
	return b.Credits
}

// Net returns by how much the greater side exceeds the other, and which it is.
// An account whose sides are equal has a net of zero on the debit side. It cannot
// overflow but for sides of very different scales: CodeOutOfRange.
func (b Balance) Net() (money.Amount, Side, error) {
	side := Debit
	if b.Credits.Cmp(b.Debits) > 0 {
		side = Credit
	}
	net, err := b.Total(side).Sub(b.Total(side.Opposite()))
	return net, side, err
}

// NetOn returns the net by a normal side: positive where that side exceeds the
// other, as the credit side of what is owed to a party usually does.
func (b Balance) NetOn(normal Side) (money.Amount, error) {
	return b.Total(normal).Sub(b.Total(normal.Opposite()))
}

// Equal compares by value.
func (b Balance) Equal(o Balance) bool {
	return b.Debits.Cmp(o.Debits) == 0 && b.Credits.Cmp(o.Credits) == 0
}
