package restatement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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
	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/restatement"
)

var (
	meta = eventstore.Meta{Actor: "test", Authenticated: "none"}
	may  = rerating.Scope{Book: "b", From: "2026-05-01", To: "2026-05-31"}
)

// tiered pays 1 % of the first so many dollars of a month and 5 % of the rest, holds
// a reserve, and pays the hub in won.
const tiered = `{"schedule":"s","version":%d,"effective_from":"2026-01-01","funds":{"role":"pg"},"inputs":[{"name":"mid","type":"number","default":"1300"}],
	"accumulators":[{"name":"mtd","measure":"gross","window":"calendar_month"}],
	"rules":[{"id":"fee","to":{"role":"hub"},"tiers":{"mode":"marginal","from":"mtd","steps":[{"up_to":"%d","percent":"1"},{"percent":"5"}]}},
	{"id":"won","to":{"role":"hub"},"percent":"2","convert":{"to":"KRW","mid":"mid","via":{"role":"hub"}}},
	{"id":"kept","to":{"role":"seller","purpose":"reserve"},"percent":"%d","hold":{"days":30}},
	{"id":"net","to":{"role":"seller"},"rest":true}]}`

func draft(t *testing.T, version, edge, reserve int) fee.Document {
	t.Helper()
	var d fee.Document
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, tiered, version, edge, reserve), &d))
	return d
}

type rig struct {
	t     *testing.T
	store eventstore.Store
	door  command.Door
}

// newRig is a log with a book of so many sales of 10.00, the last of which is late.
func newRig(t *testing.T, sales int) *rig {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	id, err := eventstore.Identify(t.Context(), store)
	require.NoError(t, err)
	keys, err := keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	local, err := command.Open(t.Context(), command.Config{Store: store, Identity: id, Keys: keys, IndexDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, local.Close()) })
	r := &rig{t: t, store: store, door: local}
	for _, id := range []string{"pg", "hub", "maker"} {
		r.do(party.RegisterParty{Party: id, Kind: party.Operator})
	}
	r.do(schedule.PublishSchedule{Document: draft(t, 1, 100, 10)})
	r.do(contract.SignContract{Terms: contract.Terms{
		Contract: "c", Book: "b", Schedule: "s", Zone: "UTC", From: "2026-01-01", Parties: map[string]string{"pg": "pg", "hub": "hub", "seller": "maker"},
	}})
	for n := range sales - 1 {
		r.do(sale(fmt.Sprintf("s%d", n), "", "10.00", n%28+2))
	}
	r.do(sale("late", "", "10.00", 1))
	return r
}

func sale(id, original, amount string, day int) book.SettleTransaction {
	value, err := money.Parse(amount)
	if err != nil {
		panic(err)
	}
	kind := "sale"
	if original != "" {
		kind = "refund"
	}
	return book.SettleTransaction{Transaction: book.Transaction{
		Key: book.Key{Source: "till", ExternalID: id}, Book: "b", ContentHash: "1:00", Type: kind, Currency: "USD", Amount: value, OriginalID: original,
		OccurredAt: time.Date(2026, 5, day, 12, 0, 0, 0, time.UTC),
	}}
}

func (r *rig) do(c domain.Command) {
	r.t.Helper()
	require.NoError(r.t, r.door.Do(r.t.Context(), command.Request{Command: c, Meta: meta})[0].Err)
}

// book folds what the log holds now.
func (r *rig) book() (*book.State, []domain.Event) {
	r.t.Helper()
	state := book.Decider.Initial()
	var events []domain.Event
	for recorded, err := range r.store.ReadStream(r.t.Context(), "book-b", eventstore.Forwards, 0, eventstore.Unlimited) {
		require.NoError(r.t, err)
		event, err := eventstore.Decode(recorded)
		require.NoError(r.t, err)
		events = append(events, event)
		state = book.Decider.Evolve(state, event)
		require.NoError(r.t, state.Err())
	}
	return state, events
}

func (r *rig) balance(account string) string {
	r.t.Helper()
	state, _ := r.book()
	net, err := state.Balance(ledger.AccountID(account)).NetOn(ledger.Credit)
	require.NoError(r.t, err)
	return net.String()
}

func (r *rig) run(door command.Door, id string) (*restatement.Outcome, error) {
	return restatement.Run(r.t.Context(), restatement.Config{Store: r.store, Scope: may}, door, meta,
		rerating.Operation{ID: id, Reason: "corrected", OccurredAt: time.Now(), EffectiveOn: "2026-08-01"}, nil)
}

func TestRun(t *testing.T) {
	r := newRig(t, 700)
	first, err := r.run(r.door, "late")
	require.NoError(t, err)
	// Sales of each day stand in the order of the book: the eleventh in time was the
	// tenth of the book's, and so on; only what changed its side of the edge differs.
	require.Equal(t, uint64(700), first.Rated)
	require.NotZero(t, first.Posted)
	require.Equal(t, first.Changed, first.Posted)
	again, err := r.run(r.door, "late-2")
	require.NoError(t, err)
	require.Zero(t, again.Changed)

	r.do(sale("r1", "s5", "-4.00", 20))
	r.do(schedule.PublishSchedule{Document: draft(t, 2, 500, 20)})
	var calls, done, size uint64
	summary, err := restatement.Preview(t.Context(), restatement.Config{Store: r.store, Scope: may, Progress: func(d, s uint64) {
		calls++
		require.GreaterOrEqual(t, d, done)
		done, size = d, s
	}}, nil)
	require.NoError(t, err)
	require.Equal(t, uint64(701), summary.Rated)
	require.NotZero(t, calls)
	require.LessOrEqual(t, done, size)

	outcome, err := r.run(r.door, "v2")
	require.NoError(t, err)
	require.Equal(t, summary.Changed, outcome.Posted)
	require.Equal(t, summary.Parties, outcome.Parties)
	require.Zero(t, outcome.Meanwhile)
	require.Equal(t, "1399.20", r.balance("maker/reserve/USD"), "20 % of 700 sales of 10.00, less that of 4.00")
	again, err = r.run(r.door, "v2-2")
	require.NoError(t, err)
	require.Zero(t, again.Changed)
	require.NotEmpty(t, again.Parties)
	for _, total := range again.Parties {
		require.True(t, total.Difference.IsZero(), total.Party)
	}
	// The rest of a restated sale goes back as it was restated.
	r.do(sale("r2", "s5", "-6.00", 21))
	require.Equal(t, "1398.00", r.balance("maker/reserve/USD"))
}

// dying refuses everything after so many requests, as a process that is killed.
type dying struct {
	command.Door
	left int
}

func (d *dying) Do(ctx context.Context, requests ...command.Request) []command.Reply {
	replies := make([]command.Reply, len(requests))
	for i := range requests {
		if d.left == 0 {
			replies[i].Err = &domain.Error{Code: domain.CodeUnavailable, Message: "gone"}
			continue
		}
		d.left--
		replies[i] = d.Door.Do(ctx, requests[i])[0]
	}
	return replies
}

func TestAnInterruptedRunGoesOn(t *testing.T) {
	r, whole := newRig(t, 300), newRig(t, 300)
	for _, rig := range []*rig{r, whole} {
		rig.do(sale("r1", "s5", "-4.00", 20))
		rig.do(schedule.PublishSchedule{Document: draft(t, 2, 500, 20)})
	}
	complete, err := whole.run(whole.door, "op")
	require.NoError(t, err)
	posted := uint64(0)
	for range 3 {
		outcome, err := r.run(&dying{r.door, 70}, "op")
		require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
		require.Equal(t, uint64(70), outcome.Posted)
		posted += outcome.Posted
	}
	outcome, err := r.run(r.door, "op")
	require.NoError(t, err)
	require.Equal(t, complete.Posted, posted+outcome.Posted)
	require.Zero(t, outcome.Already)
	a, _ := r.book()
	b, _ := whole.book()
	for id, balance := range b.Balances() {
		require.Equal(t, balance, a.Balance(id), id)
	}
}

// moving is a door before which something else happens once.
type moving struct {
	command.Door
	first func()
}

func (m *moving) Do(ctx context.Context, requests ...command.Request) []command.Reply {
	if m.first != nil {
		m.first()
		m.first = nil
	}
	return m.Door.Do(ctx, requests...)
}

func TestWhatTheBookGetsMeanwhile(t *testing.T) {
	r := newRig(t, 20)
	r.do(schedule.PublishSchedule{Document: draft(t, 2, 100, 20)})
	door := &moving{Door: r.door, first: func() {
		r.do(book.ReverseEntry{Key: book.Key{Source: "till", ExternalID: "x"}, Book: "b", ContentHash: "1:00", Target: book.Key{Source: "till", ExternalID: "s3"}, Reason: "wrong", OccurredAt: time.Now()})
		r.do(sale("r4", "s4", "-1.00", 3))
	}}
	outcome, err := r.run(door, "op")
	require.NoError(t, err)
	require.Equal(t, uint64(2), outcome.Overtaken)
	require.Equal(t, uint64(2), outcome.Meanwhile)
	require.Equal(t, outcome.Changed-2, outcome.Posted)
	again, err := r.run(r.door, "op-2")
	require.NoError(t, err)
	require.NotZero(t, again.Posted, "the sale that was given back of, its refund, and those after the reversed one")
	require.Zero(t, again.Overtaken)
	again, err = r.run(r.door, "op-3")
	require.NoError(t, err)
	require.Zero(t, again.Changed)
}

// TestOverTheWire posts through the door of another process: all of a restatement
// arrives.
func TestOverTheWire(t *testing.T) {
	r, other := newRig(t, 30), newRig(t, 30)
	mux := http.NewServeMux()
	mux.Handle(command.Path, command.Serve(other.door, slog.New(slog.NewTextHandler(io.Discard, nil))))
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, rig := range []*rig{r, other} {
		rig.do(schedule.PublishSchedule{Document: draft(t, 2, 50, 20)})
	}
	_, err := r.run(r.door, "op")
	require.NoError(t, err)
	_, err = other.run(command.NewRemote(server.URL, nil), "op")
	require.NoError(t, err)
	_, a := r.book()
	_, b := other.book()
	require.Equal(t, len(a), len(b))
	for i := range a {
		one, is := a[i].(book.AdjustmentPosted)
		if !is {
			continue
		}
		two := b[i].(book.AdjustmentPosted)
		require.NotEmpty(t, one.Restates.Conversions)
		one.RecordedAt, one.OccurredAt, two.RecordedAt, two.OccurredAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		require.Equal(t, one, two)
	}
}

func TestWhatCannotBeRatedPostsNothing(t *testing.T) {
	r := newRig(t, 5)
	d := draft(t, 2, 100, 20)
	d.Inputs = append(d.Inputs, fee.Attribute{Name: "grade", Type: "text"})
	d.Rules[0].When = `grade == "a"`
	r.do(schedule.PublishSchedule{Document: d})
	_, before := r.book()
	outcome, err := r.run(r.door, "op")
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	require.ErrorContains(t, err, "grade")
	require.Len(t, outcome.Faults, 5)
	_, after := r.book()
	require.Len(t, after, len(before))
}

func TestADraftPostsNothing(t *testing.T) {
	r := newRig(t, 5)
	d := draft(t, 9, 100, 20)
	summary, err := restatement.Preview(t.Context(), restatement.Config{Store: r.store, Scope: may, Draft: &d}, nil)
	require.NoError(t, err)
	require.Equal(t, uint64(5), summary.Changed)
	require.Equal(t, []string{"hub", "hub", "maker", "pg"}, []string{summary.Parties[0].Party, summary.Parties[1].Party, summary.Parties[2].Party, summary.Parties[3].Party})
	_, err = restatement.Run(t.Context(), restatement.Config{Store: r.store, Scope: may, Draft: &d}, r.door, meta, rerating.Operation{}, nil)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	d.Schedule = "other"
	_, err = restatement.Preview(t.Context(), restatement.Config{Store: r.store, Scope: may, Draft: &d}, nil)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
}

func TestWhatIsNotThere(t *testing.T) {
	r := newRig(t, 2)
	for name, scope := range map[string]rerating.Scope{
		"book":     {Book: "none", From: "2026-05-01", To: "2026-05-31"},
		"contract": {Book: "b", From: "2026-05-01", To: "2026-05-31", Contract: "none"},
	} {
		_, err := restatement.Preview(t.Context(), restatement.Config{Store: r.store, Scope: scope}, nil)
		require.Equal(t, domain.CodeNotFound, domain.CodeOf(err), name)
	}
}
