package formula

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/money"
)

// Round rounds to a multiple of unit, which must be positive. The result has the
// scale of the unit. The error is CodeOutOfRange where the result does not fit an
// amount, CodeInvalid where the unit is not positive.
func (n Number) Round(mode money.Mode, unit money.Amount) (money.Amount, error) {
	if a, ok := n.Amount(); ok || unit.Sign() <= 0 {
		return a.Round(mode, unit)
	}
	if rounded, ok := n.round(mode, unit); ok {
		return rounded, nil
	}
	// How many units, as a fraction of integers.
	count := new(big.Rat).Quo(n.rat(), FromAmount(unit).rat())
	quotient, rest := new(big.Int).QuoRem(new(big.Int).Abs(count.Num()), count.Denom(), new(big.Int))
	standIn := quotient.Mul(quotient, big.NewInt(quarters))
	standIn.Add(standIn, big.NewInt(quarter(rest.Sign() == 0, rest.Lsh(rest, 1).Cmp(count.Denom()))))
	if count.Sign() < 0 {
		standIn.Neg(standIn)
	}
	whole, err := money.Round(decimal.NewFromBigInt(standIn, -quarterDigits), mode, money.New(1, 0))
	if err != nil {
		return money.Zero, err
	}
	if rounded, ok := whole.Mul(unit); ok {
		return rounded, nil
	}
	return money.Round(whole.Decimal().Mul(unit.Decimal()), mode, unit)
}

// How a fraction is rounded by the modes of package money, which take decimals: a
// decimal with the same whole part stands in for it, on the same side of the half.
const (
	quarters      = 100
	quarterDigits = 2
)

// quarter is the part of the stand-in below its point, in hundredths. half
// compares what is beyond the whole part with a half: -1, 0, 1.
func quarter(none bool, half int) int64 {
	if none {
		return 0
	}
	return 50 + 25*int64(half)
}

// round is Round in machine words.
func (n Number) round(mode money.Mode, unit money.Amount) (money.Amount, bool) {
	if n.wide != nil {
		return money.Zero, false
	}
	below, ok := times(n.divisor, unit.Units())
	hi, lo := uint64(0), magnitude(n.units)
	switch d := int(n.scale) - int(unit.Scale()); {
	case !ok:
		return money.Zero, false
	case d > 0:
		if below, ok = times(below, powers[d]); !ok {
			return money.Zero, false
		}
	case d < 0:
		hi, lo = bits.Mul64(lo, uint64(powers[-d]))
	}
	if hi >= uint64(below) {
		return money.Zero, false
	}
	quotient, rest := bits.Div64(hi, lo, uint64(below))
	if quotient >= math.MaxInt64/quarters {
		return money.Zero, false
	}
	half := 0
	switch twice := rest * 2; { // rest < below <= MaxInt64
	case twice < uint64(below):
		half = -1
	case twice > uint64(below):
		half = 1
	}
	standIn := int64(quotient)*quarters + quarter(rest == 0, half)
	if n.units < 0 {
		standIn = -standIn
	}
	whole, err := money.New(standIn, quarterDigits).Round(mode, money.New(1, 0))
	if err != nil {
		return money.Zero, false
	}
	return whole.Mul(unit)
}
