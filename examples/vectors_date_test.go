package examples_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// The vectors about dates: reserves, pay dates, time zones.

// seoul is the date of an instant for a contract in Korea.
func seoul(t testing.TB, instant string) domain.Date {
	t.Helper()
	at, err := time.Parse(time.RFC3339, instant)
	require.NoError(t, err)
	zone, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	return domain.DateOf(at, zone)
}

func reserve(b *bench, v *vector) {
	switch {
	case v.has("daily_net"):
		reserveUpToACap(b, v)
		return
	case v.has("policy"):
		chargeback(b, v)
		return
	case v.has("basis"):
		reserveOfTheNet(b, v)
		return
	}
	o := b.rate(v, "rolling-reserve", transaction{amount: v.in("net"), currency: v.currency, on: v.date("date")})
	require.Equal(v, v.in("days"), fmt.Sprint(*o.schedule.Document().Rules[0].Hold.Days))
	v.is("held", o.line("reserve"))
	v.is("paid_now", o.line("paid_now"))
	require.Len(v, o.result.Releases, 1)
	v.text("release_date", string(o.result.Releases[0].On))
}

// reserveUpToACap rates four days one after the other.
func reserveUpToACap(b *bench, v *vector) {
	steps := v.parts("steps")
	days := v.list("daily_net")
	require.Len(v, days, len(steps))
	held := "0"
	for i, net := range days {
		o := b.rate(v, "rolling-reserve", transaction{
			amount: net, currency: v.currency, on: domain.Date(fmt.Sprintf("2026-01-%02d", 5+i)),
			parameters: map[string]string{"cap": v.in("cap")}, before: map[string]string{"held": held},
		})
		require.Zero(v, number(v, steps[i][0]).Cmp(o.line("reserve")), "held on day %d", i+1)
		require.Zero(v, number(v, steps[i][1]).Cmp(o.after("held")), "held in all after day %d", i+1)
		held = o.after("held").String()
	}
}

// reserveOfTheNet rates a sale and, on the same day, a refund of a part of it.
func reserveOfTheNet(b *bench, v *vector) {
	require.Equal(v, "net of refunds", v.in("basis"))
	amounts := numbered(v, v.in("event"), "refund # on day with sales #")
	tx := transaction{amount: amounts[1], currency: v.currency, on: "2026-01-05"}
	sale := b.rate(v, "rolling-reserve", tx)
	tx.amount, tx.kind, tx.sale = "-"+amounts[0], "refund", sale
	refund := b.rate(v, "rolling-reserve", tx)
	v.is("held", sale.line("reserve").Add(refund.line("reserve")))
	v.is("paid_now", sale.line("paid_now").Add(refund.line("paid_now")))
}

// chargeback takes an amount out of a reserve, the oldest slice first: sales fill the
// slices of a book, and the book pays the chargeback.
func chargeback(b *bench, v *vector) {
	expected, ok := v.expect["slices"].(map[string]any)
	require.True(v, ok)
	v.used = append(v.used, "slices")
	var taken string
	held := map[domain.Date]string{}
	switch event := v.in("event"); v.in("policy") {
	case "oldest slice first":
		found := numbered(v, event, "chargeback # with reserve slices # #")
		taken = found[0]
		for _, slice := range found[1:] {
			on, amounts, _ := strings.Cut(slice, ":")
			held[domain.Date(on)] = amounts
		}
	case "oldest first then available":
		found := numbered(v, event, "chargeback # slices #")
		taken = found[0]
		dates := names(expected)
		slices.Sort(dates)
		for i, amounts := range strings.Split(found[1], "+") {
			held[domain.Date(dates[i])] = amounts
		}
	default:
		require.Fail(v, "unknown policy")
	}
	left, short := b.ledger.chargeback(v, b.versions["rolling-reserve"], b.on(v, "rolling-reserve", "2026-01-01", nil), v.currency, held, taken)
	require.Len(v, held, len(expected))
	for on, amounts := range expected {
		require.Equal(v, amounts, left[domain.Date(on)].Shorten().String(), on)
	}
	v.is("seller_available_change", formula.FromAmount(short.Neg()))
}

func krCalendar(b *bench, v *vector) {
	cycle, found := map[string]string{
		"D+1 business": "d1",
		"D+2 business": "d2",
		"weekly: week ends Sunday, pay 15 business days later":                         "weekly",
		"monthly: 15th of next month, following business day / preceding business day": "monthly",
	}[v.in("rule")]
	require.True(v, found)
	if cycle == "monthly" {
		// Whichever day of the month a sale is made on.
		for _, day := range []string{"-01", "-17", "-28"} {
			following := krRelease(b, v, cycle, v.date("month")+domain.Date(day))
			end, err := calendar.MonthEnd(following.sold)
			require.NoError(v, err)
			v.text("month_end", string(end))
			v.text("following", string(following.on))
			v.text("preceding", string(krRelease(b, v, "monthly_before", v.date("month")+domain.Date(day)).on))
		}
		return
	}
	due := krRelease(b, v, cycle, v.date("sale_date"))
	v.text("pay_date", string(due.on))
	if v.wants("week_end") {
		v.text("week_end", string(due.from))
	}
}

// released says when a sale is paid, and from which date that is counted.
type released struct{ sold, from, on domain.Date }

func krRelease(b *bench, v *vector, cycle string, on domain.Date) released {
	v.Helper()
	o := b.rate(v, "kr-calendar", transaction{amount: "10000", currency: "KRW", on: on, parameters: map[string]string{"cycle": `"` + cycle + `"`}})
	require.Len(v, o.result.Releases, 1)
	release := o.result.Releases[0]
	require.Equal(v, cycle, release.Rule)
	require.Zero(v, release.Amount.Cmp(money.New(10000, 0)))
	at := slices.IndexFunc(o.schedule.Document().Rules, func(r fee.Rule) bool { return r.ID == cycle })
	from, err := o.schedule.Document().Rules[at].Hold.From(on)
	require.NoError(v, err)
	return released{on, from, release.On}
}

// rounding has two kinds of vectors: splits by weight, and a value in five modes.
func rounding(b *bench, v *vector) {
	if v.has("value") {
		o := b.rate(v, "rounding", transaction{amount: "1", currency: v.currency, attributes: map[string]string{"value": v.in("value")}})
		for _, mode := range []string{"half_up", "half_even", "down", "ceil", "floor"} {
			v.is(mode, o.value(mode))
		}
		return
	}
	parameters := map[string]string{}
	for i := range 8 {
		parameters[fmt.Sprintf("w%d", i+1)] = "0"
	}
	for i, weight := range v.list("weights") {
		parameters[fmt.Sprintf("w%d", i+1)] = weight
	}
	parts, ok := v.expect["parts"].([]any)
	require.True(v, ok)
	v.used = append(v.used, "parts")
	for _, sign := range []string{"", "-"} { // and the mirror image
		o := b.rate(v, "rounding", transaction{amount: sign + v.in("total"), currency: v.currency, parameters: parameters})
		for i, part := range parts {
			expected := number(v, fmt.Sprint(part))
			if sign != "" {
				expected = expected.Neg()
			}
			require.Zero(v, expected.Cmp(o.line(fmt.Sprintf("parts.p%d", i+1))), "part %d of %s%s", i+1, sign, v.in("total"))
		}
		require.True(v, o.line("rest").IsZero())
	}
}

func fx(b *bench, v *vector) {
	tx := transaction{amount: v.in("amount"), currency: v.in("from"), attributes: map[string]string{}}
	require.Equal(v, v.currency, v.in("to"))
	tx.parameters = map[string]string{"payout": `"` + v.in("to") + `"`}
	if v.has("method") {
		require.Equal(v, "cross", v.in("method"))
		tx.attributes["first_leg"], tx.attributes["second_leg"] = v.in("usd_per_jpy"), v.in("krw_per_usd")
		tx.parameters["spread"] = "0"
	} else {
		tx.attributes["mid_rate"] = v.in("mid")
		tx.parameters["spread"] = v.in("spread")
	}
	o := b.rate(v, "fx", tx)
	v.is("rate", o.value("rate"))
	require.Len(v, o.result.Conversions, 1)
	converted := o.result.Conversions[0]
	require.Zero(v, number(v, converted.Rate).Cmp(o.value("rate")))
	got := func(role, purpose string) (sum formula.Number) {
		for _, share := range converted.Shares {
			if share.To == (fee.Target{Role: role, Purpose: purpose}) {
				n := formula.FromAmount(share.Amount)
				if share.Opposite != (o.in.Amount.Sign() < 0) {
					n = n.Neg()
				}
				sum = sum.Add(n)
			}
		}
		return sum
	}
	v.is("result", got("seller", "payable"))
	v.optional("spread_income", func() formula.Number { return got("platform", "fx_income") })
	v.optional("with_intermediate_rounding", func() formula.Number { return o.value("with_intermediate_rounding") })
}
