package fee_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// tenRules is a contract as large ones are: conditions on nine rules, a marginal
// tier by month, a tax inside, bounds by formulas, a first-match group.
const tenRules = `
inputs:
  - {name: vat_rate, type: number, default: "0"}
  - {name: grade, type: text, one_of: [small, general]}
  - {name: quantity, type: number, default: "1"}
parameters:
  - {name: rate, is: "2.9%"}
  - {name: cap, amounts: {KRW: 50000, USD: "40.00"}}
accumulators:
  - {name: volume, measure: gross, key: [seller], window: calendar_month}
values:
  - {name: supply, is: "round(gross / (1 + vat_rate), half_up)"}
rules:
  - {id: vat, to: {role: tax_office}, when: 'vat_rate > 0', amount: "gross - supply"}
  - {id: card, to: {role: acquirer}, group: method, when: 'method == "card"', percent: "rate * 100", flat: {KRW: 100, USD: "0.30"}}
  - {id: ach, to: {role: acquirer}, group: method, when: 'method == "ach"', percent: "0.8", maximum: {KRW: 5000, USD: "5.00"}}
  - {id: other, to: {role: acquirer}, group: method, percent: "3.5"}
  - {id: abroad, to: {role: acquirer}, when: 'product in ["import", "travel"]', percent: "1.5"}
  - {id: commission, to: {role: platform}, when: 'grade == "general"', of: supply, tiers: {mode: marginal, from: volume, steps: [{up_to: "1000000", percent: "15"}, {percent: "12"}]}}
  - {id: small, to: {role: platform}, when: 'grade == "small"', of: supply, percent: "8", at_most: cap}
  - {id: handling, to: {role: platform}, when: 'quantity > 1', per_unit: {units: quantity, price: {KRW: 100, USD: "0.10"}}}
  - {id: affiliate, to: {role: affiliate}, when: 'on >= date("2026-01-01")', of: "lines.commission", percent: "10", rounding: {mode: floor}}
`

// BenchmarkTenRules rates one transaction by a schedule of ten rules, in memory of
// its own and, as a book does, in memory that is used again.
func BenchmarkTenRules(b *testing.B) {
	s := compiled(b, tenRules)
	in := input(b, "11000 KRW method=card product=import vat_rate=0.1 grade=general quantity=3")
	in.Before = func(fee.Counter) (money.Amount, error) { return money.New(995_000, 0), nil }
	result, err := s.Apply(in)
	require.NoError(b, err)
	room := new(fee.Room)
	require.Equal(b, "vat 1000 | card 419 | abroad 165 | commission 1350 | handling 300 | affiliate 135 | net 7631 | volume 995000..1006000", told(result, err))
	for name, apply := range map[string]func(fee.Input) (fee.Result, error){
		"alone": s.Apply,
		"again": func(in fee.Input) (fee.Result, error) { return s.ApplyIn(room, in) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := apply(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOldRules rates by four rules of the old grammar, by engine 1 and 2.
func BenchmarkOldRules(b *testing.B) {
	d := framed(b, `rules: [{id: a, to: {role: a}, percent: "15"}, {id: b, to: {role: b}, percent: "2.75", of: remaining, minimum: {KRW: 1}}, {id: c, to: {role: c}, flat: {KRW: 100}}]`)
	for name, compile := range map[string]func(fee.Document) (*fee.Schedule, error){"engine1": fee.Compile, "engine2": fee.CompileForEngine2} {
		b.Run(name, func(b *testing.B) {
			s, err := compile(d)
			require.NoError(b, err)
			in := input(b, "11000 KRW")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Apply(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
