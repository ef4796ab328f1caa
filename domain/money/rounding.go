package money

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
)

// Mode says how a value that lies between two multiples of a unit is rounded.
type Mode uint8

// The rounding modes. All are symmetric about zero but Ceiling and Floor.
const (
	// HalfUp rounds to the nearer multiple, a tie away from zero.
	HalfUp Mode = iota
	// HalfEven rounds to the nearer multiple, a tie to the even one.
	HalfEven
	// HalfDown rounds to the nearer multiple, a tie toward zero.
	HalfDown
	// Up rounds away from zero.
	Up
	// Down rounds toward zero.
	Down
	// Ceiling rounds toward positive infinity.
	Ceiling
	// Floor rounds toward negative infinity.
	Floor
)

var modes = [...]string{"half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"}

// ParseMode reads the name of a mode; the error is CodeInvalid.
func ParseMode(s string) (Mode, error) {
	for m, name := range modes {
		if s == name {
			return Mode(m), nil
		}
	}
	return 0, &domain.Error{Code: domain.CodeInvalid, Field: "mode", Value: s, Message: "unknown rounding mode", Remedy: "use one of " + strings.Join(modes[:], ", ")}
}

// String is the name that ParseMode reads.
func (m Mode) String() string {
	if int(m) < len(modes) {
		return modes[m]
	}
	return "invalid"
}

// away reports whether a value strictly between two multiples goes to the one
// farther from zero. half compares what is left over with half a unit: -1, 0, 1.
// odd says that the multiple nearer to zero is odd.
func (m Mode) away(negative, odd bool, half int) bool {
	switch m {
	case HalfUp:
		return half >= 0
	case HalfEven:
		return half > 0 || half == 0 && odd
	case HalfDown:
		return half > 0
	case Up:
		return true
	case Ceiling:
		return !negative
	case Floor:
		return negative
	default: // Down
		return false
	}
}

// Round rounds an exact decimal to a multiple of unit, which must be positive.
// The result has the scale of the unit. The error is CodeOutOfRange where the
// result does not fit, CodeInvalid where the unit is not positive.
func Round(d decimal.Decimal, mode Mode, unit Amount) (Amount, error) {
	if unit.Sign() <= 0 {
		return Zero, unitError(unit)
	}
	// d / unit as a fraction of integers.
	numerator, denominator := new(big.Int).Set(d.Coefficient()), big.NewInt(unit.units)
	if shift := int64(d.Exponent()) + int64(unit.scale); shift >= 0 {
		if shift > 64 && numerator.Sign() != 0 {
			return Zero, rangeError("10^" + strconv.Itoa(int(d.Exponent())))
		}
		numerator.Mul(numerator, pow10(shift))
	} else {
		if -shift > maxShift {
			return Zero, rangeError("10^" + strconv.Itoa(int(d.Exponent())))
		}
		denominator.Mul(denominator, pow10(-shift))
	}
	negative := numerator.Sign() < 0
	numerator.Abs(numerator)
	quotient, rest := numerator.QuoRem(numerator, denominator, new(big.Int))
	if rest.Sign() != 0 && mode.away(negative, quotient.Bit(0) == 1, rest.Lsh(rest, 1).Cmp(denominator)) {
		quotient.Add(quotient, big.NewInt(1))
	}
	quotient.Mul(quotient, big.NewInt(unit.units))
	if negative {
		quotient.Neg(quotient)
	}
	if !quotient.IsInt64() || quotient.Int64() == math.MinInt64 {
		return Zero, rangeError(d.String())
	}
	return Amount{quotient.Int64(), unit.scale}, nil
}

// Round rounds the amount to a multiple of unit as the function Round does.
func (a Amount) Round(mode Mode, unit Amount) (Amount, error) {
	if unit.units <= 0 {
		return Zero, unitError(unit)
	}
	if r, ok := a.round(mode, unit); ok {
		return r, nil
	}
	return Round(a.Decimal(), mode, unit)
}

// round is Round in machine words; not ok means that an intermediate result does
// not fit, not that the result would not.
func (a Amount) round(mode Mode, unit Amount) (Amount, bool) {
	numerator, denominator := abs64(a.units), uint64(unit.units)
	switch d := int(a.scale) - int(unit.scale); {
	case d < 0:
		r, ok := a.rescale(unit.scale)
		if !ok {
			return Zero, false
		}
		numerator = abs64(r.units)
	case d > 0:
		hi, lo := bits.Mul64(denominator, uint64(powers[d]))
		if hi != 0 || lo > math.MaxInt64 {
			return Zero, false
		}
		denominator = lo
	}
	quotient, rest := numerator/denominator, numerator%denominator
	if rest != 0 {
		half := 0
		switch twice := rest * 2; { // rest < denominator <= MaxInt64
		case twice < denominator:
			half = -1
		case twice > denominator:
			half = 1
		}
		if mode.away(a.units < 0, quotient&1 == 1, half) {
			quotient++
		}
	}
	hi, lo := bits.Mul64(quotient, uint64(unit.units))
	if hi != 0 || lo > math.MaxInt64 {
		return Zero, false
	}
	units := int64(lo)
	if a.units < 0 {
		units = -units
	}
	return Amount{units, unit.scale}, true
}

// maxShift bounds the powers of ten that hostile exponents can ask for.
const maxShift = 4096

func pow10(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

func unitError(unit Amount) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: "unit", Value: unit.String(), Message: "the rounding unit is not greater than zero", Remedy: "give the smallest step, as 0.01"}
}

func rangeError(value string) error {
	return &domain.Error{Code: domain.CodeOutOfRange, Field: "amount", Value: value, Message: "the amount does not fit in 64 bits exactly", Remedy: "split it, or send fewer decimals"}
}
