package book_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestKeys(t *testing.T) {
	settle := book.SettleTransaction{Transaction: book.Transaction{Key: key("r1"), OriginalID: "s1"}}
	require.Equal(t, []book.Key{key("r1"), key("s1")}, book.Keys(settle))
	require.Equal(t, []book.Key{key("r1"), key("s1")}, book.Keys(&settle))
	settle.Transaction.OriginalID = ""
	require.Equal(t, []book.Key{key("r1")}, book.Keys(settle))

	reverse := book.ReverseEntry{Key: key("x1"), Target: key("r1")}
	require.Equal(t, []book.Key{key("x1"), key("r1")}, book.Keys(reverse))
	reverse.Reversed = &book.TransactionSettled{Key: key("r1"), Original: &book.Original{Key: key("s1")}}
	require.Equal(t, []book.Key{key("x1"), key("r1"), key("s1")}, book.Keys(&reverse), "the refund goes back to its original")
	reverse.Reversed.Restores = &book.Original{Key: key("s0")}
	require.Equal(t, []book.Key{key("x1"), key("r1"), key("s1"), key("s0")}, book.Keys(&reverse), "and the chargeback to its sale")
	settle.Transaction.OriginalID = "r1"
	settle.Original = &book.TransactionSettled{Key: key("r1"), Original: &book.Original{Key: key("s1")}}
	require.Equal(t, []book.Key{key("r1"), key("r1"), key("s1")}, book.Keys(&settle))
	adjusts := key("s1")
	adjust := book.PostAdjustment{Key: key("a1")}
	require.Equal(t, []book.Key{key("a1")}, book.Keys(adjust))
	adjust.Adjusts = &adjusts
	require.Equal(t, []book.Key{key("a1"), key("s1")}, book.Keys(&adjust))
	require.Nil(t, book.Keys(book.AdvanceBusinessDate{}))
	require.Nil(t, book.Keys(otherCommand{}))

	require.Nil(t, book.EventKeys(book.TransactionSettled{Key: key("s1")}))
	original := &book.Original{Key: key("s1")}
	require.Equal(t, []book.Key{key("r1"), key("s1")}, book.EventKeys(book.TransactionSettled{Key: key("r1"), Original: original}), "it may have waited")
	require.Equal(t, []book.Key{key("s1")}, book.EventKeys(book.TransactionSettled{Key: key("s1"), Awaited: &domain.Ref{}}))
	require.Equal(t, []book.Key{key("w1"), key("r1"), key("s1")}, book.EventKeys(book.TransactionSettled{Key: key("w1"), Original: &book.Original{Key: key("r1")}, Restores: original}))
	require.Equal(t, []book.Key{key("x1"), key("r1"), key("s1")}, book.EventKeys(book.EntryReversed{Key: key("x1"), Reverses: book.Original{Key: key("r1")}, Original: original}))
	require.Equal(t, []book.Key{key("x1"), key("s1")}, book.EventKeys(book.EntryReversed{Key: key("x1"), Reverses: *original}))
	require.Equal(t, []book.Key{key("a1")}, book.EventKeys(book.AdjustmentPosted{Key: key("a1")}))
	require.Equal(t, []book.Key{key("a1"), key("s1")}, book.EventKeys(book.AdjustmentPosted{Key: key("a1"), Adjusts: original}))
	require.Equal(t, []book.Key{key("r1"), key("s1")}, book.EventKeys(book.OriginalAwaited{Key: key("r1"), Awaits: key("s1")}))
	require.Nil(t, book.EventKeys(otherEvent{}))
}

type otherCommand struct{}

func (otherCommand) CommandType() string { return "OtherCommand" }

type otherEvent struct{}

func (otherEvent) EventType() string { return "OtherEvent.v1" }

func TestKeyRecordIsCompact(t *testing.T) {
	record := book.KeyRecord{
		Revision: 123_456, ContentHash: "1:00112233445566778899aabbccddeeff", Kind: book.KindSettlement,
		Currency: "USD", Amount: money.New(-1250, 2), Refunded: money.New(0, 2),
	}
	data, err := record.MarshalBinary()
	require.NoError(t, err)
	require.Less(t, len(data), 40)
	var again book.KeyRecord
	require.NoError(t, again.UnmarshalBinary(data))
	require.Equal(t, record, again)
}

func TestKeyRecordSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Custom(func(t *rapid.T) money.Amount {
			return money.New(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "units"), rapid.Uint8Range(0, money.MaxScale).Draw(t, "scale"))
		})
		record := book.KeyRecord{
			Revision:    rapid.Uint64().Draw(t, "revision"),
			ContentHash: rapid.OneOf(rapid.StringMatching(`[0-9]{1,11}:[0-9a-f]{0,80}`), rapid.String()).Draw(t, "hash"),
			Kind:        rapid.SampledFrom([]book.Kind{book.KindSettlement, book.KindReversal, book.KindAwaiting, book.KindAwaited, book.KindAdjustment}).Draw(t, "kind"),
			Returns:     rapid.Bool().Draw(t, "returns"), Engine: rapid.SampledFrom([]uint8{0, 2, 255}).Draw(t, "engine"),
			RestatedBy: rapid.SampledFrom([]uint64{0, 1, math.MaxUint64}).Draw(t, "restated"),
			Currency:   rapid.SampledFrom([]money.Currency{"KRW", ""}).Draw(t, "currency"), Amount: amount.Draw(t, "amount"), Refunded: amount.Draw(t, "refunded"),
			ReversedBy: rapid.Uint64().Draw(t, "reversed"),
		}
		data, err := record.MarshalBinary()
		require.NoError(t, err)
		var again book.KeyRecord
		require.NoError(t, again.UnmarshalBinary(data))
		require.Equal(t, record, again)

		for n := range len(data) { // cut off anywhere
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(again.UnmarshalBinary(data[:n])), n)
		}
		require.Error(t, again.UnmarshalBinary(append(bytes.Clone(data), 0)))
		require.Equal(t, record, again, "a refused record leaves the old one alone")
	})
}

func TestKeyRecordRefusesOtherVersions(t *testing.T) {
	data, err := book.KeyRecord{Kind: book.KindReversal, Currency: "KRW"}.MarshalBinary()
	require.NoError(t, err)
	var record book.KeyRecord
	for i, bad := range map[int]byte{0: 4, 1: 3} { // version, kind
		damaged := bytes.Clone(data)
		damaged[i] = bad
		require.ErrorContains(t, record.UnmarshalBinary(damaged), "rebuild the index")
	}
	_, err = book.KeyRecord{Kind: book.KindReversal, Currency: "WON!"}.MarshalBinary()
	require.Error(t, err)
	names := map[book.Kind]string{
		book.KindSettlement: "settlement", book.KindReversal: "reversal", book.KindAwaiting: "awaiting", book.KindAwaited: "awaited", book.KindAdjustment: "adjustment", 9: "invalid",
	}
	for kind, name := range names {
		require.Equal(t, name, kind.String())
	}
	awaiting, err := book.KeyRecord{Kind: book.KindAwaiting, Currency: "KRW"}.MarshalBinary()
	require.NoError(t, err)
	for i, bad := range map[int]byte{1: 6, 3: 2, 4: 2} { // kind, flags, letters of the currency
		damaged := bytes.Clone(awaiting)
		damaged[i] = bad
		require.Equal(t, domain.CodeMalformed, domain.CodeOf(record.UnmarshalBinary(damaged)), i)
	}
}

// FuzzKeyRecord reads arbitrary bytes: no panic, and what is accepted is written
// in a form that reads the same.
func FuzzKeyRecord(f *testing.F) {
	for _, record := range []book.KeyRecord{
		{Kind: book.KindSettlement, Currency: "KRW"},
		{Revision: 7, ContentHash: "1:00ff", Kind: book.KindReversal, Currency: "USD", Amount: money.New(-5, 2), ReversedBy: 9},
		{Revision: math.MaxUint64, ContentHash: "no scheme", Kind: book.KindSettlement, Currency: "KWD", Refunded: money.New(math.MaxInt64, 18)},
		{Revision: 8, ContentHash: "1:aa", Kind: book.KindSettlement, Returns: true, Engine: 2, Currency: "USD", Amount: money.New(-5, 2), RestatedBy: 12},
		{Revision: 9, Kind: book.KindAwaited},
	} {
		data, err := record.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var record, again book.KeyRecord
		if record.UnmarshalBinary(data) != nil {
			return
		}
		written, err := record.MarshalBinary()
		if err != nil {
			t.Fatalf("%+v was read but cannot be written: %v", record, err)
		}
		if err := again.UnmarshalBinary(written); err != nil || again != record {
			t.Fatalf("%+v was read back as %+v (%v)", record, again, err)
		}
	})
}
