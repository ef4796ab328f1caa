package fee

import "github.com/jeongsan/jeongsan/domain/money"

// Line explains one rule's part in an entry: what it looked at, what it
// computed exactly, and how that was rounded. The posting it led to has the
// account and the amount of the line.
type Line struct {
	// Rule is the id of the rule within the schedule; of a split "<rule>.<part>".
	Rule string `json:"rule"`
	// To is the role that the amount goes to.
	To string `json:"to"`
	// Base is the amount that the rule was applied to, after its selector; where
	// there is none, the gross in whole minor units. Of a part of a split it is what
	// was divided, of a refund what a full one returns. One that needs more than
	// money.ExtraDigits decimals beyond the minor unit is shown rounded to them.
	Base money.Amount `json:"base"`
	// Rate says what was applied: the rule's parameter as written, "15%", "0.30",
	// "rest"; the sum of several, "2.9% + 0.30"; a price and a count, "400 x 3";
	// tiers, "marginal 15% of 50, 30% of 50" and "slab 8%"; the formula of an amount;
	// a weight, "1 of 3". Of a refund it is its policy: "kept", "on_full", or
	// "pro_rata 70.00/100.00 - 1.20", the rounded part of Base less what was
	// returned before.
	Rate string `json:"rate"`
	// Exact is the result before bound and rounding, as a decimal, or as a fraction
	// where there is no finite one. It is negative for a rest of less than nothing,
	// for a formula that gives less than nothing, and for a charge within a refund.
	// Of a refund it is the amount itself.
	Exact string `json:"exact"`
	// Bound is "minimum" or "maximum" where a bound replaced the result, followed by
	// its value where a formula gave it, as "maximum 5000".
	Bound string `json:"bound,omitempty"`
	// Rounding is the mode and unit applied, as "half_up 0.01"; empty where nothing
	// is ever rounded. Of a part of a split it is "largest", "first" or "last": Exact
	// is rounded toward zero, and may have got one of the units that were left.
	Rounding string `json:"rounding,omitempty"`
	// Amount is the rounded result, never negative; which side it stands on follows
	// from the direction of the transaction and the sign of Exact.
	Amount money.Amount `json:"amount"`
}
