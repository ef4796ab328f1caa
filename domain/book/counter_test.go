package book_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
)

// schedules are those of scenarios, by name.
var schedules = map[string]string{
	"standard": standard,

	// The house takes 10 % of a studio's first 100 of a month and 20 % above it; the
	// tax office what the transaction says. A fixed charge of 1.00 is kept in refunds.
	"tiered": `{"schedule":"tiered","version":1,"effective_from":"2026-01-01","funds":{"role":"acquirer"},
	"inputs":[{"name":"vat_rate","type":"number","default":"0"},{"name":"grade","type":"text","one_of":["small","general"],"default":"general"}],
	"accumulators":[{"name":"volume","measure":"gross","key":["studio","grade"],"window":"calendar_month"}],
	"rules":[{"id":"vat","to":{"role":"tax"},"when":"vat_rate > 0","percent":"vat_rate"},
	         {"id":"fee","to":{"role":"house"},"tiers":{"mode":"marginal","from":"volume","steps":[{"up_to":"100","percent":"10"},{"percent":"20"}]}},
	         {"id":"charge","to":{"role":"affiliate"},"flat":{"USD":"1.00","KRW":"100"},"refund":"kept"},
	         {"id":"studio","to":{"role":"studio"},"rest":true}]}`,

	// An operator (house) spends with every sale what it has prepaid at a supplier
	// (affiliate).
	"spend": `{"schedule":"spend","version":1,"effective_from":"2026-01-01","funds":{"role":"house","purpose":"prepaid"},
	"rules":[{"id":"supplier","to":{"role":"affiliate"},"rest":true}]}`,
	"top up": `{"schedule":"top_up","version":1,"effective_from":"2026-01-01","funds":{"role":"affiliate","purpose":"cash"},
	"rules":[{"id":"operator","to":{"role":"house","purpose":"prepaid"},"rest":true}]}`,

	// A fee that comes back with the last of a sale, and a charge for every refund.
	"charged": `{"schedule":"charged","version":1,"effective_from":"2026-01-01","funds":{"role":"acquirer"},
	"rules":[{"id":"fee","to":{"role":"house"},"percent":"3","refund":"on_full"},
	         {"id":"gift","to":{"role":"tax"},"percent":"10","refund":{"keep":"line / 2"}},
	         {"id":"charge","to":{"role":"affiliate"},"on":"refund","percent":"1","minimum":{"USD":"0.25"}},
	         {"id":"studio","to":{"role":"studio"},"rest":true}]}`,

	// Every sale after the second within three days costs 1.00.
	"busy": `{"schedule":"busy","version":3,"effective_from":"2026-01-01","funds":{"role":"acquirer"},
	"accumulators":[{"name":"recent","measure":"1","window":{"rolling_days":3},"per_currency":false,"when":"type == \"sale\""}],
	"rules":[{"id":"fee","to":{"role":"house"},"when":"recent >= 2","flat":{"USD":"1.00","KRW":"1000"}},
	         {"id":"studio","to":{"role":"studio"},"rest":true}]}`,
}

var counterScenarios = map[string]string{
	"a sale that crosses a tier is split at its edge": `
schedule tiered
sale s1 80.00 USD
  debit  pg/receivable/USD     80.00
  credit shop/payable/USD       8.00
  credit kim/payable/USD        1.00
  credit studio-7/payable/USD  71.00
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 0.00 80.00
sale s2 50.00 USD
  debit  pg/receivable/USD     50.00
  credit shop/payable/USD       8.00
  credit kim/payable/USD        1.00
  credit studio-7/payable/USD  41.00
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 80.00 130.00
sale s3 10.00 USD studio=studio-8
  debit  pg/receivable/USD     10.00
  credit shop/payable/USD       1.00
  credit kim/payable/USD        1.00
  credit studio-8/payable/USD   8.00
  count contract:c-1/volume/2026-11/USD/studio=studio-8,grade=general 0.00 10.00
sale s4 10.00 USD +grade=small +vat_rate=5 +colour=red
  debit  pg/receivable/USD     10.00
  credit nts/payable/USD        0.50
  credit shop/payable/USD       1.00
  credit kim/payable/USD        1.00
  credit studio-7/payable/USD   7.50
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=small 0.00 10.00
date 2026-12-01
sale s5 10.00 USD
  debit  pg/receivable/USD     10.00
  credit shop/payable/USD       1.00
  credit kim/payable/USD        1.00
  credit studio-7/payable/USD   8.00
  count contract:c-1/volume/2026-12/USD/studio=studio-7,grade=general 0.00 10.00`,

	"a refund returns what its sale took, whatever the tier is by now": `
schedule tiered
sale s1 50.00 USD
sale s2 100.00 USD
  debit  pg/receivable/USD    100.00
  credit shop/payable/USD      15.00
  credit kim/payable/USD        1.00
  credit studio-7/payable/USD  84.00
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 50.00 150.00
schedule busy
refund r1 of s2 -33.33 USD studio=studio-8
  credit pg/receivable/USD     33.33
  debit  shop/payable/USD       5.00
  debit  studio-7/payable/USD  28.33
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 150.00 116.67
refund r2 of s2 -66.67 USD
  credit pg/receivable/USD     66.67
  debit  shop/payable/USD      10.00
  debit  studio-7/payable/USD  56.67
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 116.67 50.00
refund r3 of s2 -0.01 USD
  error exceeds_original amount
balance kim/payable/USD 0 2.00
balance shop/payable/USD 15.00 20.00`,

	"a reversal takes back what its target counted": `
schedule tiered
sale s1 80.00 USD
sale s2 50.00 USD
reverse x1 of s2
  credit pg/receivable/USD     50.00
  debit  shop/payable/USD       8.00
  debit  kim/payable/USD        1.00
  debit  studio-7/payable/USD  41.00
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 130.00 80.00
refund r1 of s1 -80.00 USD
counter contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 0
reverse x2 of r1
  debit  pg/receivable/USD     80.00
  credit shop/payable/USD       8.00
  credit studio-7/payable/USD  72.00
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 0.00 80.00
reverse x3 of s1
counter contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 0
balance kim/payable/USD 2.00 2.00`,

	"refunds are reversed from the newest on": `
schedule charged
sale s1 100.00 USD
refund r1 of s1 -60.00 USD
refund r0 of s1 0.00 USD
refund r2 of s1 -40.00 USD
reverse x1 of r1
  error conflict target
reverse x0 of r0
reverse x2 of r2
reverse x1 of r1
refund r3 of s1 -100.00 USD
  credit pg/receivable/USD    100.00
  debit  shop/payable/USD       3.00
  debit  nts/payable/USD        5.00
  credit kim/payable/USD        1.00
  debit  studio-7/payable/USD  93.00
balance shop/payable/USD 6.00 6.00`,

	"what a refund gave back is charged again as it was, its own charge too": `
schedule charged
sale s1 10.00 USD
refund r1 of s1 -10.00 USD
  credit pg/receivable/USD     10.00
  debit  shop/payable/USD       0.30
  debit  nts/payable/USD        0.50
  credit kim/payable/USD        0.25
  debit  studio-7/payable/USD   9.45
charge c1 of r1 4.00 USD
  debit  pg/receivable/USD      4.00
  credit shop/payable/USD       0.30
  credit nts/payable/USD        0.20
  debit  kim/payable/USD        0.10
  credit studio-7/payable/USD   3.60
charge c2 of r1 6.00 USD
  debit  pg/receivable/USD      6.00
  credit nts/payable/USD        0.30
  debit  kim/payable/USD        0.15
  credit studio-7/payable/USD   5.85
refund r2 of s1 -10.00 USD
balance shop/payable/USD 0.60 0.60
balance kim/payable/USD 0.25 0.50`,

	"a rolling window sums its days": `
schedule busy
sale s1 10.00 USD
  debit  pg/receivable/USD     10.00
  credit studio-7/payable/USD  10.00
  count contract:c-1/recent/2026-11-22// 0 1
date 2026-11-23
sale s2 10.00 USD
  debit  pg/receivable/USD     10.00
  credit studio-7/payable/USD  10.00
  count contract:c-1/recent/2026-11-23// 1 2
date 2026-11-24
sale s3 10.00 USD
  debit  pg/receivable/USD     10.00
  credit shop/payable/USD       1.00
  credit studio-7/payable/USD   9.00
  count contract:c-1/recent/2026-11-24// 2 3
date 2026-11-25
sale s4 10.00 USD
  debit  pg/receivable/USD     10.00
  credit shop/payable/USD       1.00
  credit studio-7/payable/USD   9.00
  count contract:c-1/recent/2026-11-25// 2 3
gift g1 10.00 USD
  debit  pg/receivable/USD     10.00
  credit shop/payable/USD       1.00
  credit studio-7/payable/USD   9.00
  count contract:c-1/recent/2026-11-25// 3 3
date 2026-11-22
sale s5 10.00 USD
  debit  pg/receivable/USD     10.00
  credit studio-7/payable/USD  10.00
  count contract:c-1/recent/2026-11-22// 1 2
date 2026-11-25
reverse x1 of s2
  credit pg/receivable/USD     10.00
  debit  studio-7/payable/USD  10.00
  count contract:c-1/recent/2026-11-23// 3 2
counter contract:c-1/recent/2026-11-22// 2
counter contract:c-1/recent/2026-11-23// 0`,

	"days that no window can need are dropped": `
schedule busy
date 2026-11-12
sale s1 10.00 USD
date 2026-12-15
sale s2 10.00 USD
counter contract:c-1/recent/2026-11-12// 1
date 2026-11-14
sale s3 10.00 USD
  debit  pg/receivable/USD     10.00
  credit studio-7/payable/USD  10.00
  count contract:c-1/recent/2026-11-14// 1 2
date 2026-11-13
sale s4 10.00 USD
  error conflict occurred_at
date 2026-12-16
sale s5 10.00 USD
counter contract:c-1/recent/2026-11-12// 0
reverse x1 of s1
  credit pg/receivable/USD     10.00
  debit  studio-7/payable/USD  10.00
counter contract:c-1/recent/2026-11-12// 0
counter contract:c-1/recent/2026-11-14// 1`,

	"a day far ahead would drop all that is to come": `
schedule busy
date 2026-12-24
sale s1 10.00 USD
  error invalid occurred_at
date 2026-12-23
sale s1 10.00 USD
  debit  pg/receivable/USD     10.00
  credit studio-7/payable/USD  10.00
  count contract:c-1/recent/2026-12-23// 0 1`,

	"a refund of what the first engine rated is as it always was": `
sale s1 100.00 USD
schedule tiered
refund r1 of s1 -30.00 USD
  credit pg/receivable/USD     30.00
  debit  shop/payable/USD       3.00
  debit  kim/payable/USD        1.00
  debit  studio-7/payable/USD  26.00
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 0.00 -30.00`,

	"attributes that do not fit": `
schedule tiered
sale s1 10.00 USD +vat_rate=ten
  error invalid attributes.vat_rate
sale s1 10.00 USD +grade=huge
  error invalid attributes.grade
sale s1 10.00 USD +Grade=small
  error invalid attributes
sale s1 10.00 USD +grade=
  debit  pg/receivable/USD     10.00
  credit shop/payable/USD       1.00
  credit kim/payable/USD        1.00
  credit studio-7/payable/USD   8.00
  count contract:c-1/volume/2026-11/USD/studio=studio-7,grade=general 0.00 10.00`,
}

var floorScenarios = map[string]string{
	"prepaid credit does not fall below its floor": `
floor house prepaid KRW 1000
schedule spend
sale s1 500 KRW
  error conflict floors.house.prepaid
schedule top up
top_up t1 10000 KRW
schedule spend
sale s1 9001 KRW
  error conflict floors.house.prepaid
sale s1 9000 KRW
  debit  shop/prepaid/KRW  9000
  credit kim/payable/KRW   9000
sale s2 1 KRW
  error conflict floors.house.prepaid
sale s3 5.00 USD
  debit  shop/prepaid/USD  5.00
  credit kim/payable/USD   5.00
refund r1 of s1 -9000 KRW
  credit shop/prepaid/KRW  9000
  debit  kim/payable/KRW   9000
sale s2 1 KRW
reverse x1 of t1
  credit kim/cash/KRW      10000
  debit  shop/prepaid/KRW  10000
refund r2 of s2 -1 KRW
  credit shop/prepaid/KRW  1
  debit  kim/payable/KRW   1
balance shop/prepaid/KRW 19001 19001`,

	"a negative floor grants credit": `
floor house prepaid KRW -500
schedule spend
sale s1 500 KRW
sale s2 1 KRW
  error conflict floors.house.prepaid`,
}

// TestFloors: limits are enforced when a transaction is settled.
func TestFloors(t *testing.T) { runScenarios(t, floorScenarios) }

func TestFloorSaysByHowMuch(t *testing.T) {
	r := &runner{t: t, state: book.Decider.Initial(), sent: map[string]domain.Command{}, now: start, schedule: schedules["spend"], on: "2026-11-22"}
	r.run("floor house prepaid USD 10.00", nil)
	_, err := book.Decider.Decide(r.state, r.command(strings.Fields("sale s1 2.5 USD")))
	require.ErrorContains(t, err, "stands at 0.00 and would fall to -2.50, 12.50 below its floor of 10.00")
	require.ErrorContains(t, err, "top it up by 12.50 USD")
}

// TestCounters: what accumulators make of transactions, refunds and reversals.
func TestCounters(t *testing.T) { runScenarios(t, counterScenarios) }
