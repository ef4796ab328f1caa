package verify

import (
	"math/big"
	"math/bits"
)

// places is the fixed number of decimals of every figure here: four of the
// currency with the finest minor unit and four more, the finest that a
// settlement may carry.
const places = 8

// figure is an exact decimal: a 128-bit two's complement integer of 10^-places.
// The zero figure is zero.
type figure struct {
	high int64
	low  uint64
}

var powersOfTen = [places + 1]uint64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// parseFigure reads an optional minus, digits, and optionally a point with
// digits. It also returns how many decimals were written. It refuses anything
// else, more decimals than places that are not zero, and what does not fit.
func parseFigure(s []byte) (f figure, decimals int, ok bool) {
	digits := s
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	point := -1
	for i, c := range digits {
		switch {
		case c == '.' && point < 0 && i > 0 && i+1 < len(digits):
			point = i
		case c < '0' || c > '9':
			return figure{}, 0, false
		}
	}
	if len(digits) == 0 {
		return figure{}, 0, false
	}
	whole, fraction := digits, []byte(nil)
	if point >= 0 {
		whole, fraction = digits[:point], digits[point+1:]
	}
	decimals = len(fraction)
	for len(fraction) > places && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if len(fraction) > places {
		return figure{}, 0, false
	}
	if len(whole)+len(fraction) <= 19 {
		f = scaled(appendDigits(appendDigits(0, whole), fraction), places-len(fraction))
	} else if f, ok = parseLong(whole, fraction); !ok {
		return figure{}, 0, false
	}
	if negative {
		f = f.negated()
	}
	return f, decimals, true
}

func appendDigits(n uint64, digits []byte) uint64 {
	for _, c := range digits {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// scaled returns units × 10^power in units of 10^-places; it cannot overflow,
// as 10^19 × 10^8 is less than 2^127.
func scaled(units uint64, power int) figure {
	high, low := bits.Mul64(units, powersOfTen[power])
	return figure{int64(high), low}
}

func parseLong(whole, fraction []byte) (figure, bool) {
	text := append(append([]byte{}, whole...), fraction...)
	n, ok := new(big.Int).SetString(string(text), 10)
	if !ok {
		return figure{}, false
	}
	n.Mul(n, new(big.Int).SetUint64(powersOfTen[places-len(fraction)]))
	if n.BitLen() > 127 {
		return figure{}, false
	}
	var b [16]byte
	n.FillBytes(b[:])
	var f figure
	for i := range 8 {
		f.high = f.high<<8 | int64(b[i])
		f.low = f.low<<8 | uint64(b[8+i])
	}
	return f, true
}

// plus returns f+g; ok is false where the sum does not fit.
func (f figure) plus(g figure) (sum figure, ok bool) {
	low, carry := bits.Add64(f.low, g.low, 0)
	high := f.high + g.high + int64(carry)
	sum = figure{high, low}
	return sum, (f.high < 0) != (g.high < 0) || (high < 0) == (f.high < 0)
}

func (f figure) negated() figure {
	low, borrow := bits.Sub64(0, f.low, 0)
	return figure{-f.high - int64(borrow), low}
}

func (f figure) absolute() figure {
	if f.high < 0 {
		return f.negated()
	}
	return f
}

// sign is -1, 0 or 1.
func (f figure) sign() int {
	switch {
	case f.high < 0:
		return -1
	case f.high == 0 && f.low == 0:
		return 0
	}
	return 1
}

// compare is -1, 0 or 1.
func (f figure) compare(g figure) int {
	switch {
	case f == g:
		return 0
	case f.high < g.high || (f.high == g.high && f.low < g.low):
		return -1
	}
	return 1
}

// String renders f without needless zeros.
func (f figure) String() string { return f.format(0) }

// format renders f with at least the given number of decimals.
func (f figure) format(decimals int) string {
	n := new(big.Int).SetInt64(f.high)
	n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(f.low))
	negative := n.Sign() < 0
	text := n.Abs(n).String()
	for len(text) <= places {
		text = "0" + text
	}
	whole, fraction := text[:len(text)-places], text[len(text)-places:]
	for len(fraction) > decimals && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if negative {
		whole = "-" + whole
	}
	return whole
}
