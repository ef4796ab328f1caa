package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

func quarantined(i int) source.QuarantineRecord {
	amount := money.New(int64(i), 2)
	return source.QuarantineRecord{
		Source: "pg-1", Record: fmt.Sprintf("R-%d", i), ContentHash: "1:ab", Delivery: strings.Repeat("cd", 32), Offset: uint64(i + 1), Code: domain.CodeMissingContract,
		Reason: "no contract", Raw: fmt.Appendf(nil, "R-%d;secret", i), Currency: "USD", Amount: &amount,
	}
}

func TestPartiesAreRegisteredOnce(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	details := &party.Details{Name: "Kim", TaxID: "123"}
	register := party.RegisterParty{Party: "kim", Kind: party.Seller, Country: "KR", Details: details}
	applied(t, do(l, register)...)
	again := do(l, register, register)
	replayed(t, again...)
	require.Equal(t, domain.Ref{Stream: "party-kim", Revision: 0}, again[0].Ref)
	other := register
	other.Details = &party.Details{Name: "Lee"}
	refused(t, domain.CodeConflict, do(l, other)...)
	applied(t, do(l, party.ChangePartyDetails{Party: "kim", Details: other.Details})...)
	replayed(t, do(l, party.ChangePartyDetails{Party: "kim", Details: other.Details})...)
	refused(t, domain.CodeNotFound, do(l, party.ChangePartyDetails{Party: "lee", Details: details})...)
	refused(t, domain.CodeInvalid, do(l, party.RegisterParty{Party: "No", Kind: party.Seller}, party.RegisterParty{Party: "no", Kind: "friend"})...)

	events := r.log("party-kim")
	require.Len(t, events, 2)
	registered := events[0].(party.PartyRegistered)
	plain, err := r.keys.Unseal(t.Context(), *registered.Personal)
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"Kim","tax_id":"123"}`, string(plain))
	for record, err := range r.store.ReadStream(t.Context(), "party-kim", eventstore.Forwards, 0, 9) {
		require.NoError(t, err)
		require.NotContains(t, string(record.Data), "Kim")
		require.NotContains(t, string(record.Data), "Lee")
	}
}

func TestContractsNameWhatExists(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	signed := contract.SignContract{Terms: terms("c-1", "main")}
	refused(t, domain.CodeMissingSchedule, do(l, signed)...)
	applied(t, do(l, schedule.PublishSchedule{Document: standard})...)
	refused(t, domain.CodeUnknownParty, do(l, signed)...)
	for _, p := range parties {
		applied(t, do(l, p)...)
	}
	for _, zone := range []string{"Asia/Atlantis", "Local", ""} {
		c := signed
		c.Zone = zone
		refused(t, domain.CodeInvalid, do(l, c)...)
	}
	c := signed
	c.Book = "Not A Book"
	refused(t, domain.CodeInvalid, do(l, c)...)
	applied(t, do(l, signed)...)
	replayed(t, do(l, signed)...)
	applied(t, do(l, contract.EndContract{Contract: "c-1", Until: "2026-11-01", Reason: "sold"})...)
	refused(t, domain.CodeMissingContract, do(l, sale("A"))...)
	next := terms("c-2", "main")
	next.From = "2026-11-01"
	applied(t, do(l, contract.SignContract{Terms: next})...)
	applied(t, do(l, sale("A"))...)
}

func TestVersionsOfSchedulesApplyByDate(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	second := standard
	second.Version, second.EffectiveFrom = 2, "2026-11-23"
	applied(t, do(l, schedule.PublishSchedule{Document: second})...)
	early, late := sale("early"), sale("late")
	early.Transaction.OccurredAt = time.Date(2026, 11, 22, 14, 59, 59, 0, time.UTC) // 23:59:59 in Seoul
	late.Transaction.OccurredAt = early.Transaction.OccurredAt.Add(time.Second)
	before := sale("before")
	before.Transaction.OccurredAt = time.Date(2025, 12, 31, 15, 0, 0, 0, time.UTC) // midnight in Seoul
	tooEarly := sale("too-early")
	tooEarly.Transaction.OccurredAt = before.Transaction.OccurredAt.Add(-time.Second)
	applied(t, do(l, early, late, before)...)
	refused(t, domain.CodeMissingContract, do(l, tooEarly)...)
	for i, version := range []int{1, 2, 1} {
		require.Equal(t, version, settledAt(r, i).Version)
	}
	third := terms("old", "main")
	third.Contract, third.From, third.Priority = "older", "2025-01-01", -1
	applied(t, do(l, contract.SignContract{Terms: third})...)
	refused(t, domain.CodeMissingSchedule, do(l, tooEarly)...)
}

// TestThousandsInQuarantine: one call, few appends, each record once.
func TestThousandsInQuarantine(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	var appends int
	var mu sync.Mutex
	store.OnAppend(func(memory.Append) memory.Fault {
		mu.Lock()
		defer mu.Unlock()
		appends++
		return memory.Fault{}
	})
	commands := []domain.Command{source.DefineSource{Source: "pg-1", Definition: "source: pg-1"}}
	for i := range 3_000 {
		commands = append(commands, quarantined(i))
	}
	commands = append(commands, quarantined(7))
	replies := do(l, commands...)
	applied(t, replies[:3_001]...)
	replayed(t, replies[3_001])
	require.Equal(t, replies[8].Ref, replies[3_001].Ref)
	require.LessOrEqual(t, appends, 8)
	appends = 0
	replayed(t, do(l, commands...)...)
	require.Zero(t, appends)

	applied(t, do(l, source.ReleaseQuarantine{Source: "pg-1", Record: "R-7", Settled: domain.Ref{Stream: "book-main", Revision: 1}},
		source.CloseDelivery{Source: "pg-1", Delivery: strings.Repeat("cd", 32), Name: "f.csv", Version: 1, Counts: source.Counts{Read: 3_000, Quarantined: 3_000}})...)
	events := r.log("source-pg-1")
	require.Len(t, events, 3_003)
	record := events[5].(source.RecordQuarantined)
	require.Equal(t, "R-4", record.Record)
	plain, err := r.keys.Unseal(t.Context(), record.Raw)
	require.NoError(t, err)
	require.Equal(t, "R-4;secret", string(plain))
	for stored, err := range r.store.ReadStream(t.Context(), "source-pg-1", eventstore.Forwards, 5, 1) {
		require.NoError(t, err)
		require.False(t, bytes.Contains(stored.Data, []byte("secret")))
	}
}

// TestOtherProcessesWriteTheSameStreams: no door answers from an old state.
func TestOtherProcessesWriteTheSameStreams(t *testing.T) {
	r, _ := memoryRig(t)
	here, there := r.open(""), r.open("")
	define := func(text string) source.DefineSource {
		return source.DefineSource{Source: "pg-1", Definition: text}
	}
	applied(t, do(here, define("a"))...)
	applied(t, do(there, define("b"))...)
	applied(t, do(here, define("a"))...)
	replayed(t, do(there, define("a"))...)

	var wg sync.WaitGroup
	outcomes := make(chan Outcome, 400)
	for _, l := range []*Local{here, there} {
		for from := range 10 {
			wg.Go(func() {
				var commands []domain.Command
				for i := range 20 {
					commands = append(commands, quarantined(from*20+i))
				}
				for _, reply := range do(l, commands...) {
					assert.NoError(t, reply.Err)
					outcomes <- reply.Outcome
				}
			})
		}
	}
	wg.Wait()
	close(outcomes)
	count := map[Outcome]int{}
	for outcome := range outcomes {
		count[outcome]++
	}
	require.Equal(t, map[Outcome]int{Applied: 200, Replayed: 200}, count)
	require.Len(t, r.log("source-pg-1"), 203)
}

func TestFaultsOnRareAggregates(t *testing.T) {
	for name, fault := range map[string]memory.Fault{"failed": {Fail: errors.New("planted")}, "failed but persisted": {FailPersisted: errors.New("planted")}} {
		t.Run(name, func(t *testing.T) {
			r, store := memoryRig(t)
			l := r.open("")
			var mu sync.Mutex
			seen := map[string]bool{}
			store.OnAppend(func(a memory.Append) memory.Fault {
				mu.Lock()
				defer mu.Unlock()
				key := fmt.Sprint(a.Stream, a.Events[0].ID)
				if seen[key] {
					return memory.Fault{}
				}
				seen[key] = true
				return fault
			})
			seed(t, l)
			applied(t, do(l, quarantined(1), quarantined(2))...)
			replayed(t, do(l, quarantined(1), quarantined(2), parties[0])...)
			require.Len(t, r.log("source-pg-1"), 2)
			require.Len(t, r.log("party-arcade"), 1)
		})
	}
}

// TestRareAggregatesWhenTheStoreIsDown: the caller's time limits the retries.
func TestRareAggregatesWhenTheStoreIsDown(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	store.OnRead(func(domain.StreamID) error { return errors.New("planted") })
	refused(t, domain.CodeUnavailable, do(l, quarantined(1))...)
	store.OnRead(nil)
	failing := make(chan struct{})
	var once sync.Once
	store.OnAppend(func(memory.Append) memory.Fault {
		once.Do(func() { close(failing) })
		return memory.Fault{Fail: errors.New("planted")}
	})
	answers := make(chan []Reply, 1)
	go func() { answers <- do(l, quarantined(1)) }()
	select {
	case <-failing:
	case reply := <-answers:
		t.Fatalf("answered without an append: %v", reply)
	}
	require.NoError(t, l.Close())
	refused(t, domain.CodeOutcomeUnknown, <-answers...)
}

// TestWaitingForAStreamEndsWithTheCaller: who waits behind an append that hangs
// is told in time that nothing was tried.
func TestWaitingForAStreamEndsWithTheCaller(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	hanging, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store.OnAppend(func(memory.Append) memory.Fault {
		once.Do(func() { close(hanging) })
		return memory.Fault{Hold: goOn}
	})
	answers := make(chan []Reply, 1)
	go func() { answers <- do(l, quarantined(1)) }()
	<-hanging
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	refused(t, domain.CodeUnavailable, l.Do(ctx, Request{Command: quarantined(2)})...)
	close(goOn)
	applied(t, <-answers...)
	applied(t, do(l, quarantined(2))...)
}

// Names come from callers: those that lead to nothing leave nothing behind.
func TestSourcesThatAreNotThereAreNotKept(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	for i := range 100 {
		refused(t, domain.CodeNotFound, do(l, source.ReleaseQuarantine{Source: fmt.Sprintf("nobody-%d", i), Record: "R-1", ContentHash: "1:ab", Settled: domain.Ref{Stream: "book-a"}})...)
	}
	applied(t, do(l, quarantined(1))...)
	sources := l.handlers[source.Category].(*aggregate[*source.State])
	sources.mu.Lock()
	defer sources.mu.Unlock()
	require.Len(t, sources.streams, 1)
}
