package ledger

import (
	"encoding/json"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
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

// Split returns the parts of the identifier.
func (a AccountID) Split() (owner, purpose string, currency money.Currency) {
	parts := strings.SplitN(string(a), "/", 3)
	for len(parts) < 3 {
		parts = append(parts, "")
	}
	return parts[0], parts[1], money.Currency(parts[2])
}

// Posting is one leg of an entry. Its amount is greater than zero.
type Posting struct {
	Account AccountID
	Side    Side
	Amount  money.Amount
}

type postingJSON struct {
	Account AccountID     `json:"account"`
	Debit   *money.Amount `json:"debit,omitempty"`
	Credit  *money.Amount `json:"credit,omitempty"`
}

// MarshalJSON writes {"account":"…","debit":"12.50"}: the side is the key.
func (p Posting) MarshalJSON() ([]byte, error) {
	out := postingJSON{Account: p.Account}
	if p.Side == Debit {
		out.Debit = &p.Amount
	} else {
		out.Credit = &p.Amount
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes and refuses both sides or none.
func (p *Posting) UnmarshalJSON(b []byte) error {
	var in postingJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	switch {
	case in.Debit != nil && in.Credit == nil:
		*p = Posting{in.Account, Debit, *in.Debit}
	case in.Credit != nil && in.Debit == nil:
		*p = Posting{in.Account, Credit, *in.Credit}
	default:
		return &domain.Error{Code: domain.CodeInvalid, Field: "posting", Value: string(in.Account), Message: "a posting has exactly one of debit and credit"}
	}
	return nil
}
