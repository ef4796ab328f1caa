package verify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func balances(state State) map[string]string {
	out := map[string]string{}
	for _, b := range state.Balances {
		out[b.Book+" "+b.Account] = b.Debits + " " + b.Credits
	}
	return out
}

func TestReplay(t *testing.T) {
	s := newScript(t)
	first := s.add("book-main", typeTransactionSettled, sale("A-1"))
	afterFirst := s.now
	s.add("book-main", typeTransactionSettled, refund("R-1", "A-1", 0))
	last := s.add("book-main", typeTransactionSettled, zero("Z-1"))

	atFirst := map[string]string{
		"main card/receivable/GBP": "10.00 0.00", "main studio/payable/GBP": "0.00 7.00", "main arcade/payable/GBP": "0.00 3.00",
	}
	atEnd := map[string]string{
		"main card/receivable/GBP": "10.00 5.00", "main studio/payable/GBP": "3.50 7.00", "main arcade/payable/GBP": "1.50 3.00",
	}
	for name, test := range map[string]struct {
		until  Until
		want   map[string]string
		events uint64
	}{
		"end":                         {Until{}, atEnd, 11},
		"position":                    {Until{Position: first}, atFirst, 9},
		"between two positions":       {Until{Position: last - 1}, atEnd, 10},
		"before the first settlement": {Until{Position: first - 1}, map[string]string{}, 8},
		"beyond the end":              {Until{Position: last + 1000}, atEnd, 11},
		"time":                        {Until{Time: afterFirst}, atFirst, 9},
		"just before that time":       {Until{Time: afterFirst.Add(-time.Nanosecond)}, map[string]string{}, 8},
		"long after":                  {Until{Time: afterFirst.AddDate(1, 0, 0)}, atEnd, 11},
		"the earlier of both":         {Until{Position: last, Time: afterFirst}, atFirst, 9},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := Replay(t.Context(), s.store, test.until)
			require.NoError(t, err)
			require.Equal(t, test.want, balances(state))
			require.Equal(t, test.events, state.Events)
		})
	}
	state, err := Replay(t.Context(), s.store, Until{})
	require.NoError(t, err)
	require.Equal(t, Balance{
		Book: "main", Account: "arcade/payable/GBP", Owner: "arcade", Purpose: "payable", Currency: "GBP", Debits: "1.50", Credits: "3.00", Entries: 2,
	}, state.Balances[0], "sorted by book and account")
	require.Equal(t, last, state.Position)
}

func TestReplayStopsBeforeALaterFault(t *testing.T) {
	s := newScript(t)
	sound := s.add("book-main", typeTransactionSettled, sale("A-1"))
	s.add("book-main", typeTransactionSettled, sale("A-1"))
	_, err := Replay(t.Context(), s.store, Until{Position: sound})
	require.NoError(t, err)
	_, err = Replay(t.Context(), s.store, Until{})
	require.Equal(t, checkKeys, find(t, err).Check)
}
