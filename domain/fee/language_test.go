package fee_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// framed is a schedule whose frame is left out: who holds the money, and who takes
// the rest.
func framed(t testing.TB, text string) fee.Document {
	t.Helper()
	text = "schedule: s\nversion: 1\neffective_from: 2026-01-01\nfunds: {role: bank}\nrounding_difference: {role: house}\n" + text
	var d fee.Document
	doc := yamldoc.Decode("schedule.yaml", []byte(text), &d)
	require.NoError(t, doc.Err())
	d.Rules = append(d.Rules, fee.Rule{ID: "net", To: fee.Target{Role: "seller"}, Rest: true})
	return d
}

func compiled(t testing.TB, text string) *fee.Schedule {
	t.Helper()
	s, err := fee.Compile(framed(t, text))
	require.NoError(t, err)
	require.Equal(t, fee.Engine2, s.Engine())
	return s
}

// sums keeps counters as a book does.
type sums map[string]money.Amount

func (s sums) before(c fee.Counter) (money.Amount, error) {
	total := money.Zero
	for id := range c.Buckets() {
		var err error
		if total, err = total.Add(s[id]); err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s sums) add(t require.TestingT, counts []fee.Count) {
	for _, count := range counts {
		delta, err := count.After.Sub(count.Before)
		require.NoError(t, err)
		s[count.Counter], err = s[count.Counter].Add(delta)
		require.NoError(t, err)
	}
}

// input reads "100.00 USD method=card on=2026-05-01 units=3".
func input(t require.TestingT, text string) fee.Input {
	fields := strings.Fields(text)
	amount, err := money.Parse(fields[0])
	require.NoError(t, err)
	in := fee.Input{
		Amount: amount, Currency: money.Currency(fields[1]), Type: "sale", On: "2026-05-01", Contract: "c-1", Source: "shop",
		Attributes: map[string]string{}, Before: sums{}.before,
		Party: func(role string) string { return role + "-1" },
	}
	for _, field := range fields[2:] {
		switch name, value, _ := strings.Cut(field, "="); name {
		case "type":
			in.Type = value
		case "method":
			in.Method = value
		case "product":
			in.Product = value
		case "on":
			in.On = domain.Date(value)
		default:
			in.Attributes[name] = value
		}
	}
	return in
}

// told writes a result as "rule amount bound | …", an error as "error code field".
func told(result fee.Result, err error) string {
	if err != nil {
		var fault *domain.Error
		if !asError(err, &fault) {
			return "error " + err.Error()
		}
		return "error " + string(fault.Code) + " " + fault.Field
	}
	var parts []string
	for i, line := range result.Lines {
		part := line.Rule + " " + line.Amount.String()
		if line.Bound != "" {
			part += " " + line.Bound
		}
		if result.Shares[i].Opposite {
			part += " owes"
		}
		parts = append(parts, part)
	}
	for _, count := range result.Counts {
		parts = append(parts, strings.SplitN(count.Counter, "/", 3)[1]+" "+count.Before.String()+".."+count.After.String())
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " | ")
}

// Each schedule is followed by transactions and what its rules make of them.
var spoken = []struct{ name, schedule, cases string }{
	{
		"a condition, a percentage by formula, and a value of two rules",
		`
inputs: [{name: vat_rate, type: number, default: "0"}]
parameters: [{name: rate, is: "15%"}]
values: [{name: supply, is: "round(gross / (1 + vat_rate), half_up)"}]
rules:
  - {id: vat, to: {role: tax_office}, when: 'vat_rate > 0', amount: "gross - supply"}
  - {id: fee, to: {role: store}, of: supply, percent: "rate * 100"}`,
		`11000 KRW vat_rate=0.1    vat 1000 | fee 1500 | net 8500
		 -11000 KRW vat_rate=0.1   vat 1000 | fee 1500 | net 8500
		 11000 KRW                 fee 1650 | net 9350
		 11000 KRW vat_rate=ten    error invalid attributes.vat_rate
		 0 KRW                     nothing`,
	},
	{
		"first match in a group, what has no group is stacked",
		`
rules:
  - {id: ach, to: {role: acquirer}, group: base, when: 'method == "ach"', percent: "0.8", maximum: {USD: "5.00"}}
  - {id: card, to: {role: acquirer}, group: base, percent: "2.9", flat: {USD: "0.30"}}
  - {id: abroad, to: {role: acquirer}, when: 'method == "card" and product == "import"', percent: "1.5"}`,
		`624.99 USD method=ach                   ach 5.00 | net 619.99
		 1000.00 USD method=ach                  ach 5.00 maximum | net 995.00
		 100.00 USD method=card                  card 3.20 | net 96.80
		 100.00 USD method=card product=import   card 3.20 | abroad 1.50 | net 95.30
		 100.00 EUR method=card                  error invalid currency
		 100.00 EUR method=ach                   ach 0.80 | net 99.20`,
	},
	{
		"marginal tiers cut a transaction at the edge",
		`
rules:
  - id: fee
    to: {role: store}
    tiers: {mode: marginal, steps: [{up_to: "100", percent: "15"}, {up_to: "250", percent: "8", flat: {USD: "1"}}, {percent: "2.5"}]}`,
		`100.00 USD   fee 15.00 | net 85.00
		 100.01 USD   fee 16.00 | net 84.01
		 250.00 USD   fee 28.00 | net 222.00
		 350.00 USD   fee 30.50 | net 319.50`,
	},
	{
		"a slab rates the whole amount by one step",
		`
rules:
  - {id: in, to: {role: store}, tiers: {mode: slab, steps: [{up_to: "10", percent: "8"}, {percent: "15"}]}}
  - {id: ex, to: {role: store}, tiers: {mode: slab, edge: exclusive, by: "gross * 2", steps: [{up_to: "20", percent: "8"}, {percent: "15", flat: {USD: "1.00"}}]}}`,
		`10.00 USD   in 0.80 | ex 2.50 | net 6.70
		 9.99 USD    in 0.80 | ex 0.80 | net 8.39
		 10.01 USD   in 1.50 | ex 2.50 | net 6.01`,
	},
	{
		"so much for each unit",
		`
inputs: [{name: units, type: number}]
rules:
  - {id: handling, to: {role: store}, per_unit: {units: units, price: {KRW: 400}}}
  - {id: weight, to: {role: store}, percent: "1", per_unit: {units: "ceiling(units / 2, 1)", price_is: "12.5"}, at_most: "100"}`,
		`10000 KRW units=3    handling 1200 | weight 100 maximum 100 | net 8700
		 1000 KRW units=3    handling 1200 | weight 35 | net 235 owes
		 1000 KRW             error invalid attributes.units`,
	},
	{
		"a split by weight, to the unit",
		`
inputs: [{name: heavy, type: number, default: "1"}]
rules:
  - id: royalty
    split: {of: "gross * 50%", parts: [{id: a, to: {role: a}, weight: "1"}, {id: b, to: {role: b}, weight: heavy}, {id: c, to: {role: c}, weight: "1"}]}
  - id: pool
    split: {of: "10", remainder: last, parts: [{id: x, to: {role: a}, weight: "1"}, {id: y, to: {role: b}, weight: "1"}, {id: z, to: {role: c}, weight: "1"}]}
  - {id: check, to: {role: house}, amount: "lines.royalty - lines.royalty.a - lines.royalty.b - lines.royalty.c"}`,
		`1000 KRW             royalty.a 167 | royalty.b 167 | royalty.c 166 | pool.x 3 | pool.y 3 | pool.z 4 | check 0 | net 490
		 1000 KRW heavy=8    royalty.a 50 | royalty.b 400 | royalty.c 50 | pool.x 3 | pool.y 3 | pool.z 4 | check 0 | net 490
		 1000 KRW heavy=-1   error invalid rules[0].split.parts[1].weight`,
	},
	{
		"bounds by formulas, and a rule that names an earlier line",
		`
parameters: [{name: cap, amounts: {KRW: 500, USD: "0.50"}}]
rules:
  - {id: fee, to: {role: store}, percent: "10", at_least: "100", at_most: cap}
  - {id: vat, to: {role: tax_office}, of: "lines.fee", percent: "10", rounding: {mode: floor}}
  - {id: late, to: {role: store}, priority: -1, percent: "1", of: remaining}`,
		`2000 KRW    late 20 | fee 200 | vat 20 | net 1760
		 500 KRW     late 5 | fee 100 minimum 100 | vat 10 | net 385
		 9999 KRW    late 100 | fee 500 maximum 500 | vat 50 | net 9349
		 5.00 EUR    error invalid rules[0].at_most`,
	},
	{
		"a negative amount goes the other way",
		`
rules:
  - {id: bonus, to: {role: store}, amount: "-0.5", rounding: {mode: half_up, unit: {USD: "0.01"}}}`,
		`1.00 USD    bonus 0.50 owes | net 1.50
		 -1.00 USD   bonus 0.50 owes | net 1.50`,
	},
	{
		"dates, parties, and what is left of the fixed facts",
		`
rules:
  - {id: promo, to: {role: store}, group: g, when: 'on >= date("2026-11-01") and on < date("2026-11-08")', percent: "5"}
  - {id: full, to: {role: store}, group: g, when: 'party.seller == "seller-1" and source in ["shop"] and type != "gift"', percent: "10"}
  - {id: other, to: {role: store}, group: g, amount: "min(taken + 3, remaining)"}`,
		`100 KRW on=2026-10-31             full 10 | net 90
		 100 KRW on=2026-11-01             promo 5 | net 95
		 100 KRW on=2026-11-07             promo 5 | net 95
		 100 KRW on=2026-11-08             full 10 | net 90
		 100 KRW on=2026-11-08 type=gift   other 3 | net 97
		 100 KRW on=tomorrow               error internal on`,
	},
	{
		"what is finer than the minor unit is seen by exact_gross alone",
		`
rules:
  - {id: fee, to: {role: store}, amount: "exact_gross - gross", rounding: {mode: ceiling}}`,
		`1.005 USD   fee 0.01 | net 0.99 | rounding_difference 0.005
		 0.004 USD   rounding_difference 0.004`,
	},
	{
		"accumulators: the value before, and what is counted",
		`
accumulators:
  - {name: ytd, measure: gross, key: [seller], window: calendar_year}
  - {name: cards, measure: "1", window: lifetime, when: 'method == "card"', per_currency: false}
  - {name: fees, measure: "lines.fee / 3", window: {rolling_days: 30}}
rules:
  - {id: fee, to: {role: store}, percent: "if(ytd > 0, 5, 10)"}`,
		`100.00 USD                fee 10.00 | net 90.00 | ytd 0.00..100.00 | fees 0.00..3.333333
		 -30.00 USD method=card    fee 3.00 | net 27.00 | ytd 0.00..-30.00 | cards 0..-1 | fees 0.00..-1.00
		 0 USD method=card         ytd 0.00..0.00 | cards 0..1 | fees 0.00..0.00`,
	},
}

func TestLanguage(t *testing.T) {
	for _, group := range spoken {
		t.Run(group.name, func(t *testing.T) {
			schedule := compiled(t, group.schedule)
			for line := range strings.SplitSeq(group.cases, "\n") {
				in, want, _ := strings.Cut(strings.TrimSpace(line), "  ")
				require.Equal(t, strings.TrimSpace(want), told(schedule.Apply(input(t, in))), in)
			}
		})
	}
}
