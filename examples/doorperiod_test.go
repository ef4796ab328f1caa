package examples_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// end lets a book come to the end of September with the sums given, as far as plain
// transactions can bring them about, and holds what it posts then to what was
// computed. A sum that nothing but the end of the month before can carry comes from
// a loss in August.
func (l *counting) end(t testing.TB, versions []fee.Document, s *fee.Schedule, p fee.Period, computed fee.PeriodResult, currency string, parameters, sums map[string]string) {
	t.Helper()
	carried := money.Zero
	for _, a := range s.Document().Accumulators {
		switch sum := amount(t, sums[a.Name]); {
		case a.Name == p.Of && a.Measure != "gross":
			return
		case a.Name != p.Of && !sum.IsZero():
			if carried = sum; carried.Sign() > 0 || parameters["carry_over"] == "false" {
				return
			}
		}
	}
	id := l.open(t, versions, s, parameters)
	in := fee.Input{Type: "sale", Currency: money.Currency(currency)}
	l.advance(t, id, "2026-08-01", "2026-08-01")
	if !carried.IsZero() {
		in.On = "2026-08-15"
		l.send(t, id, in, "august", "", carried)
		l.advance(t, id, "2026-08-02", "2026-09-01")
	} else {
		l.advance(t, id, "2026-08-02", "2026-08-31")
	}
	in.On = "2026-09-15"
	l.send(t, id, in, "september", "", amount(t, sums[p.Of]))
	if carried.IsZero() {
		l.advance(t, id, "2026-09-01", "2026-10-01")
	} else {
		l.advance(t, id, "2026-09-02", "2026-10-01")
	}

	var ended book.WindowClosed
	for _, event := range l.events(t, id) {
		if e, is := event.(book.WindowClosed); is {
			ended = e
		}
	}
	require.Equal(t, computed.First, ended.First)
	require.Equal(t, computed.Last, ended.Last)
	require.Equal(t, domain.Date("2026-10-01"), ended.BusinessDate)
	require.Len(t, ended.Periods, 1)
	require.Equal(t, p.ID, ended.Periods[0].Period)
	require.Len(t, ended.Periods[0].Lines, len(computed.Entries))
	moved, posted := map[string]money.Amount{}, map[string]money.Amount{}
	for i, entry := range computed.Entries {
		line := ended.Periods[0].Lines[i]
		require.Equal(t, asJSON(t, entry.Line), asJSON(t, line.Line))
		require.Equal(t, entry.Opposite, line.Opposite)
		add(t, moved, entry.From.Role+"-1/"+entry.From.Purpose+"/"+currency, entry.Line.Amount, !entry.Opposite)
		add(t, moved, entry.To.Role+"-1/"+entry.To.Purpose+"/"+currency, entry.Line.Amount, entry.Opposite)
	}
	for _, posting := range ended.Postings {
		add(t, posted, string(posting.Account), posting.Amount, posting.Side == ledger.Debit)
	}
	require.Equal(t, asJSON(t, moved), asJSON(t, posted))
	var opens, opened []string
	for _, c := range computed.Carried {
		if !c.Amount.IsZero() {
			opens = append(opens, fmt.Sprint(c.Accumulator, " ", c.Amount))
		}
	}
	for _, c := range ended.Counts {
		change, err := c.After.Sub(c.Before)
		require.NoError(t, err)
		counter, err := fee.ParseCounter(c.Counter)
		require.NoError(t, err)
		if !change.IsZero() {
			opened = append(opened, fmt.Sprint(counter.Name, " ", change))
		}
	}
	require.Equal(t, opens, opened)
	l.closed++
}

// advance takes a book to a date, day by day from another.
func (l *counting) advance(t testing.TB, id string, from, to domain.Date) {
	t.Helper()
	for date := from; date <= to; {
		reply := l.door.Do(t.Context(), command.Request{Command: book.AdvanceBusinessDate{Book: id, Date: date}, Meta: eventstore.Meta{Actor: "test", Authenticated: "none"}})[0]
		require.NoError(t, reply.Err, date)
		if reply.Outcome == command.Replayed {
			var err error
			date, err = calendar.AddDays(date, 1)
			require.NoError(t, err)
		}
	}
}
