package formula

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// longestNumber bounds what ParseNumber reads: a numerator and a denominator of
// maxBits fit.
const longestNumber = 320

// ParseNumber reads what String writes: a decimal as money.Parse reads it but of
// any size, or a fraction of whole numbers, as "100000/11". The error is
// CodeInvalid.
func ParseNumber(s string) (Number, error) {
	if a, ok := money.ParseText(s); ok {
		return FromAmount(a), nil
	}
	if len(s) <= longestNumber {
		above, below, fraction := strings.Cut(s, "/")
		if plain(above, !fraction) && (!fraction || plain(below, false) && below[0] != '-') {
			if r, ok := new(big.Rat).SetString(s); ok {
				return fromRat(r), nil
			}
		}
	}
	return Number{}, &domain.Error{
		Code: domain.CodeInvalid, Field: "number", Value: s, Message: "not a number",
		Remedy: "write digits with an optional leading minus and one decimal point, as -1234.50, or a fraction, as 100000/11",
	}
}

// plain reports whether s is digits with an optional leading minus and, where
// allowed, one decimal point between digits.
func plain(s string, point bool) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '-' && i == 0:
		case c == '.' && point && digits > 0 && i+1 < len(s):
			point = false
		default:
			return false
		}
	}
	return digits > 0
}

// String is the exact value: a decimal without needless zeros where there is a
// finite one, as "3.2", and a fraction in lowest terms otherwise, as "100000/11".
func (n Number) String() string {
	var b [48]byte
	return string(n.Append(b[:0]))
}

// Append appends what String gives to b.
func (n Number) Append(b []byte) []byte {
	if a, ok := n.Amount(); ok {
		return a.Shorten().Append(b)
	}
	if n.wide == nil {
		if above, below, ok := n.fraction(); ok {
			return strconv.AppendInt(append(strconv.AppendInt(b, above, 10), '/'), below, 10)
		}
	}
	r := n.rat()
	if digits, finite := r.FloatPrec(); finite {
		return append(b, r.FloatString(digits)...)
	}
	return append(b, r.RatString()...)
}

// fraction is the number in lowest terms.
func (n Number) fraction() (above, below int64, ok bool) {
	below, ok = times(max(n.divisor, 1), powers[n.scale])
	if !ok {
		return 0, 0, false
	}
	above, below = lowest(n.units, below)
	return above, below, true
}

// MarshalText writes what String gives.
func (n Number) MarshalText() ([]byte, error) { return n.Append(nil), nil }

// UnmarshalText reads what ParseNumber reads.
func (n *Number) UnmarshalText(b []byte) error {
	v, err := ParseNumber(string(b))
	if err == nil {
		*n = v
	}
	return err
}
