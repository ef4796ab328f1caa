package businessday_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// hall is a log with a book in which money is held and months end.
type hall struct {
	t     *testing.T
	store *memory.Store
	keys  *keyring.Keyring
	id    eventstore.Identity
}

const sellers = 5

func newHall(t *testing.T) *hall {
	h := &hall{t: t, store: memory.New()}
	t.Cleanup(func() { require.NoError(t, h.store.Close()) })
	var err error
	h.id, err = eventstore.Identify(context.Background(), h.store)
	require.NoError(t, err)
	h.keys, err = keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	door := h.open(t.TempDir())
	var document fee.Document
	require.NoError(t, json.Unmarshal([]byte(`{"schedule":"held","version":1,"effective_from":"2026-01-01","funds":{"role":"gateway"},
	"accumulators":[{"name":"volume","measure":"gross","key":["seller"],"window":"calendar_month"}],
	"rules":[{"id":"fee","to":{"role":"operator"},"percent":"10"},
	         {"id":"reserve","to":{"role":"seller","purpose":"reserve"},"percent":"20","hold":{"days":3}},
	         {"id":"rest","to":{"role":"seller"},"rest":true}],
	"periods":[{"id":"subscription","of":"volume","entries":[{"id":"monthly","from":{"role":"seller"},"to":{"role":"operator"},"amount":"100"}]}]}`), &document))
	commands := []domain.Command{party.RegisterParty{Party: "op", Kind: party.Operator}, party.RegisterParty{Party: "gate", Kind: party.Supplier}}
	for i := range sellers {
		commands = append(commands, party.RegisterParty{Party: fmt.Sprint("seller-", i), Kind: party.Seller})
	}
	h.do(door, append(commands, schedule.PublishSchedule{Document: document})...)
	h.do(door, contract.SignContract{Terms: contract.Terms{
		Contract: "c", Book: "main", Schedule: "held", Zone: "UTC", From: "2026-01-01", Parties: map[string]string{"operator": "op", "gateway": "gate"},
	}})
	for day := range 40 {
		h.do(door, book.SettleTransaction{Transaction: book.Transaction{
			Key: book.Key{Source: "shop", ExternalID: fmt.Sprint("A-", day)}, Book: "main", ContentHash: "1:ab", Type: "sale",
			Parties:    map[string]string{"seller": fmt.Sprint("seller-", day%sellers)},
			OccurredAt: time.Date(2026, 4, 20+day, 12, 0, 0, 0, time.UTC), Currency: "KRW", Amount: money.New(int64(1_000+day), 0),
		}})
	}
	require.NoError(t, door.Close())
	return h
}

func (h *hall) open(dir string) *command.Local {
	door, err := command.Open(context.Background(), command.Config{Store: h.store, Identity: h.id, Keys: h.keys, IndexDir: dir, Logger: quiet})
	require.NoError(h.t, err)
	return door
}

func (h *hall) do(door command.Door, commands ...domain.Command) {
	h.t.Helper()
	for _, c := range commands {
		reply := door.Do(context.Background(), command.Request{Command: c, Meta: tester})[0]
		require.NoError(h.t, reply.Err)
	}
}

// passed is what business dates have brought the book, in order and without times.
func (h *hall) passed() (events []domain.Event) {
	h.t.Helper()
	for r, err := range h.store.ReadStream(context.Background(), "book-main", eventstore.Forwards, 0, eventstore.Unlimited) {
		require.NoError(h.t, err)
		event, err := eventstore.Decode(r)
		require.NoError(h.t, err)
		switch e := event.(type) {
		case book.HoldsReleased:
			e.RecordedAt = time.Time{}
			events = append(events, e)
		case book.WindowClosed:
			e.RecordedAt = time.Time{}
			events = append(events, e)
		case book.BusinessDateAdvanced:
			e.RecordedAt = time.Time{}
			events = append(events, e)
		}
	}
	return events
}

// mortal is a door that ends its process after so many calls: with the answer lost.
type mortal struct {
	command.Door
	left atomic.Int64
	end  context.CancelFunc
}

func (m *mortal) Do(ctx context.Context, requests ...command.Request) []command.Reply {
	if m.left.Add(-1) > 0 {
		return m.Door.Do(ctx, requests[:1]...) // one step at a time, so that there is a between
	}
	m.end()
	replies := m.Door.Do(ctx, requests[:1]...)
	replies[0] = command.Reply{Err: errPlanted}
	return replies
}

// run has a scheduler take the book on under a clock that is set, until it is there or
// its process ends.
func (h *hall) run(ctx context.Context, door command.Door, books func() []string, now time.Time) {
	c := newClock(now)
	s := businessday.New(businessday.Config{Door: door, Books: books, Clock: c, Logger: quiet})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	for {
		select {
		case timer := <-c.timers:
			if status := s.Status(); len(status) > 0 && status[0].Fault == nil && status[0].Date == domain.DateOf(now, time.UTC) || ctx.Err() != nil {
				cancel()
				<-done
				return
			}
			c.set(c.Now().Add(timer.d))
			timer.ch <- c.Now()
		case <-done:
			return
		}
	}
}

const (
	begins = "2026-04-25T08:00:00Z"
	ends   = "2026-06-03T08:00:00Z"
)

// undisturbed is what comes of the dates where nothing happens on the way.
func undisturbed(t *testing.T) []domain.Event {
	h := newHall(t)
	door := h.open(t.TempDir())
	defer func() { require.NoError(t, door.Close()) }()
	for _, now := range []string{begins, ends} {
		h.run(context.Background(), door, door.Books, at(t, now))
	}
	events := h.passed()
	kinds := map[string]int{}
	for _, event := range events {
		kinds[event.EventType()]++
	}
	require.Equal(t, map[string]int{"BusinessDateAdvanced.v1": 40, "HoldsReleased.v1": 38, "WindowClosed.v1": 2 * sellers}, kinds)
	return events
}

// TestKilledBetweenAnyTwoSteps: another process goes on where the last one was, with
// an index of its own or that of the dead, and the log is as if nothing had happened.
func TestKilledBetweenAnyTwoSteps(t *testing.T) {
	want := undisturbed(t)
	h := newHall(t)
	dir := t.TempDir()
	for life := 0; len(h.passed()) < len(want); life++ {
		require.Less(t, life, 3*len(want))
		if life%5 == 4 {
			dir = t.TempDir()
		}
		door := h.open(dir)
		ctx, cancel := context.WithCancel(context.Background())
		m := &mortal{Door: door, end: cancel}
		m.left.Store(int64(2 + life%4))
		now := begins
		if life > 3 {
			now = ends
		}
		h.run(ctx, m, door.Books, at(t, now))
		cancel()
		require.NoError(t, door.Close())
	}
	require.Equal(t, want, h.passed())
}

// TestSchedulersInAnOutage: two processes, a store that fails and loses answers, and is
// away for a while.
func TestSchedulersInAnOutage(t *testing.T) {
	want := undisturbed(t)
	h := newHall(t)
	var appends, reads atomic.Int64
	h.store.OnAppend(func(memory.Append) memory.Fault {
		switch n := appends.Add(1); {
		case n%7 == 0:
			return memory.Fault{Fail: errors.New("planted")}
		case n%7 == 3:
			return memory.Fault{FailPersisted: errors.New("planted")}
		}
		return memory.Fault{}
	})
	h.store.OnRead(func(stream domain.StreamID) error {
		if n := reads.Add(1); stream == "book-main" && n%3 == 0 && n < 60 {
			return errors.New("planted")
		}
		return nil
	})
	var wait sync.WaitGroup
	doors := []*command.Local{h.open(t.TempDir()), h.open(t.TempDir())}
	for _, door := range doors {
		wait.Go(func() {
			for _, now := range []string{begins, ends} {
				h.run(context.Background(), door, door.Books, at(t, now))
			}
		})
	}
	wait.Wait()
	h.store.OnAppend(nil)
	h.store.OnRead(nil)
	for _, door := range doors {
		require.NoError(t, door.Close())
	}
	require.Equal(t, want, h.passed())
}
