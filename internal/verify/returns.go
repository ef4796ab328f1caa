package verify

import (
	"math/big"
	"strings"
)

// How the units that are left of a split are given: the first word of the rounding
// of its lines.
var remainders = []string{"largest", "first", "last"}

// splitFrom is how many lines from one on are the parts of a split, 0 where it is
// none.
func (n *entry) splitFrom(i int) (parts int) {
	l := &n.lines[i]
	mode, _, _ := strings.Cut(l.rounding, " ")
	at := strings.LastIndexByte(l.rule, '.')
	if at < 0 || mode != remainders[0] && mode != remainders[1] && mode != remainders[2] {
		return 0
	}
	for ; i+parts < len(n.lines); parts++ {
		if o := &n.lines[i+parts]; o.rounding != l.rounding || len(o.rule) <= at || o.rule[:at+1] != l.rule[:at+1] {
			break
		}
	}
	return parts
}

// divided reports whether the parts of a split are what they must be: each its
// exact part rounded toward zero, and the units that are left given as said.
func (n *entry) divided(from, parts int) bool {
	l := &n.lines[from]
	mode, text, _ := strings.Cut(l.rounding, " ")
	unit, _, ok := parseFigure([]byte(text))
	if !ok || unit.sign() <= 0 {
		return false
	}
	down := line{rounding: "down " + text}
	left := l.base.ratio()
	exact, whole := make([]*big.Rat, parts), make([]*big.Rat, parts)
	for i := range parts {
		part := &n.lines[from+i]
		if exact[i], ok = ratioOf(string(part.exact)); !ok || part.base != l.base {
			return false
		}
		whole[i], _ = down.rounded(exact[i].Abs(exact[i])) // the unit was read above
		left.Sub(left, whole[i])
	}
	for left.Sign() > 0 {
		at := -1
		for i := range parts {
			if exact[i].Sign() == 0 {
				continue // a part without weight gets none
			}
			switch {
			case at < 0, mode == "last":
				at = i
			case mode == "largest" && over(exact, whole, i).Cmp(over(exact, whole, at)) > 0:
				at = i
			}
		}
		if at < 0 {
			return false
		}
		whole[at].Add(whole[at], unit.ratio())
		left.Sub(left, unit.ratio())
	}
	for i := range parts {
		if left.Sign() != 0 || whole[i].Cmp(n.lines[from+i].amount.ratio()) != 0 {
			return false
		}
	}
	return true
}

// over is how much the exact part lies above what it has got.
func over(exact, whole []*big.Rat, i int) *big.Rat { return new(big.Rat).Sub(exact[i], whole[i]) }

// returns reports whether a line of a refund returns a part of a line of the
// original, where others are worked out anew.
func (l *line) returns() bool {
	rate := string(l.rate)
	return rate == rateKept || rate == rateOnFull || strings.HasPrefix(rate, rateProRata)
}

// returned reports whether a line returns what its policy says: nothing, all once
// nothing of the original is left, or its part of all that was given back so far,
// less what was returned before.
func (sc *scene) returned(l *line) bool {
	exact, ok := sc.exactOf(l)
	if !ok || exact.Abs(exact).Cmp(l.amount.ratio()) != 0 {
		return false
	}
	if sc.restated {
		return sc.returnedAsTold(l)
	}
	before, whole := sc.n.refunded, sc.original.amount.absolute()
	after, ok := before.plus(sc.n.amount.absolute())
	if !ok || whole.sign() == 0 {
		return false
	}
	base, want := l.base.ratio(), new(big.Rat)
	switch {
	case string(l.rate) == rateKept:
	case string(l.rate) == rateOnFull:
		// Of a refund: charged again as soon as the sale is not given back in full.
		if n := sc.n; !n.restores.present && after == whole || n.restores.present && before.sign() == 0 {
			want = base
		}
	default:
		part := func(given figure) (*big.Rat, bool) {
			share := new(big.Rat).Quo(given.ratio(), whole.ratio())
			return l.rounded(share.Mul(share, base))
		}
		now, ok := part(after)
		earlier, fine := part(before)
		if !ok || !fine {
			return false
		}
		want.Sub(now, earlier)
	}
	return want.Cmp(l.amount.ratio()) == 0
}

// returnedAsTold reports whether a line of a restated refund returns what it says
// itself: a re-rating looks at refunds in another order than the log.
func (sc *scene) returnedAsTold(l *line) bool {
	amount, base := l.amount.ratio(), l.base.ratio()
	switch rate := string(l.rate); rate {
	case rateKept:
		return amount.Sign() == 0
	case rateOnFull:
		return amount.Sign() == 0 || amount.Cmp(base) == 0
	default:
		given, _, _ := strings.Cut(strings.TrimPrefix(rate, rateProRata), " ")
		after, whole, _ := strings.Cut(given, "/")
		part, ok := ratioOf(after)
		of, fine := ratioOf(whole)
		if !ok || !fine || of.Sign() == 0 {
			return false
		}
		now, ok := l.rounded(part.Mul(part.Quo(part, of), base))
		return ok && now.Sub(now, l.earlier()).Cmp(amount) == 0
	}
}
