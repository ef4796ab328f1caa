package command

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

func TestSettle(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	replies := do(l, sale("A"), refund("B", "A", 4_000), reversal("C", "B"), refund("D", "A", 10_000))
	applied(t, replies...)
	for i, reply := range replies {
		require.Equal(t, domain.Ref{Stream: "book-main", Revision: uint64(i)}, reply.Ref)
	}
	last, err := store.LastPosition(t.Context())
	require.NoError(t, err)
	require.Equal(t, last, replies[3].Position)

	events := r.log("book-main")
	require.Len(t, events, 4)
	settled := events[0].(book.TransactionSettled)
	require.Equal(t, domain.Date("2026-11-22"), settled.EffectiveOn)
	require.Equal(t, map[string]string{"operator": "arcade", "supplier": "card", "tax_office": "revenue", "provider": "studio"}, maps.Collect(settled.Parties.All()))
	for _, party := range settled.Parties {
		require.Equal(t, book.Revision(0), party.Revision, party.Role)
	}
	require.Equal(t, []book.Revision{0, 0}, []book.Revision{settled.ContractRevision, settled.ScheduleRevision})
	require.Len(t, settled.Postings, 5)
	require.Equal(t, "refund", events[2].(book.EntryReversed).Type)
	require.Equal(t, domain.Ref{Stream: "book-main", Revision: 1}, events[2].(book.EntryReversed).Reverses.Ref)
	r.fold()
}

func TestDuplicatesInAndAcrossGroups(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	first := do(l, sale("A"), sale("A"), sale("B"))
	applied(t, first[0], first[2])
	replayed(t, first[1])
	require.Equal(t, first[0].Ref, first[1].Ref)
	require.GreaterOrEqual(t, first[1].Position, first[0].Position)
	again := do(l, sale("B"), sale("A"))
	replayed(t, again...)
	require.Equal(t, first[2].Ref, again[0].Ref)

	changed := sale("A")
	changed.Transaction.ContentHash = "1:ff"
	refused(t, domain.CodeConflict, do(l, changed)...)
	applied(t, do(l, reversal("R", "A"))...)
	replayed(t, do(l, reversal("R", "A"))...)
	refused(t, domain.CodeConflict, do(l, reversal("R2", "A"))...)
	r.once("A", "B", "R")
}

func TestOneBadRequestFailsAlone(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	unknown, noContract, currency, badID, badBook := sale("U"), sale("N"), sale("C"), sale("\x00"), sale("X")
	unknown.Transaction.Parties = map[string]string{"provider": "nobody"}
	noContract.Transaction.OccurredAt = noon.AddDate(-1, 0, 0)
	currency.Transaction.Currency = "XXY"
	badBook.Transaction.Book = "No Such Book"
	elsewhere := sale("E")
	elsewhere.Transaction.Book = "elsewhere"
	fine := sale("F")
	fine.Transaction.Amount = money.New(1005, 1)
	replies := do(l, sale("A"), unknown, noContract, currency, badID, badBook, elsewhere, fine, refund("Q", "nothing", 1), reversal("R", "nothing"), sale("B"))
	applied(t, replies[0], replies[10])
	refused(t, domain.CodeUnknownParty, replies[1])
	require.ErrorContains(t, replies[1].Err, `parties.provider = "nobody"`)
	refused(t, domain.CodeMissingContract, replies[2], replies[6])
	refused(t, domain.CodeUnknownCurrency, replies[3])
	refused(t, domain.CodeInvalid, replies[4], replies[5])
	refused(t, domain.CodeTooPrecise, replies[7])
	refused(t, domain.CodeMissingOriginal, replies[8:10]...)
	r.once("A", "B")
	require.Len(t, l.books, 1, "a book that does not exist gets no writer")
}

func TestRestart(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	l := r.open(dir)
	seed(t, l)
	all := append(sales(0, 700), refund("Q", "S-000001", 1_000))
	applied(t, do(l, all...)...)
	header := r.header(l)
	require.EqualValues(t, 700, header.Revision)
	require.EqualValues(t, 701, header.Keys)
	hash := r.fold().Hash()
	require.Equal(t, hash[:], header.Hash)

	l = r.open(dir)
	replayed(t, do(l, all...)...)
	refused(t, domain.CodeExceedsOriginal, do(l, refund("Q2", "S-000001", 9_001))...)
	applied(t, do(l, refund("Q3", "S-000001", 9_000), reversal("R", "S-000002"))...)
	r.once(append(ids(all), "Q3", "R")...)
	hash = r.fold().Hash()
	header = r.header(l)
	require.Equal(t, hash[:], header.Hash)
	refused(t, domain.CodeUnavailable, do(l, sale("late"))...)
	require.Error(t, l.Health())
}

func TestRecordedTimeNeverGoesBack(t *testing.T) {
	r, _ := memoryRig(t)
	now := noon.Add(1234567 * time.Nanosecond)
	l, err := Open(t.Context(), Config{Store: r.store, Identity: r.id, Keys: r.keys, IndexDir: t.TempDir(), Logger: quiet, Now: func() time.Time { return now }})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	seed(t, l)
	applied(t, do(l, sale("A"))...)
	now = now.Add(-time.Hour)
	applied(t, do(l, sale("B"))...)
	for i, event := range r.log("book-main") {
		require.Equal(t, noon.Add(1234*time.Microsecond), event.(book.TransactionSettled).RecordedAt, i)
	}
	for record, err := range r.store.ReadStream(t.Context(), "book-main", eventstore.Forwards, 0, 9) {
		require.NoError(t, err)
		meta, err := eventstore.DecodeMeta(record)
		require.NoError(t, err)
		require.Equal(t, noon.Add(1234*time.Microsecond), meta.RecordedAt)
	}
}

func TestGroupsAreBoundedByCountAndBytes(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	var sizes []int
	var largest int
	store.OnAppend(func(a memory.Append) memory.Fault {
		bytes := 0
		for _, e := range a.Events {
			bytes += e.Size()
		}
		sizes, largest = append(sizes, len(a.Events)), max(largest, bytes)
		return memory.Fault{}
	})
	var commands []domain.Command
	for i := range 800 {
		c := sale(fmt.Sprintf("%s-%d", strings.Repeat("x", 200), i))
		c.Transaction.Product = strings.Repeat("p", 128)
		for role := range 28 {
			c.Transaction.Parties[fmt.Sprintf("a_role_with_a_long_name_so_that_the_event_is_large_%d", role)] = "studio"
		}
		commands = append(commands, c)
	}
	applied(t, do(l, commands...)...)
	require.Greater(t, len(sizes), 2)
	require.Less(t, sizes[0], mostEvents)
	require.LessOrEqual(t, largest, groupBytes)
	require.Greater(t, largest, groupBytes-10_000, "groups are filled")
	r.once(ids(commands)...)
	sizes = nil
	applied(t, do(l, sales(0, 1100)...)...)
	require.Equal(t, []int{500, 500, 100}, sizes)
}

func TestManyCallersShareGroups(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	applied(t, do(l, sale("first"))...)
	hold := make(chan struct{})
	appends := 0
	store.OnAppend(func(memory.Append) memory.Fault { appends++; return memory.Fault{Hold: hold} })
	results := make(chan []Reply)
	const callers = 64
	for i := range callers {
		go func() { results <- do(l, sale(fmt.Sprintf("C-%d", i))) }()
	}
	// Only the first can have been taken: the others wait for its append to return.
	close(hold)
	for range callers {
		applied(t, <-results...)
	}
	require.LessOrEqual(t, appends, callers)
	require.Len(t, r.log("book-main"), callers+1)
}

func TestCallersWhoCannotWait(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	applied(t, do(l, sale("A"))...)
	inFlight, hold := make(chan struct{}), make(chan struct{})
	store.OnAppend(func(memory.Append) memory.Fault {
		close(inFlight)
		store.OnAppend(nil)
		return memory.Fault{Hold: hold}
	})
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan []Reply, 1)
	go func() {
		answers <- l.Do(ctx, Request{Command: sale("B"), Meta: eventstore.Meta{Actor: "test"}})
	}()
	<-inFlight
	queued, giveUp := context.WithCancel(t.Context())
	giveUp()
	refused(t, domain.CodeUnavailable, l.Do(queued, Request{Command: sale("never"), Meta: eventstore.Meta{Actor: "test"}})...)
	cancel()
	refused(t, domain.CodeOutcomeUnknown, <-answers...)
	close(hold)
	replayed(t, do(l, sale("B"))...)
	r.once("A", "B")
}

func TestCloseLetsTheAppendInFlightFinish(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	inFlight, hold := make(chan struct{}), make(chan struct{})
	store.OnAppend(func(memory.Append) memory.Fault {
		close(inFlight)
		store.OnAppend(nil)
		return memory.Fault{Hold: hold}
	})
	answers, waiting := make(chan []Reply), make(chan []Reply)
	go func() { answers <- do(l, sale("A")) }()
	<-inFlight
	go func() { waiting <- do(l, sale("B")) }()
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	refused(t, domain.CodeUnavailable, <-waiting...)
	close(hold)
	applied(t, <-answers...)
	require.NoError(t, <-closed)
	require.EqualValues(t, 0, r.header(l).Revision)
	r.once("A")
}
