package book_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// TestAwaiting is a table of what comes early: one command after the other, and what
// each comes to.
func TestAwaiting(t *testing.T) {
	refund := func(id, of string) book.SettleTransaction {
		c := sale(t, id, "-1")
		c.Transaction.OriginalID, c.Policy.Await = of, true
		return c
	}
	reverse := func(id, of string) book.ReverseEntry {
		c := reversal(t, nil, id, of)
		c.Reversed, c.Policy.Await = nil, true
		return c
	}
	impatient := refund("r1", "s1")
	impatient.Policy.Await = false
	changed := refund("r1", "s1")
	changed.Transaction.ContentHash = "1:ff"
	asReversal := reverse("r1", "s1")
	asReversal.ContentHash = changed.Transaction.ContentHash
	dear := refund("r5", "s5")
	dear.Transaction.Amount = money.New(-2, 0)
	for name, steps := range map[string][]struct {
		command domain.Command
		want    string // of an event, "replay <revision>", or the code and field of an error
	}{
		"a refund waits once": {
			{impatient, "missing_original original_id"}, {refund("r1", "s1"), "OriginalAwaited.v1"},
			{refund("r1", "s1"), "replay 0"}, {impatient, "replay 0"}, {changed, "conflict external_id"}, {asReversal, "conflict external_id"},
			{refund("r2", "s1"), "missing_original original_id"}, {reverse("x1", "s1"), "missing_original target"},
			{refund("r1", "r1"), "missing_original original_id"}, {refund("r3", "r3"), "missing_original original_id"},
			{refund("r3", "r1"), "missing_original original_id"}, {reverse("x1", "r1"), "missing_original target"},
			{sale(t, "s1", "1"), "TransactionSettled.v2"}, {sale(t, "s1", "1"), "replay 1"},
			{refund("r1", "s1"), "TransactionSettled.v2"}, {refund("r1", "s1"), "replay 2"},
			{refund("r2", "s1"), "exceeds_original amount"},
		},
		"a reversal waits once": {
			{reverse("x1", "s1"), "OriginalAwaited.v1"}, {reverse("x1", "s1"), "replay 0"}, {reverse("x2", "s1"), "missing_original target"},
			{refund("r1", "s1"), "missing_original original_id"}, {sale(t, "s1", "1"), "TransactionSettled.v2"},
			{reversal(t, nil, "x1", "s1"), "EntryReversed.v2"}, {reverse("x1", "s1"), "replay 2"}, {refund("r1", "s1"), "conflict original_id"},
		},
		"who is awaited does not wait": {
			{refund("r1", "s1"), "OriginalAwaited.v1"}, {refund("s1", "s0"), "missing_original original_id"}, {reverse("s1", "s0"), "missing_original target"},
			{refund("r0", "s0"), "OriginalAwaited.v1"},
		},
		"another kind takes the key": {
			{sale(t, "s0", "1"), "TransactionSettled.v2"}, {refund("r1", "s1"), "OriginalAwaited.v1"}, {reverse("x2", "s2"), "OriginalAwaited.v1"},
			{reversal(t, nil, "s1", "s0"), "EntryReversed.v2"}, {adjusting("s2", "1.00"), "AdjustmentPosted.v1"},
			{refund("r1", "s1"), "invalid original_id"}, {reverse("x2", "s2"), "conflict target"}, {refund("r3", "s2"), "invalid original_id"},
		},
		"what cannot be goes on waiting": {
			{dear, "OriginalAwaited.v1"}, {sale(t, "s5", "1"), "TransactionSettled.v2"}, {dear, "exceeds_original amount"}, {refund("r6", "s5"), "TransactionSettled.v2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := book.Decider.Initial()
			for i, step := range steps {
				got := ""
				revision, replay, err := book.Lookup(s, step.command)
				if replay {
					got = fmt.Sprint("replay ", revision)
				} else if err == nil {
					var events []domain.Event
					if events, err = book.Decider.Decide(s, step.command); err == nil {
						require.Len(t, events, 1)
						got = events[0].EventType()
						s = book.Decider.Evolve(s, stored(t, events)[0])
						require.NoError(t, s.Err())
					}
				}
				if err != nil {
					var fault *domain.Error
					require.ErrorAs(t, err, &fault)
					got = string(fault.Code) + " " + fault.Field
					require.NotEmpty(t, fault.Remedy)
				}
				require.Equal(t, step.want, got, "step %d", i)
			}
		})
	}
}

// TestEarlyOrLate: whatever comes before its original, the book comes to the same
// balances as if each had come after it.
func TestEarlyOrLate(t *testing.T) {
	compiled["level"] = terms(t, level, parties)
	rapid.Check(t, earlyProperty)
}

// level is of the second engine: what gives a sale back is rated as the sale.
const level = `{"schedule":"level","version":1,"funds":{"role":"acquirer"},"effective_from":"2026-01-01","inputs":[{"name":"grade","type":"text"}],
	"rules":[{"id":"fee","to":{"role":"house"},"percent":"if(grade == \"small\", 7.5, 12)"},{"id":"studio","to":{"role":"studio"},"rest":true}]}`

func earlyProperty(t *rapid.T) {
	var ordered []domain.Command
	for i := range rapid.IntRange(1, 12).Draw(t, "sales") {
		made := book.SettleTransaction{Policy: book.Policy{Await: true}, Terms: compiledTerms(t, rapid.SampledFrom([]string{"standard", "level"}).Draw(t, "schedule")), RecordedAt: start}
		made.Transaction = book.Transaction{
			Key: key(fmt.Sprint("s", i)), Book: "main", ContentHash: "1:aa", Type: "sale", OccurredAt: start, Currency: "USD",
			Amount: money.New(rapid.Int64Range(1, 100_000).Draw(t, "amount"), 2), Attributes: map[string]string{"grade": "small"},
		}
		ordered = append(ordered, made)
		back := made
		back.Transaction.ExternalID, back.Transaction.OriginalID, back.Transaction.Amount = fmt.Sprint("r", i), made.Transaction.ExternalID, made.Transaction.Amount.Neg()
		switch rapid.IntRange(0, 3).Draw(t, "then") {
		case 0:
			ordered = append(ordered, back)
		case 1: // of which one waits no longer than for the refund, and not before it
			again := made
			again.Transaction.ExternalID, again.Transaction.OriginalID = fmt.Sprint("w", i), back.Transaction.ExternalID
			ordered = append(ordered, back, again)
		case 2:
			ordered = append(ordered, book.ReverseEntry{
				Key: key(fmt.Sprint("x", i)), Book: "main", ContentHash: "1:aa", Target: made.Transaction.Key, Reason: "early", OccurredAt: start,
				EffectiveOn: "2026-11-22", RecordedAt: start, Policy: book.Policy{Await: true},
			})
		}
	}
	want := newBroker()
	for _, c := range ordered {
		want.send(t, c)
	}
	require.Empty(t, want.waits)

	got := newBroker()
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
	for round := 0; round == 0 || len(got.refused) > 0; round++ {
		require.Less(t, round, len(ordered)+2)
		sent := ordered
		if round > 0 {
			sent = got.refused
		}
		got.refused = nil
		for _, i := range random.Perm(len(sent)) {
			got.send(t, sent[i])
			if rapid.IntRange(0, 3).Draw(t, "turn") == 0 {
				got.turn(t)
			}
		}
	}
	got.commit()
	require.Empty(t, got.waits)
	for id, balance := range want.state.Balances() {
		net, err := balance.NetOn(ledger.Credit)
		require.NoError(t, err)
		found, err := got.state.Balance(id).NetOn(ledger.Credit)
		require.NoError(t, err)
		require.Zero(t, net.Cmp(found), "%s: %s early, %s late", id, found, net)
	}
	again := book.Decider.Fold(book.Decider.Initial(), stored(t, got.events)...)
	require.NoError(t, again.Err())
	require.Equal(t, got.state.Hash(), again.Hash())
	for k, record := range got.keys {
		folded, found, _ := again.Record(k)
		require.True(t, found)
		require.Equal(t, folded, record)
		require.NotContains(t, []book.Kind{book.KindAwaited, book.KindAwaiting}, record.Kind)
	}
}

// broker fills commands in and carries out what waits, as the command door does.
type broker struct {
	*writer
	events  []domain.Event
	waits   map[book.Key]book.OriginalAwaited
	refused []domain.Command // for want of an original
}

func newBroker() *broker {
	return &broker{writer: newWriter(), waits: map[book.Key]book.OriginalAwaited{}}
}

func (b *broker) settled(k book.Key) *book.TransactionSettled {
	for _, event := range b.events {
		if e, ok := event.(book.TransactionSettled); ok && e.Key == k {
			return &e
		}
	}
	return nil
}

// send demands that a command is carried out, waits, or has no original yet.
func (b *broker) send(t *rapid.T, command domain.Command) {
	b.load(book.Keys(command))
	switch c := command.(type) {
	case book.SettleTransaction:
		if o := b.settled(book.Key{Source: "feed", ExternalID: c.Transaction.OriginalID}); o != nil && b.state.NeedsOriginal(&c.Transaction) {
			c.Original = o
		}
		command = c
	case book.ReverseEntry:
		c.Reversed = b.settled(c.Target)
		command = c
	}
	events, err := b.decide(command)
	if domain.CodeOf(err) == domain.CodeMissingOriginal && err != nil {
		b.refused = append(b.refused, command)
		return
	}
	require.NoError(t, err)
	require.Len(t, events, 1)
	b.evolve(events[0])
	require.NoError(t, b.state.Err())
	b.events = append(b.events, events[0])
	switch e := events[0].(type) {
	case book.OriginalAwaited:
		b.waits[e.Awaits] = e
	case book.TransactionSettled:
		waiting, waits := b.waits[e.Key]
		require.Equal(t, waits, e.Awaited != nil)
		if !waits {
			return
		}
		delete(b.waits, e.Key)
		var later domain.Command
		switch c := waiting.Command().(type) {
		case *book.SettleTransaction:
			c.Terms, c.RecordedAt = command.(book.SettleTransaction).Terms, start
			later = *c
		case *book.ReverseEntry:
			c.EffectiveOn, c.RecordedAt = "2026-11-22", start
			later = *c
		}
		b.load(book.Keys(later))
		_, replay, err := book.Lookup(b.state, later)
		require.NoError(t, err)
		require.False(t, replay, "its original is there now")
		b.send(t, later)
	}
}

// TestEventsOfWaitingThatDoNotFit break the state rather than pass.
func TestEventsOfWaitingThatDoNotFit(t *testing.T) {
	awaited := book.OriginalAwaited{Key: key("r"), ContentHash: "1:aa", Awaits: key("s"), RecordedAt: start, Reversal: &book.ReverseEntry{}}
	for name, events := range map[string][]domain.Event{
		"twice":            {awaited, awaited},
		"for what is":      {book.TransactionSettled{Key: key("s"), Currency: "USD"}, awaited},
		"by what is":       {book.TransactionSettled{Key: key("r"), Currency: "USD"}, awaited},
		"restores nothing": {book.TransactionSettled{Key: key("w"), Currency: "USD", Amount: amount(t, "1"), Original: &book.Original{Key: key("c")}, Restores: &book.Original{Key: key("s")}}},
		"restates nothing": {book.AdjustmentPosted{Key: key("a"), Restates: &book.Restatement{}}},
	} {
		s := book.Decider.Fold(book.Decider.Initial(), events...)
		require.Error(t, s.Err(), name)
	}
	require.Nil(t, (&book.OriginalAwaited{}).Command())
}
