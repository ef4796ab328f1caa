package book_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// TestHistories sends random commands to a book that holds everything and, in
// random groups of which some are lost, to one that works as a writer does: keys
// loaded from an index and dropped again, snapshots restored. An independent model
// in big integers keeps count, and what must always hold is checked after every
// command.
func TestHistories(t *testing.T) { rapid.Check(t, historyProperty) }

// FuzzHistory lets the fuzzer draw the histories of TestHistories.
func FuzzHistory(f *testing.F) {
	for seed := range byte(4) {
		draws := make([]byte, 256<<10) // enough to draw from to the end
		_, err := rand.NewChaCha8([32]byte{seed}).Read(draws)
		require.NoError(f, err)
		f.Add(draws)
	}
	f.Fuzz(rapid.MakeFuzz(historyProperty))
}

func historyProperty(t *rapid.T) {
	h := &history{
		T: t, whole: book.Decider.Initial(), writer: newWriter(), now: start,
		model: map[book.Key]*fact{}, totals: map[string]*big.Int{}, sent: nil,
	}
	for range rapid.IntRange(1, 60).Draw(t, "commands") {
		h.step()
	}
	h.writer.commit()
	require.Equal(t, h.whole.Hash(), h.writer.state.Hash())

	// The same events, as they come back from the log, make the same book.
	again := book.Decider.Fold(book.Decider.Initial(), stored(t, h.events)...)
	require.NoError(t, again.Err())
	require.Equal(t, h.whole.Hash(), again.Hash())
	require.Equal(t, maps.Collect(h.whole.Balances()), maps.Collect(again.Balances()))
	for key := range h.model {
		want, _, _ := h.whole.Record(key)
		got, found, known := again.Record(key)
		require.True(t, found && known)
		require.Equal(t, want, got)
	}
}

// fact is what the model knows of a key.
type fact struct {
	revision uint64
	amount   *big.Int // in 10^-9
	currency money.Currency
	refunded *big.Int
	original *fact
	reversed bool
	reversal bool
	settled  book.TransactionSettled
	before   map[ledger.AccountID]*big.Int // nets before it, of its accounts
}

type history struct {
	*rapid.T
	whole  *book.State
	writer *writer
	now    time.Time
	events []domain.Event
	model  map[book.Key]*fact
	totals map[string]*big.Int // currency + side
	sent   []domain.Command
}

func (h *history) step() {
	command := h.draw()
	before := h.whole.Hash()
	revision, replay, _ := book.Lookup(h.whole, command)
	events, err := book.Decider.Decide(h.whole, command)
	require.Equal(h, before, h.whole.Hash(), "deciding changed the state")

	same, sameErr := h.writer.decide(command)
	require.Equal(h, err, sameErr)
	require.Equal(h, events, same, "two books of one history decide alike")

	k := book.Keys(command)[0]
	switch {
	case err != nil:
		require.NotEqual(h, domain.CodeInternal, domain.CodeOf(err), err.Error())
		require.Empty(h, events)
		return
	case replay:
		require.Empty(h, events)
		require.Equal(h, h.model[k].revision, revision)
		return
	}
	require.Len(h, events, 1)
	require.NotContains(h, h.model, k, "a key was settled twice")
	h.check(events[0])
	h.whole = book.Decider.Evolve(h.whole, events[0])
	require.NoError(h, h.whole.Err())
	h.writer.evolve(events[0])
	h.events = append(h.events, events[0])
	h.record(events[0])
	h.sent = append(h.sent, command)
	require.Equal(h, uint64(len(h.events)), h.whole.Count())
	h.compare()

	// The same command again changes nothing and gives the same answer.
	revision, replay, err = book.Lookup(h.whole, command)
	require.NoError(h, err)
	require.True(h, replay)
	require.Equal(h, h.whole.Count()-1, revision)
	if rapid.IntRange(0, 3).Draw(h.T, "writer") == 0 {
		h.writer.turn(h.T)
	}
}

// check holds an event against what must be true of every entry.
func (h *history) check(event domain.Event) {
	require.NoError(h, ledger.Balanced(postings(event)))
	switch e := event.(type) {
	case book.TransactionSettled:
		require.False(h, e.RecordedAt.Before(h.whole.Recorded()))
		require.Equal(h, e.Amount.IsZero(), len(e.Postings) == 0)
		own, sum := ledger.Debit, new(big.Int)
		if e.Amount.Sign() < 0 {
			own = ledger.Credit
		}
		for i, p := range e.Postings {
			switch {
			case i == 0:
				require.Equal(h, own, p.Side, "the gross stands on the side of its sign")
				require.Zero(h, p.Amount.Cmp(e.Amount.Abs()))
			case p.Side == own:
				sum.Sub(sum, nano(p.Amount))
			default:
				sum.Add(sum, nano(p.Amount))
			}
			require.Equal(h, p.Amount.Format(e.Currency), p.Amount.String())
		}
		require.Zero(h, sum.Cmp(nano(e.Amount.Abs())), "the parts are the gross")
	case book.EntryReversed:
		require.False(h, e.RecordedAt.Before(h.whole.Recorded()))
		target := h.model[e.Reverses.Key]
		require.Equal(h, target.revision, e.Reverses.Revision)
		require.Equal(h, ledger.Reverse(target.settled.Postings), e.Postings)
		require.Zero(h, e.Amount.Neg().Cmp(target.settled.Amount))
	}
}

// record moves the model.
func (h *history) record(event domain.Event) {
	f := &fact{revision: uint64(len(h.events) - 1), refunded: new(big.Int), before: map[ledger.AccountID]*big.Int{}}
	for _, p := range postings(event) {
		_, _, currency := p.Account.Split()
		name := string(currency) + p.Side.String()
		if h.totals[name] == nil {
			h.totals[name] = new(big.Int)
		}
		h.totals[name].Add(h.totals[name], nano(p.Amount))
	}
	switch e := event.(type) {
	case book.TransactionSettled:
		f.amount, f.currency, f.settled = nano(e.Amount), e.Currency, e
		if e.Original != nil {
			f.original = h.model[e.Original.Key]
			f.original.refunded.Add(f.original.refunded, new(big.Int).Abs(f.amount))
			require.LessOrEqual(h, f.original.refunded.CmpAbs(f.original.amount), 0, "refunds exceed the original")
			require.False(h, f.original.reversed || f.original.reversal)
			require.Equal(h, f.original.revision, e.Original.Revision)
			require.Equal(h, domain.StreamID("book-main"), e.Original.Stream)
		}
		h.model[e.Key] = f
	case book.EntryReversed:
		target := h.model[e.Reverses.Key]
		require.False(h, target.reversed || target.reversal)
		require.Zero(h, target.refunded.Sign())
		target.reversed, f.reversal = true, true
		if target.original != nil {
			target.original.refunded.Sub(target.original.refunded, new(big.Int).Abs(target.amount))
			require.GreaterOrEqual(h, target.original.refunded.Sign(), 0)
		}
		h.model[e.Key] = f
	}
}

// compare holds the state against the model.
func (h *history) compare() {
	totals := map[string]*big.Int{}
	for id, balance := range h.whole.Balances() {
		_, _, currency := id.Split()
		for _, side := range []ledger.Side{ledger.Debit, ledger.Credit} {
			name := string(currency) + side.String()
			if totals[name] == nil {
				totals[name] = new(big.Int)
			}
			totals[name].Add(totals[name], nano(balance.Total(side)))
		}
	}
	for name, total := range totals {
		want := h.totals[name]
		if want == nil {
			want = new(big.Int)
		}
		require.Zero(h, total.Cmp(want), "%s is %s, not %s", name, total, want)
	}
	for _, currency := range []string{"USD", "KRW"} {
		if h.totals[currency+"debit"] != nil {
			require.Zero(h, h.totals[currency+"debit"].Cmp(h.totals[currency+"credit"]), "debits and credits differ")
		}
	}
	for key, f := range h.model {
		record, found, known := h.whole.Record(key)
		require.True(h, found && known)
		require.Equal(h, f.revision, record.Revision)
		require.Zero(h, nano(record.Refunded).Cmp(f.refunded))
		require.Equal(h, f.reversed, record.Reversed())
	}
}

// nano gives an amount in 10^-9.
func nano(a money.Amount) *big.Int {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(9-a.Scale())), nil)
	return scale.Mul(scale, big.NewInt(a.Units()))
}

// draw makes the next command; ids come from a small pool so that they meet.
func (h *history) draw() domain.Command {
	t := h.T
	h.now = h.now.Add(time.Duration(rapid.IntRange(-2, 5).Draw(t, "seconds")) * time.Second) // clocks step back, too
	if len(h.sent) > 0 && rapid.IntRange(0, 9).Draw(t, "again") == 0 {
		return rapid.SampledFrom(h.sent).Draw(t, "sent")
	}
	id := fmt.Sprintf("t%d", rapid.IntRange(0, 30).Draw(t, "id"))
	other := fmt.Sprintf("t%d", rapid.IntRange(0, 30).Draw(t, "other"))
	hash := "1:" + rapid.SampledFrom([]string{"aa", "bb"}).Draw(t, "content")
	if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
		c := book.ReverseEntry{Key: key(id), Book: "main", ContentHash: hash, Target: key(other), Reason: "drawn", OccurredAt: h.now, EffectiveOn: "2026-11-22", RecordedAt: h.now}
		if f := h.model[c.Target]; f != nil && !f.reversal {
			c.Reversed = &f.settled
		}
		return c
	}
	c := book.SettleTransaction{
		Policy:     book.Policy{SettleUnmatched: rapid.Bool().Draw(t, "unmatched"), SubMinor: rapid.Bool().Draw(t, "sub minor")},
		RecordedAt: h.now, Terms: standardTerms(t),
		Transaction: book.Transaction{
			Key: key(id), Book: "main", ContentHash: hash, Type: "sale", OccurredAt: h.now,
			Currency: rapid.SampledFrom([]money.Currency{"USD", "KRW"}).Draw(t, "currency"),
		},
	}
	tx := &c.Transaction
	tx.Amount = money.New(rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64Range(-100_000, 100_000), rapid.Int64Range(-1<<60, 1<<60)).Draw(t, "amount"), rapid.Uint8Range(0, 3).Draw(t, "scale"))
	if f := h.model[key(other)]; f != nil && !f.reversal && rapid.IntRange(0, 2).Draw(t, "refund") == 0 {
		tx.Type, tx.OriginalID, tx.Currency = "refund", other, f.currency
		tx.Amount = f.settled.Amount.Neg()
		if part := rapid.Int64Range(1, 4).Draw(t, "part"); part > 1 {
			tx.Amount = money.New(tx.Amount.Units()/part, tx.Amount.Scale())
		}
	}
	return c
}

var compiledStandard *book.Terms

func standardTerms(t require.TestingT) *book.Terms {
	if compiledStandard == nil {
		var document fee.Document
		require.NoError(t, json.Unmarshal([]byte(standard), &document))
		schedule, err := fee.Compile(document)
		require.NoError(t, err)
		compiledStandard = &book.Terms{Contract: "c-1", Schedule: schedule, Parties: parties, EffectiveOn: "2026-11-22", Uses: map[domain.StreamID]uint64{"contract-c-1": 0}}
	}
	return compiledStandard
}

// stored brings events into JSON and back.
func stored(t require.TestingT, events []domain.Event) []domain.Event {
	out := make([]domain.Event, 0, len(events))
	for _, event := range events {
		text, err := json.Marshal(event)
		require.NoError(t, err)
		switch event.(type) {
		case book.TransactionSettled:
			var e book.TransactionSettled
			require.NoError(t, json.Unmarshal(text, &e))
			out = append(out, e)
		case book.EntryReversed:
			var e book.EntryReversed
			require.NoError(t, json.Unmarshal(text, &e))
			out = append(out, e)
		}
	}
	return out
}
