package auditor

import (
	"fmt"
	"math/big"
	"slices"
)

// leg is one posting, in minor units.
type leg struct {
	account string
	debit   bool
	amount  int64
}

func (l leg) String() string {
	side := "credit"
	if l.debit {
		side = "debit"
	}
	return fmt.Sprintf("%s %s %d", l.account, side, l.amount)
}

// line is one line of an explanation.
type line struct {
	rule   string
	amount int64 // never negative
	owed   bool  // it stands on the side of the funds
}

// share does a schedule's arithmetic again, in fractions, and gives the postings
// and what each rule came to. parties are by role.
func (v *Version) share(amount int64, currency string, parties map[string]string) (legs []leg, lines []line) {
	gross := max(amount, -amount)
	if gross == 0 {
		return nil, nil
	}
	sale := amount > 0
	post := func(to Target, debit bool, units int64) {
		if units != 0 {
			legs = append(legs, leg{parties[to.Role] + "/" + to.Purpose + "/" + currency, debit == sale, units})
		}
	}
	post(v.Funds, true, gross)
	remaining := gross
	for _, r := range v.ordered() {
		var part int64
		owed := false
		switch {
		case r.Rest:
			part, owed = max(remaining, -remaining), remaining < 0
		case r.Flat != nil:
			part = r.round(big.NewRat(r.Flat[currency], 1), currency)
		default:
			base := gross
			if r.OfRemaining {
				base = max(remaining, 0)
			}
			exact := new(big.Rat).Mul(big.NewRat(base, 1), big.NewRat(r.Millionths, 1_000_000))
			if least, bounded := r.Minimum[currency]; bounded && exact.Cmp(big.NewRat(least, 1)) < 0 {
				exact = big.NewRat(least, 1)
			} else if most, bounded := r.Maximum[currency]; bounded && exact.Cmp(big.NewRat(most, 1)) > 0 {
				exact = big.NewRat(most, 1)
			}
			part = r.round(exact, currency)
		}
		lines = append(lines, line{r.ID, part, owed})
		post(r.To, owed, part)
		remaining -= part
	}
	return legs, lines
}

// ordered are the rules by priority, the rest last.
func (v *Version) ordered() []Rule {
	rules := slices.Clone(v.Rules)
	slices.SortStableFunc(rules, func(x, y Rule) int {
		switch {
		case x.Rest != y.Rest && x.Rest:
			return 1
		case x.Rest != y.Rest:
			return -1
		}
		return x.Priority - y.Priority
	})
	return rules
}

// unit is what the rule rounds to.
func (r *Rule) unit(currency string) int64 {
	if u, given := r.Unit[currency]; given {
		return u
	}
	return 1
}

// round brings a fraction of minor units to whole units.
func (r *Rule) round(exact *big.Rat, currency string) int64 {
	if exact.Sign() < 0 {
		mirrored := *r
		switch r.Mode {
		case "ceiling":
			mirrored.Mode = "floor"
		case "floor":
			mirrored.Mode = "ceiling"
		}
		return -mirrored.round(new(big.Rat).Neg(exact), currency)
	}
	unit := r.unit(currency)
	scaled := new(big.Rat).Quo(exact, big.NewRat(unit, 1))
	whole := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	fraction := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(whole))
	half := fraction.Cmp(big.NewRat(1, 2))
	up := false
	switch r.Mode {
	case "", "half_up":
		up = half >= 0
	case "half_down":
		up = half > 0
	case "half_even":
		up = half > 0 || half == 0 && whole.Bit(0) == 1
	case "up", "ceiling":
		up = fraction.Sign() > 0
	}
	if up {
		whole.Add(whole, big.NewInt(1))
	}
	return whole.Int64() * unit
}
