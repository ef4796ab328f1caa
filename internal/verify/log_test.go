package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

func TestSoundLog(t *testing.T) {
	s := newScript(t)
	s.sound()
	var progress []uint64
	report, err := Verify(t.Context(), Config{Store: s.store, Progress: func(n uint64) { progress = append(progress, n) }})
	require.NoError(t, err, report.String())
	require.Equal(t, Counts{
		Events: 23, Streams: 8, Books: 1, Settlements: 8, ZeroValue: 1, Reversals: 1, Postings: 23, Accounts: 4,
		Parties: 3, Contracts: 1, Schedules: 2, Sources: 1, Deliveries: 1, Quarantined: 1,
	}, report.Counts)
	require.Equal(t, logID, report.LogID)
	require.EqualValues(t, 1, report.Incarnation)
	require.Equal(t, []uint64{23}, progress)
	require.Nil(t, report.Difference)
	require.Contains(t, report.String(), "no difference")
	last, err := s.store.LastPosition(t.Context())
	require.NoError(t, err)
	require.Equal(t, last, report.Position)
}

func TestEmptyLogIsSound(t *testing.T) {
	report, err := Verify(t.Context(), Config{Store: emptyScript(t).store})
	require.NoError(t, err)
	require.Zero(t, report.Counts)
}

// ofVersion1 is the fault that events of version 2 have no room for.
const ofVersion1 = "stream used that is not there"

// Each fault is planted at the end of a sound log and must be named.
func TestLogFaults(t *testing.T) {
	settle := func(data object) func(*script) {
		return func(s *script) { s.add("book-main", typeTransactionSettled, data) }
	}
	reverse := func(data object) func(*script) {
		return func(s *script) { s.add("book-main", typeEntryReversed, data) }
	}
	now := object{"version": 2, "uses": object{"contract-c1": 1, "schedule-standard": 1}}
	fresh := func(id string) object { return sale(id).with(now) }
	for name, test := range map[string]struct {
		plant func(*script)
		check string
		says  []string
	}{
		"unbalanced leg": {settle(fresh("N").with(object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("studio/payable/GBP", "7.01"), credit("arcade/payable/GBP", "3.00")}})),
			checkBalance, []string{"book-main@9", "debits 10, credits 10.01", "GBP"}},
		"unbalanced by the last decimal": {settle(fresh("N").with(object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("arcade/payable/GBP", "9.99999999")}})),
			checkBalance, []string{"9.99999999"}},
		"balanced only across currencies": {settle(fresh("N").with(object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("arcade/payable/USD", "10.00")}})),
			checkBalance, []string{"GBP"}},
		"amount of nothing": {settle(fresh("N").with(object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("arcade/payable/GBP", "10.00"), credit("studio/payable/GBP", "0.00")}})),
			checkPostings, []string{"studio/payable/GBP", "above zero"}},
		"negative amount": {settle(fresh("N").with(object{"postings": []object{debit("card/receivable/GBP", "-10.00"), credit("arcade/payable/GBP", "-10.00")}})),
			checkPostings, []string{"-10"}},
		"both sides": {settle(fresh("N").with(object{"postings": []object{{"account": "card/receivable/GBP", "debit": "10.00", "credit": "10.00"}}})),
			checkPostings, []string{"card/receivable/GBP", "2 of them"}},
		"no side":     {settle(fresh("N").with(object{"postings": []object{{"account": "card/receivable/GBP"}}})), checkPostings, []string{"0 of them"}},
		"odd account": {settle(fresh("N").with(object{"postings": []object{debit("card/GBP", "10.00")}})), checkPostings, []string{"card/GBP"}},
		"owner unknown": {settle(fresh("N").with(object{"postings": []object{debit("card/receivable/GBP", "10.00"), credit("ghost/payable/GBP", "10.00")}})),
			checkReferences, []string{"ghost/payable/GBP"}},
		"gross missing": {settle(fresh("N").with(object{"postings": []object{debit("card/receivable/GBP", "9.00"), credit("arcade/payable/GBP", "9.00")}})),
			checkPostings, []string{"gross amount 10 as a debit"}},
		"zero with postings":         {settle(fresh("N").with(object{"amount": "0.00"})), checkPostings, []string{"3 postings for 0 GBP"}},
		"amount without postings":    {settle(fresh("N").with(object{"postings": []object{}})), checkPostings, []string{"0 postings for 10 GBP"}},
		"amount too precise":         {settle(fresh("N").with(object{"amount": "10.000000001"})), checkData, []string{"10.000000001"}},
		"amount as a float":          {settle(fresh("N").with(object{"amount": 10.0})), checkData, []string{"no string"}},
		"currency missing":           {settle(fresh("N").with(object{"currency": nil})), checkData, []string{"currency"}},
		"repeated key":               {settle(fresh("A-1")), checkKeys, []string{"pg/A-1", "book-main@0"}},
		"key repeated by a reversal": {reverse(reversal("Z-1", "A-3", 7)), checkKeys, []string{"pg/Z-1", "book-main@5"}},
		"recorded time runs back":    {settle(fresh("N").with(object{"recorded_at": "2026-11-22T09:00:05Z"})), checkRecorded, []string{"2026-11-22T09:00:05Z"}},
		"revision used from the future": {settle(fresh("N").with(object{"uses": object{"contract-c1": 2, "schedule-standard": 1}})),
			checkReferences, []string{"contract-c1@2", "there are 2"}},
		ofVersion1: {settle(fresh("N").with(object{"uses": object{"contract-c1": 1, "schedule-standard": 1, "party-ghost": 0}})),
			checkReferences, []string{"party-ghost@0"}},
		"contract not among those used": {settle(fresh("N").with(object{"uses": object{"schedule-standard": 1}})), checkReferences, []string{`contract "c1"`}},
		"schedule not among those used": {settle(fresh("N").with(object{"uses": object{"contract-c1": 1}})), checkReferences, []string{`schedule "standard"`}},
		"contract unknown":              {settle(fresh("N").with(object{"contract": "c9"})), checkReferences, []string{"c9"}},
		"contract of another book": {func(s *script) { s.add("book-other", typeTransactionSettled, fresh("N")) },
			checkTerms, []string{"book other", "contract c1 of book main"}},
		"contract not yet in force": {settle(fresh("N").with(object{"effective_on": "2025-12-31", "version": 1})), checkTerms, []string{"covers 2025-12-31"}},
		"contract no longer in force": {settle(fresh("N").with(object{"effective_on": "2026-12-01"})),
			checkTerms, []string{"until 2026-12-01"}},
		"version of another date": {settle(fresh("N").with(object{"effective_on": "2026-10-31"})), checkTerms, []string{"version 1 of schedule standard on 2026-10-31"}},
		"version superseded":      {settle(fresh("N").with(object{"version": 1})), checkTerms, []string{"version 2"}},
		"party of a role unknown": {settle(fresh("N").with(object{"parties": object{"affiliate": "ghost"}})), checkReferences, []string{"affiliate", "ghost"}},
		"original in another book": {settle(refund("N", "A-3", 7).with(now).with(object{"original": object{"source": "pg", "external_id": "A-3", "stream": "book-other", "revision": 7}})),
			checkReferences, []string{"book-other@7"}},
		"original not there yet":     {settle(refund("N", "A-9", 99).with(now)), checkReferences, []string{"book-main@99"}},
		"original with other key":    {settle(refund("N", "A-3", 8).with(now)), checkReferences, []string{"pg/A-3", "book-main@8"}},
		"original is a reversal":     {settle(refund("N", "X-1", 4).with(now)), checkReferences, []string{"which is a reversal"}},
		"refund of a refund's sign":  {settle(refund("N", "R-1", 2).with(now)), checkRefunds, []string{"other sign"}},
		"refunds above the original": {settle(refund("N", "A-1", 0).with(now)), checkRefunds, []string{"at most 10 in sum", "15"}},
		"refund of a reversed sale":  {settle(refund("N", "A-2", 1).with(now)), checkRefunds, []string{"book-main@1, which was reversed"}},
		"refund in another currency": {settle(refund("N", "A-3", 7).with(now).with(object{"currency": "USD", "postings": []object{credit("card/receivable/USD", "5.00"), debit("arcade/payable/USD", "5.00")}})),
			checkRefunds, []string{"-5 USD"}},
		"double reversal":                  {reverse(reversal("N", "A-2", 1)), checkReversals, []string{"book-main@1", "not reversed before"}},
		"reversal of refunded":             {reverse(reversal("N", "A-1", 0)), checkReversals, []string{"refunds of 10"}},
		"reversal of a reversal":           {reverse(reversal("N", "X-1", 4)), checkReferences, []string{"which is a reversal"}},
		"reversal of nothing":              {reverse(reversal("N", "A-3", 7).with(object{"reverses": nil})), checkReferences, []string{"none named"}},
		"reversal of another key":          {reverse(reversal("N", "A-1", 7)), checkReferences, []string{"pg/A-1"}},
		"reversal of another amount":       {reverse(reversal("N", "A-3", 7).with(object{"amount": "-9.00"})), checkReversals, []string{"-10 GBP", "-9 GBP"}},
		"reversal with sides as they were": {reverse(reversal("N", "A-3", 7).with(object{"postings": sale("")["postings"]})), checkReversals, []string{"sides swapped"}},
		"reversal that moves a leg": {reverse(reversal("N", "A-3", 7).with(object{"postings": []object{credit("card/receivable/GBP", "10.00"), debit("studio/payable/GBP", "6.00"), debit("arcade/payable/GBP", "4.00")}})),
			checkReversals, []string{"debit studio/payable/GBP 6"}},
		"reversal of a refund without its original": {reverse(refundReversal("N", "R-1", 2).with(object{"original": nil})), checkReferences, []string{"book-main@0", "none"}},
		"reversal of a refund with another original": {reverse(refundReversal("N", "R-1", 2).with(object{"original": object{"source": "pg", "external_id": "A-2", "stream": "book-main", "revision": 1}})),
			checkReferences, []string{"book-main@0", "book-main@1"}},
		"reversal of a sale with an original": {reverse(reversal("N", "A-3", 7).with(object{"original": object{"source": "pg", "external_id": "A-1", "stream": "book-main", "revision": 0}})),
			checkReferences, []string{"names none", "book-main@0"}},
		"reversal of another type":  {reverse(reversal("N", "A-3", 7).with(object{"type": "win"})), checkReversals, []string{"book-main@7"}},
		"unknown event type":        {func(s *script) { s.add("book-main", "TransactionSettled.v9", sale("N")) }, checkTypes, []string{"TransactionSettled.v9"}},
		"event in a foreign stream": {func(s *script) { s.add("party-studio", typeTransactionSettled, sale("N")) }, checkTypes, []string{"party-studio"}},
		"unknown category":          {func(s *script) { s.add("wallet-1", typeTransactionSettled, sale("N")) }, checkTypes, []string{"wallet"}},
		"damaged data":              {func(s *script) { s.raw("book-main", typeTransactionSettled, `{"source":"pg"`, `{}`) }, checkData, []string{"book-main@9"}},
		"bytes after the data":      {func(s *script) { s.raw("book-main", typeTransactionSettled, `{} {}`, `{}`) }, checkData, []string{"bytes after"}},
		"damaged metadata":          {func(s *script) { s.raw("book-main", typeTransactionSettled, `{}`, `[]`) }, checkData, []string{"book-main@9"}},
		"metadata of another time": {func(s *script) {
			s.raw("party-new", typePartyRegistered, `{"party":"new","kind":"seller","recorded_at":"2026-11-22T09:30:00Z"}`, `{"recorded_at":"2026-11-22T09:30:01Z"}`)
		}, checkRecorded, []string{"party-new@0"}},
		"party registered twice": {func(s *script) {
			s.add("party-studio", typePartyRegistered, object{"party": "studio", "kind": "provider"})
		}, checkReferences, []string{"party-studio@2"}},
		"party of another stream": {func(s *script) { s.add("party-new", typePartyRegistered, object{"party": "old", "kind": "seller"}) }, checkReferences, []string{`"new"`, `"old"`}},
		"details of nobody":       {func(s *script) { s.add("party-new", typePartyChanged, object{"party": "new"}) }, checkReferences, []string{"party-new@0"}},
		"contract over no schedule": {func(s *script) {
			s.add("contract-c2", typeContractSigned, contract1.with(object{"contract": "c2", "schedule": "none"}))
		}, checkReferences, []string{`schedule "none"`}},
		"contract with a stranger": {func(s *script) {
			s.add("contract-c2", typeContractSigned, contract1.with(object{"contract": "c2", "parties": object{"funds": "ghost"}}))
		}, checkReferences, []string{`"ghost" as funds`}},
		"contract signed twice": {func(s *script) { s.add("contract-c1", typeContractSigned, contract1) }, checkReferences, []string{"contract-c1@2"}},
		"end of no contract": {func(s *script) {
			s.add("contract-c2", typeContractEnded, object{"contract": "c2", "until": "2026-12-01"})
		}, checkReferences, []string{"contract-c2@0"}},
		"calendar skips a version": {func(s *script) {
			s.add("calendar-kr", typeCalendarPublished, object{"calendar": "kr", "version": 2, "first_year": 2026, "last_year": 2026, "weekend": []string{"sunday"}})
		}, checkReferences, []string{"version 1", "version 2"}},
		"calendar of another stream": {func(s *script) {
			s.add("calendar-kr", typeCalendarPublished, object{"calendar": "us", "version": 1, "first_year": 2026, "last_year": 2026, "weekend": []string{"sunday"}})
		}, checkReferences, []string{`"kr"`, `"us"`}},
		"calendar of no weekday": {func(s *script) {
			s.add("calendar-kr", typeCalendarPublished, object{"calendar": "kr", "version": 1, "first_year": 2026, "last_year": 2026, "weekend": []string{"someday"}})
		}, checkData, []string{"someday"}},
		"schedule skips a version": {func(s *script) {
			s.add("schedule-standard", typeSchedulePublished, document1.with(object{"version": 4, "effective_from": "2026-12-01"}))
		}, checkReferences, []string{"version 3", "version 4"}},
		"schedule goes back": {func(s *script) {
			s.add("schedule-standard", typeSchedulePublished, document1.with(object{"version": 3}))
		}, checkReferences, []string{"no earlier than 2026-11-01"}},
		"definition skips a version": {func(s *script) {
			s.add("source-pg", typeSourceDefined, object{"source": "pg", "version": 3, "hash": "cd", "definition": "x"})
		}, checkReferences, []string{"version 2"}},
		"released but not held": {func(s *script) {
			s.add("source-pg", typeReleased, object{"source": "pg", "record": "B-1", "settled": object{"stream": "book-main", "revision": 8}})
		}, checkReferences, []string{"B-1"}},
		"released by nothing": {func(s *script) {
			s.add("source-pg", typeReleased, object{"source": "pg", "record": "B-2", "settled": object{"stream": "book-main", "revision": 9}})
		}, checkReferences, []string{"book-main@9"}},
		"quarantined twice": {func(s *script) { s.add("source-pg", typeQuarantined, quarantinedRecord("B-1")) }, checkKeys, []string{"B-1"}},
		"counts do not add up": {func(s *script) {
			s.add("source-pg", typeDeliveryIngested, deliveryOf(object{"read": 10, "settled": 9, "zero_value": 0, "replayed": 0, "quarantined": 0, "refused": 0}))
		}, checkDeliveries, []string{"10 records", "9 settled"}},
		"more zeros than settled": {func(s *script) {
			s.add("source-pg", typeDeliveryIngested, deliveryOf(object{"read": 1, "settled": 1, "zero_value": 2, "replayed": 0, "quarantined": 0, "refused": 0}))
		}, checkDeliveries, []string{"at most 1"}},
		"totals do not add up": {func(s *script) {
			s.add("source-pg", typeDeliveryIngested, deliveryOf(object{"read": 1, "settled": 1},
				object{"currency": "GBP", "read": "1.001", "settled": "1.00", "replayed": "0", "quarantined": "0", "ignored": "0", "refused": "0"}))
		}, checkDeliveries, []string{"1.001", "1 over all"}},
		"another log":         {func(s *script) { s.add("log-identity", typeLogStarted, object{"log_id": "other", "incarnation": 2}) }, checkIdentity, []string{logID, "other"}},
		"incarnation repeats": {func(s *script) { s.add("log-identity", typeLogStarted, object{"log_id": logID, "incarnation": 1}) }, checkIdentity, []string{"above 1"}},
	} {
		for _, v := range []version{1, 2} {
			if v == 2 && name == ofVersion1 {
				continue
			}
			t.Run(fmt.Sprintf("%s, version %d", name, v), func(t *testing.T) {
				s := newScript(t)
				s.version = v
				s.sound()
				test.plant(s)
				report, err := Verify(t.Context(), Config{Store: s.store})
				d := find(t, err)
				require.Equal(t, test.check, d.Check, d.Error())
				for _, word := range test.says {
					require.Contains(t, d.Error(), word)
				}
				require.Equal(t, d, report.Difference)
				require.Contains(t, report.String(), d.Error())
				require.EqualValues(t, 23, report.Counts.Events, "the events before it were sound")
				require.Contains(t, checkNames, d.Check)
			})
		}
	}
}

// A reversed refund may be given again, and an original whose refunds are all
// reversed may be reversed itself.
func TestReversedRefundsGiveBack(t *testing.T) {
	s := newScript(t)
	s.sound() // A-1 has been refunded in full, by
	s.add("book-main", typeEntryReversed, refundReversal("X-2", "R-1", 2))
	s.add("book-main", typeTransactionSettled, refund("R-3", "A-1", 0).with(object{"version": 2, "uses": object{"contract-c1": 1, "schedule-standard": 1}}))
	for i, name := range []string{"R-2", "R-3"} {
		s.add("book-main", typeEntryReversed, refundReversal("Y-"+name, name, []int{3, 10}[i]))
	}
	s.add("book-main", typeEntryReversed, reversal("X-3", "A-1", 0))
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.NoError(t, err)
	require.EqualValues(t, 5, report.Counts.Reversals)
}

func TestNewIncarnationIsSound(t *testing.T) {
	s := newScript(t)
	s.add("log-identity", typeLogStarted, object{"log_id": logID, "incarnation": 2})
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.NoError(t, err)
	require.EqualValues(t, 2, report.Incarnation)
}

func TestFirstEventIsTheIdentity(t *testing.T) {
	s := emptyScript(t)
	s.add("party-studio", typePartyRegistered, object{"party": "studio", "kind": "provider"})
	_, err := Verify(t.Context(), Config{Store: s.store})
	require.Equal(t, checkIdentity, find(t, err).Check)
}

func TestTamperedLog(t *testing.T) {
	type events = []eventstore.Recorded
	in := func(all events, stream domain.StreamID, revision uint64) int {
		return slices.IndexFunc(all, func(r eventstore.Recorded) bool { return r.Stream == stream && r.Revision == revision })
	}
	for name, test := range map[string]struct {
		change func(events) events
		check  string
		says   string
	}{
		"gap":              {func(all events) events { i := in(all, "book-main", 5); return slices.Delete(all, i, i+1) }, checkRevisions, "revision 5, found 6"},
		"gap at the start": {func(all events) events { i := in(all, "book-main", 0); return slices.Delete(all, i, i+1) }, checkRevisions, "revision 0, found 1"},
		"repeated": {func(all events) events {
			i := in(all, "book-main", 5)
			again := all[i]
			again.Position++
			all[i+1].Position = again.Position + 1
			return slices.Insert(all, i+1, again)
		}, checkRevisions, "revision 6, found 5"},
		"out of order":     {func(all events) events { i := in(all, "book-main", 5); all[i].Position = all[i-1].Position; return all }, checkPositions, "above"},
		"first event lost": {func(all events) events { return all[1:] }, checkIdentity, typeLogStarted},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.sound()
			_, err := Verify(t.Context(), Config{Store: tampered{s.store, test.change}})
			d := find(t, err)
			require.Equal(t, test.check, d.Check, d.Error())
			require.Contains(t, d.Error(), test.says)
		})
	}
}

func TestStoreErrorIsNoDifference(t *testing.T) {
	store := memory.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	s := begin(emptyScriptIn(t, store))
	broken := errors.New("cable pulled")
	store.OnRead(func(domain.StreamID) error { return broken })
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.ErrorIs(t, err, broken)
	require.Nil(t, report.Difference)

	store.OnRead(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Verify(ctx, Config{Store: s.store})
	require.ErrorIs(t, err, context.Canceled)
}
