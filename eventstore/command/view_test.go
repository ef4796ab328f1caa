package command

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
)

func settledAt(r *rig, revision int) book.TransactionSettled {
	r.t.Helper()
	return r.log("book-main")[revision].(book.TransactionSettled)
}

// TestAnotherProcessRegisters: what is missing here becomes visible as soon as
// another process has written it, without waiting for the subscription.
func TestAnotherProcessRegisters(t *testing.T) {
	r, store := memoryRig(t)
	here, there := r.open(""), r.open("")
	refused(t, domain.CodeMissingContract, do(here, sale("A"))...)
	for i := range 20 {
		store.DropSubscriptions(errors.New("planted")) // the feed is away for a moment
		id := fmt.Sprintf("studio-%d", i)
		if i == 0 {
			seed(t, there)
		}
		c := sale(fmt.Sprintf("A-%d", i))
		c.Transaction.Parties = map[string]string{"provider": id}
		refused(t, domain.CodeUnknownParty, do(here, c)...)
		applied(t, do(there, party.RegisterParty{Party: id, Kind: party.Provider})...)
		applied(t, do(here, c)...)
	}
}

// TestNewContractsApplyAtOnce: who has signed, published or changed something and
// was told so is not served by the old.
func TestNewContractsApplyAtOnce(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	for i := range 20 {
		store.DropSubscriptions(errors.New("planted"))
		better := terms(fmt.Sprintf("better-%d", i), "main")
		better.Priority = i + 1
		applied(t, do(l, contract.SignContract{Terms: better}, party.ChangePartyDetails{Party: "studio", Details: &party.Details{Name: fmt.Sprint(i)}})...)
		applied(t, do(l, sale(fmt.Sprint("A-", i)))...)
		settled := settledAt(r, i)
		require.Equal(t, better.Contract, settled.Contract)
		for _, party := range settled.Parties {
			if party.ID == "studio" {
				require.EqualValues(t, i+1, party.Revision)
			}
		}
	}
}

// counting counts reads of the log's end.
type counting struct {
	eventstore.Store
	ends, subscriptions atomic.Int64
}

func (c *counting) LastPosition(ctx context.Context) (eventstore.Position, error) {
	c.ends.Add(1)
	return c.Store.LastPosition(ctx)
}

func (c *counting) Subscribe(ctx context.Context, filter eventstore.Filter, after eventstore.Position) (eventstore.Subscription, error) {
	c.subscriptions.Add(1)
	return c.Store.Subscribe(ctx, filter, after)
}

// TestMissingIsLookedForOncePerCall: thousands of bad rows cost one look.
func TestMissingIsLookedForOncePerCall(t *testing.T) {
	r, store := memoryRig(t)
	counter := &counting{Store: store}
	r.store = counter
	l := r.open("")
	seed(t, l)
	var commands []domain.Command
	for i := range 2_000 {
		c := sale(fmt.Sprint(i))
		c.Transaction.Parties = map[string]string{"provider": fmt.Sprintf("nobody-%d", i)}
		commands = append(commands, c)
	}
	refused(t, domain.CodeUnknownParty, do(l, commands...)...)
	counter.ends.Store(0)
	counter.subscriptions.Store(0)
	refused(t, domain.CodeUnknownParty, do(l, commands...)...)
	require.EqualValues(t, 1, counter.ends.Load())
	require.Zero(t, counter.subscriptions.Load(), "nothing was written, so nothing is read")

	counter.ends.Store(0)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for _, reply := range do(l, commands[:3]...) {
				assert.Equal(t, domain.CodeUnknownParty, domain.CodeOf(reply.Err))
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, counter.ends.Load(), int64(50))
}

func TestHealthTellsOfTheFeed(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	require.NoError(t, l.Health())
	store.OnRead(func(domain.StreamID) error { return errors.New("planted") })
	store.DropSubscriptions(errors.New("planted"))
	require.Eventually(t, func() bool { return l.Health() != nil }, 5*time.Second, time.Millisecond)
	refused(t, domain.CodeUnavailable, do(l, sale("A"))...)
	store.OnRead(nil)
	require.Eventually(t, func() bool { return l.Health() == nil }, 10*time.Second, time.Millisecond)
	seed(t, l)
	applied(t, do(l, sale("A"))...)
}

func TestOpenFailsWithoutALog(t *testing.T) {
	r, store := memoryRig(t)
	store.OnRead(func(domain.StreamID) error { return errors.New("planted") })
	dir := t.TempDir()
	_, err := Open(t.Context(), Config{Store: store, Identity: r.id, Keys: r.keys, IndexDir: dir, Logger: quiet})
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
	store.OnRead(nil)
	r.open(dir)
}

// TestUndecodableReferenceDataStopsTheDoor: what is not understood is not skipped.
func TestUndecodableReferenceDataStopsTheDoor(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	meta, err := eventstore.Meta{Actor: "test", RecordedAt: noon}.Encode()
	require.NoError(t, err)
	_, err = store.Append(t.Context(), "party-new", eventstore.NoStream(), eventstore.Proposed{ID: eventstore.EventID("party-new", "", nil), Type: "PartyMerged.v7", Data: []byte("{}"), Metadata: meta})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return l.Health() != nil }, 5*time.Second, time.Millisecond)
	require.ErrorContains(t, l.Health(), "PartyMerged.v7")
	missing := sale("A")
	missing.Transaction.Parties = map[string]string{"provider": "new"}
	replies := do(l, missing)
	require.ErrorContains(t, replies[0].Err, "PartyMerged.v7")
	_, err = Open(t.Context(), Config{Store: store, Identity: r.id, Keys: r.keys, IndexDir: t.TempDir(), Logger: quiet})
	require.ErrorContains(t, err, "PartyMerged.v7")
}

func TestTermsAreSharedAndExact(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	other := sale("B")
	other.Transaction.Parties = map[string]string{"provider": "arcade"}
	items := []item{}
	for _, c := range []book.SettleTransaction{sale("A"), sale("C"), other} {
		items = append(items, item{settle: &c})
	}
	l.view.fill(t.Context(), items)
	require.Same(t, items[0].settle.Terms, items[1].settle.Terms)
	require.NotSame(t, items[0].settle.Terms, items[2].settle.Terms)
	require.Equal(t, "arcade", items[2].settle.Terms.Parties.Party("provider"))
	second := standard
	second.Version = 2
	applied(t, do(l, schedule.PublishSchedule{Document: second})...)
	again := sale("D")
	renewed := []item{{settle: &again}}
	l.view.fill(t.Context(), renewed)
	require.Equal(t, 2, again.Terms.Schedule.Document().Version)
	require.EqualValues(t, 1, again.Terms.ScheduleRevision)
}

func BenchmarkFill(b *testing.B) {
	r, _ := memoryRig(b)
	l := r.open("")
	seed(b, l)
	commands := make([]book.SettleTransaction, 1_000)
	items := make([]item, len(commands))
	for i := range commands {
		commands[i] = sale("A")
		items[i] = item{settle: &commands[i]}
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range commands {
			commands[i].Terms = nil
		}
		l.view.fill(b.Context(), items)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(commands)), "ns/transaction")
}
