package money

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
)

// ExtraDigits is how many decimals beyond the currency's minor unit an amount
// may carry. Provider files hold unit prices and line amounts that fine; a
// source must opt in before such an amount is settled.
const ExtraDigits = 4

// MaxScale is the largest number of decimals an Amount can carry.
const MaxScale = 18

// Amount is an exact decimal that fits in a machine word: Units × 10^-Scale,
// with |Units| ≤ 2^63-1 and Scale ≤ MaxScale, so that every amount can be
// negated. The zero Amount is zero. Amounts carry no currency: the account,
// transaction or rule they belong to names it. Arithmetic is exact and refuses to
// overflow. Equal values may differ in scale: compare with Cmp, not with ==.
type Amount struct {
	units int64
	scale uint8
}

// Zero is the amount of nothing.
var Zero Amount

// New returns units × 10^-scale; New(1250, 2) is 12.50. It is for values that are
// known to fit: it panics where the scale exceeds MaxScale or units is the one
// integer that cannot be negated. Input goes through Parse or FromDecimal.
func New(units int64, scale uint8) Amount {
	if scale > MaxScale || units == math.MinInt64 {
		panic("money.New: " + strconv.FormatInt(units, 10) + " with " + strconv.Itoa(int(scale)) + " decimals is not an amount")
	}
	return Amount{units: units, scale: scale}
}

// Units is the value without its point: the value is Units × 10^-Scale.
func (a Amount) Units() int64 { return a.units }

// Scale is the number of decimals.
func (a Amount) Scale() uint8 { return a.scale }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int {
	switch {
	case a.units < 0:
		return -1
	case a.units > 0:
		return 1
	}
	return 0
}

// IsZero reports whether the amount is nothing.
func (a Amount) IsZero() bool { return a.units == 0 }

// Neg returns the amount with the other sign.
func (a Amount) Neg() Amount { return Amount{-a.units, a.scale} }

// Abs returns the amount without its sign.
func (a Amount) Abs() Amount {
	if a.units < 0 {
		return a.Neg()
	}
	return a
}

var powers = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// rescale raises the scale without changing the value.
func (a Amount) rescale(scale uint8) (Amount, bool) {
	if scale <= a.scale {
		return a, true
	}
	d := int(scale - a.scale)
	if d >= len(powers) {
		return a, a.units == 0
	}
	hi, lo := bits.Mul64(abs64(a.units), uint64(powers[d]))
	if hi != 0 || lo > math.MaxInt64 {
		return a, false
	}
	u := int64(lo)
	if a.units < 0 {
		u = -u
	}
	return Amount{u, scale}, true
}

// Shorten drops trailing zero decimals without changing the value.
func (a Amount) Shorten() Amount {
	for a.scale > 0 && a.units%10 == 0 {
		a.units /= 10
		a.scale--
	}
	return a
}

func abs64(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}

// Add returns a+b, or CodeOutOfRange where the exact sum does not fit.
func (a Amount) Add(b Amount) (Amount, error) {
	if sum, ok := add(a, b); ok {
		return sum, nil
	}
	if sum, ok := add(a.Shorten(), b.Shorten()); ok {
		return sum, nil
	}
	return Zero, &domain.Error{
		Code: domain.CodeOutOfRange, Field: "amount", Value: b.String(),
		Message: "the exact sum with " + a.String() + " does not fit in 64 bits",
		Remedy:  "split the account or the transaction",
	}
}

// Sub returns a-b, or CodeOutOfRange where the exact difference does not fit.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

// Mul returns a×b exactly; not ok where the product or its decimals do not fit.
func (a Amount) Mul(b Amount) (product Amount, ok bool) {
	scale := a.scale + b.scale
	hi, lo := bits.Mul64(abs64(a.units), abs64(b.units))
	if hi != 0 || lo > math.MaxInt64 || scale > MaxScale {
		return Zero, false
	}
	units := int64(lo)
	if (a.units < 0) != (b.units < 0) {
		units = -units
	}
	return Amount{units, scale}, true
}

// Shift returns a × 10^-decimals exactly; not ok where it needs too many decimals.
func (a Amount) Shift(decimals uint8) (shifted Amount, ok bool) {
	if decimals > MaxScale || a.scale+decimals > MaxScale {
		return Zero, false
	}
	return Amount{a.units, a.scale + decimals}, true
}

func add(a, b Amount) (Amount, bool) {
	scale := max(a.scale, b.scale)
	a, okA := a.rescale(scale)
	b, okB := b.rescale(scale)
	if !okA || !okB {
		return Zero, false
	}
	sum := a.units + b.units
	if (b.units > 0 && sum < a.units) || (b.units < 0 && sum > a.units) || sum == math.MinInt64 {
		return Zero, false
	}
	return Amount{sum, scale}, true
}

// Cmp compares by value: 12.5 equals 12.50.
func (a Amount) Cmp(b Amount) int {
	if a.scale == b.scale {
		switch {
		case a.units < b.units:
			return -1
		case a.units > b.units:
			return 1
		}
		return 0
	}
	scale := max(a.scale, b.scale)
	x, okX := a.rescale(scale)
	y, okY := b.rescale(scale)
	if okX && okY {
		return x.Cmp(y)
	}
	return a.Decimal().Cmp(b.Decimal())
}

// Decimal returns the amount as an arbitrary-precision decimal, for rating.
func (a Amount) Decimal() decimal.Decimal { return decimal.New(a.units, -int32(a.scale)) }

// FromDecimal converts an exact decimal, or refuses one that does not fit with
// CodeOutOfRange. Trailing zero decimals are kept where they fit.
func FromDecimal(d decimal.Decimal) (Amount, error) {
	coefficient, exponent := d.Coefficient(), int64(d.Exponent())
	if coefficient.Sign() == 0 {
		return Amount{0, uint8(min(max(-exponent, 0), MaxScale))}, nil
	}
	if exponent > MaxScale || exponent < -maxShift {
		return Zero, rangeError("10^" + strconv.FormatInt(exponent, 10))
	}
	if exponent > 0 {
		coefficient.Mul(coefficient, pow10(exponent))
		exponent = 0
	}
	for ten := big.NewInt(10); !fits(coefficient) || exponent < -MaxScale; exponent++ {
		quotient, rest := new(big.Int).QuoRem(coefficient, ten, new(big.Int))
		if exponent == 0 || rest.Sign() != 0 {
			return Zero, rangeError(d.String())
		}
		coefficient = quotient
	}
	return Amount{coefficient.Int64(), uint8(-exponent)}, nil
}

func fits(n *big.Int) bool { return n.IsInt64() && n.Int64() != math.MinInt64 }

// String renders the exact value with the decimals it carries, e.g. "-12.50".
func (a Amount) String() string { return string(a.Append(nil)) }

// Append appends the exact value to b.
func (a Amount) Append(b []byte) []byte {
	u := abs64(a.units)
	if a.units < 0 {
		b = append(b, '-')
	}
	if a.scale == 0 {
		return strconv.AppendUint(b, u, 10)
	}
	var digits [20]byte
	d := strconv.AppendUint(digits[:0], u, 10)
	whole := len(d) - int(a.scale)
	if whole <= 0 {
		b = append(b, '0', '.')
		for ; whole < 0; whole++ {
			b = append(b, '0')
		}
		return append(b, d...)
	}
	b = append(b, d[:whole]...)
	b = append(b, '.')
	return append(b, d[whole:]...)
}

// Digits counts the decimals that the value needs: 1 for 12.50, 0 for 12.00.
func (a Amount) Digits() uint8 { return a.Shorten().scale }

// In returns the same value with the minor digits of the currency and without
// needless further zeros: as Format writes it. Equal values of one currency give
// equal Amounts, but for those too large to carry the minor digits.
func (a Amount) In(c Currency) Amount {
	e := c.Exponent()
	if a.scale == e {
		return a
	}
	for a.scale > e && a.units%10 == 0 {
		a.units /= 10
		a.scale--
	}
	if r, ok := a.rescale(e); ok {
		return r
	}
	return a
}

// Format renders the value with at least the minor digits of the currency and
// without needless further zeros: "12.50" GBP, "1200" KRW, "0.001" GBP.
func (a Amount) Format(c Currency) string { return a.In(c).String() }

// Parse reads a decimal string: digits with an optional leading minus and one
// decimal point with digits on both sides; no plus, exponent, space or separator;
// at most 18 decimals. The error is CodeInvalid. Decimals are kept as written.
func Parse(s string) (Amount, error) {
	a, ok := parse(s)
	if !ok {
		return Zero, &domain.Error{
			Code: domain.CodeInvalid, Field: "amount", Value: s, Message: "not a decimal amount that fits in 64 bits",
			Remedy: "write digits with an optional leading minus and one decimal point, as -1234.50",
		}
	}
	return a, nil
}

// ParseText is Parse for callers that say themselves what is wrong. It allocates
// nothing.
func ParseText[T string | []byte](s T) (a Amount, ok bool) { return parse(s) }

func parse[T string | []byte](s T) (Amount, bool) {
	at := 0
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		at = 1
	}
	var units uint64
	var scale, seen int
	point := false
	for i := at; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' && !point && seen > 0 && i+1 < len(s):
			point = true
		case c >= '0' && c <= '9':
			if units > (math.MaxInt64-uint64(c-'0'))/10 {
				return Zero, false
			}
			units = units*10 + uint64(c-'0')
			seen++
			if point {
				scale++
			}
		default:
			return Zero, false
		}
	}
	if seen == 0 || scale > MaxScale {
		return Zero, false
	}
	a := Amount{int64(units), uint8(scale)}
	if negative {
		a = a.Neg()
	}
	return a, true
}

// MarshalText writes the decimal string.
func (a Amount) MarshalText() ([]byte, error) { return a.Append(nil), nil }

// UnmarshalText reads the decimal string.
func (a *Amount) UnmarshalText(b []byte) error {
	v, ok := parse(b)
	if !ok {
		_, err := Parse(string(b))
		return err
	}
	*a = v
	return nil
}
