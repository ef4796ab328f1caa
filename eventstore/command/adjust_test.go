package command

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// adjustment moves won from the operator to the studio.
func adjustment(id string, won int64) book.PostAdjustment {
	leg := func(account ledger.AccountID, side ledger.Side) book.AdjustmentPosting {
		return book.AdjustmentPosting{Posting: ledger.Posting{Account: account, Side: side, Amount: money.New(won, 0)}}
	}
	return book.PostAdjustment{
		Key: book.Key{Source: "desk", ExternalID: id}, Book: "main", ContentHash: "1:ad", Reason: "agreed with the studio", OccurredAt: noon, EffectiveOn: "2026-11-22",
		Postings: []book.AdjustmentPosting{leg("arcade/payable/KRW", ledger.Debit), leg("studio/payable/KRW", ledger.Credit)},
	}
}

// TestAdjustments travel through the door: parties must be registered, a repeat is a
// replay, and what they adjust must be there.
func TestAdjustments(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	stranger := adjustment("A0", 5)
	stranger.Postings[1].Account = "nobody/payable/KRW"
	refused(t, domain.CodeUnknownParty, do(l, stranger)...)
	target := book.Key{Source: "pg-1", ExternalID: "S"}
	linked := adjustment("A1", 500)
	linked.Adjusts = &target
	refused(t, domain.CodeMissingOriginal, do(l, linked)...)
	first := do(l, adjustment("A2", 5), sale("S"), linked)
	applied(t, first...)
	again := do(l, adjustment("A2", 5), linked)
	replayed(t, again...)
	require.Equal(t, first[0].Ref, again[0].Ref)
	other := adjustment("A2", 6)
	other.ContentHash = "1:ae"
	refused(t, domain.CodeConflict, do(l, other)...)
	back := reversal("V", "A2")
	back.Target.Source = "desk"
	refused(t, domain.CodeConflict, do(l, back)...)
	back = reversal("A2", "S") // the key of an adjustment
	refused(t, domain.CodeConflict, do(l, back)...)

	events := r.log("book-main")
	require.Len(t, events, 3)
	posted := events[2].(book.AdjustmentPosted)
	require.Equal(t, &book.Original{Key: target, Ref: first[1].Ref}, posted.Adjusts)
	hash := r.fold().Hash()
	require.Equal(t, hash[:], r.header(l).Hash)
}

// restating is an adjustment that restates a sale of the tiered schedule at twice the
// fee.
func restating(t testing.TB, id string, settled book.TransactionSettled, replaces uint64) book.PostAdjustment {
	t.Helper()
	fees := settled.Postings[1].Amount
	c := adjustment(id, fees.Units())
	c.Source = "rerating"
	c.Postings[0].Account, c.Postings[1].Account = "studio/payable/KRW", "arcade/payable/KRW"
	c.Adjusts = &settled.Key
	restated := settled
	restated.Postings = append([]ledger.Posting{}, settled.Postings...)
	restated.Explanation = append([]fee.Line{}, settled.Explanation...)
	double, err := fees.Add(fees)
	require.NoError(t, err)
	less, err := settled.Postings[2].Amount.Sub(fees)
	require.NoError(t, err)
	restated.Postings[1].Amount, restated.Postings[2].Amount = double, less
	restated.Explanation[0].Amount = double
	for i := range restated.Explanation {
		if restated.Explanation[i].Rule == "provider" {
			restated.Explanation[i].Amount = less
		}
	}
	c.Restates = &book.Restatement{
		Rerating: "r-1", Replaces: replaces, Contract: settled.Contract, ContractRevision: settled.ContractRevision, Schedule: settled.Schedule,
		ScheduleRevision: settled.ScheduleRevision, Version: settled.Version, Engine: settled.Engine, Parties: settled.Parties,
		Explanation: restated.Explanation, Postings: restated.Postings,
	}
	return c
}

// TestRefundsRestOnRestatements: refunds and reversals of a restated sale give back
// what stands, be the restatement of the same group, in the log, or of an earlier
// writer; a restatement of what does not stand any more is refused.
func TestRefundsRestOnRestatements(t *testing.T) {
	for _, back := range []string{"refund", "reversal", "refund, restated before"} {
		for _, how := range []string{"one call", "later", "another writer"} {
			t.Run(back+", "+how, func(t *testing.T) {
				r, _ := memoryRig(t)
				l := r.open("")
				seedTiered(t, l, nil)
				applied(t, do(l, graded(sale("S")))...)
				settled := r.log("book-main")[0].(book.TransactionSettled)
				require.Equal(t, ledger.AccountID("arcade/payable/KRW"), settled.Postings[1].Account)
				commands := []domain.Command{restating(t, "r-1/S", settled, 0)}
				if back == "refund, restated before" {
					commands = append(commands, restating(t, "r-2/S", settled, 1))
				}
				commands = append(commands, refund("R", "S", 10_000))
				if back == "reversal" {
					commands[len(commands)-1] = reversal("R", "S")
				}
				switch how {
				case "one call":
					applied(t, do(l, commands...)...)
				default:
					for _, c := range commands {
						if how == "another writer" {
							l = r.open("")
						}
						applied(t, do(l, c)...)
					}
				}
				state := r.fold()
				var sum int64
				for id, balance := range state.Balances() {
					net, err := balance.NetOn(ledger.Credit)
					require.NoError(t, err)
					if back != "refund, restated before" {
						require.True(t, net.IsZero(), "%s: %s", id, net)
					}
					sum += net.Units()
				}
				require.Zero(t, sum)
				record, _, _ := state.Record(settled.Key)
				require.NotZero(t, record.RestatedBy)
				hash := state.Hash()
				require.Equal(t, hash[:], r.header(l).Hash)
				_, err := CheckIndex(t.Context(), CheckConfig{Store: r.store, Identity: r.id, IndexDir: l.config.IndexDir, Logger: quiet})
				require.NoError(t, err)

				l = r.open("")
				stale := restating(t, "r-9/S", settled, 0)
				refused(t, domain.CodeConflict, do(l, stale)...)
				if back == "refund" {
					stale.Restates.Replaces = record.RestatedBy
					refused(t, domain.CodeConflict, do(l, stale)...) // it does not know of the refund
				}
				replayed(t, do(l, commands...)...)
			})
		}
	}
}

// TestOneOfManyRestates: of re-ratings that found the same settlement one restates it,
// through whichever door; each that sends it again gets its own answer again.
func TestOneOfManyRestates(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seedTiered(t, l, nil)
	applied(t, do(l, graded(sale("S")))...)
	settled := r.log("book-main")[0].(book.TransactionSettled)
	var appends atomic.Int64
	store.OnAppend(func(memory.Append) memory.Fault {
		if appends.Add(1)%3 == 1 {
			return memory.Fault{FailPersisted: errors.New("planted")}
		}
		return memory.Fault{}
	})
	const n = 4
	replies := make([]Reply, n)
	var wg sync.WaitGroup
	for i := range n {
		door := r.open("")
		wg.Go(func() { replies[i] = do(door, restating(t, fmt.Sprintf("r-%d/S", i), settled, 0))[0] })
	}
	wg.Wait()
	store.OnAppend(nil)
	won := -1
	for i, reply := range replies {
		if reply.Err == nil {
			require.Equal(t, -1, won, "two restate it")
			won = i
			continue
		}
		refused(t, domain.CodeConflict, reply)
	}
	require.Len(t, r.log("book-main"), 2)
	for i := range n {
		reply := do(l, restating(t, fmt.Sprintf("r-%d/S", i), settled, 0))
		if i == won {
			replayed(t, reply...)
			require.Equal(t, replies[i].Ref, reply[0].Ref)
		} else {
			refused(t, domain.CodeConflict, reply...)
		}
	}
}

// TestDisputes: a chargeback, its reversal, the next refund, through writers that know
// none of it.
func TestDisputes(t *testing.T) {
	for name, seed := range map[string]func(testing.TB, Door){
		"first engine": seed, "second engine": func(t testing.TB, door Door) { seedTiered(t, door, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := memoryRig(t)
			seed(t, r.open(""))
			won := func(id, original string, amount int64) domain.Command { return refund(id, original, -amount) }
			send := func(c domain.Command) Reply {
				l := r.open("")
				reply := do(l, c)[0]
				require.NoError(t, l.Close())
				return reply
			}
			applied(t, send(graded(sale("S"))), send(refund("C", "S", 10_000)))
			refused(t, domain.CodeExceedsOriginal, send(refund("R", "S", 1)))
			applied(t, send(won("W", "C", 10_000)))
			refused(t, domain.CodeExceedsOriginal, send(won("W2", "C", 1)))
			refused(t, domain.CodeInvalid, send(refund("C2", "W", 1)), send(won("W3", "W", 1)))
			applied(t, send(refund("C3", "S", 6_000)))
			refused(t, domain.CodeExceedsOriginal, send(reversal("V", "W")), send(refund("C4", "S", 4_001)))
			applied(t, send(reversal("V3", "C3")), send(reversal("VW", "W")))
			refused(t, domain.CodeExceedsOriginal, send(refund("C5", "S", 1)))
			applied(t, send(reversal("VC", "C")), send(reversal("VS", "S")))
			for id, balance := range r.fold().Balances() {
				require.Zero(t, balance.Debits.Cmp(balance.Credits), id)
			}
			// All in one call, too.
			l := r.open("")
			applied(t, do(l, graded(sale("T")), refund("TC", "T", 10_000), won("TW", "TC", 10_000), refund("TR", "T", 10_000))...)
			for i, event := range r.log("book-main") {
				if e, ok := event.(book.TransactionSettled); ok && e.ExternalID == "TW" {
					require.Equal(t, "T", e.Restores.ExternalID, fmt.Sprint(i))
				}
			}
		})
	}
}
