package fee

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain/money"
)

// runPeriod runs a case of the end of a window.
func (r *caseRun) runPeriod() {
	p := r.Period
	end := PeriodEnd{
		Period: p.ID, On: p.On, Currency: p.Currency, Contract: caseContract, Party: parties(p.Parties), Attributes: p.Attributes,
		Before: func(c Counter) (money.Amount, error) { return r.Before[c.Name], nil },
	}
	if end.On == "" {
		end.On = r.document.EffectiveFrom
	}
	result, err := r.schedule.ClosePeriod(end)
	if err != nil {
		r.failed("period", err)
		return
	}
	if r.Expect.Refused != "" {
		r.differ("refused", r.Expect.Refused, "a result")
		return
	}
	r.comparePeriod(result)
}

func (r *caseRun) comparePeriod(result PeriodResult) {
	currency := r.Period.Currency
	lines := make(map[string]money.Amount, len(result.Entries))
	exact := make(map[string]string, len(result.Entries))
	posted := sums{}
	for _, entry := range result.Entries {
		to := Share{To: entry.To, Amount: entry.Line.Amount, Opposite: entry.Opposite}
		from := Share{To: entry.From, Amount: entry.Line.Amount, Opposite: !entry.Opposite}
		lines[entry.Line.Rule], exact[entry.Line.Rule] = signed(to, money.Zero), entry.Line.Exact
		for _, share := range []Share{to, from} {
			if err := posted.add(share.To, signed(share, money.Zero), currency, currency); err != nil {
				r.fault("expect.postings", err)
			}
		}
	}
	r.amounts("lines", r.Expect.Lines, lines, currency, "no line")
	r.exact(exact)
	r.absent(lines)
	r.amounts("postings", r.Expect.Postings, posted, currency, "nothing posted")
	carried := make(map[string]money.Amount, len(result.Carried))
	for _, c := range result.Carried {
		carried[c.Accumulator] = c.Amount
	}
	r.amounts("after", r.Expect.After, carried, currency, "nothing carried")
	r.values(r.periodValues(result))
}

// periodValues shows the values of a period that anything needed.
func (r *caseRun) periodValues(result PeriodResult) (shown []Shown) {
	at := slices.IndexFunc(r.document.Periods, func(p Period) bool { return p.ID == r.Period.ID })
	for i, value := range result.Values {
		if !value.IsAbsent() {
			shown = append(shown, Shown{Name: r.document.Periods[at].Values[i].Name, Value: value.String()})
		}
	}
	return shown
}
