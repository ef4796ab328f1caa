package eventstore

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// settledEvents draws events with anything in them, sensible or not.
func settledEvents() *rapid.Generator[book.TransactionSettled] {
	plain := rapid.StringMatching(`[a-z0-9./_-]{0,12}`)
	text := rapid.OneOf(plain, rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	amount := rapid.Custom(func(t *rapid.T) money.Amount {
		return money.New(rapid.Int64Range(-1<<62, 1<<62).Draw(t, "units"), rapid.Uint8Range(0, 18).Draw(t, "scale"))
	})
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		zone := time.UTC
		if rapid.Bool().Draw(t, "zoned") {
			zone = time.FixedZone("", 60*rapid.IntRange(-720, 720).Draw(t, "offset"))
		}
		return time.Unix(rapid.Int64Range(-62135596800+86400, 253402300799-86400).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).In(zone)
	})
	posting := rapid.Custom(func(t *rapid.T) ledger.Posting {
		return ledger.Posting{Account: ledger.AccountID(text.Draw(t, "account")), Side: ledger.Side(rapid.IntRange(0, 1).Draw(t, "side")), Amount: amount.Draw(t, "amount")}
	})
	line := rapid.Custom(func(t *rapid.T) fee.Line {
		line := fee.Line{
			Rule: text.Draw(t, "rule"), To: plain.Draw(t, "to"), Base: amount.Draw(t, "base"), Rate: text.Draw(t, "rate"), Exact: plain.Draw(t, "exact"),
			Bound: plain.Draw(t, "bound"), Rounding: text.Draw(t, "rounding"), Amount: amount.Draw(t, "amount"),
		}
		if rapid.Bool().Draw(t, "is exact") {
			line.Exact = line.Amount.String()
		}
		return line
	})
	count := rapid.Custom(func(t *rapid.T) fee.Count {
		return fee.Count{Counter: text.Draw(t, "counter"), Days: rapid.IntRange(0, 400).Draw(t, "days"), Before: amount.Draw(t, "before"), After: amount.Draw(t, "after"), Closes: domain.Date(plain.Draw(t, "closes"))}
	})
	hold := rapid.Custom(func(t *rapid.T) book.Hold {
		return book.Hold{Account: ledger.AccountID(text.Draw(t, "account")), Into: text.Draw(t, "into"), On: domain.Date(plain.Draw(t, "on")), Change: amount.Draw(t, "change")}
	})
	converted := rapid.Custom(func(t *rapid.T) fee.Converted {
		return fee.Converted{Rule: text.Draw(t, "rule"), Conversion: fee.Conversion{
			From: money.Currency(plain.Draw(t, "from")), Amount: amount.Draw(t, "amount"), To: money.Currency(plain.Draw(t, "to")), Mid: text.Draw(t, "mid"), Rate: plain.Draw(t, "rate"),
			Exact: plain.Draw(t, "exact"), Rounding: text.Draw(t, "rounding"), Value: amount.Draw(t, "value"), Result: amount.Draw(t, "result"), Spread: amount.Draw(t, "spread"),
		}}
	})
	ref := rapid.Custom(func(t *rapid.T) domain.Ref {
		return domain.Ref{Stream: domain.StreamID(plain.Draw(t, "stream")), Revision: rapid.Uint64().Draw(t, "revision")}
	})
	original := rapid.Custom(func(t *rapid.T) *book.Original {
		return &book.Original{Key: book.Key{Source: plain.Draw(t, "o source"), ExternalID: text.Draw(t, "o id")}, Ref: ref.Draw(t, "o")}
	})
	revision := rapid.Custom(func(t *rapid.T) book.Revision {
		return book.Revision(rapid.OneOf(rapid.Uint64Max(99), rapid.Uint64(), rapid.Just(uint64(book.NotRecorded))).Draw(t, "revision"))
	})
	return rapid.Custom(func(t *rapid.T) book.TransactionSettled {
		e := book.TransactionSettled{
			Key: book.Key{Source: plain.Draw(t, "source"), ExternalID: text.Draw(t, "id")}, ContentHash: plain.Draw(t, "hash"), Type: plain.Draw(t, "type"),
			Method: text.Draw(t, "method"), Product: text.Draw(t, "product"),
			OccurredAt: instant.Draw(t, "occurred"), EffectiveOn: domain.Date(plain.Draw(t, "effective")), RecordedAt: instant.Draw(t, "recorded"),
			Currency: money.Currency(plain.Draw(t, "currency")), Amount: amount.Draw(t, "amount"),
			Contract: plain.Draw(t, "contract"), ContractRevision: revision.Draw(t, "contract revision"),
			Schedule: plain.Draw(t, "schedule"), ScheduleRevision: revision.Draw(t, "schedule revision"), Version: rapid.IntRange(0, 1<<40).Draw(t, "version"), Engine: rapid.IntRange(0, 99).Draw(t, "engine"),
		}
		if rapid.Bool().Draw(t, "has attributes") {
			e.Attributes = rapid.MapOf(text, text).Draw(t, "attributes")
		}
		if rapid.Bool().Draw(t, "has parties") {
			e.Parties = book.PartiesOf(rapid.MapOf(text, text).Draw(t, "parties"), func(string) book.Revision { return revision.Draw(t, "party revision") })
		}
		if rapid.Bool().Draw(t, "has counts") {
			e.Counts = rapid.SliceOfN(count, 0, 4).Draw(t, "counts")
		}
		if rapid.Bool().Draw(t, "has original") {
			e.Refunded = amount.Draw(t, "refunded")
			e.Original = original.Draw(t, "original")
		}
		if rapid.IntRange(0, 3).Draw(t, "has what is rare") == 0 {
			e.Restores = original.Draw(t, "restores")
			awaited := ref.Draw(t, "awaited")
			e.Awaited = &awaited
			e.Calendars = rapid.MapOf(text, revision).Draw(t, "calendars")
			e.Conversions = rapid.SliceOfN(converted, 0, 2).Draw(t, "conversions")
		}
		if rapid.Bool().Draw(t, "has holds") {
			e.Holds = rapid.SliceOfN(hold, 0, 3).Draw(t, "holds")
		}
		if rapid.Bool().Draw(t, "has postings") {
			e.Postings = rapid.SliceOfN(posting, 0, 6).Draw(t, "postings")
		}
		if rapid.Bool().Draw(t, "has explanation") {
			e.Explanation = rapid.SliceOfN(line, 0, 6).Draw(t, "explanation")
		}
		return e
	})
}

// checkSettled holds what is written and read by hand to encoding/json: it reads
// the same from both, and what both write is the same but for the escapes.
func checkSettled(t interface {
	require.TestingT
	Helper()
}, e book.TransactionSettled) {
	t.Helper()
	byHand, err := Encode(e)
	require.NoError(t, err)
	standard, err := json.Marshal(e)
	require.NoError(t, err)
	require.True(t, json.Valid(byHand))
	var fromHand, fromStandard book.TransactionSettled
	require.NoError(t, unmarshal(byHand, &fromHand))
	require.NoError(t, unmarshal(standard, &fromStandard))
	require.Empty(t, cmp.Diff(fromStandard, fromHand, exact))
	for _, data := range [][]byte{byHand, standard} {
		record := Recorded{Type: e.EventType(), Data: data}
		checkSummary(t, record)
		decoded, err := Decode(record)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(domain.Event(fromStandard), decoded, exact))
	}
}

func TestSettledIsWrittenAndReadAsByEncodingJSON(t *testing.T) {
	checkSettled(t, settledExample)
	checkSettled(t, heldSettledExample)
	checkSettled(t, book.TransactionSettled{})
	rapid.Check(t, func(t *rapid.T) { checkSettled(t, settledEvents().Draw(t, "event")) })
}

func FuzzSettled(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { checkSettled(t, settledEvents().Draw(t, "event")) }))
}

// FuzzReadSettled: the hand-written reader accepts nothing that encoding/json
// refuses, and reads nothing else from it.
func FuzzReadSettled(f *testing.F) {
	for _, example := range examples {
		data, err := Encode(example)
		require.NoError(f, err)
		f.Add(data)
	}
	for _, parties := range []string{`{"a":"p@1","a":"q@2"}`, `{"b":"p@1","a":"q@2"}`, `{"a":"p"}`, `{"a":"p@01"}`, `{"a":"@p@"}`, `{"a":"p@18446744073709551615"}`} {
		f.Add([]byte(`{"source":"s","external_id":"e","content_hash":"","type":"","parties":` + parties + `,"occurred_at":"0001-01-01T00:00:00Z","effective_on":"","recorded_at":"0001-01-01T00:00:00Z","currency":"","amount":"0","contract":"","contract_revision":0,"schedule":"","schedule_revision":0,"version":0,"engine":0,"postings":[],"explanation":[{"rule":"","to":"","base":"1","rate":"","exact":"08"}]}`))
	}
	f.Add([]byte(`{"source":"s","external_id":"e","content_hash":"","type":"","occurred_at":"0001-01-01T00:00:00Z","effective_on":"","recorded_at":"0001-01-01T00:00:00Z","currency":"","amount":"0","contract":"","contract_revision":0,"schedule":"","schedule_revision":null,"version":0,"engine":0,"postings":[],"explanation":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		record := Recorded{Type: typeSettled, Data: data}
		checkSummary(t, record)
		r := reader{data: data, whole: string(data)}
		read, ok := r.settled(nil)
		if !ok {
			return
		}
		var standard book.TransactionSettled
		require.NoError(t, unmarshal(data, &standard))
		require.Empty(t, cmp.Diff(standard, read, exact))
	})
}

// checkSummary holds a summary, where there is one, to what encoding/json reads.
// What it passes over need not be well-formed beyond its JSON.
func checkSummary(t require.TestingT, record Recorded) {
	var summaries Summaries
	for range 2 { // the second time with every string known
		summary, ok := summaries.Read(record)
		if !ok {
			return
		}
		require.True(t, json.Valid(record.Data))
		var standard book.TransactionSettled
		if unmarshal(record.Data, &standard) != nil {
			return
		}
		var named []string
		for _, id := range standard.Parties.All() {
			named = append(named, id)
		}
		slices.Sort(named)
		slices.Sort(summary.Named)
		require.Empty(t, cmp.Diff(named, summary.Named, cmpopts.EquateEmpty()))
		standard.ContentHash, standard.Attributes, standard.Parties, standard.Explanation = "", nil, nil, nil
		require.Empty(t, cmp.Diff(standard, summary.TransactionSettled, exact))
	}
}

// FuzzReadMeta: likewise for metadata.
func FuzzReadMeta(f *testing.F) {
	for _, m := range []Meta{{}, {Actor: "source:pg-1", Authenticated: "none", Request: "r", Correlation: "c", Causation: "book-a@1", Delivery: "d", Offset: 7, RecordedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}} {
		data, err := m.Encode()
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"actor":"a","actor":"b","schema":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := reader{data: data, whole: string(data)}
		read, ok := r.meta()
		shared, sharedErr := new(Summaries).Meta(Recorded{Metadata: data})
		decoded, err := DecodeMeta(Recorded{Metadata: data})
		require.Equal(t, err == nil, sharedErr == nil)
		require.Empty(t, cmp.Diff(decoded, shared, exact))
		if !ok {
			return
		}
		var standard Meta
		require.NoError(t, json.Unmarshal(data, &standard))
		require.Empty(t, cmp.Diff(standard, read, exact))
	})
}

// TestTheFastPathIsTaken: as a rule, the hand-written reader is enough.
func TestTheFastPathIsTaken(t *testing.T) {
	for _, e := range []book.TransactionSettled{settledExample, heldSettledExample} {
		e.ExternalID, e.Product = "A-1", "정산 <skin> & more"
		data, err := Encode(e)
		require.NoError(t, err)
		r := reader{data: data, whole: string(data)}
		read, ok := r.settled(nil)
		require.True(t, ok)
		require.Empty(t, cmp.Diff(e, read, exact))
		_, ok = new(Summaries).Read(Recorded{Type: typeSettled, Data: data})
		require.True(t, ok)
	}
	e := settledExample
	meta, err := Meta{Actor: "source:a", Authenticated: "none", Delivery: "d", Offset: 3, RecordedAt: e.RecordedAt}.Encode()
	require.NoError(t, err)
	r := reader{data: meta, whole: string(meta)}
	_, ok := r.meta()
	require.True(t, ok)
}

func BenchmarkSettled(b *testing.B) {
	e := settledExample
	e.ExternalID, e.Attributes, e.Counts = "A-1", nil, nil // as most are
	data, err := Encode(e)
	require.NoError(b, err)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Encode(e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode standard", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := marshal(e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(Recorded{Type: e.EventType(), Data: data}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("summary", func(b *testing.B) {
		b.ReportAllocs()
		var summaries Summaries
		for b.Loop() {
			if _, ok := summaries.Read(Recorded{Type: typeSettled, Data: data}); !ok {
				b.Fatal("not read by hand")
			}
		}
	})
	b.Run("decode standard", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var e book.TransactionSettled
			if err := unmarshal(data, &e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("id", func(b *testing.B) {
		for b.Loop() {
			EventID("book-main", "pg-1/A-1", data)
		}
	})
}
