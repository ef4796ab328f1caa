package fee

import (
	"bytes"
	"encoding/json"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// lineJSON is Line as it stands in events: an amount that reads as the exact
// result does is not written twice.
type lineJSON struct {
	Rule     string        `json:"rule"`
	To       string        `json:"to"`
	Base     money.Amount  `json:"base"`
	Rate     string        `json:"rate"`
	Exact    string        `json:"exact"`
	Bound    string        `json:"bound,omitempty"`
	Rounding string        `json:"rounding,omitempty"`
	Amount   *money.Amount `json:"amount,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (l Line) MarshalJSON() ([]byte, error) {
	written := lineJSON{Rule: l.Rule, To: l.To, Base: l.Base, Rate: l.Rate, Exact: l.Exact, Bound: l.Bound, Rounding: l.Rounding}
	if l.Amount.String() != l.Exact {
		written.Amount = &l.Amount
	}
	return json.Marshal(written)
}

// UnmarshalJSON implements json.Unmarshaler. It refuses unknown keys, and a line
// without an amount whose exact result is none.
func (l *Line) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var read lineJSON
	if err := d.Decode(&read); err != nil {
		return err
	}
	amount := read.Amount
	if amount == nil {
		exact, ok := money.ParseText([]byte(read.Exact))
		if !ok {
			return &domain.Error{
				Code: domain.CodeMalformed, Field: "amount", Value: read.Exact, Message: "the line has no amount and its exact result is none",
				Remedy: "write the rounded amount",
			}
		}
		amount = &exact
	}
	*l = Line{Rule: read.Rule, To: read.To, Base: read.Base, Rate: read.Rate, Exact: read.Exact, Bound: read.Bound, Rounding: read.Rounding, Amount: *amount}
	return nil
}
