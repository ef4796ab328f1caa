package examples_test

import (
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// The vectors of the schedules that Korean sellers know.

func krCard(b *bench, v *vector) {
	if v.has("event") {
		krCardClass(b, v)
		return
	}
	o := b.rate(v, "kr-card", transaction{
		amount: v.in("amount"), currency: v.currency, on: v.date("date"),
		attributes: map[string]string{"card": v.in("card")}, parameters: map[string]string{"annual_sales": v.in("annual_sales")},
	})
	rule := map[string]string{"credit": "credit_fee", "check": "check_fee"}[v.in("card")]
	v.is("rate", percent(v, o.rateText(rule)))
	v.is("fee", o.line(rule))
	v.is("net", o.line("net"))
}

// krCardClass rates a half-year's sales twice: as charged, without a class, and by
// the contract as it should have been. What is given back is the difference that the
// merchant's line makes.
func krCardClass(b *bench, v *vector) {
	require.Equal(v, "half-year retroactive class change", v.in("event"))
	sales := transaction{amount: v.in("amount_total"), currency: v.currency, on: "2026-01-10", attributes: map[string]string{"card": "credit"}}
	charged := b.rate(v, "kr-card", sales)
	sales.parameters = map[string]string{"annual_sales": "250000000"}
	entitled := b.rate(v, "kr-card", sales)
	require.Zero(v, percent(v, charged.rateText("credit_fee")).Cmp(number(v, v.in("charged_rate"))))
	require.Zero(v, percent(v, entitled.rateText("credit_fee")).Cmp(number(v, v.in("entitled_rate"))))
	v.is("refund", entitled.line("net").Sub(charged.line("net")))
}

func toss(b *bench, v *vector) {
	o := b.rate(v, "toss-observed", transaction{
		amount: v.in("amount"), currency: v.currency, parameters: map[string]string{"rate": v.in("rate")},
	})
	v.is("supply", o.line("supply"))
	v.is("vat", o.line("vat"))
	v.is("fee", o.posted("gateway", "fee"))
	v.is("payout", o.line("payout"))
}

func pgMethod(b *bench, v *vector) {
	o := b.rate(v, "kr-pg-method", transaction{amount: v.in("amount"), currency: v.currency, method: v.in("method")})
	v.is("supply", o.line(v.in("method")))
	v.is("vat", o.line("vat"))
	v.is("fee", o.posted("gateway", "fee"))
	v.is("net", o.line("net"))
}

func naver(b *bench, v *vector) {
	o := b.rate(v, "naver-smartstore", transaction{
		amount: v.in("amount"), currency: v.currency, on: v.date("date"),
		attributes: map[string]string{"grade": v.in("grade"), "channel": v.in("channel"), "naver_inflow": v.in("naver_inflow")},
	})
	// What a sale costs beside the order fee had another name before it was changed.
	sales := "sales_fee"
	if o.schedule.Document().Version == 1 {
		sales = "inflow_fee"
	}
	v.is("order_mgmt", o.line("order_mgmt"))
	v.is("sales_fee", o.line(sales))
	v.is("fee", o.posted("market", "fee"))
	v.is("net", o.line("net"))
}

func krTax(b *bench, v *vector) {
	tx := transaction{currency: v.currency, on: v.date("date"), attributes: map[string]string{"kind": v.in("kind")}}
	if tx.on == "" {
		tx.on = "2026-05-01" // the rules of today
	}
	if v.in("kind") == "vat_inclusive_split" {
		tx.amount = v.in("total")
		o := b.rate(v, "kr-tax", tx)
		v.is("supply", o.line("net"))
		v.is("vat", o.line("vat"))
		require.Zero(v, o.value("supply").Cmp(o.line("net")))
		return
	}
	tx.amount = v.in("gross")
	o := b.rate(v, "kr-tax", tx)
	v.is("income_tax", o.line("income_tax"))
	v.optional("local_tax", func() formula.Number { return o.line("local_tax") })
	v.optional("withheld", func() formula.Number { return o.posted("tax_office", "payable") })
	v.optional("net", func() formula.Number { return o.line("net") })
	v.optional("naive_3_3pct", func() formula.Number { return o.value("naive_3_3pct") })
}

func waterfall(b *bench, v *vector) {
	o := b.rate(v, "waterfall", transaction{
		amount: v.in("gross"), currency: v.currency,
		parameters: map[string]string{
			"vat_inclusive": v.in("vat_inclusive"), "pg_rate": v.in("pg_rate"), "provider_share": v.in("provider"),
			"affiliate_share": v.in("affiliate"), "platform_share": v.in("platform"), "platform_min": v.in("platform_min"),
		},
	})
	for _, rule := range []string{"vat_payable", "pg_fee", "provider", "affiliate", "platform", "partner"} {
		v.is(rule, o.line(rule))
	}
}

func promo(b *bench, v *vector) {
	tx := transaction{amount: v.in("amount"), currency: v.currency}
	switch {
	case v.has("promo"):
		require.Equal(v, "5% in [2026-11-01,2026-11-08) KST, else 10%", v.in("promo"))
		tx.on = seoul(v, v.in("occurred_at"))
	case v.has("event"):
		occurred := numbered(v, v.in("event"), "late arrival: occurred # received # after promo end")
		tx.on = domain.Date(occurred[0])
	case v.has("sequence"):
		promoCap(b, v, tx)
		return
	default:
		period := b.close(v, "promo-caps", "month_end", v.currency, map[string]string{"monthly_minimum": v.in("monthly_minimum")}, map[string]string{"used": v.in("month_fees")})
		v.is("true_up", period.line("true_up"))
		return
	}
	o := b.rate(v, "promo-caps", tx)
	v.is("rate", o.value("applied_rate"))
	v.is("fee", o.line("fee"))
}

// promoCap rates one sale of a month. What was used before it is what is used after
// it less what it was charged; of the first sale, nothing.
func promoCap(b *bench, v *vector, tx transaction) {
	used := number(v, v.expected("used")).Sub(number(v, v.expected("charged")))
	if v.in("sequence") == "1" {
		require.True(v, used.IsZero())
	}
	tx.on = "2026-09-20"
	tx.parameters = map[string]string{"rate": v.in("rate"), "monthly_cap": v.in("monthly_cap")}
	tx.before = map[string]string{"used": used.String()}
	o := b.rate(v, "promo-caps", tx)
	v.is("uncapped", o.value("uncapped"))
	v.is("charged", o.line("fee"))
	v.is("used", o.after("used"))
}
