package book_test

import (
	"testing"
)

// heldSchedules are those of money that is held, and of windows that close.
var heldSchedules = map[string]string{
	// A tenth of what a studio gets is held for ten days, the rest is pending for two.
	// A chargeback costs 1.00 and is paid from what is held first.
	"held": `{"schedule":"held","version":1,"effective_from":"2026-01-01","funds":{"role":"acquirer"},
	"recourse":[{"role":"studio","from":["reserve","pending"],"when":"type == \"chargeback\""}],
	"rules":[{"id":"fee","to":{"role":"house"},"percent":"10"},
	         {"id":"dispute","to":{"role":"affiliate"},"on":"refund","when":"type == \"chargeback\"","flat":{"USD":"1.00","KRW":"1000"}},
	         {"id":"reserve","to":{"role":"studio","purpose":"reserve"},"percent":"9","hold":{"days":10}},
	         {"id":"studio","to":{"role":"studio","purpose":"pending"},"rest":true,"hold":{"days":2}}]}`,

	// A studio is guaranteed 100.00 a month; what the house added is taken back from what
	// it sells above that later.
	"guaranteed": `{"schedule":"guaranteed","version":1,"effective_from":"2026-01-01","funds":{"role":"acquirer"},
	"accumulators":[{"name":"month","measure":"gross","key":["studio"],"window":"calendar_month"}],
	"rules":[{"id":"studio","to":{"role":"studio"},"rest":true}],
	"periods":[{"id":"guarantee","of":"month","grace_days":3,
	            "entries":[{"id":"true_up","from":{"role":"house","purpose":"income"},"to":{"role":"studio"},"amount":"100 - month"}],
	            "carry":[{"accumulator":"month","is":"min(0, month - 100)"}]}]}`,

	// The studio is paid in won; a tenth of that is held for five days.
	"exchanged": `{"schedule":"exchanged","version":1,"effective_from":"2026-01-01","funds":{"role":"acquirer"},
	"rules":[{"id":"fee","to":{"role":"house"},"percent":"10"},
	         {"id":"studio","to":{"role":"studio","purpose":"reserve"},"rest":true,"hold":{"days":5},
	          "convert":{"to":"KRW","mid":"1000","rate":"990","via":{"role":"house","purpose":"fx"},"spread_to":{"role":"house","purpose":"fx_income"}}}]}`,
}

var heldScenarios = map[string]string{
	"money is held by date and released when its date comes": `
schedule held
sale s1 100.00 USD
  debit  pg/receivable/USD     100.00
  credit shop/payable/USD       10.00
  credit studio-7/reserve/USD    9.00
  credit studio-7/pending/USD   81.00
  hold   studio-7/reserve/USD  payable 2026-12-02  9.00
  hold   studio-7/pending/USD  payable 2026-11-24 81.00
sale s2 10.00 USD studio=studio-8
date 2026-11-23
sale s3 10.00 USD
  debit  pg/receivable/USD      10.00
  credit shop/payable/USD        1.00
  credit studio-7/reserve/USD    0.90
  credit studio-7/pending/USD    8.10
  hold   studio-7/reserve/USD  payable 2026-12-03  0.90
  hold   studio-7/pending/USD  payable 2026-11-25  8.10
sale s4 10.00 USD
held studio-7/pending/USD 2026-11-24 81.00 2026-11-25 16.20
advance a0 2026-11-23
  nothing
  advanced 2026-11-23
advance a1 2026-11-22
  replay 4
advance a1 2026-11-25
  error conflict next_date
advance a1 2026-11-24
  debit  studio-7/pending/USD   81.00
  credit studio-7/payable/USD   81.00
  debit  studio-8/pending/USD    8.10
  credit studio-8/payable/USD    8.10
  hold   studio-7/pending/USD  payable 2026-11-24 -81.00
  hold   studio-8/pending/USD  payable 2026-11-24 -8.10
  released 2026-11-24
advance a2 2026-11-24
  nothing
  advanced 2026-11-24 2026-11-23
advance a3 2026-11-24
  replay 6
held studio-7/pending/USD 2026-11-25 16.20
come 2026-11-25
held studio-7/pending/USD
come 2026-11-26
come 2026-11-27
come 2026-11-28
come 2026-11-29
come 2026-11-30
come 2026-12-01
held studio-7/reserve/USD 2026-12-02 9.00 2026-12-03 1.80
come 2026-12-02
balance studio-7/reserve/USD 9.00 10.80
balance studio-7/payable/USD 0 106.20`,

	"the first date may be any, and releases all that was due before": `
schedule held
sale s1 100.00 USD
sale s2 10.00 USD studio=studio-8
advance a1 2027-06-01
  debit  studio-7/pending/USD   81.00
  credit studio-7/payable/USD   81.00
  debit  studio-8/pending/USD    8.10
  credit studio-8/payable/USD    8.10
  debit  studio-7/reserve/USD    9.00
  credit studio-7/payable/USD    9.00
  debit  studio-8/reserve/USD    0.90
  credit studio-8/payable/USD    0.90
  hold   studio-7/pending/USD  payable 2026-11-24 -81.00
  hold   studio-8/pending/USD  payable 2026-11-24 -8.10
  hold   studio-7/reserve/USD  payable 2026-12-02 -9.00
  hold   studio-8/reserve/USD  payable 2026-12-02 -0.90
  released 2027-06-01
advance a2 2027-06-01
  nothing
  advanced 2027-06-01
sale s3 10.00 USD
held studio-7/pending/USD 2026-11-24 8.10
come 2027-06-02
held studio-7/pending/USD`,

	"a refund takes what is still held, and the rest from where it went": `
schedule held
sale s1 100.00 USD
sale s2 100.00 USD
refund r1 of s1 -50.00 USD
  credit pg/receivable/USD      50.00
  debit  shop/payable/USD        5.00
  debit  studio-7/reserve/USD    4.50
  debit  studio-7/pending/USD   40.50
  hold   studio-7/reserve/USD  payable 2026-12-02  -4.50
  hold   studio-7/pending/USD  payable 2026-11-24 -40.50
come 2026-11-24
balance studio-7/pending/USD 162.00 162.00
refund r2 of s1 -50.00 USD
  credit pg/receivable/USD      50.00
  debit  shop/payable/USD        5.00
  debit  studio-7/reserve/USD    4.50
  debit  studio-7/payable/USD   40.50
  hold   studio-7/reserve/USD  payable 2026-12-02  -4.50
held studio-7/reserve/USD 2026-12-02 9.00
come 2026-11-25
reverse x1 of r2
  debit  pg/receivable/USD      50.00
  credit shop/payable/USD        5.00
  credit studio-7/reserve/USD    4.50
  credit studio-7/payable/USD   40.50
  hold   studio-7/reserve/USD  payable 2026-12-02   4.50
held studio-7/reserve/USD 2026-12-02 13.50`,

	"a chargeback is paid from what is held, and its reversal gives it back": `
schedule held
sale s1 100.00 USD
date 2026-11-23
sale s2 100.00 USD
come 2026-11-24
chargeback c1 of s1 -100.00 USD
  credit pg/receivable/USD     100.00
  debit  shop/payable/USD       10.00
  credit kim/payable/USD         1.00
  debit  studio-7/reserve/USD    9.00
  debit  studio-7/reserve/USD    9.00
  debit  studio-7/pending/USD   73.00
  hold   studio-7/reserve/USD  payable 2026-12-02  -9.00
  hold   studio-7/reserve/USD  payable 2026-12-03  -9.00
  hold   studio-7/pending/USD  payable 2026-11-25 -73.00
refund r1 of s1 -0.01 USD
  error exceeds_original amount
held studio-7/reserve/USD
held studio-7/pending/USD 2026-11-25 8.00
won w1 of c1 100.00 USD
  debit  pg/receivable/USD     100.00
  credit shop/payable/USD       10.00
  debit  kim/payable/USD         1.00
  credit studio-7/reserve/USD    9.00
  credit studio-7/pending/USD   82.00
  hold   studio-7/reserve/USD  payable 2026-12-03   9.00
  hold   studio-7/pending/USD  payable 2026-11-25  82.00
refund r1 of s1 -0.01 USD`,

	"what comes back after its date is not held again": `
schedule held
sale s1 100.00 USD
chargeback c1 of s1 -100.00 USD
  credit pg/receivable/USD     100.00
  debit  shop/payable/USD       10.00
  credit kim/payable/USD         1.00
  debit  studio-7/reserve/USD    9.00
  debit  studio-7/pending/USD   81.00
  debit  studio-7/payable/USD    1.00
  hold   studio-7/reserve/USD  payable 2026-12-02  -9.00
  hold   studio-7/pending/USD  payable 2026-11-24 -81.00
come 2026-11-24
won w1 of c1 50.00 USD
  debit  pg/receivable/USD      50.00
  credit shop/payable/USD        5.00
  debit  kim/payable/USD         0.50
  credit studio-7/reserve/USD    4.50
  credit studio-7/payable/USD   41.00
  hold   studio-7/reserve/USD  payable 2026-12-02   4.50
reverse x1 of w1
  credit pg/receivable/USD      50.00
  debit  shop/payable/USD        5.00
  credit kim/payable/USD         0.50
  debit  studio-7/reserve/USD    4.50
  debit  studio-7/payable/USD   41.00
  hold   studio-7/reserve/USD  payable 2026-12-02  -4.50
reverse x2 of c1
  debit  pg/receivable/USD     100.00
  credit shop/payable/USD       10.00
  debit  kim/payable/USD         1.00
  credit studio-7/reserve/USD    9.00
  credit studio-7/payable/USD   81.00
  credit studio-7/payable/USD    1.00
  hold   studio-7/reserve/USD  payable 2026-12-02   9.00`,

	"a reversal takes what was released from where it went": `
schedule held
sale s1 100.00 USD
come 2026-11-24
reverse x1 of s1
  credit pg/receivable/USD     100.00
  debit  shop/payable/USD       10.00
  debit  studio-7/reserve/USD    9.00
  debit  studio-7/payable/USD   81.00
  hold   studio-7/reserve/USD  payable 2026-12-02  -9.00
held studio-7/reserve/USD
balance studio-7/payable/USD 81.00 81.00`,

	"a converted share is held in its own currency": `
schedule exchanged
sale s1 10.00 USD
  debit  pg/receivable/USD      10.00
  credit shop/payable/USD        1.00
  credit shop/fx/USD             9.00
  credit studio-7/reserve/KRW    8910
  credit shop/fx_income/KRW        90
  debit  shop/fx/KRW             9000
  hold   studio-7/reserve/KRW  payable 2026-11-27  8910
come 2026-11-23
refund r1 of s1 -5.00 USD
  credit pg/receivable/USD       5.00
  debit  shop/payable/USD        0.50
  debit  shop/fx/USD             4.50
  debit  studio-7/reserve/KRW    4455
  debit  shop/fx_income/KRW        45
  credit shop/fx/KRW             4500
  hold   studio-7/reserve/KRW  payable 2026-11-27 -4455
reverse x1 of r1
reverse x2 of s1
  credit pg/receivable/USD      10.00
  debit  shop/payable/USD        1.00
  debit  shop/fx/USD             9.00
  debit  studio-7/reserve/KRW    8910
  debit  shop/fx_income/KRW        90
  credit shop/fx/KRW             9000
  hold   studio-7/reserve/KRW  payable 2026-11-27 -8910`,

	"windows close in the order of their dates, each once, with grace": `
schedule guaranteed
sale s1 60.00 USD
  debit  pg/receivable/USD      60.00
  credit studio-7/payable/USD   60.00
  count contract:c-1/month/2026-11/USD/studio=studio-7 0.00 60.00
sale s0 0.00 USD studio=studio-8
  nothing
  count contract:c-1/month/2026-11/USD/studio=studio-8 0.00 0.00
come 2026-12-01
come 2026-12-02
come 2026-12-03
sale late 10.00 USD
advance a1 2026-12-04
  debit  shop/income/USD        30.00
  credit studio-7/payable/USD   30.00
  count contract:c-1/month/2026-12/USD/studio=studio-7 0.00 -30.00
  closed 2026-12-04 2026-11-01 2026-11-30
advance a2 2026-12-04
  debit  shop/income/USD       100.00
  credit studio-8/payable/USD  100.00
  count contract:c-1/month/2026-12/USD/studio=studio-8 0.00 -100.00
  closed 2026-12-04 2026-11-01 2026-11-30
advance a3 2026-12-04
  nothing
  advanced 2026-12-04 2026-12-03
sale later 10.00 USD
  debit  pg/receivable/USD      10.00
  credit studio-7/payable/USD   10.00
  count contract:c-1/month/2026-11/USD/studio=studio-7 70.00 80.00
reverse x1 of later
  credit pg/receivable/USD      10.00
  debit  studio-7/payable/USD   10.00
  count contract:c-1/month/2026-11/USD/studio=studio-7 80.00 70.00
date 2026-12-20
sale s2 150.00 USD
  debit  pg/receivable/USD     150.00
  credit studio-7/payable/USD  150.00
  count contract:c-1/month/2026-12/USD/studio=studio-7 -30.00 120.00
come 2026-12-05`,

	"a book has one order of business dates": `
advance a1 2026-02-30
  error invalid date
advance a1 0
  error invalid date
come 2026-11-22
advance a1 2026-11-24
  error conflict next_date
advance a1 2026-11-23
  nothing
  advanced 2026-11-23 2026-11-22`,
}

func TestHeldMoney(t *testing.T) { runScenarios(t, heldScenarios) }
