package fee_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// worked is a schedule with something for every expectation to name.
func worked() fee.Document {
	none := "0"
	days := 3
	hold := &fee.Hold{Into: "payable"}
	hold.BusinessDays, hold.Calendar = &days, "kr"
	return fee.Document{
		Schedule: "worked", Version: 1, EffectiveFrom: "2026-01-01", Funds: fee.Target{Role: "store"},
		Inputs:       []fee.Attribute{{Name: "grade", Type: "text", OneOf: []string{"small", "large"}}, {Name: "tax", Type: "number", Default: &none}},
		Parameters:   []fee.Parameter{{Name: "rate", Is: "10%"}},
		Accumulators: []fee.Accumulator{{Name: "sold", Measure: "gross", Key: []string{"seller"}, Window: fee.Window{Name: fee.WindowMonth}}},
		Values:       []fee.Named{{Name: "base", Is: "gross - tax"}, {Name: "big", Is: "sold >= 1000"}, {Name: "label", Is: `if(big, "big", "little")`}},
		Rules: []fee.Rule{
			{ID: "fee", To: fee.Target{Role: "store", Purpose: "fee"}, Of: "base", Percent: "rate * 100", When: `grade == "small"`},
			{ID: "held", To: fee.Target{Role: "seller", Purpose: "pending"}, Percent: "50", Hold: hold},
			{ID: "net", To: fee.Target{Role: "seller"}, Rest: true},
		},
		Periods: []fee.Period{{
			ID: "month_end", Of: "sold", Values: []fee.Named{{Name: "missing", Is: "max(0, 500 - sold)"}},
			Entries: []fee.PeriodEntry{{ID: "true_up", From: fee.Target{Role: "seller"}, To: fee.Target{Role: "store", Purpose: "fee"}, Of: "missing", Percent: "10"}},
			Carry:   []fee.Carry{{Accumulator: "sold", Is: "min(0, sold)"}},
		}},
		Recourse: []fee.Recourse{{Role: "seller", From: []string{"reserve", "pending"}, When: `type == "chargeback"`}},
	}
}

func soldFor(amount string) *fee.CaseTransaction {
	return &fee.CaseTransaction{Amount: worth(amount), Currency: "USD", Attributes: map[string]string{"grade": "small"}}
}

func amountsOf(pairs ...string) map[string]money.Amount {
	m := map[string]money.Amount{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = worth(pairs[i+1])
	}
	return m
}

// worth is an amount that is known to be one.
func worth(s string) money.Amount {
	a, ok := money.ParseText(s)
	if !ok {
		panic(s)
	}
	return a
}

func noHolidays() map[string][]domain.Date { return map[string][]domain.Date{"kr": {"2026-01-02"}} }

// differences runs one case and says what differed.
func differences(t *testing.T, c fee.Case) (list []string) {
	t.Helper()
	document := worked()
	document.Cases = []fee.Case{c}
	results, err := fee.RunCases(document)
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Equal(t, "cases[0]", results[0].Field)
	for _, d := range results[0].Differences {
		list = append(list, d.String())
	}
	require.Equal(t, len(list) == 0, results[0].Passed())
	return list
}

func TestACaseExpectsWhatItNames(t *testing.T) {
	require.Empty(t, differences(t, fee.Case{
		Transaction: soldFor("100.00"), Before: amountsOf("sold", "990"), Calendars: noHolidays(), Parameters: map[string]string{"rate": "12.5%"},
		Expect: fee.Expectation{
			Lines: amountsOf("fee", "12.5", "held", "50", "net", "37.50"), Exact: map[string]string{"fee": "25/2"},
			Values: map[string]string{"base": "100.00", "big": "false", "label": "little"}, After: amountsOf("sold", "1090"),
			Postings: amountsOf("store/receivable", "-100", "seller/payable", "37.50", "seller/pending/USD", "50"),
			Releases: map[string]domain.Date{"held": "2026-01-07"},
		},
	}))
	refund := soldFor("-50.00")
	refund.Type = "refund"
	require.Empty(t, differences(t, fee.Case{
		Transaction: refund, RefundOf: &fee.CaseSale{Transaction: *soldFor("100.00"), Refunded: worth("25")}, Calendars: noHolidays(),
		Before: amountsOf("sold", "75"),
		Expect: fee.Expectation{
			Lines: amountsOf("fee", "-5", "net", "-20"), After: amountsOf("sold", "25"), Postings: amountsOf("store/receivable", "50"),
			Recourse: map[string][]string{"net": {}},
		},
	}))
	chargeback := soldFor("-50.00")
	chargeback.Type, chargeback.On = "chargeback", "2028-01-01"
	require.Empty(t, differences(t, fee.Case{
		Transaction: chargeback, RefundOf: &fee.CaseSale{Transaction: *soldFor("100.00")}, Calendars: noHolidays(),
		Expect: fee.Expectation{
			Releases: map[string]domain.Date{"held": "2026-01-07"},
			Recourse: map[string][]string{"net": {"reserve", "pending"}, "held": {"reserve", "pending"}, "fee": nil},
		},
	}), "what is taken is looked for where the sale's was held")
	require.Equal(t, []string{"recourse.fee: expected reserve, found the account itself", "recourse.net: expected pending, found reserve, pending"}, differences(t, fee.Case{
		Transaction: chargeback, RefundOf: &fee.CaseSale{Transaction: *soldFor("100.00")}, Calendars: noHolidays(),
		Expect: fee.Expectation{Recourse: map[string][]string{"net": {"pending"}, "fee": {"reserve"}}},
	}))
	require.Empty(t, differences(t, fee.Case{
		Period: &fee.CasePeriod{ID: "month_end", Currency: "USD"}, Before: amountsOf("sold", "-100"),
		Expect: fee.Expectation{
			Lines: amountsOf("true_up", "60"), Values: map[string]string{"missing": "600"}, After: amountsOf("sold", "-100"),
			Postings: amountsOf("store/fee", "60", "seller/payable", "-60"),
		},
	}))
	large := soldFor("100.00")
	large.Attributes = map[string]string{"grade": "large"}
	require.Empty(t, differences(t, fee.Case{Transaction: large, Calendars: noHolidays(), Expect: fee.Expectation{Absent: []string{"fee"}}}))
	large.Attributes = map[string]string{"grade": "huge"}
	require.Empty(t, differences(t, fee.Case{Transaction: large, Expect: fee.Expectation{Refused: "grade"}}))
}

func TestACaseSaysWhatDiffers(t *testing.T) {
	require.Equal(t, []string{
		"lines.fee: expected 11.00, found 10.00",
		"exact.fee: expected 10.001, found 10",
		"absent[0]: expected no line of net, found 40.00",
		"values.label: expected big, found \"little\"",
		"postings.seller/payable/KRW: expected 1.00, found nothing posted",
		"releases.fee: expected 2026-01-05, found nothing held",
		"releases.held: expected 2026-01-05, found 2026-01-07",
		"after.sold: expected 1.00, found 100.00",
	}, differences(t, fee.Case{
		Transaction: soldFor("100.00"), Calendars: noHolidays(),
		Expect: fee.Expectation{
			Lines: amountsOf("fee", "11", "net", "40"), Exact: map[string]string{"fee": "10.001"}, Absent: []string{"net"},
			Values: map[string]string{"label": "big"}, After: amountsOf("sold", "1"), Postings: amountsOf("seller/payable/KRW", "1"),
			Releases: map[string]domain.Date{"held": "2026-01-05", "fee": "2026-01-05"},
		},
	}))
	require.Equal(t, []string{"refused: expected grade, found a result"}, differences(t, fee.Case{
		Transaction: soldFor("100.00"), Calendars: noHolidays(), Expect: fee.Expectation{Refused: "grade"},
	}))
	require.Equal(t, []string{"lines.true_up: expected 1.00, found 50.00", "after.sold: expected 5.00, found 0.00"}, differences(t, fee.Case{
		Period: &fee.CasePeriod{ID: "month_end", Currency: "USD"}, Expect: fee.Expectation{Lines: amountsOf("true_up", "1"), After: amountsOf("sold", "5")},
	}))
}

func TestACaseThatCannotBeRunSaysWhy(t *testing.T) {
	for name, c := range map[string]fee.Case{
		"transaction": {},
		"expect.lines.fees: the schedule has no rule of this name":        {Transaction: soldFor("1"), Expect: fee.Expectation{Lines: amountsOf("fees", "1")}},
		"expect.exact.true_up: the schedule has no rule":                  {Transaction: soldFor("1"), Expect: fee.Expectation{Exact: map[string]string{"true_up": "1"}}},
		"expect.values.missing: the schedule has no value":                {Transaction: soldFor("1"), Expect: fee.Expectation{Values: map[string]string{"missing": "1"}}},
		"expect.after.bought: the schedule has no accumulator":            {Transaction: soldFor("1"), Expect: fee.Expectation{After: amountsOf("bought", "1")}},
		"expect.releases.hold: the schedule has no rule":                  {Transaction: soldFor("1"), Expect: fee.Expectation{Releases: map[string]domain.Date{"hold": "2026-01-01"}}},
		"expect.absent[0]: the schedule has no rule":                      {Transaction: soldFor("1"), Expect: fee.Expectation{Absent: []string{"fees"}}},
		"transaction.attributes.grad: the schedule has no input":          {Transaction: &fee.CaseTransaction{Amount: worth("1"), Currency: "USD", Attributes: map[string]string{"grad": "small"}}},
		"before.bought: the schedule has no accumulator":                  {Transaction: soldFor("1"), Before: amountsOf("bought", "1")},
		"refund_of.before.bought: the schedule has no accumulator":        {Transaction: soldFor("-1"), RefundOf: &fee.CaseSale{Transaction: *soldFor("1"), Before: amountsOf("bought", "1")}},
		"transaction.amount: a refund has the other sign than its sale":   {Transaction: soldFor("1"), RefundOf: &fee.CaseSale{Transaction: *soldFor("1")}},
		"expect.lines.net: the schedule has no rule":                      {Period: &fee.CasePeriod{ID: "month_end", Currency: "USD"}, Expect: fee.Expectation{Lines: amountsOf("net", "1")}},
		"period.id: the schedule has no period":                           {Period: &fee.CasePeriod{ID: "year_end", Currency: "USD"}},
		"parameters: schedule worked has no such parameter":               {Transaction: soldFor("1"), Parameters: map[string]string{"rates": "1"}},
		"transaction: the case has no calendar of this id (calendars.kr)": {Transaction: soldFor("1")},
	} {
		list := differences(t, c)
		require.Len(t, list, 1, name)
		require.Contains(t, list[0], name)
	}
}

func TestCasesOfADocumentThatDoesNotCompile(t *testing.T) {
	document := worked()
	document.Rules[0].Percent = "rat * 100"
	_, err := fee.RunCases(document)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
}
