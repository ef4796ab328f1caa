package examples_test

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/formula"
)

// The vectors of stores, marketplaces and card payments.

func apple(b *bench, v *vector) {
	o := b.rate(v, "apple", transaction{
		amount: v.in("price"), currency: v.currency,
		attributes: map[string]string{"vat_rate": v.in("vat"), "subscribed_days": v.in("subscribed_days")},
		parameters: map[string]string{"small_business": v.in("small_business")},
		before:     map[string]string{"ytd_proceeds": v.in("ytd_proceeds")},
	})
	v.is("base_ex_tax", o.value("base_ex_tax"))
	v.is("rate", o.value("rate"))
	v.is("commission", o.line("commission"))
	v.is("proceeds", o.line("proceeds"))
	require.Zero(v, o.after("ytd_proceeds").Cmp(number(v, v.in("ytd_proceeds")).Add(o.line("proceeds"))))
}

func google(b *bench, v *vector) {
	tx := transaction{amount: v.in("amount"), currency: v.currency, before: map[string]string{"ytd": v.in("ytd")}}
	if v.has("refund_of") {
		before := numbered(v, v.in("refund_of"), "sale taken while ytd was #")
		sale := transaction{amount: strings.TrimPrefix(v.in("amount"), "-"), currency: v.currency, before: map[string]string{"ytd": before[0]}}
		tx.kind, tx.sale = "refund", b.rate(v, "google-play", sale)
	}
	o := b.rate(v, "google-play", tx)
	v.is("fee", o.line("fee"))
	require.Zero(v, o.after("ytd").Cmp(number(v, v.in("ytd")).Add(number(v, v.in("amount")))))
	v.optional("exact", func() formula.Number { return o.exact("fee") })
	if !v.wants("parts") {
		return
	}
	// The line names the parts as "marginal 15% of 50, 30% of 50".
	var parts []string
	for _, part := range v.parts("parts") {
		rate := number(v, part[1]).Mul(formula.FromInt(100))
		parts = append(parts, rate.String()+"% of "+number(v, part[0]).String())
	}
	text, found := strings.CutPrefix(o.rateText("fee"), "marginal ")
	require.True(v, found)
	for i, part := range strings.Split(text, ", ") {
		rate, of, _ := strings.Cut(part, " of ")
		require.Less(v, i, len(parts))
		require.Equal(v, parts[i], rate+" of "+number(v, of).String())
	}
	require.Len(v, strings.Split(text, ", "), len(parts))
}

func amazon(b *bench, v *vector) {
	tx := transaction{amount: v.in("total"), currency: v.currency, attributes: map[string]string{"category": v.in("category")}}
	if v.has("qty") {
		tx.attributes["quantity"] = v.in("qty")
	}
	o := b.rate(v, "amazon-referral", tx)
	if !v.has("event") {
		v.is("fee", o.posted("marketplace", "fee"))
		v.is("net", o.line("net"))
		return
	}
	require.Equal(v, "full refund", v.in("event"))
	tx.amount, tx.kind, tx.sale = "-"+tx.amount, "refund", o
	refund := b.rate(v, "amazon-referral", tx)
	v.is("referral_returned", refund.line(v.in("category")).Neg())
	v.is("refund_admin", refund.line("refund_admin"))
	v.is("seller_effect", refund.line("net"))
}

func stripe(b *bench, v *vector) {
	tx := transaction{amount: v.in("amount"), currency: v.currency, method: v.in("method"), attributes: map[string]string{}}
	for _, name := range []string{"international", "convert", "manual"} {
		if v.has(name) {
			tx.attributes[name] = v.in(name)
		}
	}
	switch {
	case !v.has("event"):
	case v.in("event") == "instant payout":
		tx.kind = "instant_payout"
	default:
		stripeRefund(b, v, tx)
		return
	}
	o := b.rate(v, "stripe-us", tx)
	v.is("fee", o.posted("processor", "fee"))
	v.optional("net", func() formula.Number { return o.line("net") })
}

func stripeRefund(b *bench, v *vector, tx transaction) {
	refunded := numbered(v, v.in("event"), "partial refund #")
	tx.method = "card"
	sale := b.rate(v, "stripe-us", tx)
	tx.amount, tx.kind, tx.sale = "-"+refunded[0], "refund", sale
	o := b.rate(v, "stripe-us", tx)
	v.is("balance_change", o.line("net"))
	v.is("fee_returned", o.line("card").Neg())
	v.is("charge_fee_kept", sale.line("card"))
}

func interchange(b *bench, v *vector) {
	tx := transaction{amount: v.in("amount"), currency: v.currency, attributes: map[string]string{"card": v.in("card")}}
	once := b.rate(v, "ic-plus-plus", tx)
	for _, name := range []string{"interchange", "scheme", "markup"} {
		v.is(name, once.value(name))
	}
	v.is("fee_round_once", once.posted("acquirer", "fee"))
	tx.parameters = map[string]string{"round_each": "true"}
	v.is("fee_round_each", b.rate(v, "ic-plus-plus", tx).posted("acquirer", "fee"))
}

// parts is a list of pairs that the vector expects.
func (v *vector) parts(name string) (pairs [][2]string) {
	v.used = append(v.used, name)
	list, ok := v.expect[name].([]any)
	require.True(v, ok)
	for _, one := range list {
		pair, ok := one.([]any)
		require.True(v, ok)
		require.Len(v, pair, 2)
		pairs = append(pairs, [2]string{fmt.Sprint(pair[0]), fmt.Sprint(pair[1])})
	}
	return pairs
}
