package command

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// early lets a refund or a reversal wait for its original.
func early(c domain.Command) domain.Command {
	switch c := c.(type) {
	case book.SettleTransaction:
		c.Policy.Await = true
		return c
	case book.ReverseEntry:
		c.Policy.Await = true
		return c
	}
	return c
}

// TestRefundBeforeItsSale: it is recorded, and carried out right behind its sale in
// the same append, whoever decides that one.
func TestRefundBeforeItsSale(t *testing.T) {
	for name, between := range map[string]func(*rig, *Local) *Local{
		"at once":      func(_ *rig, l *Local) *Local { return l },
		"from the log": func(r *rig, _ *Local) *Local { return r.open("") },
		"from its index": func(r *rig, l *Local) *Local {
			dir := l.config.IndexDir
			require.NoError(r.t, l.Close())
			return r.open(dir)
		},
		"of another writer": func(r *rig, l *Local) *Local { other := r.open(""); applied(r.t, do(other, sale("else"))...); return l },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := memoryRig(t)
			l := r.open("")
			seed(t, l)
			applied(t, do(l, sale("first"))...)
			refused(t, domain.CodeMissingOriginal, do(l, refund("R", "S", 4_000), reversal("V", "S2"))...)

			waiting := do(l, early(refund("R", "S", 4_000)), early(reversal("V", "S2")))
			applied(t, waiting...)
			for _, reply := range waiting {
				require.True(t, reply.Awaiting)
			}
			again := do(l, early(refund("R", "S", 4_000)), early(reversal("V", "S2")), refund("R", "S", 4_000))
			replayed(t, again...)
			require.Equal(t, waiting[0].Ref, again[0].Ref)
			require.Equal(t, waiting[1].Ref, again[1].Ref)
			// One waits for an original, no more; and it is what it was.
			refused(t, domain.CodeMissingOriginal, do(l, early(refund("R2", "S", 1)), early(reversal("V2", "S2")), early(reversal("V3", "R")), early(refund("R3", "R", -1)))...)
			other := refund("R", "S", 1)
			other.Transaction.ContentHash = "1:ff"
			refused(t, domain.CodeConflict, do(l, early(other))...)
			// What others wait for does not wait itself.
			itself := refund("S", "none", 10_000)
			refused(t, domain.CodeMissingOriginal, do(l, early(itself))...)

			l = between(r, l)
			settled := do(l, sale("S"), sale("S2"))
			applied(t, settled...)
			events := r.log("book-main")
			for i, key := range []string{"R", "V"} {
				at := settled[i].Ref.Revision
				require.Equal(t, &waiting[i].Ref, events[at].(book.TransactionSettled).Awaited)
				switch e := events[at+1].(type) {
				case book.TransactionSettled:
					require.Equal(t, key, e.ExternalID)
					require.Equal(t, settled[i].Ref, e.Original.Ref)
				case book.EntryReversed:
					require.Equal(t, key, e.ExternalID)
					require.Equal(t, settled[i].Ref, e.Reverses.Ref)
				}
				meta := r.meta("book-main", at+1)
				require.Equal(t, fmt.Sprintf("book-main@%d", at), meta.Causation)
			}
			now := do(l, early(refund("R", "S", 4_000)), early(reversal("V", "S2")))
			replayed(t, now...)
			require.Equal(t, settled[0].Ref.Revision+1, now[0].Ref.Revision, "the answer is what it came to")
			require.Equal(t, settled[1].Ref.Revision+1, now[1].Ref.Revision)
			refused(t, domain.CodeExceedsOriginal, do(l, refund("R4", "S", 6_001))...)
			applied(t, do(l, refund("R5", "S", 6_000))...)
			refused(t, domain.CodeConflict, do(l, refund("R6", "S2", 1))...)

			hash := r.fold().Hash()
			require.Equal(t, hash[:], r.header(l).Hash)
			_, err := CheckIndex(t.Context(), CheckConfig{Store: r.store, Identity: r.id, IndexDir: l.config.IndexDir, Logger: quiet})
			require.NoError(t, err)
		})
	}
}

// meta is the metadata of one event.
func (r *rig) meta(stream domain.StreamID, revision uint64) eventstore.Meta {
	r.t.Helper()
	for record, err := range r.store.ReadStream(r.t.Context(), stream, eventstore.Forwards, revision, 1) {
		require.NoError(r.t, err)
		meta, err := eventstore.DecodeMeta(record)
		require.NoError(r.t, err)
		return meta
	}
	r.t.Fatalf("%s@%d is not there", stream, revision)
	return eventstore.Meta{}
}

// TestAllOfOneCall: refunds and reversals come with their sales, before them; under
// the second engine, too, where the refund is rated as its sale.
func TestAllOfOneCall(t *testing.T) {
	for name, seed := range map[string]func(testing.TB, Door){
		"first engine": seed, "second engine": func(t testing.TB, door Door) { seedTiered(t, door, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := memoryRig(t)
			l := r.open("")
			seed(t, l)
			replies := do(l, early(refund("R", "S", 10_000)), early(reversal("V", "S2")), graded(sale("S")), early(refund("R", "S", 10_000)), graded(sale("S2")))
			applied(t, replies[0], replies[1], replies[2], replies[4])
			replayed(t, replies[3])
			require.Equal(t, replies[2].Ref.Revision+1, replies[3].Ref.Revision)
			require.Len(t, r.log("book-main"), 6)
			for id, balance := range r.fold().Balances() {
				require.Zero(t, balance.Debits.Cmp(balance.Credits), id)
			}
		})
	}
}

// TestWhatWaitsAndCannotBe: the sale is settled alone, what waited goes on waiting,
// and sending it again says why, or carries it out when it can be.
func TestWhatWaitsAndCannotBe(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	applied(t, do(l, early(refund("R", "S", 10_001)), early(refund("R2", "S2", 4_000)))...)
	won := sale("S2")
	won.Transaction.Currency = "USD"
	applied(t, do(l, sale("S"), won)...)
	require.Len(t, r.log("book-main"), 4)
	refused(t, domain.CodeExceedsOriginal, do(l, early(refund("R", "S", 10_001)))...)
	refused(t, domain.CodeInvalid, do(l, early(refund("R2", "S2", 4_000)))...)
	applied(t, do(l, refund("R3", "S", 10_000))...)
	refused(t, domain.CodeConflict, do(l, reversal("V", "S"))...)

	// Its key is taken by something else.
	applied(t, do(l, early(reversal("V4", "S4")))...)
	other := reversal("S4", "R3")
	other.Source = "pg-1"
	applied(t, do(l, other)...)
	refused(t, domain.CodeConflict, do(l, early(reversal("V4", "S4")))...)
	hash := r.fold().Hash()
	require.Equal(t, hash[:], r.header(l).Hash)
	_, err := CheckIndex(t.Context(), CheckConfig{Store: r.store, Identity: r.id, IndexDir: l.config.IndexDir, Logger: quiet})
	require.NoError(t, err)
}

// TestNoBookBeginsByWaiting: a book that no contract names is not begun by what waits.
func TestNoBookBeginsByWaiting(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	lost, back, post := refund("R", "S", 1), reversal("V", "S"), adjustment("A", 1)
	lost.Transaction.Book, back.Book, post.Book = "typo", "typo", "typo"
	refused(t, domain.CodeMissingContract, do(l, early(lost))...)
	refused(t, domain.CodeNotFound, do(l, early(back), post, book.AdvanceBusinessDate{Book: "typo", Date: "2026-11-22"})...)
	refused(t, domain.CodeMissingOriginal, do(l, back)...)
	require.Empty(t, l.books)
	applied(t, do(l, early(reversal("V", "S")))...)
}

// TestWaitingAtTheEdge: what waits for a sale has room in the same append, however
// full the group is.
func TestWaitingAtTheEdge(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	most := 0
	store.OnAppend(func(a memory.Append) memory.Fault {
		most = max(most, len(a.Events))
		return memory.Fault{}
	})
	const n = 700
	var waiting []domain.Command
	settling := []domain.Command{sale("alone")}
	for i := range n {
		id := fmt.Sprintf("S-%06d", i)
		waiting = append(waiting, early(refund("R-"+id, id, 1)))
		settling = append(settling, sale(id))
	}
	applied(t, do(l, waiting...)...)
	applied(t, do(l, settling...)...)
	require.LessOrEqual(t, most, mostEvents)
	events := r.log("book-main")
	require.Len(t, events, 3*n+1)
	for i := n + 1; i < 3*n; i += 2 {
		require.Equal(t, "R-"+events[i].(book.TransactionSettled).ExternalID, events[i+1].(book.TransactionSettled).ExternalID)
	}
}

// TestWaitingUnderFaults: writers that race, appends whose outcome is unknown, and
// doors that are closed in between: each sale and each refund is settled once.
func TestWaitingUnderFaults(t *testing.T) {
	r, store := memoryRig(t)
	seed(t, r.open(""))
	random := rand.New(rand.NewPCG(7, 7))
	var mu sync.Mutex
	store.OnAppend(func(memory.Append) memory.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch random.IntN(8) {
		case 0:
			return memory.Fault{Fail: errors.New("planted")}
		case 1:
			return memory.Fault{FailPersisted: errors.New("planted")}
		}
		return memory.Fault{}
	})
	const n = 120
	var commands []domain.Command
	for i := range n {
		id := fmt.Sprintf("S-%06d", i)
		commands = append(commands, sale(id))
		if i%3 == 0 {
			commands = append(commands, early(refund("R-"+id, id, 10_000)))
		} else if i%3 == 1 {
			commands = append(commands, early(reversal("V-"+id, id)))
		} else {
			commands = append(commands, adjustment("A-"+id, int64(i)))
		}
	}
	for round := range 2 {
		var wg sync.WaitGroup
		for n := range 3 {
			door := r.open("")
			own := rand.New(rand.NewPCG(uint64(round), uint64(n)))
			mine := shuffled(own, commands)
			wg.Go(func() {
				for len(mine) > 0 {
					part := mine[:min(len(mine), 1+own.IntN(40))]
					mine = mine[len(part):]
					for _, reply := range do(door, part...) {
						assert.NoError(t, reply.Err)
					}
				}
			})
		}
		wg.Wait()
	}
	store.OnAppend(nil)
	waited := map[string]bool{}
	for _, event := range r.log("book-main") {
		if e, ok := event.(book.OriginalAwaited); ok {
			require.False(t, waited[e.ExternalID], "recorded twice")
			waited[e.ExternalID] = true
		}
	}
	require.NotEmpty(t, waited)
	r.once(ids(commands)...)
	for i := range n {
		record, found, _ := r.fold().Record(book.Key{Source: "pg-1", ExternalID: fmt.Sprintf("S-%06d", i)})
		require.True(t, found)
		require.Equal(t, i%3 == 1, record.Reversed())
		require.Equal(t, i%3 == 0, record.Refunded.Cmp(money.New(10_000, 0)) == 0)
	}
}

// A process that has not seen what another one settled looks before it says that a
// refund goes on waiting: its original may have come.
func TestAnotherProcessSettlesTheOriginal(t *testing.T) {
	r, _ := memoryRig(t)
	one, other := r.open(t.TempDir()), r.open(t.TempDir())
	seed(t, one)
	waits := early(refund("R", "S", 700))
	applied(t, do(one, waits)...)
	replayed(t, do(other, waits)...)

	small := sale("S")
	small.Transaction.Amount = money.New(5, 0)
	applied(t, do(other, small)...)
	refused(t, domain.CodeExceedsOriginal, do(one, waits)...)
	refused(t, domain.CodeExceedsOriginal, do(other, waits)...)
}
