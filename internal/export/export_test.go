package export_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/export"
)

// history is a log that a test writes event by event.
type history struct {
	t     testing.TB
	store *memory.Store
	next  map[domain.StreamID]uint64
	at    time.Time

	random *rapid.T // of a history made by chance
}

var logID = uuid.MustParse("11111111-2222-4333-8444-555555555555")

func newHistory(t testing.TB) *history {
	h := &history{t: t, store: memory.New(), next: map[domain.StreamID]uint64{}, at: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	h.append("log-identity", eventstore.LogStarted{LogID: logID, Incarnation: 1})
	return h
}

func (h *history) append(stream domain.StreamID, event domain.Event) eventstore.Position {
	data, err := eventstore.Encode(event)
	require.NoError(h.t, err)
	meta, err := eventstore.Meta{Actor: "test", Authenticated: "none", RecordedAt: h.at}.Encode()
	require.NoError(h.t, err)
	revision := h.next[stream]
	appended, err := h.store.Append(h.t.Context(), stream, eventstore.After(revision), eventstore.Proposed{
		ID: eventstore.EventID(stream, string(rune('a'+revision%26)), data), Type: event.EventType(), Data: data, Metadata: meta,
	})
	require.NoError(h.t, err)
	h.next[stream] = revision + 1
	return appended.Position
}

// settle appends a settlement to a book, each a minute after the last.
func (h *history) settle(id string, change func(*book.TransactionSettled)) eventstore.Position {
	h.at = h.at.Add(time.Minute)
	e := book.TransactionSettled{
		Key: book.Key{Source: "pg", ExternalID: "T-1"}, ContentHash: "1:00", Type: "sale", Method: "card", Product: "goods",
		Parties:    parties("operator", "shop", "seller", "seller-1", "gateway", "card.pay"),
		OccurredAt: h.at.Add(-time.Hour), EffectiveOn: "2026-11-22", RecordedAt: h.at, Currency: "USD", Amount: money.New(1000, 2),
		Contract: "c-1", Schedule: "standard", Version: 2, Engine: 1, Postings: []ledger.Posting{}, Explanation: []fee.Line{},
	}
	change(&e)
	return h.append(domain.Stream(book.Category, id), e)
}

// parties takes roles and ids in turn.
func parties(pairs ...string) book.Parties {
	ids := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		ids[pairs[i]] = pairs[i+1]
	}
	return book.PartiesOf(ids, func(string) book.Revision { return 3 })
}

func posting(account string, side ledger.Side, amount string) ledger.Posting {
	a, err := money.Parse(amount)
	if err != nil {
		panic(err)
	}
	return ledger.Posting{Account: ledger.AccountID(account), Side: side, Amount: a}
}

const dr, cr = ledger.Debit, ledger.Credit

// files keeps what an export writes.
type files map[string]*bytes.Buffer

func (f files) create(book string) (io.Writer, error) {
	f[book] = new(bytes.Buffer)
	return f[book], nil
}

// write exports to one file and returns it.
func (h *history) write(format export.Format, change func(*export.Config)) (string, export.Summary) {
	out, summary := h.writeFiles(format, change)
	require.Len(h.t, out, 1)
	for _, file := range out {
		return file.String(), summary
	}
	return "", summary
}

func (h *history) writeFiles(format export.Format, change func(*export.Config)) (files, export.Summary) {
	out := files{}
	summary, err := export.Export(h.t.Context(), h.config(format, out, change))
	require.NoError(h.t, err)
	return out, summary
}

func (h *history) config(format export.Format, out files, change func(*export.Config)) export.Config {
	config := export.Config{
		Store: h.store, Identity: eventstore.Identity{LogID: logID, Incarnation: 1}, Format: format, Create: out.create, TempDir: h.t.TempDir(),
	}
	if change != nil {
		change(&config)
	}
	return config
}

func sale(external string, on domain.Date, gross, part string) func(*book.TransactionSettled) {
	return func(e *book.TransactionSettled) {
		e.ExternalID, e.EffectiveOn = external, on
		g, f := posting("", dr, gross).Amount, posting("", cr, part).Amount
		rest, err := g.Sub(f)
		if err != nil {
			panic(err)
		}
		e.Amount = g
		e.Postings = []ledger.Posting{
			{Account: "card.pay/receivable/USD", Side: dr, Amount: g}, {Account: "card.pay/fee/USD", Side: cr, Amount: f}, {Account: "seller-1/payable/USD", Side: cr, Amount: rest},
		}
		e.Explanation = []fee.Line{{Rule: "card_fee", To: "gateway", Amount: f, Exact: f.String()}, {Rule: "seller_rest", To: "seller", Amount: rest, Exact: rest.String()}}
	}
}

func TestEntriesStandInOrderOfTheirDates(t *testing.T) {
	h := newHistory(t)
	h.settle("main", sale("T-1", "2026-11-22", "10.00", "1.00"))
	h.settle("main", sale("T-2", "2026-11-20", "20.00", "2.00"))
	h.settle("other", sale("T-3", "2026-11-22", "30.00", "3.00"))
	h.settle("main", sale("T-4", "2026-11-21", "40.00", "4.00"))
	want := []string{"T-2", "T-4", "T-1", "T-3"}
	for _, format := range []export.Format{export.Hledger, export.Ledger, export.Beancount} {
		text, summary := h.write(format, nil)
		require.Equal(t, want, order(text, "T-1", "T-2", "T-3", "T-4"), format)
		require.Equal(t, export.Summary{Position: summary.Position, Events: 5, Entries: 4, Postings: 12, First: "2026-11-20", Last: "2026-11-22", Files: 1}, summary)
	}
	for _, format := range []export.Format{export.JSONL, export.CSV} {
		text, _ := h.write(format, nil)
		require.Equal(t, []string{"T-1", "T-2", "T-3", "T-4"}, order(text, "T-1", "T-2", "T-3", "T-4"), "rows stand in the order of the log")
	}
}

// order sorts words by where they first stand in a text.
func order(text string, words ...string) (found []string) {
	for text != "" {
		at, next := len(text), ""
		for _, word := range words {
			if i := strings.Index(text, word); i >= 0 && i < at {
				at, next = i, word
			}
		}
		if next == "" {
			break
		}
		if len(found) == 0 || found[len(found)-1] != next {
			found = append(found, next)
		}
		text = text[at+len(next):]
	}
	return found
}

func TestSelection(t *testing.T) {
	h := newHistory(t)
	h.settle("main", sale("T-1", "2026-11-20", "10.00", "1.00"))
	second := h.settle("main", sale("T-2", "2026-11-21", "20.00", "2.00"))
	known := h.at
	h.settle("other", sale("T-3", "2026-11-22", "30.00", "3.00"))
	h.settle("main", sale("T-4", "2026-11-23", "40.00", "4.00"))
	for name, c := range map[string]struct {
		selection export.Selection
		want      []string
	}{
		"all":                 {export.Selection{}, []string{"T-1", "T-2", "T-3", "T-4"}},
		"book":                {export.Selection{Book: "main"}, []string{"T-1", "T-2", "T-4"}},
		"from":                {export.Selection{From: "2026-11-21"}, []string{"T-2", "T-3", "T-4"}},
		"until":               {export.Selection{Until: "2026-11-21"}, []string{"T-1", "T-2"}},
		"one day":             {export.Selection{From: "2026-11-22", Until: "2026-11-22"}, []string{"T-3"}},
		"position":            {export.Selection{Position: second}, []string{"T-1", "T-2"}},
		"moment":              {export.Selection{Known: known}, []string{"T-1", "T-2"}},
		"a moment before":     {export.Selection{Known: known.Add(-time.Second)}, []string{"T-1"}},
		"nothing on that day": {export.Selection{From: "2027-01-01"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range export.Formats() {
				text, summary := h.write(format, func(c2 *export.Config) { c2.Selection = c.selection })
				require.Equal(t, c.want, order(text, "T-1", "T-2", "T-3", "T-4"), format)
				require.EqualValues(t, len(c.want), summary.Entries, format)
			}
		})
	}
	_, err := export.Export(t.Context(), h.config(export.CSV, files{}, func(c *export.Config) { c.Selection.Book = "nobody" }))
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
}

func TestOpeningAndClosingBalances(t *testing.T) {
	h := newHistory(t)
	h.settle("main", sale("T-1", "2026-10-31", "10.00", "1.00"))
	h.settle("main", sale("T-2", "2026-11-01", "20.00", "2.00"))
	h.settle("main", sale("T-3", "2026-10-01", "5.00", "0.50")) // comes late, and is of before
	h.settle("main", sale("T-4", "2026-12-01", "99.00", "9.00"))
	november := func(c *export.Config) {
		c.Balances, c.Selection = true, export.Selection{From: "2026-11-01", Until: "2026-11-30"}
	}
	text, _ := h.write(export.Hledger, november)
	require.Contains(t, text, `2026-11-01 * (opening) opening balances of book main
    Assets:Main:CardDpay:Receivable  15.00 USD
    Liabilities:Main:CardDpay:Fee  -1.50 USD
    Liabilities:Main:Seller-1:Payable  -13.50 USD

2026-11-01 * (book-main@1)`)
	require.True(t, strings.HasSuffix(text, `
2026-11-01 * (closing) balances in USD
    Assets:Main:CardDpay:Receivable  0.00 USD = 35.00 USD
    Liabilities:Main:CardDpay:Fee  0.00 USD = -3.50 USD
    Liabilities:Main:Seller-1:Payable  0.00 USD = -31.50 USD

`), text)
	text, _ = h.write(export.Beancount, november)
	require.Contains(t, text, "2026-11-01 * \"opening balances of book main\" #opening\n    Assets:Main:CardDpay:Receivable  15.00 USD\n")
	require.True(t, strings.HasSuffix(text, `
2026-11-02 balance Assets:Main:CardDpay:Receivable  35.00 USD
2026-11-02 balance Liabilities:Main:CardDpay:Fee  -3.50 USD
2026-11-02 balance Liabilities:Main:Seller-1:Payable  -31.50 USD
`), text)
	text, _ = h.write(export.Hledger, func(c *export.Config) { november(c); c.Selection.From = "2026-11-15" })
	require.Contains(t, text, "2026-11-15 * (opening)", "a period without entries has balances all the same")
	require.Contains(t, text, "2026-11-15 * (closing)")
}

func TestFilePerBook(t *testing.T) {
	h := newHistory(t)
	h.settle("main", sale("T-1", "2026-11-22", "10.00", "1.00"))
	h.settle("other", sale("T-2", "2026-11-21", "20.00", "2.00"))
	h.settle("main", sale("T-3", "2026-11-20", "30.00", "3.00"))
	for _, format := range export.Formats() {
		out, summary := h.writeFiles(format, func(c *export.Config) { c.PerBook = true })
		require.Len(t, out, 2, format)
		require.Equal(t, 2, summary.Files)
		want := []string{"T-3", "T-1"}
		if !format.Accounting() {
			want = []string{"T-1", "T-3"}
		}
		require.Equal(t, want, order(out["main"].String(), "T-1", "T-2", "T-3"), format)
		require.Equal(t, []string{"T-2"}, order(out["other"].String(), "T-1", "T-2", "T-3"), format)
		require.NotContains(t, out["other"].String(), "Main:")
	}
}

func TestSameLogSameBytes(t *testing.T) {
	h := newHistory(t)
	for i := range 50 {
		h.settle([]string{"main", "other"}[i%2], sale("T-1", domain.Date([]string{"2026-11-22", "2026-11-20"}[i%3%2]), "10.00", "1.00"))
	}
	for _, format := range export.Formats() {
		first, _ := h.write(format, nil)
		second, _ := h.write(format, nil)
		require.Equal(t, first, second, format)
	}
}

func TestUnknownEventsOfABookAreRefused(t *testing.T) {
	h := newHistory(t)
	h.append("book-main", eventstore.LogStarted{LogID: logID, Incarnation: 1})
	_, err := export.Export(t.Context(), h.config(export.CSV, files{}, nil))
	require.ErrorContains(t, err, "book-main@0")
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
}

func TestErrorsOfTheFileReachTheCaller(t *testing.T) {
	h := newHistory(t)
	h.settle("main", sale("T-1", "2026-11-22", "10.00", "1.00"))
	full := errors.New("no room")
	for _, format := range export.Formats() {
		_, err := export.Export(t.Context(), h.config(format, nil, func(c *export.Config) {
			c.Create = func(string) (io.Writer, error) { return nil, full }
		}))
		require.ErrorIs(t, err, full)
		_, err = export.Export(t.Context(), h.config(format, nil, func(c *export.Config) {
			c.Create = func(string) (io.Writer, error) { return failing{full}, nil }
		}))
		require.ErrorIs(t, err, full)
	}
	var directory string
	_, err := export.Export(t.Context(), h.config(export.Beancount, files{}, func(c *export.Config) { directory = c.TempDir }))
	require.NoError(t, err)
	left, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Empty(t, left)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
