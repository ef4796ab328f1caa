package verify

import (
	"math/big"
	"math/bits"
	"strings"
)

// minorDecimals is how many decimals the minor unit of a currency has (ISO 4217).
func minorDecimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

// minorUnitOf is the minor unit of a currency.
func minorUnitOf(currency string) figure {
	return figure{0, powersOfTen[places-minorDecimals(currency)]}
}

// scene is all that the formulas of a schedule can name, for one entry.
type scene struct {
	b        *book
	n        *entry
	p        *program
	terms    *terms
	as       bool     // it gives back a settlement of engine 2, and is rated as that was
	original *settled // that it gives back then
	given    *tariff
	upTo     int  // lines that are known already
	restated bool // by a re-rating, which tells where accumulators stood
	told     []count
	working  []string
}

// number works out a formula that must be a number.
func (sc *scene) number(f formula) (*big.Rat, error) { return f.number(sc.name) }

// name gives the value of a name.
func (sc *scene) name(name string) (worth, error) {
	n := sc.n
	switch name {
	case minorUnit:
		return numberOf(minorUnitOf(n.currency).ratio()), nil
	case "gross":
		return numberOf(sc.rated().ratio()), nil
	case "exact_gross":
		return numberOf(n.amount.absolute().ratio()), nil
	case "taken":
		return numberOf(sc.taken()), nil
	case "remaining":
		left := new(big.Rat).Sub(sc.rated().ratio(), sc.taken())
		if left.Sign() < 0 {
			left = new(big.Rat)
		}
		return numberOf(left), nil
	case "currency":
		return textOf(n.currency), nil
	case "type":
		return textOf(n.typ), nil
	case "method":
		if n.method == "" && sc.as {
			return textOf(sc.given.method), nil
		}
		return textOf(n.method), nil
	case "product":
		if n.product == "" && sc.as {
			return textOf(sc.given.product), nil
		}
		return textOf(n.product), nil
	case "source":
		return textOf(n.source), nil
	case "on":
		return dateOf(n.effectiveOn), nil
	case "refund":
		return truthOf(sc.as), nil
	}
	if role, ok := strings.CutPrefix(name, "party."); ok {
		return textOf(n.party(role)), nil
	}
	if rule, ok := strings.CutPrefix(name, "lines."); ok {
		sum := new(big.Rat)
		for i := range n.lines[:sc.upTo] {
			if l := &n.lines[i]; l.rule == rule || strings.HasPrefix(l.rule, rule+".") {
				sum.Add(sum, sc.signed(l))
			}
		}
		return numberOf(sum), nil
	}
	return sc.declared(name)
}

// declared gives the value of a name that the schedule declares.
func (sc *scene) declared(name string) (worth, error) {
	for _, working := range sc.working {
		if working == name {
			return worth{}, wrong(name + " depends on itself")
		}
	}
	sc.working = append(sc.working, name)
	defer func() { sc.working = sc.working[:len(sc.working)-1] }()
	for i := range sc.p.inputs {
		if in := &sc.p.inputs[i]; in.name == name {
			return sc.input(in)
		}
	}
	for i := range sc.p.parameters {
		if one := &sc.p.parameters[i]; one.name == name {
			return sc.parameter(one)
		}
	}
	for i := range sc.p.accumulators {
		if a := &sc.p.accumulators[i]; a.name == name {
			before, err := sc.before(a)
			return numberOf(before), err
		}
	}
	for i := range sc.p.values {
		if v := &sc.p.values[i]; v.name == name {
			return v.is(sc.name)
		}
	}
	return worth{}, wrong("nothing is called " + name)
}

// input is an attribute of the transaction, or what stands in its place.
func (sc *scene) input(in *inputSpec) (worth, error) {
	text := attributeOf(sc.n.attributes, in.name)
	if text == "" && sc.as {
		text = attributeOf(sc.given.attributes, in.name)
	}
	if text == "" {
		if !in.optional {
			return worth{}, wrong("the transaction says nothing of " + in.name)
		}
		text = in.standard
	}
	switch in.kind {
	case "number":
		ratio, ok := ratioOf(text)
		if !ok {
			return worth{}, wrong("no number: " + text)
		}
		return numberOf(ratio), nil
	case "truth":
		return truthOf(text == "true"), nil
	case "date":
		return dateOf(text), nil
	}
	return textOf(text), nil
}

func attributeOf(attributes []attribute, name string) string {
	for i := range attributes {
		if attributes[i].name == name {
			return attributes[i].value
		}
	}
	return ""
}

// parameter is a constant of the schedule, or what the contract says instead.
func (sc *scene) parameter(one *parameter) (worth, error) {
	overridden := func(name string) (string, bool) {
		for i := range sc.terms.parameters {
			if a := &sc.terms.parameters[i]; a.name == name {
				return a.value, true
			}
		}
		return "", false
	}
	text := one.is
	if one.amounts != nil {
		if other, ok := overridden(one.name + "." + sc.n.currency); ok {
			text = other
		} else if amount, ok := one.amounts[sc.n.currency]; ok {
			return numberOf(amount.ratio()), nil
		} else {
			return worth{}, wrong("no amount of " + one.name + " in " + sc.n.currency)
		}
	} else if other, ok := overridden(one.name); ok {
		text = other
	}
	f, err := parseFormula(text)
	if err != nil {
		return worth{}, err
	}
	return f(func(name string) (worth, error) {
		return worth{}, wrong("a constant names " + name)
	})
}

// rated is the absolute amount in whole minor units. Of a refund it is what makes
// all refunds of a sale together what one of them would be.
func (sc *scene) rated() figure {
	gross, unit := sc.n.amount.absolute(), minorUnitOf(sc.n.currency)
	if !sc.as {
		return gross.cut(unit)
	}
	after, _ := sc.n.refunded.plus(gross) // at most the original
	rated, _ := after.cut(unit).plus(sc.n.refunded.cut(unit).negated())
	return rated
}

// cut is the figure, never negative, without what is finer than the unit.
func (f figure) cut(unit figure) figure {
	_, rest := bits.Div64(uint64(f.high)%unit.low, f.low, unit.low)
	cut, _ := f.plus(figure{0, rest}.negated()) // goes toward zero
	return cut
}

func (n *entry) party(role string) string {
	for i := range n.parties {
		if n.parties[i].role == role {
			return n.parties[i].party
		}
	}
	return ""
}

// rateSubMinor is the rate of the line for what is finer than the minor unit.
const rateSubMinor = "sub_minor"

// taken sums what rules have taken so far, the rest apart.
func (sc *scene) taken() *big.Rat {
	sum := new(big.Rat)
	for i := range sc.n.lines[:sc.upTo] {
		if l := &sc.n.lines[i]; !l.rest() && string(l.rate) != rateSubMinor {
			sum.Add(sum, sc.signed(l))
		}
	}
	return sum
}

// signed is the amount of a line, negative where it stands on the side of the funds.
func (sc *scene) signed(l *line) *big.Rat {
	amount := l.amount.ratio()
	if l.negative(sc.p.onRefund[l.rule]) {
		amount.Neg(amount)
	}
	return amount
}
