package collect_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	entry "github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/source"
)

const (
	bet      = `{"id":"b1","kind":"bet","game":"comet-run","player":"p-17","at":"2026-11-22T10:00:00Z","cents":500,"try":1}` + "\n"
	win      = `{"id":"w1","kind":"win","game":"comet-run","player":"p-17","at":"2026-11-22T10:00:02Z","cents":1200,"try":1}` + "\n"
	rollback = `{"id":"x1","kind":"rollback","of":"b1","at":"2026-11-22T10:00:09Z","why":"round cancelled","try":2}` + "\n"
)

// openWallet is the wallet of the examples; changed lets a test replace parts of
// its definition.
func openWallet(t testing.TB, changed ...string) (*ledger, *collect.Definition) {
	l := newLedger(t)
	l.applyFile("../examples/wallet-terms.yaml")
	d := example(t, "wallet.yaml")
	if len(changed) > 0 {
		d = parse(t, replaced(t, d.Text, changed...))
	}
	return l, d
}

func replaced(t testing.TB, text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// balances sums the postings of a book by account, credits positive.
func (l *ledger) balances(id string) map[string]string {
	l.t.Helper()
	sums := map[string]money.Amount{}
	for _, event := range l.stream(domain.Stream(book.Category, id)) {
		var postings []entry.Posting
		switch e := event.(type) {
		case book.TransactionSettled:
			postings = e.Postings
		case book.EntryReversed:
			postings = e.Postings
		}
		for _, p := range postings {
			amount := p.Amount
			if p.Side == entry.Debit {
				amount = amount.Neg()
			}
			var err error
			sums[string(p.Account)], err = sums[string(p.Account)].Add(amount)
			require.NoError(l.t, err)
		}
	}
	out := map[string]string{}
	for account, sum := range sums {
		if !sum.IsZero() {
			out[account] = sum.Format("EUR")
		}
	}
	return out
}

func TestRecordThatTakesBackATransaction(t *testing.T) {
	l, d := openWallet(t)
	report := l.must(d, bet+win)
	require.Equal(t, source.Counts{Read: 2, Settled: 2}, report.Counts)
	require.Equal(t, []source.Total{{Currency: "EUR", Read: "-7.00", Settled: "-7.00", Replayed: "0.00", Quarantined: "0.00", Ignored: "0.00", Refused: "0.00"}}, report.Totals)
	require.Equal(t, "-0.84", l.balances("casino")["comet-games/payable/EUR"], "12 % of five euros less twelve")

	report = l.must(d, rollback+`{"id":"p","kind":"ping","at":"2026-11-22T10:00:00Z"}`+"\n")
	require.Equal(t, source.Counts{Read: 2, Settled: 1, Ignored: map[string]uint64{"ping": 1}}, report.Counts, "a reversal without an amount is no transaction of nothing")
	require.EqualValues(t, 1, report.Reversed)
	require.EqualValues(t, 2, report.Unmapped)
	require.Empty(t, report.Totals)
	require.Equal(t, map[string]string{
		"cash-desk/receivable/EUR": "12.00", "comet-games/payable/EUR": "-1.44", "lucky-guide/payable/EUR": "-2.11", "casino/payable/EUR": "-8.45",
	}, l.balances("casino"), "the win stands alone")

	events := l.stream("book-casino")
	reversed := events[len(events)-1].(book.EntryReversed)
	require.Equal(t, book.Key{Source: "comet-wallet", ExternalID: "x1"}, reversed.Key)
	require.Equal(t, book.Key{Source: "comet-wallet", ExternalID: "b1"}, reversed.Reverses.Key)
	require.Equal(t, "round cancelled", reversed.Reason)
	require.Equal(t, "2026-11-22T10:00:09Z", reversed.OccurredAt.Format("2006-01-02T15:04:05Z07:00"))

	before := l.events()
	again := l.must(d, strings.Replace(rollback, `"try":2`, `"try":3`, 1))
	require.EqualValues(t, 1, again.Counts.Replayed, "the provider tried again")
	require.Equal(t, before, l.events())

	other := l.must(d, strings.Replace(rollback, "cancelled", "lost", 1))
	require.EqualValues(t, 1, other.Counts.Quarantined)
	require.Equal(t, domain.CodeConflict, l.quarantine("comet-wallet", collect.Filter{})[0].Code)
}

func TestReasonOfAReversalThatBringsNone(t *testing.T) {
	for name, changed := range map[string][]string{
		"empty":      {`has(row.why) ? row.why : ""`, `has(row.because) ? row.because : ""`},
		"not mapped": {`  reason: 'has(row.why) ? row.why : ""'` + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openWallet(t, changed...)
			l.must(d, bet+rollback)
			events := l.stream("book-casino")
			require.Equal(t, "taken back by the source", events[len(events)-1].(book.EntryReversed).Reason)
		})
	}
}

// TestReversalCountsItsAmount gives rollbacks an amount, which is for the totals alone.
func TestReversalCountsItsAmount(t *testing.T) {
	l, d := openWallet(t)
	report := l.must(d, bet+strings.Replace(rollback, `"of"`, `"cents":500,"of"`, 1))
	require.Equal(t, source.Counts{Read: 2, Settled: 2}, report.Counts)
	require.Zero(t, report.Unmapped)
	require.Equal(t, "0.00", report.Totals[0].Settled, "five in, five back")
	require.Empty(t, l.balances("casino"))
}

func TestReversalsThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		record string
		code   domain.Code
		field  string
	}{
		"names nothing":    {strings.Replace(rollback, `"of":"b1"`, `"of":""`, 1), domain.CodeMissingOriginal, "transaction.original"},
		"no such member":   {strings.Replace(rollback, `"of":"b1",`, "", 1), domain.CodeInvalid, "transaction.original"},
		"unknown target":   {strings.Replace(rollback, `"of":"b1"`, `"of":"b9"`, 1), domain.CodeMissingOriginal, "target"},
		"reversed before":  {rollback + strings.Replace(rollback, `"x1"`, `"x2"`, 1), domain.CodeConflict, "target"},
		"bad instant":      {strings.Replace(rollback, "T10:00:09Z", "", 1), domain.CodeInvalid, "transaction.occurred_at"},
		"reason too long":  {strings.Replace(rollback, "round cancelled", strings.Repeat("x", 501), 1), domain.CodeInvalid, "reason"},
		"unheard of":       {`{"id":"q","kind":"void","of":"b1","at":"2026-11-22T10:00:09Z","cents":1}` + "\n", domain.CodeInvalid, "transaction.action"},
		"target far away":  {strings.Replace(rollback, `"b1"`, `"`+strings.Repeat("b", 300)+`"`, 1), domain.CodeInvalid, "target.external_id"},
		"target is itself": {strings.Replace(rollback, `"b1"`, `"x1"`, 1), domain.CodeMissingOriginal, "target"},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openWallet(t, "early: await", "early: quarantine", `row.kind == "rollback" ? "reverse" : "settle"`, `row.kind == "rollback" ? "reverse" : row.kind == "void" ? "void" : "settle"`)
			report := l.must(d, bet+c.record)
			require.EqualValues(t, 1, report.Counts.Quarantined)
			entries := l.quarantine("comet-wallet", collect.Filter{Raw: true})
			require.Len(t, entries, 1)
			require.Equal(t, c.code, entries[0].Code, entries[0].Reason)
			require.Equal(t, c.field, entries[0].Field, entries[0].Reason)
			require.True(t, strings.HasSuffix(c.record, entries[0].Raw))
		})
	}
}

// TestEarlyRecordsWithoutAwait lie in quarantine until a retry finds their original.
func TestEarlyRecordsWithoutAwait(t *testing.T) {
	l, d := openWallet(t, "early: await", "early: quarantine")
	require.Equal(t, source.Counts{Read: 1, Quarantined: 1}, l.must(d, rollback).Counts)
	l.must(d, bet)
	report := l.retry("comet-wallet", collect.Filter{})
	require.EqualValues(t, 1, report.Settled)
	require.Zero(t, report.Awaiting)
	require.Empty(t, l.balances("casino"))
	events := l.stream("source-comet-wallet")
	released := events[len(events)-1].(source.QuarantineReleased)
	require.Equal(t, domain.Ref{Stream: "book-casino", Revision: 1}, released.Settled)
	require.EqualValues(t, 1, l.must(d, rollback).Counts.Replayed)
}

func TestFaultsOfActions(t *testing.T) {
	for want, changed := range map[string][]string{
		"transaction.action: a record that reverses names what it takes back": {`  original: 'row.kind == "rollback" ? row.of : ""'` + "\n", ""},
		"transaction.reason: a reason is only used with transaction.action":   {`  action: 'row.kind == "rollback" ? "reverse" : "settle"'` + "\n", ""},
		`transaction.action: the action is neither settle nor reverse`:        {`'row.kind == "rollback" ? "reverse" : "settle"'`, `'"undo"'`},
		"transaction.action: the expression gives bool":                       {`'row.kind == "rollback" ? "reverse" : "settle"'`, `row.kind == "rollback"`},
		"transaction.reason: not plain text":                                  {`'has(row.why) ? row.why : ""'`, `'"\u0007"'`},
		"policy.early: unknown choice (\"maybe\"); use quarantine":            {"early: await", "early: maybe"},
	} {
		_, err := collect.ParseDefinition("wallet.yaml", []byte(replaced(t, example(t, "wallet.yaml").Text, changed...)))
		require.ErrorContains(t, err, want)
	}
}
