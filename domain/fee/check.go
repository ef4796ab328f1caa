package fee

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// RuleRoundingDifference is the rule id of the line that explains what is finer
// than the minor unit. No rule of a schedule may have it.
const RuleRoundingDifference = "rounding_difference"

// MaxRules bounds the rules of one schedule, and with them the size of an event.
const MaxRules = 64

const (
	longestDescription = 1000
	percentDigits      = 8 // decimals of a percentage
)

// Check finds every fault of a document: those of its fields in their order, then
// those of its formulas. Field holds the path, as "rules[2].percent".
func Check(d Document) []*domain.Error {
	faults, _ := check(&d)
	return faults
}

// check returns the compiled formulas too, of a document for engine 2.
func check(d *Document) ([]*domain.Error, *program) {
	var c checker
	c.err("schedule", domain.CheckID("schedule", d.Schedule))
	if d.Version < 1 {
		c.invalid("version", strconv.Itoa(d.Version), "a version is a whole number from 1", "count versions 1, 2, 3, …")
	}
	_, err := domain.ParseDate("effective_from", string(d.EffectiveFrom))
	c.err("effective_from", err)
	c.err("description", domain.CheckText("description", d.Description, longestDescription))
	c.target("funds", d.Funds)
	if d.RoundingDifference != nil {
		c.target("rounding_difference", *d.RoundingDifference)
	}
	c.language(d)
	c.rules(d.Rules)
	c.periods(d)
	c.recourse(d)
	c.heldApart(d)
	if d.Engine() == Engine1 || len(d.Rules) > MaxRules {
		return c.faults, nil
	}
	program, faults := build(d)
	program.closings = c.closings(d)
	return append(c.faults, faults...), program
}

type checker struct{ faults []*domain.Error }

func (c *checker) invalid(path, value, message, remedy string) {
	c.faults = append(c.faults, &domain.Error{Code: domain.CodeInvalid, Field: path, Value: value, Message: message, Remedy: remedy})
}

// err notes a fault that another check found, under the path of this document.
func (c *checker) err(path string, err error) {
	if err == nil {
		return
	}
	located := domain.Error{Code: domain.CodeInvalid, Message: err.Error()}
	var fault *domain.Error
	if errors.As(err, &fault) {
		located = *fault
	}
	located.Field = path
	c.faults = append(c.faults, &located)
}

func (c *checker) target(path string, t Target) {
	c.err(path+".role", domain.CheckName("role", t.Role))
	if t.Purpose != "" {
		c.err(path+".purpose", domain.CheckName("purpose", t.Purpose))
	}
}

func (c *checker) rules(rules []Rule) {
	if len(rules) == 0 {
		c.invalid("rules", "", "a schedule needs at least one rule", "add a rule with rest: true")
		return
	}
	if len(rules) > MaxRules {
		c.invalid("rules", strconv.Itoa(len(rules)), "too many rules", "write at most "+strconv.Itoa(MaxRules))
		return
	}
	rest, highest := -1, rules[0].Priority
	for i, r := range rules {
		path := "rules[" + strconv.Itoa(i) + "]"
		c.rule(path, &rules[i])
		if slices.ContainsFunc(rules[:i], func(o Rule) bool { return o.ID == r.ID }) {
			c.invalid(path+".id", r.ID, "another rule has this id", "give every rule its own id")
		}
		if r.Split != nil {
			for j, part := range r.Split.Parts {
				line := r.ID + "." + part.ID
				if slices.ContainsFunc(rules, func(o Rule) bool { return o.ID == line }) {
					c.invalid(path+at(".split.parts", j)+".id", part.ID, "a rule has the id "+line+" of this part's line", "give one of them another id")
				}
			}
		}
		if r.Rest && rest >= 0 {
			c.invalid(path+".rest", "true", "another rule already takes the rest", "set rest on one rule only")
		} else if r.Rest {
			rest = i
		}
		highest = max(highest, r.Priority)
	}
	switch {
	case rest < 0:
		c.invalid("rules", "", "no rule takes the rest", "add rest: true to the rule of the party that keeps what is left")
	case rules[rest].Priority != 0 && rules[rest].Priority < highest:
		c.invalid("rules["+strconv.Itoa(rest)+"].priority", strconv.Itoa(rules[rest].Priority), "the rest is always taken last", "leave the priority out")
	}
}

// only refuses a field that has a meaning with another one alone.
func (c *checker) only(with, path string, set bool, value string) {
	if set {
		c.invalid(path, value, "this applies to a rule with "+with+" only", "leave it out")
	}
}

// percent checks a percentage that is written as a number. Formulas are checked by
// the builder.
func (c *checker) percent(path, s string) {
	if s == "" {
		return
	}
	percent, number := money.ParseText(s)
	switch {
	case !number && strings.HasSuffix(s, "%") && plainNumber(s[:len(s)-1]):
		c.invalid(path, s, "a percentage is written without its sign", "write "+s[:len(s)-1])
	case !number:
	case percent.Sign() < 0 || percent.Cmp(hundred) > 0:
		c.invalid(path, s, "a percentage lies between 0 and 100", "correct it; use flat for fixed amounts")
	case percent.Digits() > percentDigits || percent.Scale() > percentDigits:
		c.invalid(path, s, "too many decimals for a percentage", "write at most "+strconv.Itoa(percentDigits))
	}
}

func plainNumber(s string) bool {
	_, ok := money.ParseText(s)
	return ok
}

// amounts checks amounts per currency: known, not negative, whole minor units;
// greater than zero where positive says so.
func (c *checker) amounts(path string, amounts map[money.Currency]money.Amount, positive bool) {
	for _, currency := range sorted(amounts) {
		amount, path := amounts[currency], path+"."+string(currency)
		switch {
		case !currency.Known():
			c.faults = append(c.faults, &domain.Error{Code: domain.CodeUnknownCurrency, Field: path, Value: string(currency), Message: "unknown currency", Remedy: "use an ISO 4217 code in capitals, as KRW or USD"})
		case amount.Sign() < 0:
			c.invalid(path, amount.String(), "the amount is negative", "write it without a sign")
		case positive && amount.IsZero():
			c.invalid(path, amount.String(), "the amount is zero", "write one greater than zero")
		case amount.Digits() > currency.Exponent():
			c.faults = append(c.faults, &domain.Error{Code: domain.CodeTooPrecise, Field: path, Value: amount.String(), Message: "the amount is finer than the minor unit of " + string(currency), Remedy: "write a multiple of " + currency.MinorUnit().String()})
		}
	}
}

func sorted(amounts map[money.Currency]money.Amount) []money.Currency {
	currencies := make([]money.Currency, 0, len(amounts))
	for currency := range amounts {
		currencies = append(currencies, currency)
	}
	slices.Sort(currencies)
	return currencies
}
