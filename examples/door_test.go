package examples_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
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
	known   map[string]bool // parties, schedules and calendars
	books   int
	settled int
	closed  int // windows
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
		Now: func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }, // after every case
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
func (l *counting) open(t testing.TB, versions []fee.Document, s *fee.Schedule, parameters map[string]string) string {
	t.Helper()
	l.books++
	id := fmt.Sprintf("b-%d", l.books)
	terms := contract.Terms{
		Contract: "c-" + id, Book: id, Schedule: versions[0].Schedule, Zone: "Asia/Seoul", From: versions[0].EffectiveFrom,
		Parties: map[string]string{}, Parameters: maps.Clone(parameters),
	}
	for _, version := range versions {
		for _, r := range version.Rules {
			if r.Hold != nil && r.Hold.Calendar != "" {
				l.once(t, "calendar "+r.Hold.Calendar, calendar.PublishCalendar{Document: calendarOf(t, r.Hold.Calendar)})
			}
		}
		l.once(t, fmt.Sprint(version.Schedule, "@", version.Version), schedule.PublishSchedule{Document: version.Published()})
	}
	roles := s.Roles()
	for _, a := range s.Document().Accumulators {
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
	if tx.sale != nil && tx.sale.book == "" {
		return
	}
	if tx.sale != nil {
		o.book = tx.sale.book
		l.send(t, o.book, o.in, "refund", "sale", o.in.Amount)
	} else {
		earlier := money.Zero
		for _, a := range o.schedule.Document().Accumulators {
			if earlier = amount(t, tx.before[a.Name]); !earlier.IsZero() && a.Measure != "gross" {
				return
			}
		}
		o.book = l.open(t, versions, o.schedule, tx.parameters)
		if !earlier.IsZero() {
			l.send(t, o.book, o.in, "earlier", "", earlier)
		}
		l.send(t, o.book, o.in, "sale", "", o.in.Amount)
	}
	event := l.last(t, o.book)
	require.Equal(t, asJSON(t, append([]fee.Line{}, o.result.Lines...)), asJSON(t, event.Explanation))
	require.Equal(t, o.schedule.Document().Version, event.Version)
	posted, held := map[string]money.Amount{}, map[string]money.Amount{}
	for _, p := range event.Postings {
		add(t, posted, string(p.Account), p.Amount, p.Side == ledger.Debit)
	}
	for _, h := range event.Holds {
		add(t, held, fmt.Sprint(h.Account, " ", h.Into, " ", h.On), h.Change, false)
	}
	account := func(to fee.Target, currency money.Currency) string {
		return to.Role + "-1/" + to.Purpose + "/" + string(currency)
	}
	back := o.in.Amount.Sign() < 0
	rated, kept := map[string]money.Amount{}, map[string]money.Amount{}
	add(t, rated, account(o.schedule.Funds(), o.in.Currency), o.in.Amount.Abs(), !back)
	shared := func(shares []fee.Share, currency money.Currency) {
		for _, share := range shares {
			add(t, rated, account(share.To, currency), share.Amount, share.Opposite != back)
			if share.Hold != nil { // of one sale no more is taken than it holds
				add(t, kept, fmt.Sprint(account(share.To, currency), " ", share.Hold.Into.Purpose, " ", share.Hold.On), share.Amount, share.Opposite != back)
			}
		}
	}
	shared(o.result.Shares, o.in.Currency)
	for _, c := range o.result.Conversions {
		shared(c.Shares, c.To)
	}
	require.Equal(t, asJSON(t, rated), asJSON(t, posted))
	require.Equal(t, asJSON(t, kept), asJSON(t, held))
	require.Len(t, event.Conversions, len(o.result.Conversions))
	l.settled++
}

func (l *counting) send(t testing.TB, id string, in fee.Input, external, original string, amount money.Amount) {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	occurred, err := time.ParseInLocation(time.DateOnly, string(in.On), zone)
	require.NoError(t, err)
	l.do(t, book.SettleTransaction{Policy: book.Policy{SettleUnmatched: true}, Transaction: book.Transaction{
		Key: book.Key{Source: "vectors", ExternalID: external}, Book: id, ContentHash: "1:" + strings.Repeat("0", 32),
		Type: in.Type, Method: in.Method, Attributes: given(in.Attributes), OccurredAt: occurred, Currency: in.Currency, Amount: amount, OriginalID: original,
	}})
}

// given leaves out attributes that the transaction does not bring.
func given(attributes map[string]string) map[string]string {
	attributes = maps.Clone(attributes)
	maps.DeleteFunc(attributes, func(_, value string) bool { return value == "" })
	return attributes
}

// chargeback fills the slices of a merchant's reserve by sales, each so long before as
// it is held, and charges an amount back that names none of them. It returns what is
// left of each slice, and what the merchant's payable account paid.
func (l *counting) chargeback(t testing.TB, versions []fee.Document, s *fee.Schedule, currency string, held map[domain.Date]string, taken string) (left map[domain.Date]money.Amount, short money.Amount) {
	t.Helper()
	id := l.open(t, versions, s, nil)
	in := fee.Input{Type: "sale", Currency: money.Currency(currency)}
	for _, on := range slices.Sorted(maps.Keys(held)) {
		sum := amount(t, held[on])
		var err error
		in.On, err = calendar.AddDays(on, -*s.Document().Rules[0].Hold.Days)
		require.NoError(t, err)
		l.send(t, id, in, "sale-"+string(on), "", money.New(sum.Units()*10, sum.Scale()))
	}
	in.Type = "chargeback"
	l.send(t, id, in, "chargeback", "", amount(t, taken).Neg())
	left = map[domain.Date]money.Amount{}
	for _, event := range l.events(t, id) {
		for _, h := range event.(book.TransactionSettled).Holds {
			sum, err := left[h.On].Add(h.Change)
			require.NoError(t, err)
			left[h.On] = sum
		}
	}
	for _, posting := range l.last(t, id).Postings {
		if posting.Account == ledger.Account("merchant-1", "payable", in.Currency) {
			require.Equal(t, ledger.Debit, posting.Side)
			var err error
			short, err = short.Add(posting.Amount)
			require.NoError(t, err)
		}
	}
	return left, short
}

// last is the newest settlement of a book.
func (l *counting) last(t testing.TB, id string) (settled book.TransactionSettled) {
	t.Helper()
	for _, event := range l.events(t, id) {
		if e, is := event.(book.TransactionSettled); is {
			settled = e
		}
	}
	return settled
}

// events is the log of a book.
func (l *counting) events(t testing.TB, id string) (events []domain.Event) {
	t.Helper()
	for record, err := range l.store.ReadStream(t.Context(), domain.StreamID("book-"+id), eventstore.Forwards, 0, eventstore.Unlimited) {
		require.NoError(t, err)
		event, err := eventstore.Decode(record)
		require.NoError(t, err)
		events = append(events, event)
	}
	return events
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
