package money_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestAllocate(t *testing.T) {
	table := `
		total    unit  weights      parts
		10       1     1,1,1        4,3,3
		-10      1     1,1,1        -4,-3,-3
		100      1     1,2,4        14,29,57
		0.05     0.01  3,7          0.02,0.03
		0.01     0.01  1,1          0.01,0.00
		100.00   0.01  33.3,66.7    33.30,66.70
		1000     10    1,1,1        340,330,330
		0        1     5,5          0,0
		7        1     0,1,0        0,7,0
		12.5     0.05  1,1,1        4.20,4.15,4.15
		1.000    0.01  1,1          0.50,0.50
	`
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
		cells := strings.Fields(line)
		parts, err := money.Allocate(parse(t, cells[0]), parse(t, cells[1]), list(t, cells[2])...)
		require.NoError(t, err, line)
		var got []string
		for _, part := range parts {
			got = append(got, part.String())
		}
		require.Equal(t, strings.Split(cells[3], ","), got, line)
	}
}

func TestAllocateRefuses(t *testing.T) {
	one := money.New(1, 0)
	for name, call := range map[string]func() ([]money.Amount, error){
		"no weights":      func() ([]money.Amount, error) { return money.Allocate(one, one) },
		"all weights 0":   func() ([]money.Amount, error) { return money.Allocate(one, one, money.Zero) },
		"negative weight": func() ([]money.Amount, error) { return money.Allocate(one, one, one, one.Neg()) },
		"unit of 0":       func() ([]money.Amount, error) { return money.Allocate(one, money.Zero, one) },
		"between units":   func() ([]money.Amount, error) { return money.Allocate(money.New(15, 1), one, one) },
	} {
		_, err := call()
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), name)
	}
}

// Nothing is lost, no part is a unit or more away from its exact share, and the
// split of the negative total is the mirror image.
func TestAllocateLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := money.New(rapid.Int64Range(1, 500).Draw(t, "unit"), rapid.Uint8Range(0, 4).Draw(t, "scale"))
		total, ok := unit.Mul(money.New(rapid.Int64Range(-math.MaxInt32, math.MaxInt32).Draw(t, "count"), 0))
		require.True(t, ok)
		weights := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) money.Amount {
			return money.New(rapid.Int64Range(0, 1_000_000).Draw(t, "weight"), rapid.Uint8Range(0, 3).Draw(t, "decimals"))
		}), 1, 12).Draw(t, "weights")
		parts, err := money.Allocate(total, unit, weights...)
		whole := new(big.Rat)
		for _, w := range weights {
			whole.Add(whole, rational(w))
		}
		if whole.Sign() == 0 {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		sum := new(big.Rat)
		for i, part := range parts {
			sum.Add(sum, rational(part))
			exact := new(big.Rat).Quo(new(big.Rat).Mul(rational(total), rational(weights[i])), whole)
			require.Negative(t, new(big.Rat).Abs(exact.Sub(exact, rational(part))).Cmp(rational(unit)))
		}
		require.Zero(t, sum.Cmp(rational(total)))
		mirrored, err := money.Allocate(total.Neg(), unit, weights...)
		require.NoError(t, err)
		for i := range parts {
			require.Equal(t, parts[i].Neg(), mirrored[i])
		}
	})
}

func list(t *testing.T, s string) []money.Amount {
	var out []money.Amount
	for field := range strings.SplitSeq(s, ",") {
		out = append(out, parse(t, field))
	}
	return out
}
