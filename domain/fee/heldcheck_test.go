package fee_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
)

// The end of a period neither takes from money that is held nor adds to it.
func TestHeldApart(t *testing.T) {
	days := 30
	hold := &fee.Hold{ValueDate: calendar.ValueDate{Days: &days}}
	reserve := fee.Target{Role: "seller", Purpose: "reserve"}
	document := func() fee.Document {
		return fee.Document{
			Schedule: "s", Version: 1, EffectiveFrom: "2026-01-01", Funds: fee.Target{Role: "platform"},
			Accumulators: []fee.Accumulator{{Name: "sales", Measure: "gross", Key: []string{"seller"}, Window: fee.Window{Name: fee.WindowMonth}}},
			Rules: []fee.Rule{
				{ID: "held", To: reserve, Percent: "10", Hold: hold},
				{ID: "more", To: fee.Target{Role: "seller", Purpose: "pending"}, Percent: "5"},
				{ID: "net", To: fee.Target{Role: "seller"}, Rest: true},
			},
			Periods: []fee.Period{{ID: "p", Of: "sales", Entries: []fee.PeriodEntry{{ID: "e", From: fee.Target{Role: "seller"}, To: fee.Target{Role: "platform"}, Amount: "1"}}}},
		}
	}
	require.Empty(t, fee.Check(document()))
	for path, change := range map[string]func(*fee.Document){
		"periods[0].entries[0].from.purpose": func(d *fee.Document) { d.Periods[0].Entries[0].From = reserve },
		"periods[0].entries[0].to.purpose":   func(d *fee.Document) { d.Periods[0].Entries[0].To = reserve },
	} {
		d := document()
		change(&d)
		faults := fee.Check(d)
		require.Len(t, faults, 1, path)
		require.Equal(t, path, faults[0].Field)
		require.NotEmpty(t, faults[0].Remedy)
	}
	d := document()
	d.Rules[1].To = reserve
	require.Empty(t, fee.Check(d), "rules may share an account")
}
