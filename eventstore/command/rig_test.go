package command

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	noon  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
)

// rig is a log with a key ring; doors are opened on it, each with its own index.
type rig struct {
	t     testing.TB
	store eventstore.Store
	keys  *keyring.Keyring
	id    eventstore.Identity

	observer Observer
}

func newRig(t testing.TB, store eventstore.Store) *rig {
	t.Helper()
	id, err := eventstore.Identify(context.Background(), store)
	require.NoError(t, err)
	keys, err := keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	return &rig{t: t, store: store, keys: keys, id: id}
}

// memoryRig has a log in memory.
func memoryRig(t testing.TB) (*rig, *memory.Store) {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return newRig(t, store), store
}

// open opens a door with an index folder, "" for a new one.
func (r *rig) open(dir string) *Local {
	r.t.Helper()
	if dir == "" {
		dir = r.t.TempDir()
	}
	l, err := Open(context.Background(), Config{Store: r.store, Identity: r.id, Keys: r.keys, IndexDir: dir, Logger: quiet, Observer: r.observer})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, l.Close()) })
	return l
}

var standard = fee.Document{
	Schedule: "standard", Version: 1, EffectiveFrom: "2026-01-01", Funds: fee.Target{Role: "supplier"},
	Rules: []fee.Rule{
		{ID: "acquiring", To: fee.Target{Role: "supplier"}, Priority: 1, Percent: "2.5"},
		{ID: "tax", To: fee.Target{Role: "tax_office"}, Priority: 2, Percent: "10"},
		{ID: "provider", To: fee.Target{Role: "provider"}, Priority: 3, Of: "remaining", Percent: "70"},
		{ID: "rest", To: fee.Target{Role: "operator"}, Rest: true},
	},
}

var parties = []party.RegisterParty{
	{Party: "arcade", Kind: party.Operator},
	{Party: "card", Kind: party.Supplier},
	{Party: "revenue", Kind: party.TaxOffice},
	{Party: "studio", Kind: party.Provider, Details: &party.Details{Name: "Studio Seven", Email: "money@studio.example"}},
}

func terms(id, bookID string) contract.Terms {
	return contract.Terms{
		Contract: id, Book: bookID, Schedule: "standard", Zone: "Asia/Seoul", From: "2026-01-01",
		Parties: map[string]string{"operator": "arcade", "supplier": "card", "tax_office": "revenue"},
	}
}

// seed writes the reference data of book "main".
func seed(t testing.TB, door Door) {
	t.Helper()
	var commands []domain.Command
	for _, p := range parties {
		commands = append(commands, p)
	}
	applied(t, do(door, append(commands, schedule.PublishSchedule{Document: standard})...)...)
	applied(t, do(door, contract.SignContract{Terms: terms("main-2026", "main")})...)
}

func do(door Door, commands ...domain.Command) []Reply {
	requests := make([]Request, len(commands))
	for i, c := range commands {
		requests[i] = Request{Command: c, Meta: eventstore.Meta{Actor: "test", Authenticated: "none"}}
	}
	return door.Do(context.Background(), requests...)
}

func applied(t testing.TB, replies ...Reply) {
	t.Helper()
	for i, reply := range replies {
		require.NoError(t, reply.Err, i)
		require.Equal(t, Applied, reply.Outcome, i)
		require.NotZero(t, reply.Position)
	}
}

func replayed(t testing.TB, replies ...Reply) {
	t.Helper()
	for i, reply := range replies {
		require.NoError(t, reply.Err, i)
		require.Equal(t, Replayed, reply.Outcome, i)
		require.NotZero(t, reply.Position)
	}
}

func refused(t testing.TB, code domain.Code, replies ...Reply) {
	t.Helper()
	for i, reply := range replies {
		require.Error(t, reply.Err, i)
		require.Equal(t, code, domain.CodeOf(reply.Err), "%d: %v", i, reply.Err)
		var e *domain.Error
		require.ErrorAs(t, reply.Err, &e)
		require.NotEmpty(t, e.Message)
	}
}

// sale is a transaction of 10,000 won of book "main".
func sale(id string) book.SettleTransaction {
	return book.SettleTransaction{Transaction: book.Transaction{
		Key: book.Key{Source: "pg-1", ExternalID: id}, Book: "main", ContentHash: "1:" + fmt.Sprintf("%032x", len(id)),
		Type: "sale", Method: "card", Product: "skin", Parties: map[string]string{"provider": "studio"},
		OccurredAt: noon, Currency: "KRW", Amount: money.New(10_000, 0),
	}}
}

func sales(from, to int) []domain.Command {
	var commands []domain.Command
	for i := from; i < to; i++ {
		commands = append(commands, sale(fmt.Sprintf("S-%06d", i)))
	}
	return commands
}

func refund(id, original string, won int64) book.SettleTransaction {
	c := sale(id)
	c.Transaction.Type, c.Transaction.OriginalID, c.Transaction.Amount = "refund", original, money.New(-won, 0)
	return c
}

func reversal(id, target string) book.ReverseEntry {
	return book.ReverseEntry{
		Key: book.Key{Source: "desk", ExternalID: id}, Book: "main", ContentHash: "1:ab", Target: book.Key{Source: "pg-1", ExternalID: target},
		Reason: "charged twice", OccurredAt: noon,
	}
}

// log reads a stream and decodes it.
func (r *rig) log(stream domain.StreamID) (events []domain.Event) {
	r.t.Helper()
	for record, err := range r.store.ReadStream(context.Background(), stream, eventstore.Forwards, 0, eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			return nil
		}
		require.NoError(r.t, err)
		event, err := eventstore.Decode(record)
		require.NoError(r.t, err)
		meta, err := eventstore.DecodeMeta(record)
		require.NoError(r.t, err)
		require.Equal(r.t, "test", meta.Actor)
		events = append(events, event)
	}
	return events
}

// fold is the state of book "main" by a plain fold of its stream.
func (r *rig) fold() *book.State {
	r.t.Helper()
	state := book.Decider.Fold(book.Decider.Initial(), r.log("book-main")...)
	require.NoError(r.t, state.Err())
	return state
}

// once checks that the stream of book "main" holds exactly these keys, each once.
func (r *rig) once(keys ...string) {
	r.t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for _, key := range keys {
		want[key] = 1
	}
	for _, event := range r.log("book-main") {
		switch e := event.(type) {
		case book.TransactionSettled:
			got[e.ExternalID]++
		case book.EntryReversed:
			got[e.ExternalID]++
		case book.AdjustmentPosted:
			got[e.ExternalID]++
		}
	}
	require.Equal(r.t, want, got)
}

func ids(commands []domain.Command) (keys []string) {
	for _, c := range commands {
		switch c := c.(type) {
		case book.SettleTransaction:
			keys = append(keys, c.Transaction.ExternalID)
		case book.ReverseEntry:
			keys = append(keys, c.ExternalID)
		case book.PostAdjustment:
			keys = append(keys, c.ExternalID)
		}
	}
	return keys
}

// header closes a door and reads what its index stands at.
func (r *rig) header(l *Local) index.Header {
	r.t.Helper()
	require.NoError(r.t, l.Close())
	x, err := index.Open(index.Config{Dir: l.config.IndexDir, Identity: r.id, Logger: quiet})
	require.NoError(r.t, err)
	defer func() { require.NoError(r.t, x.Close()) }()
	state, header, found, err := restore(x.Book("main"))
	require.NoError(r.t, err)
	require.True(r.t, found)
	hash := state.Hash()
	require.Equal(r.t, hash[:], header.Hash)
	return header
}
