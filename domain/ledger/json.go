package ledger

import (
	"bytes"
	"encoding/json"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// An event holds several postings and every event is decoded by every reader, so
// the usual form is written and read by hand. Whatever else JSON allows goes
// through encoding/json to the same result.

type postingJSON struct {
	Account AccountID     `json:"account"`
	Debit   *money.Amount `json:"debit,omitempty"`
	Credit  *money.Amount `json:"credit,omitempty"`
}

// AppendJSON appends {"account":"…","debit":"12.50"}: the side is the key. It
// fails where encoding/json cannot write the account.
func (p Posting) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, `{"account":`...)
	if plain(string(p.Account)) {
		b = append(b, '"')
		b = append(b, p.Account...)
		b = append(b, '"')
	} else {
		account, err := json.Marshal(p.Account)
		if err != nil {
			return b, err
		}
		b = append(b, account...)
	}
	if p.Side == Debit {
		b = append(b, `,"debit":"`...)
	} else {
		b = append(b, `,"credit":"`...)
	}
	b = p.Amount.Append(b)
	return append(b, `"}`...), nil
}

// MarshalJSON is AppendJSON into a new slice.
func (p Posting) MarshalJSON() ([]byte, error) { return p.AppendJSON(make([]byte, 0, 80)) }

// UnmarshalJSON reads what MarshalJSON writes and refuses both sides, none, and
// unknown keys.
func (p *Posting) UnmarshalJSON(b []byte) error {
	if posting, ok := usual(b); ok {
		*p = posting
		return nil
	}
	var in postingJSON
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
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

// usual reads the very bytes that AppendJSON writes for plain accounts.
func usual(b []byte) (Posting, bool) {
	rest, ok := bytes.CutPrefix(b, []byte(`{"account":"`))
	if !ok {
		return Posting{}, false
	}
	account, rest, ok := bytes.Cut(rest, []byte(`","`))
	if !ok || !plain(string(account)) {
		return Posting{}, false
	}
	p := Posting{Account: AccountID(account)}
	amount, ok := bytes.CutPrefix(rest, []byte(`debit":"`))
	if !ok {
		p.Side = Credit
		if amount, ok = bytes.CutPrefix(rest, []byte(`credit":"`)); !ok {
			return Posting{}, false
		}
	}
	if amount, ok = bytes.CutSuffix(amount, []byte(`"}`)); !ok {
		return Posting{}, false
	}
	if err := p.Amount.UnmarshalText(amount); err != nil {
		return Posting{}, false // encoding/json says what is wrong
	}
	return p, true
}

// plain reports whether JSON writes the text as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
