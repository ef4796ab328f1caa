package auditor

import (
	"fmt"
	"math/big"
)

// Convert pays a rule's share in another currency. Mid and Rate are millionths of a
// unit of To for one unit of the transaction's currency.
type Convert struct {
	To        string
	Mid, Rate int64
	Via       Target
	SpreadTo  Target
}

// converted is one share in another currency; all amounts have their signs.
type converted struct {
	rule          string
	from          string
	amount        int64
	convert       *Convert
	value, result int64
}

// convert changes a share that follows earlier parts of the same line, so that all
// parts come to what the whole would.
func (r *rating) convert(rule *Rule, id string, to Target, units, earlier int64) {
	x := rule.Convert
	part := func(rate int64) int64 {
		return r.exchanged(earlier+units, rate, x.To) - r.exchanged(earlier, rate, x.To)
	}
	c := converted{rule: id, from: r.s.tx.Currency, amount: units, convert: x, value: part(x.Mid), result: part(x.Rate)}
	r.converted = append(r.converted, c)
	r.shares = append(r.shares, share{to: x.Via, currency: r.s.tx.Currency, units: units})
	r.abroad = append(r.abroad, r.kept(rule, share{to: to, currency: x.To, units: c.result}),
		share{to: x.SpreadTo, currency: x.To, units: c.value - c.result}, share{to: x.Via, currency: x.To, units: -c.value})
}

// exchanged is an amount at a rate, rounded half up without its sign.
func (r *rating) exchanged(units, rate int64, to string) int64 {
	exact := new(big.Rat).Quo(rat(units), r.scale())
	exact.Mul(exact, big.NewRat(rate, 1_000_000))
	for range Exponents[to] {
		exact.Mul(exact, rat(10))
	}
	return (&Rule{}).round(exact, to)
}

// convertedSaid is what an event says of a converted share.
type convertedSaid struct{ Rule, From, Amount, To, Mid, Rate, Value, Result, Spread string }

// sayConverted compares what an event says of conversions.
func sayConverted(is []convertedSaid, must []converted) error {
	if len(is) != len(must) {
		return fmt.Errorf("there are %d conversions and must be %d: %+v", len(is), len(must), is)
	}
	for i, c := range must {
		to := c.convert.To
		said := convertedSaid{
			c.rule, c.from, Decimal(c.amount, c.from), to, is[i].Mid, is[i].Rate, Decimal(c.value, to), Decimal(c.result, to), Decimal(c.value-c.result, to),
		}
		if is[i] != said || !same(is[i].Mid, big.NewRat(c.convert.Mid, 1_000_000)) || !same(is[i].Rate, big.NewRat(c.convert.Rate, 1_000_000)) {
			return fmt.Errorf("conversion %d is %+v and must be %+v", i, is[i], said)
		}
	}
	return nil
}
