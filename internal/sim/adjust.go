package sim

import (
	"fmt"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// adjustment draws a correction by hand: some money moves between two accounts, some
// of them such as hold money back.
func (w *world) adjustment(record string) auditor.Input {
	b := pick(w.random, w.books...)
	currency := pick(w.random, b.currencies...)
	in := auditor.Input{Source: deskSource, Record: record, Tx: auditor.Transaction{Book: b.id, At: w.instant()}, On: fmt.Sprintf("2026-11-%02d", 1+w.random.IntN(30))}
	if len(w.targets) > 0 && w.chance(50) {
		if target := pick(w.random, w.targets...); target.Tx.Book == b.id {
			in.Adjusts = &[2]string{target.Source, target.Record}
		}
	}
	leg := func(debit bool, amount int64) {
		owner := pick(w.random, "s-1", "s-2", "s-3", "op", "pg", "s-1", "op", lateParty)
		l := auditor.Leg{Debit: debit, Amount: amount}
		purpose := pick(w.random, "payable", "payable", "reserve", "pending")
		if purpose != "payable" && w.chance(60) {
			l.Until, l.Into = fmt.Sprintf("2026-11-%02d", 1+w.random.IntN(30)), "payable"
		}
		l.Account = owner + "/" + purpose + "/" + currency
		in.Legs = append(in.Legs, l)
	}
	amount := 2 + w.random.Int64N(pick(w.random, int64(100), 50_000))
	leg(true, amount)
	part := 1 + w.random.Int64N(amount)
	leg(false, part)
	if part < amount {
		leg(false, amount-part)
	}
	return in
}

// adjustmentOf is the command of an adjustment.
func adjustmentOf(in *auditor.Input, key book.Key) domain.Command {
	c := book.PostAdjustment{Key: key, Book: in.Tx.Book, ContentHash: in.Hash, Reason: "found by hand", OccurredAt: in.Tx.At, EffectiveOn: domain.Date(in.On)}
	if in.Adjusts != nil {
		c.Adjusts = &book.Key{Source: in.Adjusts[0], ExternalID: in.Adjusts[1]}
	}
	for _, l := range in.Legs {
		account := ledger.AccountID(l.Account)
		_, _, currency := account.Split()
		leg := book.AdjustmentPosting{HoldUntil: domain.Date(l.Until), Into: l.Into}
		leg.Account, leg.Side, leg.Amount = account, ledger.Credit, money.New(l.Amount, uint8(auditor.Exponents[string(currency)]))
		if l.Debit {
			leg.Side = ledger.Debit
		}
		c.Postings = append(c.Postings, leg)
	}
	return c
}
