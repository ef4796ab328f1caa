package verify

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// later is sale by the terms that hold at the end of a sound log.
func later(id string) object {
	return sale(id).with(object{"version": 2, "uses": object{"contract-c1": 1, "schedule-standard": 1}})
}

func stateOf(t *testing.T, s *script) string {
	t.Helper()
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.NoError(t, err)
	require.Regexp(t, "^[0-9a-f]{64}$", report.State)
	require.Contains(t, report.String(), "state "+report.State+"\n")
	return report.State
}

// written writes events of the book in the order given to a new log.
func written(t *testing.T, list ...object) *script {
	s := newScript(t)
	for _, data := range list {
		kind := typeTransactionSettled
		if data["reverses"] != nil {
			kind = typeEntryReversed
		}
		s.add("book-main", kind, data)
	}
	return s
}

func TestStateIgnoresOrderAndTime(t *testing.T) {
	want := stateOf(t, written(t, sale("A"), sale("B"), zero("C"), refund("R", "A", 0), reversal("X", "B", 1)))
	require.Equal(t, want, stateOf(t, written(t, zero("C"), sale("B"), reversal("X", "B", 1), sale("A"), refund("R", "A", 3))), "another order, other revisions")

	s := written(t, sale("A"))
	s.add("party-late", typePartyRegistered, object{"party": "late", "kind": "seller"})
	s.add("log-identity", typeLogStarted, object{"log_id": logID, "incarnation": 2})
	s.now = s.now.AddDate(1, 0, 0)
	for _, data := range []object{
		sale("B").with(object{"postings": []object{credit("arcade/payable/GBP", "3.0"), credit("studio/payable/GBP", "7"), debit("card/receivable/GBP", "10.000")}}),
		zero("C").with(object{"occurred_at": "2026-11-23T00:00:00Z", "effective_on": "2026-11-23"}), refund("R", "A", 0), reversal("X", "B", 1),
	} {
		kind := typeTransactionSettled
		if data["reverses"] != nil {
			kind = typeEntryReversed
		}
		s.add("book-main", kind, data)
	}
	require.Equal(t, want, stateOf(t, s), "other times, other events between, the same amounts and postings written in another way")
}

func TestStateTellsLedgersApart(t *testing.T) {
	base := []object{sale("A"), sale("B"), zero("C"), refund("R", "A", 0)}
	changed := func(at int, with object) []object {
		list := append([]object{}, base...)
		list[at] = list[at].with(with)
		return list
	}
	seen := map[string]string{stateOf(t, written(t, base...)): "the base"}
	for name, list := range map[string][]object{
		"one less":           base[:3],
		"one more":           append(append([]object{}, base...), zero("D")),
		"zero value lost":    {sale("A"), sale("B"), refund("R", "A", 0)},
		"reversed":           append(append([]object{}, base...), reversal("X", "B", 1)),
		"another key":        changed(1, object{"external_id": "B2"}),
		"another source":     changed(1, object{"source": "pg2"}),
		"another type":       changed(1, object{"type": "win"}),
		"another method":     changed(1, object{"method": "cash"}),
		"another product":    changed(1, object{"product": "hat"}),
		"another party":      changed(1, object{"parties": object{"provider": "arcade", "funds": "card", "operator": "arcade"}}),
		"another role":       changed(1, object{"parties": object{"maker": "studio", "funds": "card", "operator": "arcade"}}),
		"refund of another":  changed(3, object{"original": object{"source": "pg", "external_id": "B", "stream": "book-main", "revision": 1}}),
		"refund of none":     changed(3, object{"original": nil}),
		"a minor unit moved": changed(1, object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("studio/payable/GBP", "6.99"), credit("arcade/payable/GBP", "3.01")}}),
		"the last decimal":   changed(1, object{"amount": "10.00000001", "postings": []object{debit("card/receivable/GBP", "10.00000001"), credit("studio/payable/GBP", "7.00000001"), credit("arcade/payable/GBP", "3.00")}}),
		"owners exchanged":   changed(1, object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("arcade/payable/GBP", "7.00"), credit("studio/payable/GBP", "3.00")}}),
		"another purpose":    changed(1, object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("studio/reserve/GBP", "7.00"), credit("arcade/payable/GBP", "3.00")}}),
		"legs compensated":   changed(1, object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("studio/payable/GBP", "7.00"), credit("arcade/payable/GBP", "3.00"), debit("arcade/payable/GBP", "1"), credit("arcade/payable/GBP", "1")}}),
		"roles exchanged":    {sale("A").with(object{"external_id": "B"}), sale("A").with(object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("studio/payable/GBP", "6"), credit("arcade/payable/GBP", "4")}}), zero("C"), refund("R", "B", 0)},
	} {
		state := stateOf(t, written(t, list...))
		require.NotContains(t, seen, state, name+" has the state of "+seen[state])
		seen[state] = name
	}
}

// Transactions may differ where no balance does.
func TestStateTellsTransactionsApartBehindEqualBalances(t *testing.T) {
	swapped := func(a, b string) string {
		return stateOf(t, written(t, sale(a).with(object{"product": "skin"}), sale(b).with(object{"product": "hat"})))
	}
	require.NotEqual(t, swapped("A", "B"), swapped("B", "A"))
}

func TestStateOfBooksIsKeptApart(t *testing.T) {
	in := func(book string) string {
		s := written(t, zero("A"))
		s.add("contract-"+book, typeContractSigned, contract1.with(object{"contract": book, "book": book}))
		s.add("book-"+book, typeTransactionSettled, sale("B").with(object{"contract": book, "uses": object{"contract-" + book: 0, "schedule-standard": 0}}))
		return stateOf(t, s)
	}
	require.NotEqual(t, in("b1"), in("b2"))
}

func TestNoStateOfAnUnsoundLog(t *testing.T) {
	s := written(t, sale("A"), sale("A"))
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.Error(t, err)
	require.Empty(t, report.State)
}

func TestOutcomes(t *testing.T) {
	s := newScript(t)
	s.sound()
	b3 := quarantinedRecord("B-3").with(object{"code": "no_terms", "currency": "GBP", "amount": "-11062.06"})
	s.add("source-pg", typeQuarantined, b3)
	s.add("source-pg", typeQuarantined, b3.with(object{"record": "B-4", "amount": "0.001"}))
	s.add("source-pg", typeQuarantined, b3.with(object{"record": "B-5", "amount": "7", "content_hash": "1:x"}))
	s.add("book-main", typeTransactionSettled, later("B-5").with(object{"type": "gift"}))
	s.add("source-pg", typeReleased, object{"source": "pg", "record": "B-5", "content_hash": "1:x", "settled": object{"stream": "book-main", "revision": 9}})
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.NoError(t, err)
	require.Equal(t, []Outcome{
		{"quarantined", "", "pg", "", "malformed", "", 1, "0"},
		{"quarantined", "", "pg", "", "no_terms", "GBP", 2, "-11062.059"},
		{"reversed", "main", "pg", "sale", "", "GBP", 1, "-10"},
		{"settled", "main", "pg", "gift", "", "GBP", 1, "10"},
		{"settled", "main", "pg", "refund", "", "GBP", 2, "-10"},
		{"settled", "main", "pg", "sale", "", "GBP", 5, "40.001"},
		{"zero_value", "main", "pg", "sale", "", "GBP", 1, "0"},
	}, report.Outcomes)
	require.Contains(t, report.String(), "quarantined:            2 of source pg, as no_terms: -11062.059 GBP\n")
}
