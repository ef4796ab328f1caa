package book_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
)

// TestReversalsAndWhatIsHeld: what a sale held, or a refund took of what is held, as it
// is taken back before and after the money has moved on.
func TestReversalsAndWhatIsHeld(t *testing.T) {
	hold := func(on domain.Date, change string) book.Hold {
		return book.Hold{Account: "kim/reserve/USD", Into: "payable", On: on, Change: amount(t, change)}
	}
	entry := func(id string, holds []book.Hold, text string) book.TransactionSettled {
		e := book.TransactionSettled{Key: key(id), ContentHash: "1:aa", Type: "sale", Currency: "USD", Amount: amount(t, "30.00"), RecordedAt: start, Holds: holds}
		for _, p := range legs(text) {
			e.Postings = append(e.Postings, p.Posting)
		}
		return e
	}
	made := entry("s1", []book.Hold{hold("2026-12-01", "10.00"), hold("2026-12-05", "5.00")}, `
debit pg/receivable/USD 30.00
credit kim/reserve/USD 12.00
credit kim/reserve/USD 3.00
credit shop/payable/USD 15.00`)
	others := entry("s0", []book.Hold{hold("2026-12-05", "7.00")}, `
debit pg/receivable/USD 7.00
credit kim/reserve/USD 7.00`)
	taken := entry("r1", []book.Hold{hold("2026-12-01", "-10.00"), hold("2026-12-05", "-2.00")}, `
credit pg/receivable/USD 15.00
debit kim/reserve/USD 12.00
debit kim/payable/USD 3.00`)
	consumed := book.AdjustmentPosted{Key: key("a1"), RecordedAt: start, Holds: []book.Hold{hold("2026-12-01", "-6.00")}, Postings: []ledger.Posting{
		leg("debit kim/reserve/USD 6.00").Posting, leg("credit shop/payable/USD 6.00").Posting,
	}}
	for name, c := range map[string]struct {
		events []domain.Event
		date   domain.Date // that the book comes to
		target book.TransactionSettled
		want   string
	}{
		"still held": {[]domain.Event{others, made}, "2026-11-30", made, `
credit pg/receivable/USD 30.00
debit kim/reserve/USD 10.00
debit kim/reserve/USD 2.00
debit kim/reserve/USD 3.00
debit shop/payable/USD 15.00
hold kim/reserve/USD payable 2026-12-01 -10.00
hold kim/reserve/USD payable 2026-12-05 -5.00`},
		"released in part": {[]domain.Event{others, made}, "2026-12-01", made, `
credit pg/receivable/USD 30.00
debit kim/payable/USD 10.00
debit kim/reserve/USD 2.00
debit kim/reserve/USD 3.00
debit shop/payable/USD 15.00
hold kim/reserve/USD payable 2026-12-05 -5.00`},
		"released": {[]domain.Event{others, made}, "2026-12-05", made, `
credit pg/receivable/USD 30.00
debit kim/payable/USD 10.00
debit kim/payable/USD 2.00
debit kim/payable/USD 3.00
debit shop/payable/USD 15.00`},
		"consumed by another": {[]domain.Event{made, consumed}, "", made, `
credit pg/receivable/USD 30.00
debit kim/reserve/USD 4.00
debit kim/payable/USD 6.00
debit kim/reserve/USD 2.00
debit kim/reserve/USD 3.00
debit shop/payable/USD 15.00
hold kim/reserve/USD payable 2026-12-01 -4.00
hold kim/reserve/USD payable 2026-12-05 -5.00`},
		"held again": {[]domain.Event{others, made, taken}, "", taken, `
debit pg/receivable/USD 15.00
credit kim/reserve/USD 10.00
credit kim/reserve/USD 2.00
credit kim/payable/USD 3.00
hold kim/reserve/USD payable 2026-12-01 10.00
hold kim/reserve/USD payable 2026-12-05 2.00`},
		"held again in part": {[]domain.Event{others, made, taken}, "2026-12-01", taken, `
debit pg/receivable/USD 15.00
credit kim/payable/USD 10.00
credit kim/reserve/USD 2.00
credit kim/payable/USD 3.00
hold kim/reserve/USD payable 2026-12-05 2.00`},
	} {
		t.Run(name, func(t *testing.T) {
			s := book.Decider.Fold(book.Decider.Initial(), c.events...)
			require.NoError(t, s.Err())
			for c.date != "" && s.BusinessDate() != c.date {
				decide(t, s, book.AdvanceBusinessDate{Book: "main", Date: c.date, RecordedAt: start})
			}
			command := reversal(t, s, "x1", c.target.ExternalID)
			command.Reversed = &c.target
			event := decide(t, s, command).(book.EntryReversed)
			require.Equal(t, strings.TrimSpace(c.want), told(event.Postings, event.Holds))
			require.NoError(t, ledger.Balanced(event.Postings))
			require.Equal(t, event, stored(t, []domain.Event{event})[0])
		})
	}
}
