package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// attemptsEach bounds how many transactions are made up for each that is wanted: a
// schedule may refuse most of them.
const attemptsEach = 50

// simulateAtRandom prints made-up transactions with their explanations, one a line.
func (p *program) simulateAtRandom(s *fee.Schedule, n, seed uint32) error {
	d := s.Document()
	made := inventor{random: rand.New(rand.NewPCG(uint64(seed), uint64(n))), document: &d} //nolint:gosec // the same for the same seed
	made.models = slices.DeleteFunc(slices.Clone(d.Cases), func(c fee.Case) bool { return c.Transaction == nil || c.Expect.Refused != "" })
	encoder := json.NewEncoder(p.stdout)
	var printed uint32
	var last error
	for range uint64(n) * attemptsEach {
		if printed == n {
			return nil
		}
		c := made.invent()
		explained, err := s.TryCase(c)
		if err != nil {
			last = err
			continue
		}
		if err := encoder.Encode(newRating(*c.Transaction, explained)); err != nil {
			return err
		}
		printed++
	}
	if printed == n {
		return nil
	}
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "random", Value: fmt.Sprint(n), Message: fmt.Sprintf("the schedule refused nearly all that was made up; %d were not", printed),
		Remedy: "write worked cases into the file: they are the models", Err: last,
	}
}

// inventor makes transactions up: like a worked case where there is one, with other
// amounts, sums and attributes.
type inventor struct {
	random   *rand.Rand
	document *fee.Document
	models   []fee.Case
}

func (v *inventor) invent() fee.Case {
	c := fee.Case{Transaction: &fee.CaseTransaction{Currency: v.currency()}}
	if len(v.models) > 0 {
		c = v.models[v.random.IntN(len(v.models))]
		t := *c.Transaction
		c.Transaction, c.Expect = &t, fee.Expectation{}
	}
	t := c.Transaction
	negative := t.Amount.Sign() < 0
	t.Amount = v.amount(t.Currency)
	c.Before = v.sums(c.Before, t.Currency)
	t.Attributes = v.attributes(t.Attributes)
	if c.RefundOf != nil {
		c.RefundOf = v.sold(*c.RefundOf, t)
	}
	if negative {
		t.Amount = t.Amount.Neg()
	}
	return c
}

// sold is a sale of which a refund gives back a part, or all that is left.
func (v *inventor) sold(sale fee.CaseSale, refund *fee.CaseTransaction) *fee.CaseSale {
	negative := sale.Transaction.Amount.Sign() < 0
	whole := refund.Amount.Units()
	sale.Transaction.Attributes, sale.Transaction.Amount = refund.Attributes, refund.Amount
	if negative {
		sale.Transaction.Amount = refund.Amount.Neg()
	}
	given := int64(0)
	if v.chance(2) && whole > 1 {
		given = v.random.Int64N(whole)
	}
	sale.Refunded = money.New(given, refund.Amount.Scale())
	back := whole - given
	if v.chance(2) {
		back = 1 + v.random.Int64N(back)
	}
	refund.Amount = money.New(back, refund.Amount.Scale())
	if sale.RefundOf != nil { // it gave all of that back
		first := *sale.RefundOf
		first.Transaction.Attributes, first.Transaction.Amount = sale.Transaction.Attributes, sale.Transaction.Amount.Neg()
		first.Refunded, first.RefundOf = money.Zero, nil
		sale.RefundOf = &first
	}
	return &sale
}

// chance is true once in n times.
func (v *inventor) chance(n int) bool { return v.random.IntN(n) == 0 }

// currency is one that the schedule names, or any.
func (v *inventor) currency() money.Currency {
	named := map[money.Currency]bool{}
	for _, r := range v.document.Rules {
		for currency := range r.Flat {
			named[currency] = true
		}
	}
	choice := slices.Sorted(maps.Keys(named))
	if len(choice) == 0 {
		choice = []money.Currency{"KRW", "USD"}
	}
	return choice[v.random.IntN(len(choice))]
}

// amount is of any size from one minor unit to ten digits.
func (v *inventor) amount(currency money.Currency) money.Amount {
	return money.New(1+v.random.Int64N(v.size(10)), currency.Exponent())
}

// size is a power of ten with at most so many digits.
func (v *inventor) size(digits int) int64 {
	n := int64(10)
	for range v.random.IntN(digits) {
		n *= 10
	}
	return n
}

func (v *inventor) sums(given map[string]money.Amount, currency money.Currency) map[string]money.Amount {
	sums := maps.Clone(given)
	if sums == nil {
		sums = map[string]money.Amount{}
	}
	for _, a := range v.document.Accumulators {
		switch {
		case v.chance(3):
			sums[a.Name] = money.New(v.random.Int64N(v.size(11)), currency.Exponent())
		case v.chance(3):
			delete(sums, a.Name)
		}
	}
	return sums
}

func (v *inventor) attributes(given map[string]string) map[string]string {
	attributes := maps.Clone(given)
	if attributes == nil {
		attributes = map[string]string{}
	}
	for _, a := range v.document.Inputs {
		if _, has := attributes[a.Name]; has && !v.chance(3) {
			continue
		}
		switch {
		case len(a.OneOf) > 0:
			attributes[a.Name] = a.OneOf[v.random.IntN(len(a.OneOf))]
		case a.Type == "truth":
			attributes[a.Name] = strconv.FormatBool(v.chance(2))
		case a.Type == "number":
			attributes[a.Name] = v.number(attributes[a.Name])
		}
	}
	return attributes
}

// number is like another one: with as many decimals, and not much larger.
func (v *inventor) number(like string) string {
	model, err := money.Parse(like)
	if err != nil || model.IsZero() {
		return strconv.Itoa(v.random.IntN(100))
	}
	return money.New(v.random.Int64N(2*max(model.Abs().Units(), 1)+1), model.Scale()).String()
}
