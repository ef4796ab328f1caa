package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Purposes of the accounts of a Convert where it leaves them out.
const (
	PurposeFX       = "fx"
	PurposeFXIncome = "fx_income"
)

// Convert pays a rule's share in another currency. The share itself goes to Via in
// the transaction's currency; out of Via the result goes to the rule's target and
// what the rate differs from the mid rate to SpreadTo, both in the currency To. So
// each currency balances, and both amounts are kept. A share that is in the
// currency To already goes to the rule's target as it is.
type Convert struct {
	To money.Currency `json:"to" yaml:"to"`
	// Mid is a number formula: units of To for one unit of the transaction's currency.
	Mid string `json:"mid" yaml:"mid"`
	// Rate is a number formula: the rate that the party gets; Mid where empty.
	Rate string `json:"rate,omitempty" yaml:"rate,omitempty"`
	// Via holds the position in both currencies; its purpose is "fx" where empty.
	Via Target `json:"via" yaml:"via"`
	// SpreadTo takes the value at the mid rate less the result, and bears it where the
	// rate is better than that. It is given where Rate is, and its purpose is
	// "fx_income" where empty.
	SpreadTo *Target `json:"spread_to,omitempty" yaml:"spread_to,omitempty"`
	// Rounding of the result and of the value at the mid rate, in To; half_up to the
	// minor unit where not given.
	Rounding *Rounding `json:"rounding,omitempty" yaml:"rounding,omitempty"`
}

// Exchange converts amounts of one currency to another at an exact rate. Nothing
// is rounded but the results, once each.
type Exchange struct {
	From, To  money.Currency
	Mid, Rate formula.Number // units of To for one unit of From; greater than zero
	Mode      money.Mode
	Unit      money.Amount // in To; the minor unit where zero
}

// Conversion is what became of one amount. A negative amount has the negative
// results of its absolute value.
type Conversion struct {
	From   money.Currency `json:"from"`
	Amount money.Amount   `json:"amount"`
	To     money.Currency `json:"to"`
	Mid    string         `json:"mid"`  // exact: a decimal, or a fraction
	Rate   string         `json:"rate"` // likewise
	Exact  string         `json:"exact"`
	// Rounding is the mode and unit applied, as "half_up 1".
	Rounding string `json:"rounding"`
	// Value is the amount at the mid rate, Result what is paid, both rounded. Spread
	// is Value less Result; it has the other sign where the rate is better than Mid.
	Value  money.Amount `json:"value"`
	Result money.Amount `json:"result"`
	Spread money.Amount `json:"spread"`
}

// Convert converts an amount. The errors are CodeInvalid where a rate is not
// greater than zero, CodeOutOfRange where a result does not fit.
func (e Exchange) Convert(amount money.Amount) (Conversion, error) {
	return e.ConvertPart(money.Zero, amount)
}

// ConvertPart converts what follows earlier parts of the same whole, as the next
// of several partial refunds: it is the conversion of both less that of the
// earlier ones, so that at one rate all parts sum to that of the whole.
func (e Exchange) ConvertPart(earlier, amount money.Amount) (Conversion, error) {
	if err := e.check(); err != nil {
		return Conversion{}, err
	}
	unit := e.Unit
	if unit.IsZero() {
		unit = e.To.MinorUnit()
	}
	sum, err := earlier.Add(amount)
	if err != nil {
		return Conversion{}, err
	}
	part := func(rate formula.Number) (money.Amount, error) {
		whole, err := e.round(sum, rate, unit)
		if err != nil {
			return money.Zero, err
		}
		before, err := e.round(earlier, rate, unit)
		if err != nil {
			return money.Zero, err
		}
		difference, err := whole.Sub(before)
		return difference.In(e.To), err
	}
	c := Conversion{
		From: e.From, Amount: amount.In(e.From), To: e.To, Mid: e.Mid.String(), Rate: e.Rate.String(),
		Exact: formula.FromAmount(amount).Mul(e.Rate).String(), Rounding: e.Mode.String() + " " + unit.Format(e.To),
	}
	if c.Value, err = part(e.Mid); err != nil {
		return Conversion{}, err
	}
	if c.Result, err = part(e.Rate); err != nil {
		return Conversion{}, err
	}
	spread, err := c.Value.Sub(c.Result)
	c.Spread = spread.In(e.To)
	return c, err
}

// round converts the absolute amount, so that ceiling and floor round as they do
// everywhere in a schedule.
func (e Exchange) round(amount money.Amount, rate formula.Number, unit money.Amount) (money.Amount, error) {
	rounded, err := formula.FromAmount(amount.Abs()).Mul(rate).Round(e.Mode, unit)
	if amount.Sign() < 0 {
		rounded = rounded.Neg()
	}
	return rounded, err
}

func (e Exchange) check() error {
	for _, rate := range []struct {
		name string
		is   formula.Number
	}{{"mid", e.Mid}, {"rate", e.Rate}} {
		if rate.is.Sign() <= 0 {
			return &domain.Error{
				Code: domain.CodeInvalid, Field: rate.name, Value: rate.is.String(),
				Message: "a rate from " + string(e.From) + " to " + string(e.To) + " is greater than zero", Remedy: "send the rate with the transaction, or correct the formula",
			}
		}
	}
	return nil
}

// Shares are the postings of a conversion in the currency To: the result to the
// rule's target, the spread, and both out of the position. Those that stand
// opposite and the others have the same sum. Shares of nothing are left out.
func (c Conversion) Shares(to, via Target, spreadTo *Target) []Share {
	var shares []Share
	post := func(to Target, amount money.Amount) {
		if !amount.IsZero() {
			shares = append(shares, Share{To: to, Amount: amount.Abs(), Opposite: amount.Sign() < 0})
		}
	}
	post(to, c.Result)
	if spreadTo != nil {
		post(spreadTo.or(PurposeFXIncome), c.Spread)
	}
	post(via.or(PurposeFX), c.Value.Neg())
	return shares
}

// convert checks all of a rule's Convert but its formulas.
func (c *checker) convert(path string, v *Convert) {
	if v == nil {
		return
	}
	if !v.To.Known() {
		c.faults = append(c.faults, &domain.Error{Code: domain.CodeUnknownCurrency, Field: path + ".to", Value: string(v.To), Message: "unknown currency", Remedy: "use an ISO 4217 code in capitals, as KRW or USD"})
	}
	if v.Mid == "" {
		c.invalid(path+".mid", "", "a conversion needs the mid rate", "write a formula, as an input mid that the transaction brings")
	}
	c.target(path+".via", v.Via)
	switch {
	case v.SpreadTo != nil:
		c.target(path+".spread_to", *v.SpreadTo)
		if v.Rate == "" {
			c.invalid(path+".spread_to", v.SpreadTo.Role, "without a rate of its own there is no spread", "leave it out, or add rate")
		}
	case v.Rate != "":
		c.invalid(path+".spread_to", "", "a rate that differs from the mid rate needs an account for the spread", "name who earns it, as {role: platform, purpose: fx_income}")
	}
	c.rounding(path+".rounding", v.Rounding, false)
}
