package examples_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// counting is a ledger behind the command door. What a bench rates is settled in it
// too, each transaction and its refund in a book of its own, as far as books can
// post the schedule.
type counting struct {
	store   *memory.Store
	door    *command.Local
	known   map[string]bool // parties and schedules
	books   int
	settled int
}

func newLedger(t testing.TB) *counting {
	t.Helper()
	store := memory.New()
	id, err := eventstore.Identify(t.Context(), store)
	require.NoError(t, err)
	keys, err := keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	door, err := command.Open(t.Context(), command.Config{
		Store: store, Identity: id, Keys: keys, IndexDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, door.Close())
		require.NoError(t, store.Close())
	})
	return &counting{store: store, door: door, known: map[string]bool{}}
}

func (l *counting) do(t testing.TB, c domain.Command) {
	t.Helper()
	for _, reply := range l.door.Do(t.Context(), command.Request{Command: c, Meta: eventstore.Meta{Actor: "test", Authenticated: "none"}}) {
		require.NoError(t, reply.Err)
		require.Equal(t, command.Applied, reply.Outcome)
	}
}

// once applies a command the first time that its name comes.
func (l *counting) once(t testing.TB, name string, c domain.Command) {
	t.Helper()
	if !l.known[name] {
		l.known[name] = true
		l.do(t, c)
	}
}

// open publishes the schedule and signs a contract on it in a new book.
func (l *counting) open(t testing.TB, versions []fee.Document, o *outcome, parameters map[string]string) string {
	t.Helper()
	l.books++
	id := fmt.Sprintf("b-%d", l.books)
	terms := contract.Terms{
		Contract: "c-" + id, Book: id, Schedule: versions[0].Schedule, Zone: "Asia/Seoul", From: versions[0].EffectiveFrom,
		Parties: map[string]string{}, Parameters: maps.Clone(parameters),
	}
	for _, version := range versions {
		l.once(t, fmt.Sprint(version.Schedule, "@", version.Version), schedule.PublishSchedule{Document: version.Published()})
	}
	roles := o.schedule.Roles()
	for _, a := range o.schedule.Document().Accumulators {
		roles = append(roles, a.Key...)
	}
	for _, role := range roles {
		l.once(t, role, party.RegisterParty{Party: role + "-1", Kind: party.Seller})
		terms.Parties[role] = role + "-1"
	}
	l.do(t, contract.SignContract{Terms: terms})
	return id
}

// settle settles what was rated, and holds the event to it: the same lines, and the
// postings that they lead to. Sums that came before are made by a sale.
func (l *counting) settle(t testing.TB, versions []fee.Document, o *outcome, tx transaction) {
	t.Helper()
	if o.schedule.Posts() != nil || tx.sale != nil && tx.sale.book == "" {
		return
	}
	if tx.sale != nil {
		o.book = tx.sale.book
		l.send(t, o, "refund", "sale", o.in.Amount)
	} else {
		earlier := money.Zero
		for _, a := range o.schedule.Document().Accumulators {
			if earlier = amount(t, tx.before[a.Name]); !earlier.IsZero() && a.Measure != "gross" {
				return
			}
		}
		o.book = l.open(t, versions, o, tx.parameters)
		if !earlier.IsZero() {
			l.send(t, o, "earlier", "", earlier)
		}
		l.send(t, o, "sale", "", o.in.Amount)
	}
	event := l.last(t, o.book)
	require.Equal(t, asJSON(t, o.result.Lines), asJSON(t, event.Explanation))
	require.Equal(t, o.schedule.Document().Version, event.Version)
	posted := map[string]money.Amount{}
	for _, p := range event.Postings {
		add(t, posted, string(p.Account), p.Amount, p.Side == ledger.Debit)
	}
	account := func(to fee.Target) string { return to.Role + "-1/" + to.Purpose + "/" + string(o.in.Currency) }
	back := o.in.Amount.Sign() < 0
	rated := map[string]money.Amount{}
	add(t, rated, account(o.schedule.Funds()), o.in.Amount.Abs(), !back)
	for _, share := range o.result.Shares {
		add(t, rated, account(share.To), share.Amount, share.Opposite != back)
	}
	require.Equal(t, asJSON(t, rated), asJSON(t, posted))
	l.settled++
}

func (l *counting) send(t testing.TB, o *outcome, id, original string, amount money.Amount) {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	occurred, err := time.ParseInLocation(time.DateOnly, string(o.in.On), zone)
	require.NoError(t, err)
	l.do(t, book.SettleTransaction{Policy: book.Policy{SettleUnmatched: true}, Transaction: book.Transaction{
		Key: book.Key{Source: "vectors", ExternalID: id}, Book: o.book, ContentHash: "1:" + strings.Repeat("0", 32),
		Type: o.in.Type, Method: o.in.Method, Attributes: given(o.in.Attributes), OccurredAt: occurred, Currency: o.in.Currency, Amount: amount, OriginalID: original,
	}})
}

// given leaves out attributes that the transaction does not bring.
func given(attributes map[string]string) map[string]string {
	attributes = maps.Clone(attributes)
	maps.DeleteFunc(attributes, func(_, value string) bool { return value == "" })
	return attributes
}

// last is the newest event of a book.
func (l *counting) last(t testing.TB, id string) (settled book.TransactionSettled) {
	t.Helper()
	for record, err := range l.store.ReadStream(t.Context(), domain.StreamID("book-"+id), eventstore.Forwards, 0, eventstore.Unlimited) {
		require.NoError(t, err)
		event, err := eventstore.Decode(record)
		require.NoError(t, err)
		settled, _ = event.(book.TransactionSettled)
	}
	return settled
}

// add counts an amount on an account, negative where it is a debit; an account of
// nothing is none.
func add(t testing.TB, sums map[string]money.Amount, account string, amount money.Amount, debit bool) {
	t.Helper()
	if debit {
		amount = amount.Neg()
	}
	sum, err := sums[account].Add(amount)
	require.NoError(t, err)
	if sums[account] = sum.Shorten(); sum.IsZero() {
		delete(sums, account)
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
