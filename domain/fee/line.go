package fee

import "github.com/jeongsan/jeongsan/domain/money"

// Line explains one rule's part in an entry: what it looked at, what it
// computed exactly, and how that was rounded. The posting it led to has the
// account and the amount of the line.
type Line struct {
	// Rule is the id of the rule within the schedule.
	Rule string `json:"rule"`
	// To is the role that the amount goes to.
	To string `json:"to"`
	// Base is the amount that the rule was applied to, after its selector; for the
	// rest and flat rules the gross in whole minor units.
	Base money.Amount `json:"base"`
	// Rate is the rule's parameter as written in the schedule: "15%", "0.30", "rest".
	Rate string `json:"rate"`
	// Exact is the result before bound and rounding, as a decimal string. It is
	// negative for a rest of less than nothing.
	Exact string `json:"exact"`
	// Bound is "minimum" or "maximum" where a bound replaced the result.
	Bound string `json:"bound,omitempty"`
	// Rounding is the mode and unit applied, as "half_up 0.01"; empty where nothing
	// is ever rounded.
	Rounding string `json:"rounding,omitempty"`
	// Amount is the rounded result, never negative; which side it stands on follows
	// from the direction of the transaction and the sign of Exact.
	Amount money.Amount `json:"amount"`
}
