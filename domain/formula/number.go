package formula

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Number is an exact rational number. The zero Number is 0. It is a value: no
// operation changes an operand, and it may be copied and shared. Equal numbers may
// be held differently: compare with Cmp, not with ==.
//
// What fits is held in machine words as units / (divisor × 10^scale), where the
// divisor shares no factor with 10 or the units: a decimal has none, and a
// fraction such as 100000/11 still needs no allocation. Everything else is a
// big.Rat that is never changed after it was made.
type Number struct {
	units   int64 // never math.MinInt64
	divisor int64 // 0 stands for 1
	wide    *big.Rat
	scale   uint8 // at most money.MaxScale
}

// FromAmount is the number that an amount holds.
func FromAmount(a money.Amount) Number { return Number{units: a.Units(), scale: a.Scale()} }

// FromInt is a whole number.
func FromInt(n int64) Number {
	if n == math.MinInt64 {
		return fromRat(new(big.Rat).SetInt64(n))
	}
	return Number{units: n}
}

// FromRat is the number that r holds. It keeps nothing of r.
func FromRat(r *big.Rat) Number { return fromRat(new(big.Rat).Set(r)) }

// fromRat takes r over.
func fromRat(r *big.Rat) Number {
	if r.Num().IsInt64() && r.Denom().IsInt64() && r.Num().Int64() != math.MinInt64 {
		if n, ok := ratio(r.Num().Int64(), r.Denom().Int64(), 0); ok {
			return n
		}
	}
	return Number{wide: r}
}

// Rat returns a copy of the number as a big.Rat.
func (n Number) Rat() *big.Rat { return new(big.Rat).Set(n.rat()) }

// rat is Rat to read from only.
func (n Number) rat() *big.Rat {
	if n.wide != nil {
		return n.wide
	}
	below := big.NewInt(powers[n.scale])
	return new(big.Rat).SetFrac(big.NewInt(n.units), below.Mul(below, big.NewInt(max(n.divisor, 1))))
}

// Amount returns the number as an amount; not ok where it has no finite decimal
// of at most money.MaxScale digits in 64 bits.
func (n Number) Amount() (a money.Amount, ok bool) {
	if n.wide != nil || n.divisor != 0 {
		return money.Zero, false
	}
	return money.New(n.units, n.scale), true
}

// Sign is -1, 0 or 1.
func (n Number) Sign() int {
	switch {
	case n.wide != nil:
		return n.wide.Sign()
	case n.units < 0:
		return -1
	case n.units > 0:
		return 1
	}
	return 0
}

// IsZero reports whether the number is 0.
func (n Number) IsZero() bool { return n.units == 0 && n.wide == nil }

// IsInt reports whether the number is whole.
func (n Number) IsInt() bool {
	if n.wide != nil {
		return n.wide.IsInt()
	}
	return n.divisor == 0 && n.units%powers[n.scale] == 0
}

// Neg returns -n.
func (n Number) Neg() Number {
	if n.wide != nil {
		return fromRat(new(big.Rat).Neg(n.wide))
	}
	n.units = -n.units
	return n
}

// Abs returns n without its sign.
func (n Number) Abs() Number {
	if n.Sign() < 0 {
		return n.Neg()
	}
	return n
}

// Add returns n + o.
func (n Number) Add(o Number) Number {
	if sum, ok := n.add(o); ok {
		return sum
	}
	return fromRat(new(big.Rat).Add(n.rat(), o.rat()))
}

// Sub returns n - o.
func (n Number) Sub(o Number) Number {
	if o.wide == nil {
		o.units = -o.units
		return n.Add(o)
	}
	return fromRat(new(big.Rat).Sub(n.rat(), o.wide))
}

// Mul returns n × o.
func (n Number) Mul(o Number) Number {
	if product, ok := n.mul(o); ok {
		return product
	}
	return fromRat(new(big.Rat).Mul(n.rat(), o.rat()))
}

// Quo returns n / o exactly. The error is CodeInvalid where o is 0.
func (n Number) Quo(o Number) (Number, error) {
	if o.IsZero() {
		return Number{}, &domain.Error{Code: domain.CodeInvalid, Field: "divisor", Value: "0", Message: "division by zero", Remedy: "divide only where the divisor is not 0, as if(n == 0, 0, x / n)"}
	}
	if quotient, ok := n.quo(o); ok {
		return quotient, nil
	}
	return fromRat(new(big.Rat).Quo(n.rat(), o.rat())), nil
}

// Cmp compares by value: -1 where n < o, 0 where they are equal, 1 where n > o.
func (n Number) Cmp(o Number) int {
	if n.wide == nil && o.wide == nil && n.divisor == o.divisor && n.scale == o.scale {
		switch {
		case n.units < o.units:
			return -1
		case n.units > o.units:
			return 1
		}
		return 0
	}
	if a, b := n.Sign(), o.Sign(); a != b {
		if a < b {
			return -1
		}
		return 1
	}
	return n.Sub(o).Sign()
}

// Min returns the smaller of two numbers, the first where they are equal.
func Min(a, b Number) Number {
	if b.Cmp(a) < 0 {
		return b
	}
	return a
}

// Max returns the larger of two numbers, the first where they are equal.
func Max(a, b Number) Number {
	if b.Cmp(a) > 0 {
		return b
	}
	return a
}

// bitLen is the size of what holds the number: 64 for machine words, otherwise
// that of the longer of numerator and denominator.
func (n Number) bitLen() int {
	if n.wide == nil {
		return bits.UintSize
	}
	return max(n.wide.Num().BitLen(), n.wide.Denom().BitLen())
}
