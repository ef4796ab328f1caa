package formula

import (
	"math"
	"math/bits"

	"github.com/jeongsan/jeongsan/domain/money"
)

// The arithmetic in machine words. Not ok means that an intermediate result does
// not fit, not that the result would not.

var powers = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

func (n Number) add(o Number) (Number, bool) {
	if n.wide != nil || o.wide != nil {
		return Number{}, false
	}
	scale := max(n.scale, o.scale)
	a, okA := times(n.units, powers[scale-n.scale])
	b, okB := times(o.units, powers[scale-o.scale])
	if !okA || !okB {
		return Number{}, false
	}
	if n.divisor == o.divisor {
		sum, ok := plus(a, b)
		if !ok || n.divisor == 0 {
			return Number{units: sum, scale: scale}, ok
		}
		return ratio(sum, n.divisor, int(scale))
	}
	p, q := max(n.divisor, 1), max(o.divisor, 1)
	a, okA = times(a, q)
	b, okB = times(b, p)
	below, okBelow := times(p, q)
	sum, okSum := plus(a, b)
	if !okA || !okB || !okBelow || !okSum {
		return Number{}, false
	}
	return ratio(sum, below, int(scale))
}

func (n Number) mul(o Number) (Number, bool) {
	if n.wide != nil || o.wide != nil {
		return Number{}, false
	}
	scale := int(n.scale) + int(o.scale)
	if n.divisor == 0 && o.divisor == 0 {
		units, ok := times(n.units, o.units)
		if !ok {
			return Number{}, false
		}
		for ; scale > money.MaxScale; scale-- {
			if units%10 != 0 {
				return Number{}, false
			}
			units /= 10
		}
		return Number{units: units, scale: uint8(scale)}, true
	}
	// Across, so that the products stay small.
	a, q := lowest(n.units, max(o.divisor, 1))
	b, p := lowest(o.units, max(n.divisor, 1))
	above, okAbove := times(a, b)
	below, okBelow := times(p, q)
	if !okAbove || !okBelow {
		return Number{}, false
	}
	return ratio(above, below, scale)
}

// quo divides by a number other than 0.
func (n Number) quo(o Number) (Number, bool) {
	if n.wide != nil || o.wide != nil {
		return Number{}, false
	}
	if o.units < 0 {
		n.units, o.units = -n.units, -o.units
	}
	a, b := lowest(n.units, o.units)
	p, q := lowest(max(o.divisor, 1), max(n.divisor, 1))
	above, okAbove := times(a, p)
	below, okBelow := times(b, q)
	if !okAbove || !okBelow {
		return Number{}, false
	}
	return ratio(above, below, int(n.scale)-int(o.scale))
}

// ratio is above / (below × 10^scale) in its proper form; below is positive.
func ratio(above, below int64, scale int) (Number, bool) {
	if above == 0 {
		return Number{}, true
	}
	above, below = lowest(above, below)
	ok := true
	for ok && below%10 == 0 {
		below /= 10
		scale++
	}
	for ok && below%5 == 0 {
		below /= 5
		above, ok = times(above, 2)
		scale++
	}
	for ok && below%2 == 0 {
		below /= 2
		above, ok = times(above, 5)
		scale++
	}
	for ; scale > money.MaxScale && above%10 == 0; scale-- {
		above /= 10
	}
	if scale < 0 && ok {
		if -scale >= len(powers) {
			return Number{}, false
		}
		above, ok = times(above, powers[-scale])
		scale = 0
	}
	if !ok || scale > money.MaxScale {
		return Number{}, false
	}
	if below == 1 {
		below = 0
	}
	return Number{units: above, divisor: below, scale: uint8(scale)}, true
}

// lowest divides both by what they share; b is positive.
func lowest(a, b int64) (int64, int64) {
	if b == 1 {
		return a, b
	}
	x, y := magnitude(a), uint64(b)
	for y != 0 {
		x, y = y, x%y
	}
	return a / int64(x), b / int64(x)
}

func times(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func plus(a, b int64) (int64, bool) {
	sum := a + b
	if (b > 0 && sum < a) || (b < 0 && sum > a) || sum == math.MinInt64 {
		return 0, false
	}
	return sum, true
}

// magnitude takes any integer of a Number; math.MinInt64 is none.
func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}
