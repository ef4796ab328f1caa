package verify

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"
)

// A schedule counts transactions, bounds results and names intermediate values by
// formulas. This is the reader of them that belongs to the second opinion: it walks
// the text each time it was parsed into, over fractions of big integers, and shares
// nothing with the engine that posts money.

// worth is the value of a formula: a number, a text, a truth, a date (as
// "2026-01-31") or a list. The zero worth is absent.
type worth struct {
	kind  worthKind
	ratio *big.Rat
	text  string // of texts and dates
	truth bool
	list  []worth
}

type worthKind byte

const (
	absent worthKind = iota
	aNumber
	aText
	aTruth
	aDate
	aList
)

func (k worthKind) String() string {
	return [...]string{"nothing", "a number", "a text", "a truth", "a date", "a list"}[k]
}

func numberOf(r *big.Rat) worth        { return worth{kind: aNumber, ratio: r} }
func textOf(s string) worth            { return worth{kind: aText, text: s} }
func truthOf(t bool) worth             { return worth{kind: aTruth, truth: t} }
func dateOf(s string) worth            { return worth{kind: aDate, text: s} }
func wholeOf[N int | int64](n N) worth { return numberOf(new(big.Rat).SetInt64(int64(n))) }

// equals reports whether two values are the same; of two kinds they never are.
func (w worth) equals(o worth) bool {
	if w.kind != o.kind {
		return false
	}
	switch w.kind {
	case aNumber:
		return w.ratio.Cmp(o.ratio) == 0
	case aTruth:
		return w.truth == o.truth
	case aList:
		return slices.EqualFunc(w.list, o.list, worth.equals)
	}
	return w.text == o.text
}

// names gives the value of a name.
type names func(name string) (worth, error)

// formula is one node of a formula.
type formula func(of names) (worth, error)

var (
	errFormula = errors.New("a formula that cannot be worked out")
	errDivided = errors.New("a division by zero")
)

func wrong(what string) error { return &formulaError{what} }

type formulaError struct{ what string }

func (e *formulaError) Error() string { return e.what }
func (e *formulaError) Unwrap() error { return errFormula }

// number works a formula out that must be a number.
func (f formula) number(of names) (*big.Rat, error) {
	w, err := f(of)
	if err == nil && w.kind != aNumber {
		err = wrong("a number is needed, and here is " + w.kind.String())
	}
	return w.ratio, err
}

// truth works a formula out that must be a truth.
func (f formula) truth(of names) (bool, error) {
	w, err := f(of)
	if err == nil && w.kind != aTruth {
		err = wrong("a truth is needed, and here is " + w.kind.String())
	}
	return w.truth, err
}

// arithmetic is a node of two numbers.
func arithmetic(operator string, a, b formula) formula {
	return func(of names) (worth, error) {
		x, err := a.number(of)
		if err != nil {
			return worth{}, err
		}
		y, err := b.number(of)
		if err != nil {
			return worth{}, err
		}
		z := new(big.Rat)
		switch operator {
		case "+":
			z.Add(x, y)
		case "-":
			z.Sub(x, y)
		case "*":
			z.Mul(x, y)
		default:
			if y.Sign() == 0 {
				return worth{}, errDivided
			}
			z.Quo(x, y)
		}
		return numberOf(z), nil
	}
}

// comparison is a node of two values of one kind.
func comparison(operator string, a, b formula) formula {
	return func(of names) (worth, error) {
		x, err := a(of)
		if err != nil {
			return worth{}, err
		}
		y, err := b(of)
		if err != nil {
			return worth{}, err
		}
		if operator == "==" || operator == "!=" {
			return truthOf(x.equals(y) == (operator == "==")), nil
		}
		if x.kind != y.kind || x.kind != aNumber && x.kind != aDate && x.kind != aText {
			return worth{}, wrong(x.kind.String() + " and " + y.kind.String() + " have no order")
		}
		order := strings.Compare(x.text, y.text)
		if x.kind == aNumber {
			order = x.ratio.Cmp(y.ratio)
		}
		switch operator {
		case "<":
			return truthOf(order < 0), nil
		case "<=":
			return truthOf(order <= 0), nil
		case ">":
			return truthOf(order > 0), nil
		}
		return truthOf(order >= 0), nil
	}
}

// junction is "and" or "or": the second is not looked at where the first decides.
func junction(decides bool, a, b formula) formula {
	return func(of names) (worth, error) {
		x, err := a.truth(of)
		if err != nil || x == decides {
			return truthOf(x), err
		}
		y, err := b.truth(of)
		return truthOf(y), err
	}
}

func within(a, b formula) formula {
	return func(of names) (worth, error) {
		x, err := a(of)
		if err != nil {
			return worth{}, err
		}
		list, err := b(of)
		if err == nil && list.kind != aList {
			err = wrong("a list is needed after in, and here is " + list.kind.String())
		}
		return truthOf(slices.ContainsFunc(list.list, x.equals)), err
	}
}

func negation(a formula) formula {
	return func(of names) (worth, error) {
		x, err := a.truth(of)
		return truthOf(!x), err
	}
}

func opposite(a formula) formula {
	return func(of names) (worth, error) {
		x, err := a.number(of)
		if err != nil {
			return worth{}, err
		}
		return numberOf(new(big.Rat).Neg(x)), nil
	}
}

func listing(items []formula) formula {
	return func(of names) (worth, error) {
		list := worth{kind: aList}
		for _, item := range items {
			w, err := item(of)
			if err != nil {
				return worth{}, err
			}
			list.list = append(list.list, w)
		}
		return list, nil
	}
}

// mostArguments bounds those of one call.
const mostArguments = 1 << 10

// functions lists what a formula can call, by name, with how many arguments.
var functions = map[string]struct {
	least, most int
	make        func(args []formula) formula
}{
	"if":      {3, mostArguments, choice},
	"min":     {1, mostArguments, func(args []formula) formula { return extreme(args, "<") }},
	"max":     {1, mostArguments, func(args []formula) formula { return extreme(args, ">") }},
	"abs":     {1, 1, absolute},
	"round":   {2, 3, rounded},
	"floor":   {1, 2, func(args []formula) formula { return roundedBy("floor", args) }},
	"ceiling": {1, 2, func(args []formula) formula { return roundedBy("ceiling", args) }},
	"date": {1, 1, func(args []formula) formula {
		return onDate(args[0], aText, func(d time.Time) worth { return dateOf(d.Format(time.DateOnly)) })
	}},
	"year": {1, 1, func(args []formula) formula {
		return onDate(args[0], aDate, func(d time.Time) worth { return wholeOf(d.Year()) })
	}},
	"month": {1, 1, func(args []formula) formula {
		return onDate(args[0], aDate, func(d time.Time) worth { return wholeOf(int(d.Month())) })
	}},
	"day": {1, 1, func(args []formula) formula {
		return onDate(args[0], aDate, func(d time.Time) worth { return wholeOf(d.Day()) })
	}},
	"weekday": {1, 1, func(args []formula) formula {
		return onDate(args[0], aDate, func(d time.Time) worth { return wholeOf((int(d.Weekday())+6)%7 + 1) })
	}},
	"days": {2, 2, daysBetween},
}

// choice is if(c, a, b), or if(c, a, d, b, e): the value behind the first condition
// that holds, or the last.
func choice(args []formula) formula {
	return func(of names) (worth, error) {
		left := args
		for ; len(left) > 1; left = left[2:] {
			yes, err := left[0].truth(of)
			if err != nil {
				return worth{}, err
			}
			if yes {
				return left[1](of)
			}
		}
		return left[0](of)
	}
}

// extreme is the least or the greatest of numbers, or of dates.
func extreme(args []formula, better string) formula {
	return func(of names) (best worth, err error) {
		for _, arg := range args {
			x, err := arg(of)
			if err != nil {
				return worth{}, err
			}
			if x.kind != aNumber && x.kind != aDate {
				return worth{}, wrong("numbers or dates are needed, and here is " + x.kind.String())
			}
			if best.kind == absent {
				best = x
				continue
			}
			beats, err := comparison(better, constant(x), constant(best)).truth(of)
			if err != nil {
				return worth{}, err
			}
			if beats {
				best = x
			}
		}
		return best, nil
	}
}

func absolute(args []formula) formula {
	return func(of names) (worth, error) {
		x, err := args[0].number(of)
		if err != nil {
			return worth{}, err
		}
		return numberOf(new(big.Rat).Abs(x)), nil
	}
}

// rounded is round(x, mode[, unit]); the mode is a bare word.
func rounded(args []formula) formula {
	return func(of names) (worth, error) {
		mode, err := args[1](func(name string) (worth, error) { return textOf(name), nil })
		if err != nil {
			return worth{}, err
		}
		return roundedBy(mode.text, append(slices.Clone(args[:1]), args[2:]...))(of)
	}
}

// minorUnit is the name by which a formula finds the minor unit of the currency.
const minorUnit = "minor_unit"

// roundedBy rounds the first argument to a multiple of the second, or to the minor
// unit.
func roundedBy(mode string, args []formula) formula {
	return func(of names) (worth, error) {
		x, err := args[0].number(of)
		if err != nil {
			return worth{}, err
		}
		unit := worth{}
		if len(args) > 1 {
			unit, err = args[1](of)
		} else {
			unit, err = of(minorUnit)
		}
		if err != nil {
			return worth{}, err
		}
		if unit.kind != aNumber || unit.ratio.Sign() <= 0 {
			return worth{}, wrong("a rounding unit must be a number above zero")
		}
		multiples, ok := toWhole(new(big.Rat).Quo(x, unit.ratio), mode)
		if !ok {
			return worth{}, wrong("no way to round: " + mode)
		}
		return numberOf(new(big.Rat).Mul(new(big.Rat).SetInt(multiples), unit.ratio)), nil
	}
}

func onDate(arg formula, kind worthKind, then func(time.Time) worth) formula {
	return func(of names) (worth, error) {
		day, err := dayOf(arg, kind, of)
		if err != nil {
			return worth{}, err
		}
		return then(day), nil
	}
}

func dayOf(arg formula, kind worthKind, of names) (time.Time, error) {
	w, err := arg(of)
	if err != nil {
		return time.Time{}, err
	}
	day, err := time.Parse(time.DateOnly, w.text)
	if w.kind != kind || err != nil {
		return time.Time{}, wrong("a date is needed, and here is " + w.kind.String() + " " + w.text)
	}
	return day, nil
}

// daysBetween is the number of days from the first date to the second.
func daysBetween(args []formula) formula {
	return func(of names) (worth, error) {
		from, err := dayOf(args[0], aDate, of)
		if err != nil {
			return worth{}, err
		}
		to, err := dayOf(args[1], aDate, of)
		return wholeOf(int64(to.Sub(from) / (24 * time.Hour))), err
	}
}
