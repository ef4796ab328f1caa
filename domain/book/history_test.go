package book_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
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
		model: map[book.Key]*fact{}, totals: map[string]*big.Int{}, recount: newRecount(), held: newHeld(), sent: nil,
	}
	for range rapid.IntRange(1, 60).Draw(t, "commands") {
		h.step()
	}
	if rapid.Bool().Draw(t, "undo") {
		h.undo()
	}
	h.writer.commit()
	require.Equal(t, h.whole.Hash(), h.writer.state.Hash())

	// The same events, as they come back from the log, make the same book.
	again := book.Decider.Fold(book.Decider.Initial(), stored(t, h.events)...)
	require.NoError(t, again.Err())
	require.Equal(t, h.whole.Hash(), again.Hash())
	require.Equal(t, maps.Collect(h.whole.Balances()), maps.Collect(again.Balances()))
	require.Equal(t, maps.Collect(h.whole.Counters()), maps.Collect(again.Counters()))
	require.Equal(t, heldBy(h.whole), heldBy(again))
	require.Equal(t, h.whole.BusinessDate(), again.BusinessDate())
	require.Equal(t, h.whole.DateRevision(), again.DateRevision())
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
	terms    *book.Terms
	before   map[ledger.AccountID]*big.Int // nets before it, of its accounts
}

// root is the sale that it gives back of in the end, itself where it is none.
func (f *fact) root() *fact {
	for f.original != nil {
		f = f.original
	}
	return f
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
	// rewound says that something was reversed that had restored a sale.
	rewound bool

	*recount
	held *held
}

func (h *history) step() { h.send(h.draw()) }

// undo reverses all that can be, the newest first, and lets the time come at which
// nothing is held any more. Then nobody owes anybody anything but what periods have
// posted, and nothing is counted but what they have carried.
func (h *history) undo() {
	rewound, cancelled := h.rewound, false
	for i := len(h.events) - 1; i >= 0; i-- {
		settled, ok := h.events[i].(book.TransactionSettled)
		if !ok || h.model[settled.Key].reversed {
			continue
		}
		reverse := book.ReverseEntry{
			Key: key(fmt.Sprintf("undo%d", i)), Book: "main", ContentHash: "1:aa", Target: settled.Key, Reason: "undo",
			OccurredAt: h.now, EffectiveOn: "2026-11-22", RecordedAt: h.now, Reversed: &settled,
		}
		_, err := book.Decider.Decide(h.whole, reverse)
		if domain.CodeOf(err) == domain.CodeOutOfRange {
			return // the totals of both sides are huge
		}
		if domain.CodeOf(err) == domain.CodeConflict && h.model[settled.Key].root().reversed {
			cancelled = true // of a sale that was restored in full before it was reversed: its refunds are nothing together
			continue
		}
		if rewound && domain.CodeOf(err) == domain.CodeConflict {
			return // a refund rests on what was restored before it
		}
		require.NoError(h, err)
		h.send(reverse)
		require.True(h, h.model[settled.Key].reversed)
	}
	if !h.held.settle(h) {
		return
	}
	require.Empty(h, heldBy(h.whole))
	for id, balance := range h.whole.Balances() {
		net, err := balance.NetOn(ledger.Credit)
		require.NoError(h, err)
		require.Zero(h, nano(net).Cmp(h.held.closed(id)), "%s is %v", id, balance)
	}
	for id, counted := range h.whole.Counters() {
		if !cancelled { // each of the two counts for its own date and attributes
			require.Zero(h, nano(counted.Value).Cmp(h.carried(id)), "%s is %v", id, counted)
		}
	}
}

func (h *history) send(command domain.Command) {
	before := h.whole.Hash()
	revision, replay, _ := book.Lookup(h.whole, command)
	events, err := book.Decider.Decide(h.whole, command)
	require.Equal(h, before, h.whole.Hash(), "deciding changed the state")

	same, sameErr := h.writer.decide(command)
	require.Equal(h, err, sameErr)
	require.Equal(h, events, same, "two books of one history decide alike")

	switch {
	case err != nil:
		require.NotEqual(h, domain.CodeInternal, domain.CodeOf(err), err.Error())
		require.Empty(h, events)
		return
	case replay:
		require.Empty(h, events)
		require.Equal(h, h.answered(command), revision)
		return
	}
	require.Len(h, events, 1)
	event := events[0]
	for _, k := range book.Keys(command)[:min(1, len(book.Keys(command)))] {
		require.NotContains(h, h.model, k, "a key was settled twice")
	}
	h.check(event)
	h.whole = book.Decider.Evolve(h.whole, event)
	require.NoError(h, h.whole.Err())
	h.writer.evolve(event)
	h.events = append(h.events, event)
	h.record(event)
	if c, settles := command.(book.SettleTransaction); settles {
		h.model[c.Transaction.Key].terms = c.Terms
		h.rateAgain(h.model[c.Transaction.Key])
	}
	h.recount.take(h, event)
	h.held.take(h, event)
	h.sent = append(h.sent, command)
	require.Equal(h, uint64(len(h.events)), h.whole.Count())
	h.compare()

	// The same command again changes nothing and gives the same answer; an advance is
	// repeated until the date has come.
	revision, replay, err = book.Lookup(h.whole, command)
	require.NoError(h, err)
	_, advances := command.(book.AdvanceBusinessDate)
	_, there := event.(book.BusinessDateAdvanced)
	require.Equal(h, !advances || there, replay)
	if replay {
		require.Equal(h, h.whole.Count()-1, revision)
	}
	if rapid.IntRange(0, 3).Draw(h.T, "writer") == 0 {
		h.writer.turn(h.T)
	}
}

// answered is the revision that a command led to.
func (h *history) answered(command domain.Command) uint64 {
	if _, advances := command.(book.AdvanceBusinessDate); advances {
		return h.held.dated
	}
	return h.model[book.Keys(command)[0]].revision
}

// rateAgain: the event, with that of its original, says all that the schedule saw.
func (h *history) rateAgain(f *fact) {
	var original *book.TransactionSettled
	if f.original != nil {
		original = &f.original.settled
	}
	again, err := f.terms.Schedule.Apply(f.settled.Input(original))
	require.NoError(h, err)
	require.Equal(h, f.settled.Explanation, append([]fee.Line{}, again.Lines...))
	require.Equal(h, f.settled.Counts, again.Counts)
	explained, err := f.terms.Schedule.Explain(f.settled.Input(original))
	require.NoError(h, err)
	require.Equal(h, again.Lines, explained.Result.Lines)
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
			_, _, currency := p.Account.Split()
			require.Equal(h, p.Amount.Format(currency), p.Amount.String())
			switch {
			case i == 0:
				require.Equal(h, own, p.Side, "the gross stands on the side of its sign")
				require.Zero(h, p.Amount.Cmp(e.Amount.Abs()))
			case currency != e.Currency:
				require.NotEmpty(h, e.Conversions)
			case p.Side == own:
				sum.Sub(sum, nano(p.Amount))
			default:
				sum.Add(sum, nano(p.Amount))
			}
		}
		require.Zero(h, sum.Cmp(nano(e.Amount.Abs())), "the parts are the gross")
	case book.EntryReversed:
		require.False(h, e.RecordedAt.Before(h.whole.Recorded()))
		target := h.model[e.Reverses.Key]
		require.Equal(h, target.revision, e.Reverses.Revision)
		if len(target.settled.Holds) == 0 && len(e.Holds) == 0 {
			require.Equal(h, ledger.Reverse(target.settled.Postings), e.Postings)
		}
		require.Equal(h, owners(ledger.Reverse(target.settled.Postings)), owners(e.Postings), "everybody has what he had")
		require.Zero(h, e.Amount.Neg().Cmp(target.settled.Amount))
	}
	h.held.check(h, event)
}

// owners is what an entry brings each owner, in each currency; funds that a party holds
// for another are not told from what it is owed.
func owners(postings []ledger.Posting) map[string]string {
	sums := map[string]*big.Int{}
	for _, p := range postings {
		owner, _, currency := p.Account.Split()
		id := owner + "/" + string(currency)
		if sums[id] == nil {
			sums[id] = new(big.Int)
		}
		if p.Side == ledger.Credit {
			sums[id].Add(sums[id], nano(p.Amount))
		} else {
			sums[id].Sub(sums[id], nano(p.Amount))
		}
	}
	texts := map[string]string{}
	for id, sum := range sums {
		texts[id] = sum.String()
	}
	return texts
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
			if sale := f.original.original; sale != nil {
				require.Equal(h, f.original.settled.Original, e.Restores, "what gives a refund back restores its sale")
				sale.refunded.Sub(sale.refunded, new(big.Int).Abs(f.amount))
				require.GreaterOrEqual(h, sale.refunded.Sign(), 0)
				require.Nil(h, sale.original, "a sale that was restored is no refund")
			} else {
				require.Nil(h, e.Restores)
			}
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
			if sale := target.original.original; sale != nil {
				require.False(h, sale.reversed)
				h.rewound = true
				sale.refunded.Add(sale.refunded, new(big.Int).Abs(target.amount))
				require.LessOrEqual(h, sale.refunded.CmpAbs(sale.amount), 0, "refunds exceed the original")
			}
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
	h.recount.compare(h)
	h.held.compare(h)
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
	if rapid.IntRange(0, 4).Draw(t, "advance") == 0 {
		return h.held.advance(h)
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
		RecordedAt: h.now, Terms: h.terms(),
		Transaction: book.Transaction{
			Key: key(id), Book: "main", ContentHash: hash, Type: "sale", OccurredAt: h.now,
			Currency: rapid.SampledFrom([]money.Currency{"USD", "KRW"}).Draw(t, "currency"),
		},
	}
	tx := &c.Transaction
	tx.Amount = money.New(rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64Range(-100_000, 100_000), rapid.Int64Range(-1<<60, 1<<60)).Draw(t, "amount"), rapid.Uint8Range(0, 3).Draw(t, "scale"))
	if f := h.model[key(other)]; f != nil && !f.reversal && rapid.IntRange(0, 2).Draw(t, "refund") == 0 {
		tx.Type, tx.OriginalID, tx.Currency = rapid.SampledFrom([]string{"refund", "chargeback"}).Draw(t, "type"), other, f.currency
		tx.Amount = f.settled.Amount.Neg()
		if part := rapid.Int64Range(1, 4).Draw(t, "part"); part > 1 {
			tx.Amount = money.New(tx.Amount.Units()/part, tx.Amount.Scale())
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "graded") == 0 {
		tx.Attributes = map[string]string{"grade": rapid.SampledFrom([]string{"small", "general"}).Draw(t, "grade")}
	}
	if f := h.model[book.Key{Source: tx.Source, ExternalID: tx.OriginalID}]; f != nil && h.whole.NeedsOriginal(tx) {
		c.Original = &f.settled
		if h.whole.AsOriginal(tx) {
			bound := *f.terms
			bound.EffectiveOn = c.Terms.EffectiveOn
			c.Terms = &bound
		}
	}
	return c
}

// terms draws a schedule, a studio and a day.
func (h *history) terms() *book.Terms {
	name := rapid.SampledFrom([]string{"standard", "tiered", "busy", "held", "guaranteed", "exchanged"}).Draw(h.T, "schedule")
	made := *compiledTerms(h.T, name)
	made.EffectiveOn = rapid.SampledFrom([]domain.Date{"2026-11-22", "2026-11-23", "2026-11-30", "2026-12-01", "2027-01-05"}).Draw(h.T, "on")
	if rapid.Bool().Draw(h.T, "other studio") {
		made.Parties = slices.Clone(made.Parties)
		for i := range made.Parties {
			if made.Parties[i].Role == "studio" {
				made.Parties[i].ID = "studio-8"
			}
		}
	}
	return &made
}

var compiled = map[string]*book.Terms{}

func compiledTerms(t require.TestingT, name string) *book.Terms {
	if compiled[name] == nil {
		var document fee.Document
		require.NoError(t, json.Unmarshal([]byte(cmp.Or(schedules[name], heldSchedules[name])), &document))
		schedule, err := fee.Compile(document)
		require.NoError(t, err)
		compiled[name] = &book.Terms{
			Contract: "c-1", Schedule: schedule, EffectiveOn: "2026-11-22", ScheduleRevision: book.NotRecorded,
			Parties: book.PartiesOf(parties, func(string) book.Revision { return 0 }),
		}
	}
	return compiled[name]
}

func standardTerms(t require.TestingT) *book.Terms { return compiledTerms(t, "standard") }

// stored brings events into JSON and back.
func stored(t require.TestingT, events []domain.Event) []domain.Event {
	out := make([]domain.Event, 0, len(events))
	for _, event := range events {
		text, err := json.Marshal(event)
		require.NoError(t, err)
		back := reflect.New(reflect.TypeOf(event))
		require.NoError(t, json.Unmarshal(text, back.Interface()))
		out = append(out, back.Elem().Interface().(domain.Event))
	}
	return out
}
