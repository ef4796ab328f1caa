package projections

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
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
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// history writes a seeded, believable log.
type history struct {
	t         testing.TB
	rng       *rand.Rand
	store     eventstore.Store
	identity  eventstore.Identity
	counts    map[domain.StreamID]uint64
	now       time.Time
	last      eventstore.Position
	settled   []book.TransactionSettled
	refs      []domain.Ref
	reversed  map[int]bool
	held      []source.RecordQuarantined
	sums      map[string]money.Amount // of accumulators
	later     later
	number    int
	accounts  int // per purpose and currency
	perAppend int
}

var books = []string{"arcade", "market"}

func newHistory(t testing.TB, seed uint64, store eventstore.Store) *history {
	t.Helper()
	if store == nil {
		store = memory.New()
	}
	identity, err := eventstore.Identify(context.Background(), store)
	require.NoError(t, err)
	h := &history{
		t: t, rng: rand.New(rand.NewPCG(seed, 7)), store: store, identity: identity, counts: map[domain.StreamID]uint64{},
		now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), reversed: map[int]bool{}, sums: map[string]money.Amount{}, accounts: 12, perAppend: 1,
	}
	for i := range h.accounts {
		h.append(domain.Stream(party.Category, partyID(i)), party.PartyRegistered{Party: partyID(i), Kind: party.Seller, Country: "KR", RecordedAt: h.tick()})
	}
	for version := 1; version <= 2; version++ {
		h.append("schedule-standard", schedule.SchedulePublished{Document: fee.Document{
			Schedule: "standard", Version: version, EffectiveFrom: "2026-01-01", Funds: fee.Target{Role: "platform"},
			Rules: []fee.Rule{{ID: "rest", To: fee.Target{Role: "seller"}, Rest: true}},
		}, RecordedAt: h.tick()})
	}
	for _, id := range books {
		h.append(domain.Stream(contract.Category, id), contract.ContractSigned{Terms: contract.Terms{
			Contract: id, Book: id, Schedule: "standard", Zone: "Asia/Seoul", From: "2026-01-01",
		}, RecordedAt: h.tick()})
	}
	for version := 1; version <= 2; version++ {
		h.append("calendar-kr", calendar.CalendarPublished{Document: calendar.Document{
			Calendar: "kr", Version: version, FirstYear: 2026, LastYear: 2025 + version, Weekend: []calendar.Weekday{"saturday", "sunday"},
		}, RecordedAt: h.tick()})
	}
	h.append("source-pg", source.SourceDefined{Source: "pg", Version: 1, Hash: "aa", Definition: "source: pg", RecordedAt: h.tick()})
	return h
}

func partyID(i int) string { return fmt.Sprintf("party-%d", i) }

func (h *history) tick() time.Time {
	h.now = h.now.Add(time.Duration(h.rng.IntN(120)) * time.Second)
	return h.now
}

func (h *history) append(stream domain.StreamID, events ...domain.Event) domain.Ref {
	h.t.Helper()
	proposed := make([]eventstore.Proposed, len(events))
	for i, event := range events {
		data, err := eventstore.Encode(event)
		require.NoError(h.t, err)
		meta, err := eventstore.Meta{Actor: []string{"source:pg", "operator:kim"}[h.rng.IntN(2)], Authenticated: "none", RecordedAt: h.now}.Encode()
		require.NoError(h.t, err)
		h.number++
		proposed[i] = eventstore.Proposed{ID: eventstore.EventID(stream, fmt.Sprint(h.number), data), Type: event.EventType(), Data: data, Metadata: meta}
	}
	answer, err := h.store.Append(context.Background(), stream, eventstore.After(h.counts[stream]), proposed...)
	require.NoError(h.t, err)
	h.counts[stream] += uint64(len(events))
	h.last = answer.Position
	return domain.Ref{Stream: stream, Revision: answer.Revision}
}

// grow appends random events.
func (h *history) grow(n int) {
	h.t.Helper()
	for range n {
		switch k := h.rng.IntN(100); {
		case k < 62:
			h.settle()
		case k < 66:
			h.adjust()
		case k < 70:
			h.await()
		case k < 74:
			h.advance()
		case k < 82:
			h.reverse()
		case k < 90:
			h.quarantine()
		case k < 95:
			h.release()
		case k < 98:
			id := partyID(h.rng.IntN(h.accounts))
			h.append(domain.Stream(party.Category, id), party.PartyDetailsChanged{
				Party: id, Personal: &domain.Sealed{Subject: "party-" + id, Box: []byte{byte(h.rng.IntN(256))}, Digest: []byte{1}}, RecordedAt: h.tick(),
			})
		case k < 99:
			id := books[h.rng.IntN(len(books))]
			h.append(domain.Stream(contract.Category, id), contract.ContractEnded{Contract: id, Until: "2027-01-01", Reason: "agreed", RecordedAt: h.tick()})
		default:
			h.append("source-pg", source.DeliveryIngested{Source: "pg", Delivery: "d", Name: "a.csv", Version: 1, RecordedAt: h.tick()})
		}
	}
}

func (h *history) settle() {
	currency, scale := money.Currency("KRW"), uint8(0)
	if h.rng.IntN(2) == 0 {
		currency, scale = "USD", 2
	}
	e := book.TransactionSettled{
		Key: book.Key{Source: "pg", ExternalID: fmt.Sprintf("tx-%d", h.number)}, ContentHash: "1:00", Type: "sale",
		Method: []string{"", "card"}[h.rng.IntN(2)], Product: []string{"", "game-1", "game-2"}[h.rng.IntN(3)],
		Parties:    book.Parties{{Role: "platform", ID: partyID(0)}, {Role: "seller", ID: partyID(1 + h.rng.IntN(h.accounts-1))}},
		OccurredAt: h.now, RecordedAt: h.tick(), Currency: currency, Contract: "arcade", Schedule: "standard", Version: 1 + h.rng.IntN(2), Engine: 1,
		Postings: []ledger.Posting{}, Explanation: []fee.Line{},
	}
	e.EffectiveOn = domain.DateOf(e.OccurredAt, time.UTC)
	amount := int64(h.rng.IntN(100_000))
	e.Amount = money.New(amount, scale)
	if amount%20 == 0 {
		amount, e.Amount = 0, money.Zero
	}
	id := books[h.rng.IntN(len(books))]
	if amount > 0 {
		e.Postings = append(e.Postings, ledger.Posting{Account: ledger.Account(partyID(0), "receivable", currency), Side: ledger.Debit, Amount: e.Amount})
		for left := amount; left > 0; {
			part := min(left, 1+h.rng.Int64N(amount))
			e.Postings = append(e.Postings, ledger.Posting{
				Account: ledger.Account(partyID(h.rng.IntN(h.accounts)), "payable", currency), Side: ledger.Credit, Amount: money.New(part, scale),
			})
			left -= part
		}
	}
	if n := len(h.settled); n > 0 && h.rng.IntN(10) == 0 {
		if i := h.rng.IntN(n); string(h.refs[i].Stream) == "book-"+id {
			e.Type, e.Original = "refund", &book.Original{Key: h.settled[i].Key, Ref: h.refs[i]}
		}
	}
	e.Holds = h.hold(id, e.Postings, e.EffectiveOn)
	if amount > 0 {
		e.Counts = h.counted(id, string(e.EffectiveOn[:7]), currency, e.Amount)
	}
	ref := h.append(domain.Stream(book.Category, id), e)
	h.settled, h.refs = append(h.settled, e), append(h.refs, ref)
}

// counted adds to a sum of the month, and sometimes to a day of a rolling window.
func (h *history) counted(id, month string, currency money.Currency, amount money.Amount) []fee.Count {
	counter := fee.Counter{Name: "month", Scope: fee.ScopeContract, Owner: id, Window: month, Currency: currency}.ID()
	before := h.sums[id+counter]
	after, err := before.Add(amount)
	require.NoError(h.t, err)
	h.sums[id+counter] = after
	counts := []fee.Count{{Counter: counter, Before: before, After: after}}
	if h.rng.IntN(4) == 0 {
		day := fee.Counter{Name: "recent", Scope: fee.ScopeSchedule, Owner: "standard", Window: month + "-01", Days: 30, Key: "seller=s"}
		counts = append(counts, fee.Count{Counter: day.ID(), Days: 30, Before: money.New(7, 0), After: money.New(8, 0)})
	}
	return counts
}

func (h *history) reverse() {
	if len(h.settled) == 0 {
		return
	}
	i := h.rng.IntN(len(h.settled))
	if h.reversed[i] {
		return
	}
	h.reversed[i] = true
	target := h.settled[i]
	e := book.EntryReversed{
		Key: book.Key{Source: "desk", ExternalID: fmt.Sprintf("rev-%d", h.number)}, ContentHash: "1:01", Reason: "wrong", OccurredAt: h.now, RecordedAt: h.tick(),
		Reverses: book.Original{Key: target.Key, Ref: h.refs[i]}, Currency: target.Currency, Amount: target.Amount.Neg(), Type: target.Type,
		Method: target.Method, Product: target.Product, Parties: target.Parties, Postings: []ledger.Posting{},
	}
	e.EffectiveOn = domain.DateOf(e.OccurredAt, time.UTC)
	for _, p := range target.Postings {
		e.Postings = append(e.Postings, ledger.Posting{Account: p.Account, Side: p.Side.Opposite(), Amount: p.Amount})
	}
	for _, c := range target.Counts {
		e.Counts = append(e.Counts, fee.Count{Counter: c.Counter, Days: c.Days, Before: c.After, After: c.Before})
	}
	h.append(h.refs[i].Stream, e)
}

func (h *history) quarantine() {
	e := source.RecordQuarantined{
		Source: "pg", Record: fmt.Sprintf("rec-%d", h.rng.IntN(40)), ContentHash: fmt.Sprintf("1:%d", h.number), Delivery: "d", Offset: uint64(h.number),
		Code: domain.CodeUnknownParty, Field: "parties.seller", Reason: "unknown party", RecordedAt: h.tick(),
		Raw: domain.Sealed{Subject: "source-pg", Box: []byte("x"), Digest: []byte("y")},
	}
	if h.rng.IntN(2) == 0 {
		amount := money.New(int64(h.rng.IntN(1000)), 2)
		e.Currency, e.Amount = "USD", &amount
	}
	h.append("source-pg", e)
	h.held = append(h.held, e)
}

func (h *history) release() {
	if len(h.held) == 0 {
		return
	}
	i := h.rng.IntN(len(h.held))
	held := h.held[i]
	e := source.QuarantineReleased{Source: "pg", Record: held.Record, ContentHash: held.ContentHash, Settled: domain.Ref{Stream: "book-arcade"}, RecordedAt: h.tick()}
	if h.rng.IntN(3) == 0 { // everything of the record
		e.ContentHash = ""
		h.held = slices.DeleteFunc(h.held, func(q source.RecordQuarantined) bool { return q.Record == held.Record })
	} else {
		h.held = slices.Delete(h.held, i, i+1)
	}
	h.append("source-pg", e)
}

// events reads and decodes the whole log.
func (h *history) events() []readmodel.Event {
	h.t.Helper()
	var events []readmodel.Event
	for record, err := range h.store.ReadAll(context.Background(), eventstore.Start) {
		require.NoError(h.t, err)
		events = append(events, new(readmodel.Decoder).Decode(record))
	}
	return events
}

// dump returns everything that two copies of the read models must have in
// common, by table.
func dump(t testing.TB, pool *pgxpool.Pool) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, model := range Models() {
		name := model.Definition().Name
		for _, c := range model.Comparable() {
			rows, err := pool.Query(context.Background(), "SELECT to_jsonb(d)::text FROM ("+readmodel.In(name, c.SQL)+") d ORDER BY 1")
			require.NoError(t, err)
			list, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			all[name+"."+c.Table] = list
		}
	}
	status, err := Status(context.Background(), pool)
	require.NoError(t, err)
	for _, s := range status {
		all["checkpoints"] = append(all["checkpoints"], fmt.Sprintf("%s at %d after %d parked %v", s.Name, s.Position, s.Events, s.Parked != nil))
	}
	return all
}

// workersOver makes workers over the tables in use of a database.
func workersOver(t testing.TB, pool *pgxpool.Pool) []*worker {
	t.Helper()
	all, err := readCheckpoints(context.Background(), pool)
	require.NoError(t, err)
	var workers []*worker
	for _, model := range Models() {
		workers = append(workers, newWorker(pool, model, all[model.Definition().Name]))
	}
	return workers
}

// reference projects a log in one piece into a database of its own.
func reference(t testing.TB, h *history) map[string][]string {
	t.Helper()
	pool := testkit.Database(t)
	events := h.events()
	for _, w := range workersOver(t, pool) {
		require.NoError(t, w.apply(context.Background(), events, events[len(events)-1].Position))
		require.False(t, w.parked, "%v", w.status.Parked)
	}
	return dump(t, pool)
}
