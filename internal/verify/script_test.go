package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/big"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// object is the JSON of an event, written by hand: these tests share no type
// with the code that writes real events.
type object map[string]any

func (o object) with(changes object) object {
	out := maps.Clone(o)
	for key, value := range changes {
		if value == nil {
			delete(out, key)
		} else {
			out[key] = value
		}
	}
	return out
}

// script appends events one by one; recorded time moves on by a second each.
type script struct {
	t         testing.TB
	store     eventstore.Store
	revisions map[string]uint64
	now       time.Time
	appended  int
	version   version             // of what is appended to books; 2 where it is 0
	refunded  map[string]*big.Rat // see tellRefunded
}

const logID = "0b9f0c5e-6f5f-4c57-9d6e-0a4c5d1f2b3a"

func emptyScript(t testing.TB) *script {
	store := memory.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return emptyScriptIn(t, store)
}

func emptyScriptIn(t testing.TB, store eventstore.Store) *script {
	return &script{t: t, store: store, revisions: map[string]uint64{}, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
}

// add appends an event; its recorded time is set unless data has one.
func (s *script) add(stream, kind string, data object) eventstore.Position {
	kind, data = s.upgraded(kind, data)
	s.now = s.now.Add(time.Second)
	recorded := s.now.Format(time.RFC3339Nano)
	if _, given := data["recorded_at"]; !given && kind != typeLogStarted {
		data = data.with(object{"recorded_at": recorded})
	}
	if at, ok := data["recorded_at"].(string); ok {
		recorded = at
	}
	raw, err := json.Marshal(data)
	require.NoError(s.t, err)
	return s.raw(stream, kind, string(raw), fmt.Sprintf(`{"actor":"operator:kim","authenticated":"none","recorded_at":%q,"schema":1}`, recorded))
}

func (s *script) raw(stream, kind, data, metadata string) eventstore.Position {
	s.appended++
	appended, err := s.store.Append(context.Background(), domain.StreamID(stream), eventstore.After(s.revisions[stream]), eventstore.Proposed{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, s.appended)), Type: kind, Data: []byte(data), Metadata: []byte(metadata),
	})
	require.NoError(s.t, err)
	s.revisions[stream]++
	return appended.Position
}

// newScript begins a log with parties, a schedule, a contract and a source.
func newScript(t testing.TB) *script { return begin(emptyScript(t)) }

func begin(s *script) *script {
	s.add("log-identity", typeLogStarted, object{"log_id": logID, "incarnation": 1})
	for id, kind := range map[string]string{"studio": "provider", "card": "supplier", "arcade": "operator"} {
		s.add("party-"+id, typePartyRegistered, object{"party": id, "kind": kind, "country": "KR"})
	}
	s.add("party-studio", typePartyChanged, object{"party": "studio", "personal": object{"subject": "party-studio", "box": "AAEC", "digest": "AwQF"}})
	s.add("schedule-standard", typeSchedulePublished, document1)
	s.add("contract-c1", typeContractSigned, contract1)
	s.add("source-pg", typeSourceDefined, object{"source": "pg", "version": 1, "hash": "ab", "definition": "source: pg\n"})
	return s
}

var (
	document1 = object{"schedule": "standard", "version": 1, "effective_from": "2026-01-01", "funds": object{"role": "funds"}, "rules": []object{}}
	contract1 = object{
		"contract": "c1", "book": "main", "schedule": "standard", "zone": "Asia/Seoul", "from": "2026-01-01", "until": "2027-01-01",
		"parties": object{"funds": "card", "operator": "arcade"},
	}
)

func debit(account, amount string) object  { return object{"account": account, "debit": amount} }
func credit(account, amount string) object { return object{"account": account, "credit": amount} }

// sale is a settlement of 10.00 GBP: 7.00 to the studio, 3.00 to the operator.
func sale(id string) object {
	return object{
		"source": "pg", "external_id": id, "content_hash": "1:" + id, "type": "sale", "method": "card", "product": "skin",
		"parties":     object{"provider": "studio", "funds": "card", "operator": "arcade"},
		"occurred_at": "2026-11-22T18:00:00.123456789+09:00", "effective_on": "2026-11-22", "currency": "GBP", "amount": "10.00",
		"contract": "c1", "schedule": "standard", "version": 1, "engine": 1,
		"uses":        object{"contract-c1": 0, "schedule-standard": 0, "party-studio": 1, "party-card": 0, "party-arcade": 0},
		"postings":    []object{debit("card/receivable/GBP", "10.00"), credit("studio/payable/GBP", "7.00"), credit("arcade/payable/GBP", "3.00")},
		"explanation": []object{{"rule": "provider", "to": "provider", "base": "10.00", "rate": "70%", "exact": "7", "amount": "7.00"}},
	}
}

// refund gives half of a sale back.
func refund(id, original string, revision int) object {
	return sale(id).with(object{
		"type": "refund", "amount": "-5.00", "original": object{"source": "pg", "external_id": original, "stream": "book-main", "revision": revision},
		"postings": []object{credit("card/receivable/GBP", "5.00"), debit("studio/payable/GBP", "3.50"), debit("arcade/payable/GBP", "1.50")},
	})
}

// reversal takes a sale back as a whole.
func reversal(id, original string, revision int) object {
	return sale(id).with(object{
		"reverses": object{"source": "pg", "external_id": original, "stream": "book-main", "revision": revision},
		"reason":   "sent by mistake", "amount": "-10.00", "contract": nil, "schedule": nil, "version": nil, "engine": nil, "uses": nil, "explanation": nil,
		"postings": []object{credit("card/receivable/GBP", "10.00"), debit("studio/payable/GBP", "7.00"), debit("arcade/payable/GBP", "3.00")},
	})
}

// refundReversal takes back a refund of A-1.
func refundReversal(id, original string, revision int) object {
	return reversal(id, original, revision).with(object{
		"type": "refund", "amount": "5.00", "original": object{"source": "pg", "external_id": "A-1", "stream": "book-main", "revision": 0},
		"postings": []object{debit("card/receivable/GBP", "5.00"), credit("studio/payable/GBP", "3.50"), credit("arcade/payable/GBP", "1.50")},
	})
}

// zero settles without postings.
func zero(id string) object {
	return sale(id).with(object{"amount": "0.00", "postings": []object{}, "explanation": []object{}})
}

func quarantinedRecord(record string) object {
	return object{"source": "pg", "record": record, "content_hash": "1:" + record, "delivery": "d1", "offset": 3, "code": "malformed", "reason": "cut off", "raw": object{"subject": "source-pg", "box": "AA==", "digest": "AA=="}}
}

func deliveryOf(counts object, totals ...object) object {
	return object{"source": "pg", "delivery": "d1", "name": "a.csv", "bytes": 12, "version": 1, "counts": counts, "totals": totals}
}

// sound appends one of everything that can happen.
func (s *script) sound() {
	s.add("book-main", typeTransactionSettled, sale("A-1"))
	s.add("book-main", typeTransactionSettled, sale("A-2"))
	s.add("book-main", typeTransactionSettled, refund("R-1", "A-1", 0))
	s.add("book-main", typeTransactionSettled, refund("R-2", "A-1", 0))
	s.add("book-main", typeEntryReversed, reversal("X-1", "A-2", 1))
	s.add("book-main", typeTransactionSettled, zero("Z-1"))
	s.add("book-main", typeTransactionSettled, sale("정산 \"quoted\"\n").with(object{
		"amount": "0.001", "postings": []object{debit("card/receivable/GBP", "0.001"), credit("arcade/rounding/GBP", "0.001")},
	}))
	s.add("schedule-standard", typeSchedulePublished, document1.with(object{"version": 2, "effective_from": "2026-11-01"}))
	s.add("book-main", typeTransactionSettled, sale("A-3").with(object{"version": 2, "uses": object{"contract-c1": 0, "schedule-standard": 1}}))
	s.add("contract-c1", typeContractEnded, object{"contract": "c1", "until": "2026-12-01", "reason": "renegotiated"})
	s.add("source-pg", typeQuarantined, quarantinedRecord("B-1"))
	s.add("source-pg", typeQuarantined, quarantinedRecord("B-2"))
	s.add("book-main", typeTransactionSettled, sale("B-1").with(object{"version": 2, "uses": object{"contract-c1": 1, "schedule-standard": 1}}))
	s.add("source-pg", typeReleased, object{"source": "pg", "record": "B-1", "settled": object{"stream": "book-main", "revision": 8}})
	s.add("source-pg", typeDeliveryIngested, deliveryOf(
		object{"read": 10, "settled": 6, "zero_value": 1, "replayed": 1, "quarantined": 1, "ignored": object{"test": 1, "header": 1}, "refused": 0},
		object{"currency": "GBP", "read": "21.001", "settled": "20.001", "replayed": "1.00", "quarantined": "0.00", "ignored": "0", "refused": "0"}))
}

// tampered is a log whose events were changed behind the store's back.
type tampered struct {
	eventstore.Store
	change func([]eventstore.Recorded) []eventstore.Recorded
}

func (s tampered) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		var all []eventstore.Recorded
		for r, err := range s.Store.ReadAll(ctx, after) {
			if err != nil {
				yield(r, err)
				return
			}
			all = append(all, r)
		}
		for _, r := range s.change(all) {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func find(t *testing.T, err error) *Difference {
	t.Helper()
	var d *Difference
	require.ErrorAs(t, err, &d)
	return d
}
