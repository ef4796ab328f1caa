package verify

import (
	"math/big"
	"strings"
)

// line is one line of an explanation. What it says as text is valid as long as the
// event.
type line struct {
	rule, to, bound string
	rounding        string // mode and unit, as "half_up 0.01"
	rate, exact     []byte
	base, amount    figure
}

// Rates of lines that are not computed from a base: what takes what is left, and
// what a refund returns of a line of its original.
const (
	rateRest    = "rest"
	rateKept    = "kept"
	rateOnFull  = "on_full"
	rateProRata = "pro_rata "
)

func (l *line) rest() bool { return string(l.rate) == rateRest }

func (f *fold) decodeLine(n *entry) error {
	var l line
	var amount []byte
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "rule":
			l.rule, err = f.word()
		case "to":
			l.to, err = f.word()
		case "rate":
			l.rate, err = s.str()
		case "base":
			l.base, _, err = s.decimal()
		case "bound":
			l.bound, err = f.word()
		case "rounding":
			l.rounding, err = f.word()
		case "exact":
			l.exact, err = s.str()
		case "amount":
			amount, err = s.str()
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if amount == nil {
		amount = l.exact // one that reads the same is not written twice
	}
	var ok bool
	if l.amount, _, ok = parseFigure(amount); !ok {
		return s.fail("no amount in the line of rule " + l.rule)
	}
	n.lines = append(n.lines, l)
	return nil
}

// checkLines makes sure that every amount of the explanation follows from what it
// says: the exact result, what bounds it, and how it was rounded.
func (f *fold) checkLines(e *event, sc *scene) error {
	n := &e.entry
	for i := 0; i < len(n.lines); i++ {
		l := &n.lines[i]
		ok, why := false, string(l.exact)
		switch parts := n.splitFrom(i); {
		case parts > 0:
			ok, why = n.divided(i, parts), "parts that are whole units of "+l.base.String()+" and sum to it"
			i += parts - 1
		case sc.as && l.returns():
			ok, why = sc.returned(l), "what "+string(l.rate)+" returns of "+l.base.String()
		case l.bound == "":
			ok = f.follows(l, sc)
		default:
			bound, err := sc.boundOf(l, i)
			if err != nil {
				return e.differs(checkExplained, "the "+l.bound+" of line "+l.rule+" to be worked out", err.Error())
			}
			if ok, err = sc.bounded(l, bound, i); err != nil {
				return e.differs(checkExplained, "the bounds of line "+l.rule+" to be worked out", err.Error())
			}
			why = "the " + l.bound + " instead of " + why
		}
		if !ok {
			if l.rounding != "" {
				why += " rounded " + l.rounding
			}
			return e.differs(checkExplained, "line "+l.rule+" to come to "+why, l.amount.String())
		}
		f.checked.explained++
	}
	return nil
}

// follows reports whether the amount of a line without bound is its exact result,
// rounded.
func (f *fold) follows(l *line, sc *scene) bool {
	if exact, _, ok := parseFigure(l.exact); ok {
		if amount, ok := f.roundFigure(exact, l.rounding); ok {
			return amount.absolute() == l.amount
		}
	}
	exact, ok := sc.exactOf(l)
	return ok && l.comesTo(exact)
}

// bounded reports whether the amount of line i is its bound, rounded, and whether its
// exact result lies beyond that. A maximum also bounds what a minimum has raised.
func (sc *scene) bounded(l *line, bound *big.Rat, i int) (bool, error) {
	exact, ok := sc.exactOf(l)
	if !ok || bound == nil {
		return false, nil
	}
	beyond := bound.Cmp(exact)
	if strings.HasPrefix(l.bound, boundMaximum) {
		least, err := sc.least(l, i)
		if err != nil {
			return false, err
		}
		if least != nil && least.Cmp(exact) > 0 {
			exact = least
		}
		beyond = exact.Cmp(bound)
	}
	return beyond > 0 && l.comesTo(bound), nil
}

// exactOf is the exact result of a line; a charge for refunding stands with the
// other sign.
func (sc *scene) exactOf(l *line) (*big.Rat, bool) {
	exact, ok := ratioOf(string(l.exact))
	if ok && sc.p != nil && sc.p.onRefund[l.rule] {
		exact.Neg(exact)
	}
	return exact, ok
}

// comesTo reports whether the amount is this value, rounded. Where rules take more
// than there is, the rest is negative, and its amount stands on the other side.
func (l *line) comesTo(exact *big.Rat) bool {
	amount, ok := l.rounded(exact)
	return ok && amount.Abs(amount).Cmp(l.amount.ratio()) == 0
}

// rounding is what a line's text says of how it was rounded.
type rounding struct {
	mode string
	unit figure
}

// roundFigure rounds as a line says, within a machine word; ok is false where that
// does not do.
func (f *fold) roundFigure(exact figure, how string) (figure, bool) {
	if how == "" {
		return exact, true
	}
	r, known := f.roundings[how]
	if !known {
		mode, unit, _ := strings.Cut(how, " ")
		r.mode = mode
		r.unit, _, _ = parseFigure([]byte(unit))
		f.roundings[how] = r
	}
	if exact.high != 0 || r.unit.high != 0 || r.unit.low == 0 {
		return figure{}, false
	}
	whole, rest := exact.low/r.unit.low, exact.low%r.unit.low
	if rest > 0 {
		half := 0
		switch other := r.unit.low - rest; {
		case rest < other:
			half = -1
		case rest > other:
			half = 1
		}
		away, ok := awayFromZero(r.mode, false, whole%2 == 1, half)
		if !ok {
			return figure{}, false
		}
		if away {
			whole++
		}
	}
	if whole > (1<<63)/r.unit.low {
		return figure{}, false
	}
	return figure{0, whole * r.unit.low}, true
}
