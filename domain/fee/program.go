package fee

import (
	"cmp"
	"slices"

	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// program is a document compiled for engine 2: formulas bound to slots, rules in
// the order applied. It is immutable and shared by all schedules that bind other
// parameters to it.
type program struct {
	scope        *formula.Scope
	inputs       []input
	parameters   []parameter
	roles        []roleSlot
	accumulators []accumulator
	values       []expr // by their order in the document; value i stands in slot firstValue+i
	firstValue   int
	clauses      []clause // as applied; the rest last
	closings     []closing
	recourses    []recourse
	lines        int   // the most lines that one transaction can have
	made         []int // slots that not every transaction fills anew: parameters by currency, accumulators, values, lines
	watched      bool  // whether a formula names what remains, or what is taken
	dated        bool  // whether a formula or an accumulator needs the date
}

// expr is a formula of a document.
type expr struct {
	*formula.Formula
	path string
	// values are those it reads, directly or through others, each after what it
	// reads itself.
	values []int
	slots  []int // all it reads in the end, those of values included; for checks
	// constant is set where the formula reads nothing; number is its value then.
	constant bool
	number   formula.Number
}

// input is an attribute that a transaction brings.
type input struct {
	*Attribute
	kind     formula.Kind
	slot     int
	standard formula.Value // the default; absent where there is none
}

// parameter is a constant that a contract may override.
type parameter struct {
	*Parameter
	kind    formula.Kind
	slot    int
	value   formula.Value // absent where it has amounts
	amounts perCurrency
}

type roleSlot struct {
	role string
	slot int
}

// accumulator is a compiled Accumulator.
type accumulator struct {
	*Accumulator
	slot    int
	measure *expr
	when    *expr // nil: always
	key     []keyPart
	scope   string
	single  bool // one sum for all currencies
	named   bool // by a formula
	window  windows
	closed  bool // by a period, so many days after its window ends
	grace   int
}

// keyPart takes a value for a counter's key: the party of a role, or a text input.
type keyPart struct {
	name  string
	input int // slot, 0 for a role
}

// clause is a compiled Rule.
type clause struct {
	*Rule
	index     int    // in the document
	to        Target // of its share
	group     int    // of the bit that is set when a rule of the group has matched; -1 for none
	onRefund  bool
	slot      int // of its line, 0 where no formula can name it
	when      *expr
	base      *expr // nil: the gross, or what remains
	remaining bool  // base is what remains
	percent   *expr
	flat      perCurrency
	perUnit   *perUnit
	tiers     *tiers
	amount    *expr
	split     *split
	least     perCurrency
	most      perCurrency
	atLeast   *expr
	atMost    *expr
	rounding  rounding
	refund    string // policy; empty for keep
	keep      *expr
	hold      *Hold
	exchange  *exchange
	rate      string // the text of Line.Rate where it never changes

	percentText string // the percentage in it, where that never changes
}

// perCurrency holds an amount for some currencies, sorted.
type perCurrency []currencyAmount

type currencyAmount struct {
	currency money.Currency
	amount   money.Amount
	text     string // with the minor digits of the currency
}

func perCurrencyOf(amounts map[money.Currency]money.Amount) perCurrency {
	var list perCurrency
	for _, currency := range sorted(amounts) {
		list = append(list, currencyAmount{currency, amounts[currency], amounts[currency].Format(currency)})
	}
	return list
}

// in returns the amount of a currency.
func (p perCurrency) in(currency money.Currency) (money.Amount, bool) {
	if found := p.find(currency); found != nil {
		return found.amount, true
	}
	return money.Zero, false
}

// find is nil where the currency is not named.
func (p perCurrency) find(currency money.Currency) *currencyAmount {
	for i := range p {
		if p[i].currency == currency {
			return &p[i]
		}
	}
	return nil
}

// rounding is a compiled Rounding.
type rounding struct {
	mode   money.Mode
	units  perCurrency
	labels []string // of units
}

func roundingOf(r *Rounding) (rounding, error) {
	if r == nil {
		return rounding{}, nil
	}
	mode, err := money.ParseMode(r.Mode)
	if err != nil {
		return rounding{}, err
	}
	made := rounding{mode: mode, units: perCurrencyOf(r.Unit)}
	for _, unit := range made.units {
		made.labels = append(made.labels, mode.String()+" "+unit.amount.Format(unit.currency))
	}
	return made, nil
}

// in returns the unit of a currency and the text of Line.Rounding.
func (r *rounding) in(currency money.Currency, minor money.Amount) (unit money.Amount, label string) {
	for i := range r.units {
		if r.units[i].currency == currency {
			return r.units[i].amount, r.labels[i]
		}
	}
	return minor, minorLabels[r.mode][minor.Scale()]
}

// order compares rules as they are applied: the rest last, then by priority.
func (r *Rule) order(o *Rule) int {
	switch {
	case r.Rest && o.Rest:
		return 0
	case r.Rest:
		return 1
	case o.Rest:
		return -1
	}
	return cmp.Compare(r.Priority, o.Priority)
}

// applied lists the indexes of rules in the order in which they are applied.
func applied(rules []Rule) []int {
	order := make([]int, len(rules))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rules[a].order(&rules[b]) })
	return order
}
