package book_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/jeongsan/jeongsan/domain/book"
)

// BenchmarkDecide settles a sale of five postings as a writer does, without the
// index: load the key, decide, fold. Tiered is rated by the second engine, with an
// accumulator.
func BenchmarkDecide(b *testing.B) {
	b.Run("standard", func(b *testing.B) { benchmarkDecide(b, compiledTerms(b, "standard")) })
	b.Run("tiered", func(b *testing.B) { benchmarkDecide(b, compiledTerms(b, "tiered")) })
}

func benchmarkDecide(b *testing.B, terms *book.Terms) {
	s := book.Decider.Initial()
	command := sale(b, "s", "123.45")
	command.Terms = terms
	s.Drop()
	s.Mark()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		command.Transaction.ExternalID = strconv.Itoa(i)
		for _, k := range book.Keys(&command) {
			s.Load(k, book.KeyRecord{}, false)
		}
		events, err := book.Decider.Decide(s, &command)
		if err != nil {
			b.Fatal(err)
		}
		book.Decider.Evolve(s, events[0])
		if i%500 == 499 {
			s.Commit()
			s.Drop()
			s.Mark()
		}
	}
}

// BenchmarkSettledJSON is what encoding/json makes of an event, for comparison.
func BenchmarkSettledJSON(b *testing.B) {
	event := decide(b, book.Decider.Initial(), sale(b, "s", "123.45"))
	b.ReportAllocs()
	for b.Loop() {
		text, err := json.Marshal(event)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(text)))
	}
}

func BenchmarkKeyRecord(b *testing.B) {
	record := book.KeyRecord{Revision: 99_999, ContentHash: "1:00112233445566778899aabbccddeeff", Kind: book.KindSettlement, Currency: "USD"}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buffer, err = record.AppendBinary(buffer[:0]); err != nil {
			b.Fatal(err)
		}
		if err = record.UnmarshalBinary(buffer); err != nil {
			b.Fatal(err)
		}
	}
}
