package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/internal/datadir"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

// soldLog makes a data directory whose log has two books with three sales each, one
// a day from 20 November on.
func soldLog(t *testing.T) (data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	dir, err := datadir.Open(data, datadir.Options{Command: "test"})
	require.NoError(t, err)
	n, err := node.Open(node.Config{Dir: dir.Node(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	store := testkit.Client(t, n.ConnectionString())
	_, err = eventstore.Identify(t.Context(), store)
	require.NoError(t, err)
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, id := range []string{"arcade", "market"} {
		stream := domain.Stream(book.Category, id)
		for i := range 3 {
			encoded, err := eventstore.Encode(book.TransactionSettled{
				Key: book.Key{Source: "till", ExternalID: fmt.Sprintf("%s-%d", id, i)}, ContentHash: "1:00", Type: "sale",
				Parties:    book.PartiesOf(map[string]string{"seller": "maker"}, func(string) book.Revision { return 0 }),
				OccurredAt: at, EffectiveOn: domain.Date(fmt.Sprintf("2026-11-%d", 20+i)), RecordedAt: at, Currency: "USD", Amount: money.New(1000, 2),
				Contract: "c", Schedule: "s", Version: 1, Engine: 1, Explanation: []fee.Line{},
				Postings: []ledger.Posting{
					{Account: "card/receivable/USD", Side: ledger.Debit, Amount: money.New(1000, 2)}, {Account: "maker/payable/USD", Side: ledger.Credit, Amount: money.New(1000, 2)},
				},
			})
			require.NoError(t, err)
			meta, err := eventstore.Meta{Actor: "test", Authenticated: "none", RecordedAt: at}.Encode()
			require.NoError(t, err)
			_, err = store.Append(t.Context(), stream, eventstore.After(uint64(i)),
				eventstore.Proposed{ID: eventstore.EventID(stream, fmt.Sprint(i), encoded), Type: book.TransactionSettled{}.EventType(), Data: encoded, Metadata: meta})
			require.NoError(t, err)
		}
	}
	require.NoError(t, n.Close())
	require.NoError(t, dir.Close())
	return data
}

func TestExport(t *testing.T) {
	data := soldLog(t)
	rows := succeed(t, "export", "--format", "csv", "--data", data)
	require.Equal(t, 1+6*2, strings.Count(rows, "\r\n"), "without --out the rows are the result")

	out := filepath.Join(t.TempDir(), "ledger.journal")
	args := []string{"export", "--format", "hledger", "--balances", "--book", "market", "--from", "2026-11-21", "--out", out, "--data", data}
	said := succeed(t, args...)
	require.Contains(t, said, "2 entries with 4 postings")
	require.Contains(t, said, out)
	written, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Contains(t, string(written), "2026-11-21 * (opening) opening balances of book market\n    Assets:Market:Card:Receivable  10.00 USD\n")
	require.Contains(t, string(written), "Assets:Market:Card:Receivable  0.00 USD = 30.00 USD\n")
	require.NotContains(t, string(written), "arcade")
	info, err := os.Stat(out)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	code, _, stderr := jeongsan(t, args...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "is there already")
	require.Contains(t, stderr, "--force")
	succeed(t, append(args, "--force")...)

	var printed struct {
		Format  string
		Entries uint64
		Paths   []string
	}
	directory := filepath.Join(t.TempDir(), "exports") + "/"
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "export", "--format", "beancount", "--out", directory, "--json", "--data", data)), &printed))
	require.Equal(t, []string{directory + "arcade.beancount", directory + "market.beancount"}, printed.Paths)
	require.EqualValues(t, 6, printed.Entries)
	names, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, names, 2, "nothing is left but the files")
}

// TestExportLeavesNothingBehind fails after files were begun: the second one is there.
func TestExportLeavesNothingBehind(t *testing.T) {
	data, directory := soldLog(t), t.TempDir()
	there := filepath.Join(directory, "market.jsonl")
	require.NoError(t, os.WriteFile(there, []byte("mine"), 0o600))
	code, _, stderr := jeongsan(t, "export", "--format", "jsonl", "--out", directory, "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, there)
	names, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, names, 1, "no other file appeared")
	kept, err := os.ReadFile(there)
	require.NoError(t, err)
	require.Equal(t, "mine", string(kept))
}

func TestExportFaults(t *testing.T) {
	data := soldLog(t)
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"no format":        {nil, exitUsage, []string{"format", "hledger"}},
		"unknown format":   {[]string{"--format", "gnucash"}, exitUsage, []string{"gnucash", "hledger"}},
		"balances of rows": {[]string{"--format", "csv", "--balances"}, exitUsage, []string{"balances", "beancount"}},
		"no date":          {[]string{"--format", "csv", "--from", "yesterday"}, exitUsage, []string{"from", "yesterday"}},
		"dates swapped":    {[]string{"--format", "csv", "--from", "2026-11-22", "--until", "2026-11-21"}, exitUsage, []string{"until", "2026-11-21"}},
		"no book id":       {[]string{"--format", "csv", "--book", "A B"}, exitUsage, []string{"book", "A B"}},
		"no moment":        {[]string{"--format", "csv", "--known-at", "yesterday"}, exitUsage, []string{"known-at", "yesterday"}},
		"no such book":     {[]string{"--format", "csv", "--book", "bazaar"}, exitFailed, []string{"bazaar", "no event"}},
		"no directory":     {[]string{"--format", "csv", "--out", "/nowhere/x.csv"}, exitFailed, []string{"/nowhere/x.csv"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := jeongsan(t, append(append([]string{"export"}, c.args...), "--data", data)...)
			require.Equal(t, c.code, code, stderr)
			for _, want := range c.says {
				require.Contains(t, stderr, want)
			}
		})
	}
}
