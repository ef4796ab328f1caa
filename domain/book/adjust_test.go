package book_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// adjusting moves an amount from the house to the studio.
func adjusting(id, gross string) book.PostAdjustment {
	return book.PostAdjustment{
		Key: key(id), Book: "main", ContentHash: "1:ad", Reason: "agreed", OccurredAt: start, EffectiveOn: "2026-11-22", RecordedAt: start,
		Postings: []book.AdjustmentPosting{leg("debit shop/payable/USD " + gross), leg("credit studio-7/payable/USD " + gross)},
	}
}

// leg reads "<side> <account> <amount> [until <date> into <purpose>]".
func leg(text string) book.AdjustmentPosting {
	words := strings.Fields(text)
	sum, err := money.Parse(words[2])
	if err != nil {
		panic(err)
	}
	p := book.AdjustmentPosting{Posting: ledger.Posting{Account: ledger.AccountID(words[1]), Amount: sum}}
	if words[0] == "credit" {
		p.Side = ledger.Credit
	}
	if len(words) > 3 {
		p.HoldUntil, p.Into = domain.Date(words[4]), words[6]
	}
	return p
}

func legs(text string) (all []book.AdjustmentPosting) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		all = append(all, leg(line))
	}
	return all
}

// told writes an entry as legs reads it, and what it changes of holds.
func told(postings []ledger.Posting, holds []book.Hold) string {
	var b strings.Builder
	for _, p := range postings {
		b.WriteString(p.Side.String() + " " + string(p.Account) + " " + p.Amount.String() + "\n")
	}
	for _, h := range holds {
		b.WriteString("hold " + string(h.Account) + " " + h.Into + " " + string(h.On) + " " + h.Change.String() + "\n")
	}
	return strings.TrimSpace(b.String())
}

// TestAdjustmentsAndWhatIsHeld: each adjustment with the legs it asks for and the entry
// it becomes, one after the other. The book's date comes to 2026-12-01 in the middle.
func TestAdjustmentsAndWhatIsHeld(t *testing.T) {
	s := book.Decider.Initial()
	advance := func(date domain.Date) {
		for {
			c := book.AdvanceBusinessDate{Book: "main", Date: date, RecordedAt: start}
			if _, there, err := book.Lookup(s, c); there || err != nil {
				require.NoError(t, err)
				return
			}
			decide(t, s, c)
		}
	}
	for i, step := range []struct{ legs, entry string }{
		{`debit shop/payable/USD 30.00
		  credit kim/reserve/USD 10.00 until 2026-12-01 into payable
		  credit kim/reserve/USD 20.00 until 2026-12-05 into payable`, `
debit shop/payable/USD 30.00
credit kim/reserve/USD 10.00
credit kim/reserve/USD 20.00
hold kim/reserve/USD payable 2026-12-01 10.00
hold kim/reserve/USD payable 2026-12-05 20.00`},
		{`debit kim/reserve/USD 12.00
		  credit shop/payable/USD 12.00`, `
debit kim/reserve/USD 12.00
credit shop/payable/USD 12.00
hold kim/reserve/USD payable 2026-12-01 -10.00
hold kim/reserve/USD payable 2026-12-05 -2.00`},
		{`debit kim/reserve/USD 20.00 until 2026-12-05 into payable
		  credit shop/payable/USD 20.00`, `
debit kim/reserve/USD 18.00
debit kim/payable/USD 2.00
credit shop/payable/USD 20.00
hold kim/reserve/USD payable 2026-12-05 -18.00`},
		{`debit kim/reserve/USD 1.00
		  credit kim/reserve/USD 1.00 until 2026-12-02 into payable`, `
debit kim/reserve/USD 1.00
credit kim/reserve/USD 1.00
hold kim/reserve/USD payable 2026-12-02 1.00`},
		{"advance 2026-12-01", ""},
		{`debit shop/payable/USD 5.00
		  credit kim/reserve/USD 2.00 until 2026-12-01 into payable
		  credit kim/reserve/USD 3.00 until 2026-12-02 into payable`, `
debit shop/payable/USD 5.00
credit kim/payable/USD 2.00
credit kim/reserve/USD 3.00
hold kim/reserve/USD payable 2026-12-02 3.00`},
		{`debit pg/receivable/KRW 700
		  credit shop/payable/KRW 700
		  debit pg/receivable/USD 0.01
		  credit shop/payable/USD 0.01`, `
debit pg/receivable/KRW 700
credit shop/payable/KRW 700
debit pg/receivable/USD 0.01
credit shop/payable/USD 0.01`},
	} {
		if date, advances := strings.CutPrefix(step.legs, "advance "); advances {
			advance(domain.Date(date))
			continue
		}
		c := adjusting("a"+string(rune('0'+i)), "1.00")
		c.Postings = legs(step.legs)
		event := decide(t, s, c).(book.AdjustmentPosted)
		require.Equal(t, strings.TrimSpace(step.entry), told(event.Postings, event.Holds), "step %d", i)
		require.Equal(t, event, stored(t, []domain.Event{event})[0])
	}
	require.Equal(t, "4.00", heldIn(s, "kim/reserve/USD"))
}

func heldIn(s *book.State, account ledger.AccountID) string {
	sum := money.New(0, 2)
	for h := range s.Held(account) {
		sum, _ = sum.Add(h.Change)
	}
	return sum.String()
}

// TestBadAdjustments name what is wrong.
func TestBadAdjustments(t *testing.T) {
	s := book.Decider.Initial()
	decide(t, s, sale(t, "s1", "1"))
	decide(t, s, adjusting("a1", "1.00"))
	for name, bad := range map[string]struct {
		field  string
		change func(*book.PostAdjustment)
	}{
		"no book":           {"book", func(c *book.PostAdjustment) { c.Book = "" }},
		"no source":         {"source", func(c *book.PostAdjustment) { c.Source = "" }},
		"no hash":           {"content_hash", func(c *book.PostAdjustment) { c.ContentHash = "" }},
		"no reason":         {"reason", func(c *book.PostAdjustment) { c.Reason = "" }},
		"long reason":       {"reason", func(c *book.PostAdjustment) { c.Reason = strings.Repeat("x", book.LongestReason+1) }},
		"no time":           {"occurred_at", func(c *book.PostAdjustment) { c.OccurredAt = c.OccurredAt.AddDate(-3000, 0, 0) }},
		"no date":           {"effective_on", func(c *book.PostAdjustment) { c.EffectiveOn = "" }},
		"no target":         {"adjusts.external_id", func(c *book.PostAdjustment) { c.Adjusts = &book.Key{Source: "feed"} }},
		"nothing":           {"postings", func(c *book.PostAdjustment) { c.Postings = nil }},
		"too much":          {"postings", func(c *book.PostAdjustment) { c.Postings = make([]book.AdjustmentPosting, book.MaxLegs+1) }},
		"one leg":           {"postings", func(c *book.PostAdjustment) { c.Postings = c.Postings[:1] }},
		"unbalanced":        {"postings", func(c *book.PostAdjustment) { c.Postings[0].Amount = money.New(2, 0) }},
		"two currencies":    {"postings", func(c *book.PostAdjustment) { c.Postings[0].Account = "shop/payable/EUR" }},
		"no account":        {"postings[1].account", func(c *book.PostAdjustment) { c.Postings[1].Account = "studio-7" }},
		"bad owner":         {"postings[1].account", func(c *book.PostAdjustment) { c.Postings[1].Account = "Studio 7/payable/USD" }},
		"bad purpose":       {"postings[0].account", func(c *book.PostAdjustment) { c.Postings[0].Account = "shop/Pay/USD" }},
		"bad side":          {"postings[0].side", func(c *book.PostAdjustment) { c.Postings[0].Side = 7 }},
		"nothing moves":     {"postings[0].amount", func(c *book.PostAdjustment) { c.Postings[0].Amount = money.Zero }},
		"negative":          {"postings[1].amount", func(c *book.PostAdjustment) { c.Postings[1].Amount = money.New(-1, 0) }},
		"too fine":          {"postings[0].amount", func(c *book.PostAdjustment) { c.Postings[0].Amount = money.New(1001, 3) }},
		"held into nothing": {"postings[1].into", func(c *book.PostAdjustment) { c.Postings[1].HoldUntil = "2026-12-01" }},
		"held into itself":  {"postings[1].into", func(c *book.PostAdjustment) { c.Postings[1].HoldUntil, c.Postings[1].Into = "2026-12-01", "payable" }},
		"held for ever":     {"postings[1].hold_until", func(c *book.PostAdjustment) { c.Postings[1].Into = "wallet" }},
		"unknown target":    {"adjusts", func(c *book.PostAdjustment) { c.Adjusts = &book.Key{Source: "feed", ExternalID: "s9"} }},
		"itself":            {"adjusts", func(c *book.PostAdjustment) { k := c.Key; c.Adjusts = &k }},
		"used key":          {"external_id", func(c *book.PostAdjustment) { c.Key = key("s1") }},
		"other content":     {"external_id", func(c *book.PostAdjustment) { c.Key, c.ContentHash = key("a1"), "1:ff" }},
		"restates nothing":  {"restates", func(c *book.PostAdjustment) { c.Restates = &book.Restatement{} }},
		"an adjustment": {"restates", func(c *book.PostAdjustment) {
			c.Restates, c.Adjusts = &book.Restatement{Replaces: 1}, &book.Key{Source: "feed", ExternalID: "a1"}
		}},
		"not filled in": {"recorded_at", func(c *book.PostAdjustment) { c.RecordedAt = time.Time{} }},
	} {
		c := adjusting("a2", "1.00")
		bad.change(&c)
		before := s.Hash()
		_, err := book.Decider.Decide(s, c)
		require.Error(t, err, name)
		if !strings.HasPrefix(bad.field, "postings") || strings.Contains(bad.field, "[") {
			requireField(t, bad.field, err)
		}
		require.Equal(t, before, s.Hash())
	}
	var p book.AdjustmentPosting
	for _, text := range []string{`{"account":"a/b/USD"}`, `{"account":"a/b/USD","debit":"1","credit":"1"}`, `{"account":"a/b/USD","debit":"1","other":1}`, `[]`} {
		require.Error(t, json.Unmarshal([]byte(text), &p), text)
	}
}

// TestRestatementsStandForTheTransaction: what is moved to where held money has gone is
// moved in the restatement, too, and a second one rests on the first.
func TestRestatementsStandForTheTransaction(t *testing.T) {
	s := book.Decider.Initial()
	settled := decide(t, s, sale(t, "s1", "100.00")).(book.TransactionSettled)
	before := told(settled.Postings, nil)
	require.Contains(t, before, "credit studio-7/payable/USD 63.00")
	decide(t, s, book.AdvanceBusinessDate{Book: "main", Date: "2026-12-01", RecordedAt: start})
	target := settled.Key
	c := adjusting("a1", "10.00")
	c.Adjusts = &target
	c.Postings = legs(`
debit studio-7/payable/USD 30.00
credit studio-7/reserve/USD 10.00 until 2026-12-01 into payable
credit studio-7/reserve/USD 20.00 until 2026-12-09 into payable`)
	c.Restates = &book.Restatement{
		Rerating: "r-1", Replaces: 0, Contract: "c-2", Schedule: "other", Version: 3, Engine: 2,
		Postings: []ledger.Posting{
			leg("debit pg/receivable/USD 63.00").Posting, leg("credit studio-7/payable/USD 33.00").Posting, leg("credit studio-7/reserve/USD 30.00").Posting,
		},
		Holds: []book.Hold{{Account: "studio-7/reserve/USD", Into: "payable", On: "2026-12-01", Change: money.New(1000, 2)}, {Account: "studio-7/reserve/USD", Into: "payable", On: "2026-12-09", Change: money.New(2000, 2)}},
	}
	asked := told(c.Restates.Postings, c.Restates.Holds)
	first := decide(t, s, c).(book.AdjustmentPosted)
	require.Equal(t, asked, told(c.Restates.Postings, c.Restates.Holds), "the command is left alone")
	require.Equal(t, strings.TrimSpace(`
debit studio-7/payable/USD 30.00
credit studio-7/payable/USD 10.00
credit studio-7/reserve/USD 20.00
hold studio-7/reserve/USD payable 2026-12-09 20.00`), told(first.Postings, first.Holds))
	require.Equal(t, strings.TrimSpace(`
debit pg/receivable/USD 63.00
credit studio-7/payable/USD 43.00
credit studio-7/reserve/USD 20.00
hold studio-7/reserve/USD payable 2026-12-09 20.00`), told(first.Restates.Postings, first.Restates.Holds))
	record, _, _ := s.Record(target)
	require.Equal(t, uint64(2), record.RestatedBy)
	require.Equal(t, uint8(2), record.Engine, "refunds are rated as it stands now")

	settled.Calendars = map[string]book.Revision{"kr": 0}
	merged := book.Restated(&settled, &first)
	require.Nil(t, merged.Calendars, "what gives it back looks where the re-rating holds it")
	require.Equal(t, first.Restates.Postings, merged.Postings)
	require.Equal(t, first.Restates.Holds, merged.Holds)
	require.Equal(t, []any{"c-2", "other", 3, 2}, []any{merged.Contract, merged.Schedule, merged.Version, merged.Engine})
	require.Equal(t, settled.Counts, merged.Counts)
	require.Equal(t, before, told(settled.Postings, nil))
	require.Same(t, &settled, book.Restated(&settled, &book.AdjustmentPosted{}))

	// The next one takes back what is not held any more.
	second := adjusting("a2", "30.00")
	second.Adjusts = &target
	second.Postings = legs(`
debit studio-7/reserve/USD 25.00 until 2026-12-09 into payable
credit studio-7/payable/USD 25.00`)
	second.Restates = &book.Restatement{
		Rerating: "r-2", Replaces: 0, Engine: 1,
		Postings: []ledger.Posting{leg("debit pg/receivable/USD 63.00").Posting, leg("credit studio-7/payable/USD 68.00").Posting, leg("debit studio-7/reserve/USD 5.00").Posting},
		Holds:    []book.Hold{{Account: "studio-7/reserve/USD", Into: "payable", On: "2026-12-09", Change: money.New(-500, 2)}},
	}
	_, err := book.Decider.Decide(s, second)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "it does not know of the first")
	second.Restates.Replaces = 2
	again := decide(t, s, second).(book.AdjustmentPosted)
	require.Equal(t, strings.TrimSpace(`
debit studio-7/reserve/USD 20.00
debit studio-7/payable/USD 5.00
credit studio-7/payable/USD 25.00
hold studio-7/reserve/USD payable 2026-12-09 -20.00`), told(again.Postings, again.Holds))
	require.Equal(t, strings.TrimSpace(`
debit pg/receivable/USD 63.00
credit studio-7/payable/USD 63.00`), told(again.Restates.Postings, again.Restates.Holds))
	record, _, _ = s.Record(target)
	require.Equal(t, uint64(3), record.RestatedBy)
	require.Zero(t, record.Engine)

	refund := sale(t, "r1", "-1")
	refund.Transaction.OriginalID = "s1"
	decide(t, s, refund)
	second.Key, second.Restates.Replaces = key("a3"), 3
	_, err = book.Decider.Decide(s, second)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "it does not know of the refund")
	second.Restates.Refunded = money.New(1, 0)
	decide(t, s, second)
}
