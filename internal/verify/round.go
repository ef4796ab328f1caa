package verify

import (
	"math/big"
	"strings"
)

// toWhole rounds a fraction to a whole number; ok is false for an unknown mode.
func toWhole(exact *big.Rat, mode string) (whole *big.Int, ok bool) {
	numerator := new(big.Int).Abs(exact.Num())
	whole, rest := new(big.Int).QuoRem(numerator, exact.Denom(), new(big.Int))
	half := rest.Lsh(rest, 1).Cmp(exact.Denom())
	away := false
	if rest.Sign() == 0 {
		if _, ok = awayFromZero(mode, false, false, 0); !ok {
			return nil, false
		}
	} else if away, ok = awayFromZero(mode, exact.Sign() < 0, whole.Bit(0) == 1, half); !ok {
		return nil, false
	}
	if away {
		whole.Add(whole, big.NewInt(1))
	}
	if exact.Sign() < 0 {
		whole.Neg(whole)
	}
	return whole, true
}

// awayFromZero says whether what lies between two whole numbers goes to the one
// farther from zero. half compares what is left over with a half; odd says that the
// nearer to zero is odd.
func awayFromZero(mode string, negative, odd bool, half int) (away, ok bool) {
	switch mode {
	case "half_up":
		return half >= 0, true
	case "half_even":
		return half > 0 || half == 0 && odd, true
	case "half_down":
		return half > 0, true
	case "up":
		return true, true
	case "down":
		return false, true
	case "ceiling":
		return !negative, true
	case "floor":
		return negative, true
	}
	return false, false
}

// ratioOf reads an exact value as an explanation writes it: a decimal, or a
// fraction of two whole numbers.
func ratioOf(text string) (*big.Rat, bool) {
	for i := range len(text) {
		if c := text[i]; !isDigit(c) && c != '.' && c != '/' && (c != '-' || i > 0) {
			return nil, false
		}
	}
	if strings.Contains(text, "/") && strings.Contains(text, ".") || strings.HasSuffix(text, ".") {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// ratio is the figure as a fraction.
func (f figure) ratio() *big.Rat {
	n := new(big.Int).SetInt64(f.high)
	n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(f.low))
	return new(big.Rat).SetFrac(n, new(big.Int).SetUint64(powersOfTen[places]))
}

// rounded rounds an exact value as a line says that it did: by a mode and a unit,
// as "half_up 0.01", or not at all where it says nothing.
func (l *line) rounded(exact *big.Rat) (*big.Rat, bool) {
	if l.rounding == "" {
		return exact, true
	}
	mode, text, _ := strings.Cut(l.rounding, " ")
	unit, _, ok := parseFigure([]byte(text))
	if !ok || unit.sign() <= 0 {
		return nil, false
	}
	multiples, ok := toWhole(new(big.Rat).Quo(exact, unit.ratio()), mode)
	if !ok {
		return nil, false
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(multiples), unit.ratio()), true
}
