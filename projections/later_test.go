package projections

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// later is what a history has promised for later: what is held, where books
// have come to, what waits.
type later struct {
	held    map[heldUntil]money.Amount
	date    map[string]domain.Date // of a book
	waiting []waits
}

type heldUntil struct {
	book    string
	account ledger.AccountID
	on      domain.Date
}

type waits struct {
	stream domain.StreamID
	event  book.OriginalAwaited
}

func after(date domain.Date, days int) domain.Date {
	day, err := time.Parse(time.DateOnly, string(date))
	if err != nil {
		panic(err)
	}
	return domain.DateOf(day.AddDate(0, 0, days), time.UTC)
}

// hold holds back some of what is credited.
func (h *history) hold(id string, postings []ledger.Posting, on domain.Date) (holds []book.Hold) {
	for _, p := range postings {
		if p.Side != ledger.Credit || h.rng.IntN(3) > 0 {
			continue
		}
		due := after(on, 1+h.rng.IntN(3))
		if reached := h.later.date[id]; due <= reached {
			due = after(reached, 1)
		}
		holds = append(holds, book.Hold{Account: p.Account, Into: "available", On: due, Change: p.Amount})
		h.keep(heldUntil{id, p.Account, due}, p.Amount)
	}
	return holds
}

func (h *history) keep(key heldUntil, change money.Amount) {
	if h.later.held == nil {
		h.later.held = map[heldUntil]money.Amount{}
	}
	sum, err := h.later.held[key].Add(change)
	require.NoError(h.t, err)
	if h.later.held[key] = sum; sum.IsZero() {
		delete(h.later.held, key)
	}
}

// adjust corrects a transaction, or none, sometimes as a re-rating would; it may take
// from what is held.
func (h *history) adjust() {
	id := books[h.rng.IntN(len(books))]
	amount := money.New(int64(1+h.rng.IntN(500)), 0)
	e := book.AdjustmentPosted{
		Key: book.Key{Source: "desk", ExternalID: fmt.Sprintf("adj-%d", h.number)}, ContentHash: "1:02", Reason: "goodwill", OccurredAt: h.now, RecordedAt: h.tick(),
		Postings: []ledger.Posting{
			{Account: ledger.Account(partyID(0), "receivable", "KRW"), Side: ledger.Debit, Amount: amount},
			{Account: ledger.Account(partyID(h.rng.IntN(h.accounts)), "payable", "KRW"), Side: ledger.Credit, Amount: amount},
		},
	}
	e.EffectiveOn = domain.DateOf(e.OccurredAt, time.UTC)
	if n := len(h.settled); n > 0 && h.rng.IntN(2) == 0 {
		i := h.rng.IntN(n)
		_, id = h.refs[i].Stream.Split()
		e.Adjusts = &book.Original{Key: h.settled[i].Key, Ref: h.refs[i]}
		if h.rng.IntN(2) == 0 {
			e.Key.Source = "rerating"
			e.Restates = &book.Restatement{
				Rerating: "r", Replaces: h.refs[i].Revision, Contract: id, Schedule: "standard", Version: 2, Engine: 1, Parties: h.settled[i].Parties,
				Explanation: []fee.Line{}, Postings: h.settled[i].Postings,
			}
		}
	}
	for _, key := range h.heldOf(id) {
		if h.rng.IntN(4) == 0 {
			e.Holds = append(e.Holds, book.Hold{Account: key.account, Into: "available", On: key.on, Change: h.later.held[key].Neg()})
			h.keep(key, h.later.held[key].Neg())
			break
		}
	}
	h.append(domain.Stream(book.Category, id), e)
}

func (h *history) heldOf(id string) []heldUntil {
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(h.later.held)), func(k heldUntil) bool { return k.book != id })
	slices.SortFunc(keys, func(a, b heldUntil) int {
		return slices.Compare([]string{string(a.on), string(a.account)}, []string{string(b.on), string(b.account)})
	})
	return keys
}

// await lets something wait, or lets something come that has waited.
func (h *history) await() {
	if n := len(h.later.waiting); n > 0 && h.rng.IntN(2) == 0 {
		w := h.later.waiting[0]
		h.later.waiting = h.later.waiting[1:]
		original := &book.Original{Key: w.event.Awaits, Ref: domain.Ref{Stream: w.stream, Revision: h.counts[w.stream]}}
		sale := book.TransactionSettled{
			Key: w.event.Awaits, ContentHash: "1:03", Type: "sale", OccurredAt: h.now, RecordedAt: h.tick(), EffectiveOn: domain.DateOf(h.now, time.UTC),
			Currency: "KRW", Amount: money.New(100, 0), Contract: "arcade", Schedule: "standard", Version: 1, Engine: 1,
			Postings: []ledger.Posting{}, Explanation: []fee.Line{},
		}
		later := sale
		later.Key, later.Type, later.Original, later.Amount = w.event.Key, "refund", original, money.New(-100, 0)
		if w.event.Reversal != nil {
			h.append(w.stream, sale, book.EntryReversed{
				Key: w.event.Key, ContentHash: "1:03", Reverses: *original, Reason: w.event.Reversal.Reason, OccurredAt: h.now, RecordedAt: h.now,
				EffectiveOn: sale.EffectiveOn, Currency: "KRW", Amount: money.New(-100, 0), Type: "sale", Postings: []ledger.Posting{},
			})
			return
		}
		h.append(w.stream, sale, later)
		return
	}
	stream := domain.Stream(book.Category, books[h.rng.IntN(len(books))])
	e := book.OriginalAwaited{
		Key: book.Key{Source: "pg", ExternalID: fmt.Sprintf("early-%d", h.number)}, ContentHash: "1:04",
		Awaits: book.Key{Source: "pg", ExternalID: fmt.Sprintf("late-%d", h.number)}, RecordedAt: h.tick(),
	}
	if h.rng.IntN(2) == 0 {
		e.Refund = &book.AwaitingRefund{Transaction: book.Transaction{
			Key: e.Key, Type: "refund", OccurredAt: h.now, Currency: "KRW", Amount: money.New(-100, 0), Parties: map[string]string{"seller": partyID(2), "platform": partyID(0)},
		}}
	} else {
		e.Reversal = &book.ReverseEntry{Key: e.Key, Target: e.Awaits, Reason: "sent twice", OccurredAt: h.now}
	}
	h.append(stream, e)
	h.later.waiting = append(h.later.waiting, waits{stream, e})
}

// advance takes a book to its next business date: releases, closings, the date.
func (h *history) advance() {
	if h.later.date == nil {
		h.later.date = map[string]domain.Date{}
	}
	id := books[h.rng.IntN(len(books))]
	from := h.later.date[id]
	to := domain.DateOf(h.now, time.UTC)
	if from != "" {
		to = after(from, 1)
	}
	var events []domain.Event
	released := book.HoldsReleased{BusinessDate: to, RecordedAt: h.tick()}
	for _, key := range h.heldOf(id) {
		if key.on > to {
			continue
		}
		amount := h.later.held[key]
		owner, _, currency := key.account.Split()
		released.Postings = append(released.Postings,
			ledger.Posting{Account: key.account, Side: ledger.Debit, Amount: amount},
			ledger.Posting{Account: ledger.Account(owner, "available", currency), Side: ledger.Credit, Amount: amount})
		released.Holds = append(released.Holds, book.Hold{Account: key.account, Into: "available", On: key.on, Change: amount.Neg()})
		h.keep(key, amount.Neg())
	}
	if len(released.Holds) > 0 {
		events = append(events, released)
	}
	window := fee.Counter{Name: "month", Scope: fee.ScopeContract, Owner: id, Window: string(to[:7]), Currency: "KRW"}.ID()
	next := fee.Counter{Name: "month", Scope: fee.ScopeContract, Owner: id, Window: "2027-01", Currency: "KRW"}.ID()
	events = append(events, book.WindowClosed{
		BusinessDate: to, RecordedAt: h.now, Counter: window, First: to[:8] + "01", Last: to, Currency: "KRW", Contract: id, Schedule: "standard", Version: 1, Engine: 1,
		Parties: book.Parties{{Role: "seller", ID: partyID(3)}}, Periods: []book.PeriodLines{{Period: "minimum"}},
		Postings: []ledger.Posting{
			{Account: ledger.Account(partyID(3), "payable", "KRW"), Side: ledger.Debit, Amount: money.New(7, 0)},
			{Account: ledger.Account(partyID(0), "fee", "KRW"), Side: ledger.Credit, Amount: money.New(7, 0)},
		},
		Counts: []fee.Count{{Counter: next, After: money.New(2, 0), Closes: "2027-02-01"}},
	}, book.BusinessDateAdvanced{From: from, To: to, RecordedAt: h.now})
	h.later.date[id] = to
	h.append(domain.Stream(book.Category, id), events...)
}
