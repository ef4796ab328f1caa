package money

import (
	"math/big"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// Allocate splits total by weights into multiples of unit that sum to total
// exactly, by largest remainder: every part first gets its share rounded toward
// zero, and the units left over go to those that lost most, the earlier first
// among equals. The split of -total is the split of total with every sign
// changed.
//
// Weights must not be negative and at least one must be greater than zero; the
// total must be a multiple of the unit. The error is CodeInvalid.
func Allocate(total, unit Amount, weights ...Amount) ([]Amount, error) {
	if unit.Sign() <= 0 {
		return nil, unitError(unit)
	}
	scale := max(total.scale, unit.scale)
	totalUnits, unitUnits := at(total, scale), at(unit, scale)
	count, rest := new(big.Int).QuoRem(new(big.Int).Abs(totalUnits), unitUnits, new(big.Int))
	if rest.Sign() != 0 {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "total", Value: total.String(), Message: "the total is not a multiple of the unit " + unit.String(), Remedy: "round it first"}
	}
	shares, err := weigh(weights)
	if err != nil {
		return nil, err
	}

	whole := new(big.Int)
	for _, w := range shares {
		whole.Add(whole, w)
	}
	counts, lost := make([]*big.Int, len(shares)), make([]*big.Int, len(shares))
	left := new(big.Int).Set(count)
	order := make([]int, len(shares))
	for i, w := range shares {
		counts[i], lost[i] = new(big.Int).QuoRem(new(big.Int).Mul(count, w), whole, new(big.Int))
		left.Sub(left, counts[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return lost[b].Cmp(lost[a]) })
	for _, i := range order[:left.Int64()] { // fewer units are left than there are parts
		counts[i].Add(counts[i], big.NewInt(1))
	}

	parts := make([]Amount, len(shares))
	for i, n := range counts {
		part := n.Mul(n, big.NewInt(unit.units))
		if !part.IsInt64() {
			return nil, rangeError(total.String())
		}
		parts[i] = Amount{part.Int64(), unit.scale}
		if total.units < 0 {
			parts[i] = parts[i].Neg()
		}
	}
	return parts, nil
}

// weigh brings the weights to one scale.
func weigh(weights []Amount) ([]*big.Int, error) {
	var scale uint8
	positive := false
	for i, w := range weights {
		if w.units < 0 {
			return nil, &domain.Error{Code: domain.CodeInvalid, Field: "weights[" + strconv.Itoa(i) + "]", Value: w.String(), Message: "a weight is negative"}
		}
		positive = positive || w.units > 0
		scale = max(scale, w.scale)
	}
	if !positive {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "weights", Message: "no weight is greater than zero", Remedy: "give at least one part a positive weight"}
	}
	shares := make([]*big.Int, len(weights))
	for i, w := range weights {
		shares[i] = at(w, scale)
	}
	return shares, nil
}

// at gives the amount's units at a scale not below its own.
func at(a Amount, scale uint8) *big.Int {
	return new(big.Int).Mul(big.NewInt(a.units), pow10(int64(scale-a.scale)))
}
