package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// shopSale is a transaction for testdata/terms.yaml.
func shopSale(id string, cents int64) book.SettleTransaction {
	return book.SettleTransaction{Transaction: book.Transaction{
		Key: book.Key{Source: "till", ExternalID: id}, Book: "shop", ContentHash: fmt.Sprintf("1:%032x", cents), Type: "sale",
		Parties: map[string]string{"maker": "maker"}, OccurredAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Currency: "USD", Amount: money.New(cents, 2),
	}}
}

// shopRefund gives back a part of a sale.
func shopRefund(id, original string, cents int64) book.SettleTransaction {
	c := shopSale(id, -cents)
	c.Transaction.Type, c.Transaction.OriginalID = "refund", original
	c.Transaction.ContentHash = fmt.Sprintf("1:%032x", 1<<40+cents)
	return c
}

// send sends commands to the process that decides them.
func send(t *testing.T, server string, commands ...domain.Command) []command.Reply {
	t.Helper()
	return sendTo(patience(t), server, commands...)
}

func sendTo(ctx context.Context, server string, commands ...domain.Command) []command.Reply {
	requests := make([]command.Request, len(commands))
	for i, c := range commands {
		requests[i] = command.Request{Command: c, Meta: eventstore.Meta{Actor: "test", Authenticated: "none"}}
	}
	return command.NewRemote(server, nil).Do(ctx, requests...)
}

// decider starts a process that decides commands and nothing else.
func decider(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return start(t, append([]string{"serve", "--roles", "process", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
}

// indexDamaged loses the local index of a process in every way there is. The next
// process must know the oldest sale all the same, before it takes any command.
func indexDamaged(t *testing.T, s scale) {
	random := randomness(t)
	sales := of(s, 1_500, 25_000, 500_000)
	data := dataDirectory(t)
	older := filepath.Join(filepath.Dir(data), "older-node")
	first := decider(t, data)
	succeed(t, "apply", "testdata/terms.yaml", "--server", first.server.Server)
	var oldest command.Reply
	for from := 0; from < sales; from += 500 {
		commands := make([]domain.Command, 500)
		for i := range commands {
			commands[i] = shopSale(fmt.Sprintf("S%07d", from+i), int64(1_000+(from+i)%9_000))
		}
		replies := send(t, first.server.Server, commands...)
		for _, reply := range replies {
			require.NoError(t, reply.Err)
			require.Equal(t, command.Applied, reply.Outcome)
		}
		if from == 0 {
			oldest = replies[0]
		}
		if from == sales/2/500*500 {
			// A copy of the log as it was halfway, and of the index at the end: as
			// after a restore of an older backup.
			first.stop()
			require.NoError(t, os.CopyFS(older, os.DirFS(filepath.Join(data, "node"))))
			first = decider(t, data)
		}
	}
	first.stop()

	foreign := dataDirectory(t)
	other := decider(t, foreign)
	succeed(t, "apply", "testdata/terms.yaml", "--server", other.server.Server)
	require.NoError(t, send(t, other.server.Server, shopSale("S0000000", 5))[0].Err)
	other.stop()

	index := filepath.Join(data, "index")
	damage := func(change func(content []byte) []byte) func() {
		return func() {
			for _, name := range indexFiles(t, index) {
				content, err := os.ReadFile(name)
				require.NoError(t, err)
				if len(content) > 0 {
					require.NoError(t, os.WriteFile(name, change(content), 0o600))
				}
			}
		}
	}
	refunds := 0
	for _, fault := range []struct {
		name  string
		plant func()
	}{
		{"sound", func() {}},
		{"deleted", func() { require.NoError(t, os.RemoveAll(index)) }},
		{"truncated", damage(func(b []byte) []byte { return b[:random.IntN(len(b))] })},
		{"one bit flipped in each file", damage(func(b []byte) []byte {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			return b
		})},
		{"one file missing", func() {
			files := indexFiles(t, index)
			require.NoError(t, os.Remove(files[random.IntN(len(files))]))
		}},
		{"of another log", func() {
			require.NoError(t, os.RemoveAll(index))
			require.NoError(t, os.CopyFS(index, os.DirFS(filepath.Join(foreign, "index"))))
		}},
		{"ahead of a restored log", func() {
			require.NoError(t, os.RemoveAll(filepath.Join(data, "node")))
			require.NoError(t, os.Rename(older, filepath.Join(data, "node")))
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			fault.plant()
			p := decider(t, data)
			// The very first command is for the oldest sale.
			again := send(t, p.server.Server, shopSale("S0000000", 1_000))[0]
			require.NoError(t, again.Err)
			require.Equal(t, command.Replayed, again.Outcome)
			require.Equal(t, oldest.Ref, again.Ref, "the first answer again")
			changed := send(t, p.server.Server, shopSale("S0000000", 1_001))[0]
			require.Equal(t, domain.CodeConflict, domain.CodeOf(changed.Err), "%v", changed.Err)
			if fault.name == "ahead of a restored log" {
				refunds = 0 // those were made after the copy
			}
			refunds++
			given := send(t, p.server.Server, shopRefund(fmt.Sprint("Q", refunds), "S0000000", 10))[0]
			require.NoError(t, given.Err)
			require.Equal(t, command.Applied, given.Outcome)
			excess := send(t, p.server.Server, shopRefund("Q-all", "S0000000", 1_001-int64(10*refunds)))[0]
			require.Equal(t, domain.CodeExceedsOriginal, domain.CodeOf(excess.Err), "%v", excess.Err)
			p.stop()
			_, entries := verified(t, "--data", data, "--log", "--index")
			if fault.name != "ahead of a restored log" {
				require.EqualValues(t, sales+refunds, entries)
			}
		})
	}
}

func indexFiles(t *testing.T, index string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(index)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() != "LOCK" && !entry.IsDir() {
			files = append(files, filepath.Join(index, entry.Name()))
		}
	}
	require.NotEmpty(t, files)
	return files
}
