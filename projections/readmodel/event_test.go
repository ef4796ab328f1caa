package readmodel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func record(t *testing.T, stream domain.StreamID, event domain.Event) eventstore.Recorded {
	t.Helper()
	data, err := eventstore.Encode(event)
	require.NoError(t, err)
	meta, err := eventstore.Meta{Actor: "operator:kim", Authenticated: "none", RecordedAt: time.Unix(9, 0).UTC()}.Encode()
	require.NoError(t, err)
	return eventstore.Recorded{Type: event.EventType(), Stream: stream, Revision: 4, Position: 77, Data: data, Metadata: meta}
}

func TestDecodeSettlement(t *testing.T) {
	original := &book.Original{Key: book.Key{Source: "pg", ExternalID: "1"}, Ref: domain.Ref{Stream: "book-a", Revision: 2}}
	e := new(readmodel.Decoder).Decode(record(t, "book-a", book.TransactionSettled{
		Key: book.Key{Source: "pg", ExternalID: "2"}, ContentHash: "1:ab", Type: "refund", Method: "card", Product: "p", OccurredAt: time.Unix(5, 0).UTC(),
		Parties: book.Parties{{Role: "affiliate", ID: "zoe"}, {Role: "platform", ID: "ann"}, {Role: "seller", ID: "zoe"}}, EffectiveOn: "2026-03-01", RecordedAt: time.Unix(9, 0).UTC(),
		Currency: "USD", Amount: money.New(-1250, 2), Original: original, Contract: "c", Schedule: "s", Version: 3, Engine: 1,
		Attributes: map[string]string{"grade": "a"}, Counts: []fee.Count{{Counter: "contract:c/ytd/2026/USD/", Before: money.New(1, 2), After: money.New(3, 2)}},
		Explanation: []fee.Line{}, Postings: []ledger.Posting{
			{Account: "zoe/payable/USD", Side: ledger.Debit, Amount: money.New(1250, 2)},
			{Account: "bob/receivable/USD", Side: ledger.Credit, Amount: money.New(1250, 2)},
		},
	}))
	require.NoError(t, e.Err)
	require.Equal(t, "book", e.Category())
	require.Equal(t, "operator:kim", e.Meta.Actor)
	require.Equal(t, readmodel.Settlement, e.Entry.Kind)
	require.Equal(t, "a", e.Entry.Book)
	require.Equal(t, uint64(4), e.Entry.Revision)
	require.Equal(t, eventstore.Position(77), e.Entry.Position)
	require.Equal(t, []string{"ann", "bob", "zoe"}, e.Entry.Parties)
	require.Equal(t, readmodel.LinkRefund, e.Entry.Link)
	require.Equal(t, original, e.Entry.Original)
	require.Equal(t, 3, e.Entry.Version)
	require.Equal(t, []fee.Count{{Counter: "contract:c/ytd/2026/USD/", Before: money.New(1, 2), After: money.New(3, 2)}}, e.Entry.Counts)
}

// What was written before accumulators came says the same of a transaction.
func TestDecodeFirstVersion(t *testing.T) {
	r := record(t, "book-a", book.EntryReversed{Postings: []ledger.Posting{}})
	r.Type = "TransactionSettled.v1"
	r.Data = []byte(`{"source":"pg","external_id":"2","content_hash":"1:ab","type":"sale","parties":{"seller":"zoe","platform":"ann"},
		"occurred_at":"2026-03-01T00:00:00Z","effective_on":"2026-03-01","recorded_at":"2026-03-01T00:00:00Z","currency":"USD","amount":"1.00",
		"contract":"c","schedule":"s","version":3,"uses":{"contract-c":0,"party-zoe":4},"engine":1,"postings":[],"explanation":[]}`)
	e := new(readmodel.Decoder).Decode(r)
	require.NoError(t, e.Err)
	require.Equal(t, []string{"ann", "zoe"}, e.Entry.Parties)
	require.Equal(t, []string{"c", "s", "2"}, []string{e.Entry.Contract, e.Entry.Schedule, e.Entry.ExternalID})
	require.Empty(t, e.Entry.Counts)
}

func TestDecodeReversal(t *testing.T) {
	e := new(readmodel.Decoder).Decode(record(t, "book-a", book.EntryReversed{
		Key: book.Key{Source: "desk", ExternalID: "r"}, ContentHash: "1:ab", Reverses: book.Original{Key: book.Key{Source: "pg", ExternalID: "1"}, Ref: domain.Ref{Stream: "book-a"}},
		Reason: "wrong", Type: "sale", Currency: "KRW", Amount: money.New(-5, 0), EffectiveOn: "2026-03-01", Postings: []ledger.Posting{},
	}))
	require.NoError(t, e.Err)
	require.Equal(t, readmodel.Reversal, e.Entry.Kind)
	require.Equal(t, readmodel.LinkReversal, e.Entry.Link)
	require.Equal(t, "1", e.Entry.Original.ExternalID)
	require.Empty(t, e.Entry.Contract)
	require.Empty(t, e.Entry.Parties)
}

func TestDecodeKeepsWhatItCannotRead(t *testing.T) {
	r := record(t, "book-a", book.EntryReversed{Postings: []ledger.Posting{}})
	r.Data = []byte(`{"nonsense":1}`)
	e := new(readmodel.Decoder).Decode(r)
	require.Error(t, e.Err)
	require.Nil(t, e.Entry)
	require.Equal(t, uint64(4), e.Revision)
	r = record(t, "book-a", book.EntryReversed{Postings: []ledger.Posting{}})
	r.Metadata = []byte(`x`)
	require.Error(t, new(readmodel.Decoder).Decode(r).Err)
}
