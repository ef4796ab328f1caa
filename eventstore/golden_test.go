package eventstore

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
)

var addGolden = flag.Bool("golden", false, "write golden files that are missing; existing ones are never changed")

var (
	at       = time.Date(2026, 11, 22, 9, 30, 15, 123456000, time.UTC)
	seoul    = time.FixedZone("", 9*60*60)
	sealed   = domain.Sealed{Subject: "party-studio-7", Box: []byte("box"), Digest: []byte("digest")}
	quantity = money.New(-1250, 2)
)

// settledExample has every field set, and characters that JSON must escape.
var settledExample = book.TransactionSettled{
	Key:         book.Key{Source: "pg-1", ExternalID: `A "quoted" <id> & 정산`},
	ContentHash: "1:0123456789abcdef0123456789abcdef",
	Type:        "refund", Method: "card", Product: "skin",
	Attributes: map[string]string{"vat_rate": "10", "grade": "<small> 일반"},
	Parties:    book.Parties{{Role: "affiliate", ID: "house", Revision: book.NotRecorded}, {Role: "operator", ID: "arcade"}, {Role: "provider", ID: "studio-7", Revision: 1}},
	OccurredAt: time.Date(2026, 11, 22, 18, 30, 0, 0, seoul), EffectiveOn: "2026-11-22", RecordedAt: at,
	Currency: "USD", Amount: quantity,
	Original: &book.Original{Key: book.Key{Source: "pg-1", ExternalID: "A-1"}, Ref: domain.Ref{Stream: "book-main", Revision: 41}},
	Refunded: money.New(100, 2),
	Contract: "c-1", ContractRevision: book.NotRecorded, Schedule: "standard", ScheduleRevision: 2, Version: 3, Engine: 2,
	Postings: []ledger.Posting{
		{Account: "arcade/receivable/USD", Side: ledger.Credit, Amount: money.New(1250, 2)},
		{Account: "studio-7/payable/USD", Side: ledger.Debit, Amount: money.New(875, 2)},
		{Account: "house/payable/USD", Side: ledger.Debit, Amount: money.New(375, 2)},
	},
	Explanation: []fee.Line{
		{Rule: "provider", To: "provider", Base: money.New(1250, 2), Rate: "70%", Exact: "8.75", Rounding: "half_up 0.01", Amount: money.New(875, 2)},
		{Rule: "house", To: "affiliate", Base: money.New(375, 2), Rate: "rest", Exact: "3.754", Bound: "minimum", Amount: money.New(375, 2)},
	},
	Counts: []fee.Count{
		{Counter: "contract:c-1/ytd/2026/USD/provider=studio-7", Before: money.New(100000, 2), After: money.New(98750, 2)},
		{Counter: "schedule:standard/<sales>/2026-11-22//", Days: 30, Before: money.Zero, After: money.New(-1, 0)},
	},
}

// settledV1Example is what the first version's golden file is lifted to.
var settledV1Example = book.TransactionSettled{
	Key:         settledExample.Key,
	ContentHash: settledExample.ContentHash,
	Type:        "refund", Method: "card", Product: "skin",
	Parties:    book.Parties{{Role: "affiliate", ID: "house", Revision: book.NotRecorded}, {Role: "operator", ID: "arcade", Revision: book.NotRecorded}, {Role: "provider", ID: "studio-7", Revision: 1}},
	OccurredAt: settledExample.OccurredAt, EffectiveOn: "2026-11-22", RecordedAt: at,
	Currency: "USD", Amount: quantity, Original: settledExample.Original,
	Contract: "c-1", ContractRevision: 0, Schedule: "standard", ScheduleRevision: 2, Version: 3, Engine: 1,
	Postings: settledExample.Postings,
	Explanation: []fee.Line{
		{Rule: "provider", To: "provider", Base: money.New(1250, 2), Rate: "70%", Exact: "8.75", Rounding: "half_up 0.01", Amount: money.New(875, 2)},
		{Rule: "house", To: "affiliate", Base: money.New(375, 2), Rate: "rest", Exact: "3.75", Bound: "minimum", Amount: money.New(375, 2)},
	},
}

// settledZero is a settlement of nothing, with every optional field left out.
var settledZero = book.TransactionSettled{
	Key: book.Key{Source: "pg-1", ExternalID: "B-1"}, ContentHash: "1:00", Type: "sale", OccurredAt: at, EffectiveOn: "2026-11-22", RecordedAt: at,
	Currency: "KRW", Contract: "c-1", Schedule: "standard", Version: 1, Engine: 1, Postings: []ledger.Posting{}, Explanation: []fee.Line{},
}

// reversedExample has every field set.
var reversedExample = book.EntryReversed{
	Key: book.Key{Source: "desk", ExternalID: "R-1"}, ContentHash: "1:ff",
	Reverses: book.Original{Key: book.Key{Source: "pg-1", ExternalID: "A-1"}, Ref: domain.Ref{Stream: "book-main", Revision: 41}},
	Original: &book.Original{Key: book.Key{Source: "pg-1", ExternalID: "A-0"}, Ref: domain.Ref{Stream: "book-main", Revision: 3}},
	Reason:   "charged twice", OccurredAt: at, EffectiveOn: "2026-11-22", RecordedAt: at, Currency: "KRW", Amount: money.New(-1000, 0),
	Type: "sale", Method: "card", Product: "skin", Parties: book.Parties{{Role: "provider", ID: "studio-7", Revision: 7}},
	Postings: []ledger.Posting{
		{Account: "arcade/receivable/KRW", Side: ledger.Credit, Amount: money.New(1000, 0)},
		{Account: "studio-7/payable/KRW", Side: ledger.Debit, Amount: money.New(1000, 0)},
	},
	Counts: []fee.Count{{Counter: "contract:c-1/ytd/2026/KRW/", Before: money.New(1000, 0), After: money.Zero}},
}

// reversedV1Example is what the first version's golden file is lifted to.
var reversedV1Example = func() book.EntryReversed {
	e := reversedExample
	e.Parties, e.Counts = book.Parties{{Role: "provider", ID: "studio-7", Revision: book.NotRecorded}}, nil
	return e
}()

// languageExample uses every part of the language of schedules.
var languageExample = func() fee.Document {
	var d fee.Document
	if err := json.Unmarshal([]byte(languageText), &d); err != nil {
		panic(err)
	}
	return d
}()

const languageText = `{
	"schedule": "all", "version": 1, "effective_from": "2026-01-01", "funds": {"role": "store"},
	"inputs": [{"name": "vat_rate", "type": "number", "default": "0"}, {"name": "grade", "type": "text", "one_of": ["small", "general"]}],
	"parameters": [{"name": "rate", "is": "15%"}, {"name": "cap", "amounts": {"KRW": "50000", "USD": "40.00"}}],
	"accumulators": [
		{"name": "ytd", "measure": "lines.fee", "key": ["developer", "grade"], "window": "calendar_year", "starts": "2026-04-01", "scope": "schedule", "when": "type == \"sale\""},
		{"name": "recent", "measure": "1", "window": {"rolling_days": 30}, "per_currency": false}],
	"values": [{"name": "supply", "is": "round(gross / 1.1, half_up)"}],
	"rules": [
		{"id": "vat", "to": {"role": "tax_office"}, "priority": 1, "when": "vat_rate > 0", "group": "first", "amount": "gross - supply", "rounding": {"mode": "floor", "unit": {"KRW": "10"}}},
		{"id": "fee", "to": {"role": "store"}, "of": "supply", "percent": "rate * 100", "flat": {"USD": "0.30", "KRW": "300"},
		 "per_unit": {"units": "2", "price": {"KRW": "400"}, "price_is": ""}, "minimum": {"KRW": "100"}, "maximum": {"KRW": "90000"}, "at_least": "3000", "at_most": "cap - ytd",
		 "tiers": {"mode": "marginal", "from": "ytd", "by": "gross", "edge": "exclusive", "steps": [{"up_to": "1000000", "percent": "15"}, {"percent": "30", "flat": {"KRW": "5"}}]},
		 "refund": {"keep": "min(5, 20% * line)"}, "hold": {"days": 180, "into": "payable"},
		 "convert": {"to": "KRW", "mid": "1400", "rate": "mid * 0.98", "via": {"role": "store", "purpose": "fx"}, "spread_to": {"role": "store", "purpose": "fx_income"}}},
		{"id": "desk", "to": {"role": "store"}, "on": "refund", "flat": {"KRW": "100"}, "refund": "kept"},
		{"id": "share", "split": {"of": "gross * 0.1", "parts": [{"id": "a", "to": {"role": "agent"}, "weight": "1"}, {"id": "b", "to": {"role": "label"}, "weight": "2"}], "remainder": "first"}},
		{"id": "net", "to": {"role": "developer"}, "rest": true}],
	"periods": [{"id": "guarantee", "of": "ytd", "values": [{"name": "due", "is": "ytd"}],
		"entries": [{"id": "true_up", "from": {"role": "store"}, "to": {"role": "developer"}, "amount": "max(0, 100 - ytd)"}],
		"carry": [{"accumulator": "ytd", "is": "0"}]}]
}`

// examples has at least one event of every version; the key is the name of its
// golden file less ".json". Files of superseded versions keep their bytes and
// the example changes to what they are lifted to.
var examples = map[string]domain.Event{
	"LogStarted.v1":                 LogStarted{LogID: uuid.MustParse("0190a6a0-0000-7000-8000-000000000001"), Incarnation: 1},
	"TransactionSettled.v2":         settledExample,
	"TransactionSettled.v2-zero":    settledZero,
	"TransactionSettled.v1":         settledV1Example,
	"TransactionSettled.v1-zero":    settledZero,
	"EntryReversed.v2":              reversedExample,
	"EntryReversed.v1":              reversedV1Example,
	"TransactionSettled.v2-held":    heldSettledExample,
	"EntryReversed.v2-held":         heldReversedExample,
	"HoldsReleased.v1":              releasedExample,
	"WindowClosed.v1":               closedExample,
	"WindowClosed.v1-nothing":       closedNothing,
	"BusinessDateAdvanced.v1":       book.BusinessDateAdvanced{From: "2026-11-30", To: "2026-12-01", RecordedAt: at},
	"BusinessDateAdvanced.v1-first": book.BusinessDateAdvanced{To: "2026-12-01", RecordedAt: at},
	"AdjustmentPosted.v1":           adjustedExample,
	"OriginalAwaited.v1":            awaitedRefund,
	"OriginalAwaited.v1-reversal":   awaitedReversal,
	"CalendarPublished.v1":          calendarExample,
	"PartyRegistered.v1":            party.PartyRegistered{Party: "studio-7", Kind: party.Provider, Country: "KR", Personal: &sealed, RecordedAt: at},
	"PartyDetailsChanged.v1":        party.PartyDetailsChanged{Party: "studio-7", Personal: &sealed, RecordedAt: at},
	"ContractSigned.v1": contract.ContractSigned{
		Terms: contract.Terms{
			Contract: "c-1", Book: "main", Schedule: "standard", Zone: "Asia/Seoul", From: "2026-01-01", Until: "2027-01-01", Priority: 2,
			Parties: map[string]string{"operator": "arcade"},
			Applies: contract.Applies{Sources: []string{"pg-1"}, Types: []string{"sale"}, Methods: []string{"card"}, Products: []string{"skin"}, Parties: map[string]string{"provider": "studio-7"}},
		}, RecordedAt: at,
	},
	"ContractSigned.v1-parameters": contract.ContractSigned{
		Terms: contract.Terms{
			Contract: "c-2", Book: "main", Schedule: "tiered", Zone: "UTC", From: "2026-01-01",
			Parameters: map[string]string{"rate": "12.5%", "cap.KRW": "50000"},
			Floors:     []contract.Floor{{Role: "operator", Purpose: "prepaid", Amounts: map[money.Currency]money.Amount{"KRW": money.Zero, "USD": money.New(-5000, 2)}}},
		}, RecordedAt: at,
	},
	"SchedulePublished.v1-held":     schedule.SchedulePublished{Document: heldSchedule, RecordedAt: at},
	"SchedulePublished.v1-language": schedule.SchedulePublished{Document: languageExample, RecordedAt: at},
	"ContractEnded.v1":              contract.ContractEnded{Contract: "c-1", Until: "2026-12-01", Reason: "replaced", RecordedAt: at},
	"SchedulePublished.v1": schedule.SchedulePublished{
		Document: fee.Document{
			Schedule: "standard", Version: 2, EffectiveFrom: "2026-01-01", Description: "Standard",
			Funds: fee.Target{Role: "supplier", Purpose: "receivable"}, RoundingDifference: &fee.Target{Role: "operator", Purpose: "rounding"},
			Rules: []fee.Rule{
				{
					ID: "fee", To: fee.Target{Role: "supplier"}, Priority: 1, Of: "gross", Percent: "2.75", Minimum: map[money.Currency]money.Amount{"KRW": money.New(100, 0)},
					Maximum:  map[money.Currency]money.Amount{"KRW": money.New(5000, 0)},
					Rounding: &fee.Rounding{Mode: "down", Unit: map[money.Currency]money.Amount{"KRW": money.New(10, 0)}},
				},
				{ID: "fixed", To: fee.Target{Role: "affiliate"}, Flat: map[money.Currency]money.Amount{"KRW": money.New(30, 0), "USD": money.New(3, 2)}},
				{ID: "rest", To: fee.Target{Role: "provider"}, Rest: true},
			},
		}, RecordedAt: at,
	},
	"SourceDefined.v1": source.SourceDefined{Source: "pg-1", Version: 1, Hash: "ab", Definition: "source: pg-1\nformat: { csv: {} }\n", RecordedAt: at},
	"RecordQuarantined.v1": source.RecordQuarantined{
		Source: "pg-1", Record: "A-9", ContentHash: "1:aa", Delivery: "cd", Offset: 7, Code: domain.CodeUnknownParty, Field: "provider", Reason: "no such party",
		Raw: domain.Sealed{Subject: "source-pg-1", Box: []byte{1, 2}, Digest: []byte{3}}, Currency: "USD", Amount: &quantity, RecordedAt: at,
	},
	"QuarantineReleased.v1":         source.QuarantineReleased{Source: "pg-1", Record: "A-9", ContentHash: "1:aa", Settled: domain.Ref{Stream: "book-main", Revision: 9}, RecordedAt: at},
	"QuarantineReleased.v1-ignored": source.QuarantineReleased{Source: "pg-1", Record: "A-9", ContentHash: "1:aa", Ignored: "test_rows", Version: 2, RecordedAt: at},
	"DeliveryIngested.v1": source.DeliveryIngested{
		Source: "pg-1", Delivery: "cd", Name: "2026-11-22.csv.gz", Bytes: 1234, Version: 1,
		Counts: source.Counts{Read: 10, Settled: 5, ZeroValue: 1, Replayed: 2, Quarantined: 1, Ignored: map[string]uint64{"test": 2}},
		Totals: []source.Total{{Currency: "USD", Read: "10.50", Settled: "8.00", Replayed: "1.50", Quarantined: "1.00", Ignored: "0", Refused: "0"}}, RecordedAt: at,
	},
}

func typeOf(golden string) string { return strings.Split(golden, "-")[0] }

var exact = cmp.Options{cmp.AllowUnexported(money.Amount{}), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })}

func TestGoldenEvents(t *testing.T) {
	covered := map[string]bool{}
	for name, event := range examples {
		covered[typeOf(name)] = true
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "golden", name+".json")
			if _, err := os.Stat(path); os.IsNotExist(err) && *addGolden {
				data, err := Encode(event)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(path, append(data, '\n'), 0o644))
			}
			file, err := os.ReadFile(path)
			require.NoError(t, err, "a version of an event keeps its golden file for ever; write a new one with -golden")
			golden := bytes.TrimSuffix(file, []byte("\n"))

			decoded, err := Decode(Recorded{Type: typeOf(name), Data: golden})
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(event, decoded, exact))
			if event.EventType() == typeOf(name) { // else superseded: read, never written
				again, err := Encode(decoded)
				require.NoError(t, err)
				require.Equal(t, string(golden), string(again), "a stored version must never change its form")
			}
		})
	}
	for _, name := range EventTypes() {
		require.True(t, covered[name], "%s has no golden file", name)
	}
}

func TestDecodeGuessesNothing(t *testing.T) {
	good, err := Encode(examples["PartyRegistered.v1"])
	require.NoError(t, err)
	settled, err := Encode(settledExample)
	require.NoError(t, err)
	for name, r := range map[string]Recorded{
		"unknown type":          {Type: "PartyRegistered.v9", Data: good},
		"unknown key":           {Type: "PartyRegistered.v1", Data: bytes.Replace(good, []byte(`"kind"`), []byte(`"sort"`), 1)},
		"unknown key, hot":      {Type: typeSettled, Data: bytes.Replace(settled, []byte(`"type"`), []byte(`"kind"`), 1)},
		"both sides":            {Type: typeSettled, Data: bytes.Replace(settled, []byte(`"debit":"8.75"`), []byte(`"debit":"8.75","credit":"8.75"`), 1)},
		"no side":               {Type: typeSettled, Data: bytes.Replace(settled, []byte(`,"debit":"8.75"`), nil, 1)},
		"amount as number":      {Type: typeSettled, Data: bytes.Replace(settled, []byte(`"debit":"8.75"`), []byte(`"debit":8.75`), 1)},
		"trailing bytes":        {Type: "PartyRegistered.v1", Data: append(bytes.Clone(good), '{')},
		"trailing bytes, hot":   {Type: typeSettled, Data: append(bytes.Clone(settled), ' ', '1')},
		"cut off":               {Type: "PartyRegistered.v1", Data: good[:len(good)-2]},
		"cut off, hot":          {Type: typeSettled, Data: settled[:len(settled)-2]},
		"empty":                 {Type: typeSettled},
		"not an object":         {Type: typeSettled, Data: []byte(`[]`)},
		"wrong kind of a value": {Type: typeSettled, Data: bytes.Replace(settled, []byte(`"version":3`), []byte(`"version":"3"`), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			r.Stream, r.Revision = "book-main", 7
			_, err := Decode(r)
			require.Error(t, err)
			require.ErrorContains(t, err, "book-main@7")
			require.Contains(t, []domain.Code{domain.CodeInvalid, domain.CodeMalformed}, domain.CodeOf(err))
		})
	}
}

func TestSupersededVersionsAreLifted(t *testing.T) {
	type before struct {
		Name string `json:"name"`
	}
	old := superseded("PartyRegistered.v0", func(b before) (party.PartyRegistered, error) {
		return party.PartyRegistered{Party: b.Name, Kind: party.Provider}, nil
	})
	event, err := old.decode([]byte(`{"name":"studio-7"}`))
	require.NoError(t, err)
	require.Equal(t, party.PartyRegistered{Party: "studio-7", Kind: party.Provider}, event)
	require.Nil(t, old.encode, "a superseded version is not written")
	_, err = old.decode([]byte(`{"nom":"studio-7"}`))
	require.Error(t, err)
}

type unlisted struct{}

func (unlisted) EventType() string { return "Unlisted.v1" }

func TestEncodeRefusesUnlistedTypes(t *testing.T) {
	_, err := Encode(unlisted{})
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
	require.ErrorContains(t, err, "Unlisted.v1")
}

func TestMeta(t *testing.T) {
	for _, m := range []Meta{
		{RecordedAt: at, Schema: 1},
		{
			Actor: "operator:김", Authenticated: "oidc", Request: "r", Correlation: "c", Causation: "book-main@1", Delivery: "ab",
			Offset: 7, RecordedAt: at, Schema: 1,
		},
	} {
		encoded, err := m.Encode()
		require.NoError(t, err)
		standard, err := json.Marshal(m)
		require.NoError(t, err)
		require.Equal(t, string(standard), string(encoded))
		decoded, err := DecodeMeta(Recorded{Metadata: encoded})
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(m, decoded))
	}
	encoded, err := Meta{RecordedAt: at}.Encode()
	require.NoError(t, err)
	require.Contains(t, string(encoded), `"schema":1`)

	_, err = DecodeMeta(Recorded{Metadata: []byte(`{"schema":2}`)})
	require.ErrorContains(t, err, "later version")
	_, err = DecodeMeta(Recorded{Metadata: []byte(`{`)})
	require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
	_, err = Meta{RecordedAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}.Encode()
	require.Error(t, err)
}
