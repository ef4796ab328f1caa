package export_test

import (
	stdcsv "encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/export"
)

// sums are the net amounts of accounts, by "<name of an accounting program> <currency>".
type sums map[string]*big.Rat

func (s sums) add(t require.TestingT, account, amount string, sign int64) {
	if amount == "" {
		return
	}
	value, ok := new(big.Rat).SetString(amount)
	require.True(t, ok, amount)
	if s[account] == nil {
		s[account] = new(big.Rat)
	}
	s[account].Add(s[account], value.Mul(value, big.NewRat(sign, 1)))
}

func (s sums) texts() map[string]string {
	texts := map[string]string{}
	for account, sum := range s {
		texts[account] = sum.RatString()
	}
	return texts
}

// TestEveryFormatHoldsEveryPosting recounts random histories from each format with
// readers of this test's own. Little memory makes the sorting use its file.
func TestEveryFormatHoldsEveryPosting(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t)
		h.random = rt
		want := sums{}
		for range rapid.IntRange(0, 10).Draw(rt, "events") {
			h.randomEntry(want)
		}
		for _, format := range export.Formats() {
			out := files{}
			config := h.config(format, out, nil)
			config.TempDir, config.Memory, config.Balances = dir, rapid.SampledFrom([]int{1, 500, 1 << 20}).Draw(rt, "memory"), format.Accounting()
			_, err := export.Export(t.Context(), config)
			require.NoError(rt, err)
			text := out[""].String()
			switch format {
			case export.JSONL:
				require.Equal(rt, want.texts(), recountJSON(rt, text).texts())
			case export.CSV:
				require.Equal(rt, want.texts(), recountCSV(rt, text).texts())
			default:
				entries, asserted := recountAccounts(rt, text)
				require.Equal(rt, want.texts(), entries.texts(), format)
				require.Equal(rt, want.texts(), asserted.texts(), "what is asserted at the end")
			}
		}
	})
}

// randomEntry appends something of any kind that balances in each of its currencies.
func (h *history) randomEntry(want sums) {
	t := h.random
	id := rapid.SampledFrom([]string{"main", "a.b", "1st"}).Draw(t, "book")
	external := rapid.StringMatching(`[ -~한é;]{1,12}`).Draw(t, "external id")
	on := domain.Date(fmt.Sprintf("2026-%02d-%02d", rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day")))
	postings := []ledger.Posting{}
	for range rapid.IntRange(0, 3).Draw(t, "parts") {
		currency := rapid.SampledFrom([]money.Currency{"KRW", "USD", "KWD"}).Draw(t, "currency")
		amount := money.New(rapid.Int64Range(1, 1_000_000).Draw(t, "units"), rapid.Uint8Range(0, 6).Draw(t, "scale"))
		for i, side := range []ledger.Side{dr, cr} {
			owner := rapid.SampledFrom([]string{"shop", "s.hop", "s_hop", "9"}).Draw(t, "owner")
			purpose := rapid.SampledFrom([]string{"payable", "receivable", "rounding"}).Draw(t, "purpose")
			postings = append(postings, ledger.Posting{Account: ledger.Account(owner, purpose, currency), Side: side, Amount: amount})
			want.add(t, export.AccountName(id, owner, purpose)+" "+string(currency), amount.String(), int64(1-2*i))
		}
	}
	stream := domain.Stream(book.Category, id)
	switch rapid.SampledFrom([]string{"settlement", "release", "closing", "adjustment", "date"}).Draw(t, "kind") {
	case "release":
		h.append(stream, book.HoldsReleased{BusinessDate: on, RecordedAt: h.at, Postings: postings, Holds: []book.Hold{}})
	case "closing":
		h.append(stream, book.WindowClosed{
			BusinessDate: on, RecordedAt: h.at, Counter: "schedule:s/n/2026-01/USD/", First: "2026-01-01", Last: "2026-01-31", Currency: "USD", Schedule: "s", Version: 1, Engine: 2,
			Periods: []book.PeriodLines{}, Postings: postings,
		})
	case "adjustment":
		h.append(stream, book.AdjustmentPosted{Key: book.Key{Source: "by-hand", ExternalID: external}, ContentHash: "1:00", Reason: external, OccurredAt: h.at, EffectiveOn: on, RecordedAt: h.at, Postings: postings})
	case "date":
		h.append(stream, book.BusinessDateAdvanced{To: on, RecordedAt: h.at})
		fallthrough
	default:
		h.settle(id, func(e *book.TransactionSettled) { e.ExternalID, e.EffectiveOn, e.Postings = external, on, postings })
	}
}

// leg is a posting or a beancount assertion; after "=" stands what a journal asserts.
var leg = regexp.MustCompile(`^(    |\d{4}-\d\d-\d\d balance )([A-Z]\S+)  (-?[0-9.]+) ([A-Z]{3})(?: = (-?[0-9.]+) [A-Z]{3})?(?:  ;.*)?$`)

func recountAccounts(t *rapid.T, text string) (entries, asserted sums) {
	entries, asserted = sums{}, sums{}
	last := ""
	for line := range strings.Lines(text) {
		if date, _, found := strings.Cut(line, " * "); found && len(date) == 10 {
			require.LessOrEqual(t, last, date, "dates go back")
			last = date
		}
		parts := leg.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if parts == nil {
			continue
		}
		account := parts[2] + " " + parts[4]
		switch {
		case strings.Contains(parts[1], "balance"):
			asserted.add(t, account, parts[3], 1)
		case parts[5] != "":
			asserted.add(t, account, parts[5], 1)
		default:
			entries.add(t, account, parts[3], 1)
		}
	}
	return entries, asserted
}

// row is what the recount reads of a row.
type row struct{ Book, Owner, Purpose, Currency, Debit, Credit string }

func (r row) addTo(t *rapid.T, s sums) {
	if r.Owner != "" {
		account := export.AccountName(r.Book, r.Owner, r.Purpose) + " " + r.Currency
		s.add(t, account, r.Debit, 1)
		s.add(t, account, r.Credit, -1)
	}
}

func recountJSON(t *rapid.T, text string) sums {
	found := sums{}
	for line := range strings.Lines(text) {
		var r row
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		r.addTo(t, found)
	}
	return found
}

func recountCSV(t *rapid.T, text string) sums {
	found := sums{}
	reader := stdcsv.NewReader(strings.NewReader(text))
	_, err := reader.Read()
	require.NoError(t, err)
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		row{Book: record[0], Owner: record[6], Purpose: record[7], Currency: record[8], Debit: record[9], Credit: record[10]}.addTo(t, found)
	}
}

// BenchmarkExport is the cost of one entry of three postings, decoding included.
func BenchmarkExport(b *testing.B) {
	h := newHistory(b)
	const entries = 5_000
	for i := range entries {
		h.settle("main", sale("T-1", domain.Date(fmt.Sprintf("2026-11-%02d", i%28+1)), "10.00", "1.00"))
	}
	for _, format := range export.Formats() {
		b.Run(string(format), func(b *testing.B) {
			b.ReportAllocs()
			for left := b.N; left > 0; left -= entries {
				_, err := export.Export(b.Context(), h.config(format, nil, func(c *export.Config) {
					c.Create = func(string) (io.Writer, error) { return io.Discard, nil }
				}))
				require.NoError(b, err)
			}
		})
	}
}
