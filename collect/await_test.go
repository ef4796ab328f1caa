package collect_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// types lists the types of the events of a book.
func (l *ledger) types(id string) []string {
	l.t.Helper()
	var out []string
	for _, event := range l.stream(domain.Stream(book.Category, id)) {
		out = append(out, event.EventType())
	}
	return out
}

// TestRollbackBeforeItsBet waits, in one delivery and over two.
func TestRollbackBeforeItsBet(t *testing.T) {
	for name, deliveries := range map[string][]string{
		"one delivery":   {rollback + bet + win},
		"two deliveries": {rollback, bet + win},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openWallet(t)
			var awaiting, settled uint64
			for _, data := range deliveries {
				report := l.must(d, data)
				awaiting, settled = awaiting+report.Awaiting, settled+report.Counts.Settled
				require.Equal(t, report.Counts.Read, report.Counts.Settled)
				require.Zero(t, report.Reversed, "it came to nothing yet")
			}
			require.EqualValues(t, 1, awaiting)
			require.EqualValues(t, 3, settled)
			require.Equal(t, []string{"OriginalAwaited.v1", "TransactionSettled.v2", "EntryReversed.v2", "TransactionSettled.v2"}, l.types("casino"))
			require.Equal(t, "12.00", l.balances("casino")["cash-desk/receivable/EUR"], "the win alone")
			require.Empty(t, l.quarantine("comet-wallet", collect.Filter{}))

			before := l.events()
			require.EqualValues(t, 3, l.must(d, win+rollback+bet).Counts.Replayed, "in whatever order they come again")
			require.Equal(t, before, l.events())
		})
	}
}

// TestWhatWaitsIsToldByAnotherProcess ingests through the door of a server.
func TestWhatWaitsIsToldByAnotherProcess(t *testing.T) {
	l, d := openWallet(t)
	mux := http.NewServeMux()
	mux.Handle(command.Path, command.Serve(l.door, slog.New(slog.DiscardHandler)))
	server := httptest.NewServer(mux)
	defer server.Close()
	l.pipeline = l.through(command.NewRemote(server.URL, server.Client()), 1)
	require.EqualValues(t, 1, l.must(d, rollback).Awaiting)
	require.Zero(t, l.must(d, bet).Awaiting)
	require.Empty(t, l.balances("casino"))
}

// TestOneWaitsForEachOriginal quarantines the second; the retry says what it is then.
func TestOneWaitsForEachOriginal(t *testing.T) {
	l, d := openWallet(t)
	second := strings.Replace(rollback, `"x1"`, `"x2"`, 1)
	report := l.must(d, rollback+second+rollback)
	require.Equal(t, source.Counts{Read: 3, Settled: 1, Replayed: 1, Quarantined: 1}, report.Counts)
	require.Equal(t, domain.CodeMissingOriginal, l.quarantine("comet-wallet", collect.Filter{})[0].Code)
	l.must(d, bet)
	retried := l.retry("comet-wallet", collect.Filter{})
	require.EqualValues(t, 1, retried.Remaining)
	require.Equal(t, domain.CodeConflict, retried.Faults[0].Code, "reversed before")
	require.Empty(t, l.balances("casino"))
}

// TestQuarantinedBeforeItsSourceWaits lets a new definition take what the old one left.
func TestQuarantinedBeforeItsSourceWaits(t *testing.T) {
	l, strict := openWallet(t, "early: await", "early: quarantine")
	require.EqualValues(t, 1, l.must(strict, rollback).Counts.Quarantined)
	l.must(example(t, "wallet.yaml"), win)
	report := l.retry("comet-wallet", collect.Filter{})
	require.EqualValues(t, 1, report.Settled)
	require.EqualValues(t, 1, report.Awaiting)
	require.Empty(t, l.quarantine("comet-wallet", collect.Filter{}))
	events := l.stream("source-comet-wallet")
	require.Equal(t, domain.Ref{Stream: "book-casino", Revision: 1}, events[len(events)-1].(source.QuarantineReleased).Settled)
	l.must(strict, bet)
	require.Equal(t, "12.00", l.balances("casino")["cash-desk/receivable/EUR"])
}

// TestRefundBeforeItsSale is the same for a refund; one above its sale stays with
// the reason.
func TestRefundBeforeItsSale(t *testing.T) {
	l := newLedger(t)
	l.apply("terms.yaml", shopTerms)
	d := parse(t, shop+"policy: { early: await }\n")
	refund := func(id, amount, of string) string {
		return id + ",2026-11-22 11:00,refund,mina,USD," + amount + "," + of + ",s1"
	}
	report := l.must(d, rows(refund("r1", "-4.00", "a"), refund("r2", "-40.00", "b"), refund("r3", "-1.00", "")))
	require.Equal(t, source.Counts{Read: 3, Settled: 2, Quarantined: 1}, report.Counts, "what names nothing waits for nothing")
	require.EqualValues(t, 2, report.Awaiting)

	require.EqualValues(t, 2, l.must(d, rows(sale("a", "10.00"), sale("b", "10.00"))).Counts.Settled)
	require.Equal(t, []string{"OriginalAwaited.v1", "OriginalAwaited.v1", "TransactionSettled.v2", "TransactionSettled.v2", "TransactionSettled.v2"}, l.types("shop"))
	require.EqualValues(t, 1, l.must(d, rows(refund("r1", "-4.00", "a"))).Counts.Replayed)
	again := l.must(d, rows(refund("r2", "-40.00", "b")))
	require.EqualValues(t, 1, again.Counts.Quarantined)
	require.Equal(t, domain.CodeExceedsOriginal, again.Faults[0].Code)
}
