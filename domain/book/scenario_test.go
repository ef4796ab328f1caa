package book_test

import "testing"

// TestScenarios: what a book decides, as accounting tables.
func TestScenarios(t *testing.T) { runScenarios(t, scenarios) }

// A scenario is an accounting table. A line at the margin is a command to the
// book; the indented lines below it are what must come of it: its postings, or
// "nothing" for an entry without any, "replay <revision>", "error <code> <field>".
//
//	<type> <id> [of <original>] <amount> <currency> [role=party …]
//	reverse <id> of <target>
//	again <id>               the same command once more
//	altered <id>             the same key with other content
//	policy unmatched|sub_minor …   of all later commands; none without a word
//	balance <account> <debits> <credits>
//	schedule <name>          of later contracts; standard without a word
//	date <date>              on which later commands are effective
//	counter <id> <value>
//	held <account> <date> <amount> [<date> <amount> …]   all that it holds, in order
//	advance <id> <date>      one step towards the business date
//	come <date>              all steps to it
//	floor <role> <purpose> <currency> <amount>, of all later commands
//
// +name=value gives a transaction an attribute. Below an entry's postings stand what it
// changes of holds, hold <account> <into> <date> <change>, and what it counted, count
// <counter> <before> <after>; then released, closed or advanced with a business date
// where a step of an advance was that.
//
// Standard contracts pay 10 % to the tax office, 70 % of what remains to the studio, 5 %
// of the gross but at least 0.10 USD to the affiliate and the rest to the house.
const standard = `{"schedule":"standard","version":2,"effective_from":"2026-01-01","funds":{"role":"acquirer"},"rounding_difference":{"role":"house"},
	"rules":[{"id":"vat","to":{"role":"tax"},"percent":"10"},
	         {"id":"studio","to":{"role":"studio"},"of":"remaining","percent":"70"},
	         {"id":"affiliate","to":{"role":"affiliate"},"percent":"5","minimum":{"USD":"0.10"}},
	         {"id":"house","to":{"role":"house"},"rest":true}]}`

var parties = map[string]string{"acquirer": "pg", "tax": "nts", "studio": "studio-7", "affiliate": "kim", "house": "shop"}

var scenarios = map[string]string{
	"a sale gives every party its part": `
sale s1 100.00 USD
  debit  pg/receivable/USD     100.00
  credit nts/payable/USD        10.00
  credit studio-7/payable/USD   63.00
  credit kim/payable/USD         5.00
  credit shop/payable/USD       22.00
sale s2 4990 KRW
  debit  pg/receivable/KRW      4990
  credit nts/payable/KRW         499
  credit studio-7/payable/KRW   3144
  credit kim/payable/KRW         250
  credit shop/payable/KRW       1097
balance pg/receivable/USD 100.00 0
balance shop/payable/KRW 0 1097`,

	"fees above the sale are owed by the house": `
sale s1 0.05 USD
  debit  pg/receivable/USD      0.05
  credit nts/payable/USD        0.01
  credit studio-7/payable/USD   0.03
  credit kim/payable/USD        0.10
  debit  shop/payable/USD       0.09`,

	"a refund mirrors the sale": `
sale s1 100.00 USD
refund r1 of s1 -30.00 USD
  credit pg/receivable/USD      30.00
  debit  nts/payable/USD         3.00
  debit  studio-7/payable/USD   18.90
  debit  kim/payable/USD         1.50
  debit  shop/payable/USD        6.60
balance pg/receivable/USD 100.00 30.00
refund r2 of s1 -70.01 USD
  error exceeds_original amount
refund r2 of s1 -70.00 USD
refund r3 of s1 -0.01 USD
  error exceeds_original amount
balance pg/receivable/USD 100.00 100.00`,

	"a negative amount needs its original": `
refund r1 -5.00 USD
  error missing_original original_id
adjustment a1 -5.00 USD
  error missing_original original_id
refund r1 of s1 -5.00 USD
  error missing_original original_id
refund r1 of r1 -5.00 USD
  error missing_original original_id
policy unmatched
refund r1 -5.00 USD
  credit pg/receivable/USD      5.00
  debit  nts/payable/USD        0.50
  debit  studio-7/payable/USD   3.15
  debit  kim/payable/USD        0.25
  debit  shop/payable/USD       1.10
refund r2 of s1 -5.00 USD
  error missing_original original_id`,

	"a refund goes with its original": `
sale s1 100.00 USD
sale s0 0.00 USD
sale s2 of s1 10.00 USD
  error invalid amount
refund r1 of s1 -1000 KRW
  error invalid currency
refund r1 of s0 -0.01 USD
  error exceeds_original amount
refund r1 of s1 0.00 USD
  nothing
refund r2 of s1 -10.00 USD
charge c1 of r2 4.00 USD
  debit  pg/receivable/USD      4.00
  credit nts/payable/USD        0.40
  credit studio-7/payable/USD   2.52
  credit kim/payable/USD        0.20
  credit shop/payable/USD       0.88
charge c2 of r2 6.01 USD
  error exceeds_original amount`,

	"nothing settles without postings": `
sale s1 0 USD
  nothing
sale s2 0.00 KRW
  nothing
again s1
  replay 0
altered s1
  error conflict external_id`,

	"each key once": `
sale s1 10.00 USD
sale s2 10.00 USD
again s1
  replay 0
again s2
  replay 1
altered s1
  error conflict external_id
balance pg/receivable/USD 20.00 0
reverse s1 of s2
  error conflict external_id
reverse x1 of s1
again x1
  replay 2
altered x1
  error conflict external_id
sale x1 10.00 USD
  error conflict external_id
again s1
  replay 0`,

	"a reversal swaps every side": `
sale s1 100.00 USD
reverse x1 of s1
  credit pg/receivable/USD     100.00
  debit  nts/payable/USD        10.00
  debit  studio-7/payable/USD   63.00
  debit  kim/payable/USD         5.00
  debit  shop/payable/USD       22.00
balance pg/receivable/USD 100.00 100.00
balance shop/payable/USD 22.00 22.00
reverse x2 of s1
  error conflict target
reverse x2 of x1
  error conflict target
reverse x2 of s9
  error missing_original target
refund r1 of s1 -1.00 USD
  error conflict original_id
refund r1 of x1 -1.00 USD
  error invalid original_id
sale s0 0 USD
reverse x0 of s0
  nothing`,

	"what has refunds is not reversed before they are": `
sale s1 100.00 USD
refund r1 of s1 -60.00 USD
reverse x1 of s1
  error conflict target
refund r2 of s1 -60.00 USD
  error exceeds_original amount
reverse x2 of r1
  debit  pg/receivable/USD      60.00
  credit nts/payable/USD         6.00
  credit studio-7/payable/USD   37.80
  credit kim/payable/USD         3.00
  credit shop/payable/USD       13.20
refund r2 of s1 -60.00 USD
reverse x3 of r2
reverse x1 of s1
balance pg/receivable/USD 220.00 220.00`,

	"amounts finer than the minor unit need the source's policy": `
sale s1 0.001 USD
  error too_precise amount
sale s1 0.5 KRW
  error too_precise amount
sale s0 1.000 USD
policy sub_minor unmatched
sale s1 0.001 USD
  debit  pg/receivable/USD    0.001
  credit shop/rounding/USD    0.001
sale s2 10.005 USD
  debit  pg/receivable/USD    10.005
  credit nts/payable/USD       1.00
  credit studio-7/payable/USD  6.30
  credit kim/payable/USD       0.50
  credit shop/payable/USD      2.20
  credit shop/rounding/USD     0.005
refund r1 -0.0004 USD
  credit pg/receivable/USD    0.0004
  debit  shop/rounding/USD    0.0004
balance pg/receivable/USD 11.006 0.0004
sale s3 0.0000001 USD
  error too_precise amount`,

	"what no book can take": `
sale s1 1.00 usd
  error unknown_currency currency
sale s1 1.00 XAU
  error unknown_currency currency
Sale s1 1.00 USD
  error invalid type
sale s1 1.00 USD Studio=x
  error invalid parties
sale s1 1.00 USD studio=Big/Corp b=A
  error invalid parties.b
sale s1 1.00 USD affiliate=
  error invalid parties.affiliate
sale s1 9223372036854775807 KRW
sale s2 1 KRW
  error out_of_range amount
balance pg/receivable/KRW 9223372036854775807 0`,

	"only roles that get something need a party": `
policy unmatched
sale s1 0.01 EUR affiliate=-
  debit  pg/receivable/EUR      0.01
  credit studio-7/payable/EUR   0.01
sale s2 1.00 EUR affiliate=-
  error unknown_party parties.affiliate
sale s3 1.00 EUR acquirer=-
  error unknown_party parties.acquirer
sale s4 0.00 EUR acquirer=-
  nothing
sale s5 1.00 EUR studio=studio-8
  debit  pg/receivable/EUR      1.00
  credit nts/payable/EUR        0.10
  credit studio-8/payable/EUR   0.63
  credit kim/payable/EUR        0.05
  credit shop/payable/EUR       0.22`,
}
