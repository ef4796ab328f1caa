package ledger

import (
	"strings"

	"github.com/jeongsan/jeongsan/domain/money"
)

// Side says on which side of an account a posting stands. It is never a sign.
type Side uint8

// The two sides of double entry.
const (
	Debit Side = iota
	Credit
)

// String is "debit" or "credit".
func (s Side) String() string {
	if s == Debit {
		return "debit"
	}
	return "credit"
}

// Opposite returns the other side.
func (s Side) Opposite() Side { return 1 - s }

// AccountID names a bucket within a book: "<owner>/<purpose>/<currency>", where
// owner is a party's id, as "studio-7/payable/KRW".
type AccountID string

// Account builds the identifier of an account.
func Account(owner, purpose string, currency money.Currency) AccountID {
	return AccountID(owner + "/" + purpose + "/" + string(currency))
}

// Parts returns the parts of the identifier; ok is false where it does not have
// exactly three, none of them empty.
func (a AccountID) Parts() (owner, purpose string, currency money.Currency, ok bool) {
	owner, rest, _ := strings.Cut(string(a), "/")
	purpose, code, _ := strings.Cut(rest, "/")
	ok = owner != "" && purpose != "" && code != "" && !strings.Contains(code, "/")
	return owner, purpose, money.Currency(code), ok
}

// Split returns the parts of an identifier that Account built.
func (a AccountID) Split() (owner, purpose string, currency money.Currency) {
	owner, purpose, currency, _ = a.Parts()
	return owner, purpose, currency
}

// Posting is one leg of an entry. Its amount is greater than zero.
type Posting struct {
	Account AccountID
	Side    Side
	Amount  money.Amount
}
