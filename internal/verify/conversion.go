package verify

import (
	"math/big"
	"strings"
)

// conversion is what an entry says of a share that is paid in another currency.
// Texts that are kept as bytes are valid as long as the event.
type conversion struct {
	rule, from, to        string
	mid, rate, exact      []byte
	rounding              string
	amount, value, result figure
	spread                figure
}

func (f *fold) decodeConversion(n *entry) error {
	var c conversion
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "rule":
			c.rule, err = f.word()
		case "from":
			c.from, err = f.word()
		case "to":
			c.to, err = f.word()
		case "mid":
			c.mid, err = s.str()
		case "rate":
			c.rate, err = s.str()
		case "exact":
			c.exact, err = s.str()
		case "rounding":
			c.rounding, err = f.word()
		case "amount":
			c.amount, _, err = s.decimal()
		case "value":
			c.value, _, err = s.decimal()
		case "result":
			c.result, _, err = s.decimal()
		case "spread":
			c.spread, _, err = s.decimal()
		default:
			err = s.skip()
		}
		return err
	})
	n.conversions = append(n.conversions, c)
	return err
}

// checkConversion works out again what a conversion of line i comes to, at the rates
// that the schedule gives.
func (f *fold) checkConversion(e *event, sc *scene, i int, x *exchange, c *conversion, signed figure) error {
	n := &e.entry
	if c.from != n.currency || c.to != x.to || c.amount != signed {
		return e.differs(checkConverted, "a conversion of "+signed.String()+" "+n.currency+" into "+x.to, c.amount.String()+" "+c.from+" into "+c.to)
	}
	sc.upTo = i
	mid, err := sc.number(x.mid)
	rate := mid
	if err == nil && x.rate != nil {
		rate, err = sc.number(x.rate)
	}
	if err != nil {
		return e.differs(checkConverted, "the rate of line "+c.rule+" to be worked out", err.Error())
	}
	for _, one := range []struct {
		name string
		said []byte
		is   *big.Rat
	}{{"mid rate", c.mid, mid}, {"rate", c.rate, rate}} {
		if said, ok := ratioOf(string(one.said)); !ok || said.Cmp(one.is) != 0 || one.is.Sign() <= 0 {
			return e.differs(checkConverted, "a "+one.name+" of "+one.is.RatString()+" for line "+c.rule, string(one.said))
		}
	}
	if said, ok := ratioOf(string(c.exact)); !ok || said.Cmp(new(big.Rat).Mul(c.amount.ratio(), rate)) != 0 {
		return e.differs(checkConverted, c.amount.String()+" at "+string(c.rate), string(c.exact))
	}
	earlier := n.lines[i].earlier()
	for _, one := range []struct {
		name string
		said figure
		at   *big.Rat
	}{{"value", c.value, mid}, {"result", c.result, rate}} {
		want, ok := c.part(earlier, one.at)
		if !ok || want.Cmp(one.said.ratio()) != 0 {
			return e.differs(checkConverted, "a "+one.name+" of "+c.amount.String()+" at "+one.at.RatString()+" rounded "+c.rounding, one.said.String())
		}
	}
	if spread, ok := c.value.plus(c.result.negated()); !ok || spread != c.spread {
		return e.differs(checkConverted, "a spread of "+c.value.String()+" less "+c.result.String(), c.spread.String())
	}
	f.checked.converted++
	return nil
}

// part converts what follows an earlier part of the same whole: both together less
// the earlier. It has the sign of the amount.
func (c *conversion) part(earlier, rate *big.Rat) (*big.Rat, bool) {
	by := line{rounding: c.rounding}
	sum := new(big.Rat).Add(earlier, c.amount.absolute().ratio())
	whole, ok := by.rounded(sum.Mul(sum, rate))
	before, fine := by.rounded(new(big.Rat).Mul(earlier, rate))
	if !ok || !fine || c.rounding == "" {
		return nil, false
	}
	part := new(big.Rat).Sub(whole, before)
	if c.amount.sign() < 0 {
		part.Neg(part)
	}
	return part, true
}

// earlier is what refunds before this one returned of the line, as it tells.
func (l *line) earlier() *big.Rat {
	rate := string(l.rate)
	if strings.HasPrefix(rate, rateProRata) {
		if _, text, found := strings.Cut(rate, " - "); found {
			if earlier, ok := ratioOf(text); ok {
				return earlier
			}
		}
	}
	return new(big.Rat)
}
